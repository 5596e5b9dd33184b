/**
 * Engines in memory, for tests, simulations and the benchmark of everything around an engine. They behave like real ones
 * where it matters: they outlive the node that launched them, keep a spool until it is confirmed, obey only the highest
 * epoch, and tell a new owner what they did since its offset.
 *
 * The code of a task is JSON: what it prints, how long it takes, how it ends (`TaskScript`).
 */
import {NeverBegunError} from '../../actors/ecm-errors.ts';
import type {LocalEngine, LocalEngineDriver} from '../../actors/ecm-port.ts';
import type {
  EngineDriver,
  EngineEvent,
  EngineExit,
  EngineLaunch,
  EngineTask,
  TaskEnd,
} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';

export type TaskScript = {
  readonly lines?: number;
  readonly durationMs?: number;
  readonly fails?: {readonly message: string; readonly retryable: boolean};
  /** The engine process dies in the middle. */
  readonly dies?: boolean;
};

export type EngineWorld = {
  /**
   * One node's view; `cut` it to let that node die: its handles fall silent, the engines go on. `directory` is where its
   * engines lie, for `adoptOwn` and `adoptFrom`.
   */
  readonly driver: (directory?: string) => EngineDriver & LocalEngineDriver & {cut(): void};
  /** How often each task attempt was begun, `taskID-attempt`. */
  readonly begun: ReadonlyMap<string, number>;
  /** Everything each task attempt printed. */
  readonly printed: ReadonlyMap<string, string>;
  readonly alive: () => number;
  /** Engines with a task that nobody has confirmed yet. */
  readonly busy: () => readonly BusyEngine[];
  readonly published: ReadonlySet<string>;
  /** The directory that each engine was started in, also of those that are gone. */
  readonly homes: ReadonlyMap<string, string>;
  failLaunches: number;
  failExecutes: number;
};

export type BusyEngine = {
  readonly engineId: string;
  readonly directory: string;
  readonly taskID: number;
  readonly attempt: number;
  /** Its code runs now, in a process that lives. */
  readonly isRunning: boolean;
};

export type EngineWorldOptions = {
  /** Each time an attempt is begun. */
  readonly onBegin?: (taskID: number, attempt: number) => void;
  /** Plants a fault: an attempt that the engine is told twice, it executes twice. */
  readonly repeats?: boolean;
};

type Spool = {
  readonly task: EngineTask;
  events: EngineEvent[];
  offset: number;
  isEnded: boolean;
  wake: () => void;
  cancel: () => void;
};

/** One node, as its engines see it. */
type View = {isCut: boolean};

type Engine = {
  readonly launch: EngineLaunch;
  readonly directory: string;
  /** Which node holds it. */
  view: View;
  isAlive: boolean;
  spool?: Spool;
  epoch: number;
  exit: PromiseWithResolvers<EngineExit>;
};

export function createEngineWorld(
  clock: Clock,
  {onBegin = () => undefined, repeats = false}: EngineWorldOptions = {},
): EngineWorld {
  const engines = new Map<string, Engine>();
  const begun = new Map<string, number>();
  const printed = new Map<string, string>();
  const published = new Set<string>();
  const homes = new Map<string, string>();

  function add(spool: Spool, make: (offset: number) => EngineEvent): void {
    spool.offset += 1;
    spool.events.push(make(spool.offset));
    spool.wake();
  }

  function finish(engine: Engine, spool: Spool, end: TaskEnd): void {
    if (spool.isEnded) return;
    spool.isEnded = true;
    const {taskID, attempt} = spool.task;
    add(spool, offset => ({type: 'ended', taskID, attempt, end, offset}));
    if (engine.isAlive) return;
    engine.exit.resolve({reason: 'exited'});
  }

  function run(engine: Engine, spool: Spool): void {
    const {taskID, attempt, code} = spool.task;
    const name = `${taskID}-${attempt}`;
    begun.set(name, (begun.get(name) ?? 0) + 1);
    onBegin(taskID, attempt);
    const script: TaskScript = code.startsWith('{') ? (JSON.parse(code) as TaskScript) : {};
    const {lines = 0, durationMs = 0, fails, dies} = script;
    const steps = Math.max(1, Math.min(lines, 10));
    let step = 0;
    const advance = (): void => {
      if (spool.isEnded) return;
      step += 1;
      const from = Math.floor((lines * (step - 1)) / steps);
      const to = Math.floor((lines * step) / steps);
      if (to > from) {
        const text = Array.from({length: to - from}, (_, index) => `${name} line ${from + index}\n`).join('');
        printed.set(name, (printed.get(name) ?? '') + text);
        add(spool, offset => ({type: 'log', taskID, attempt, lines: Buffer.from(text), offset}));
      }
      if (dies === true && step >= steps / 2) {
        spool.isEnded = true;
        die(engine);
        return;
      }
      if (step < steps) {
        spool.cancel = clock.after(durationMs / steps, advance);
        return;
      }
      finish(
        engine,
        spool,
        fails === undefined
          ? {outcome: 'succeeded', resultCount: 1, engineIsReusable: true}
          : {outcome: 'failed', failure: {code: 1, ...fails}, resultCount: 0, engineIsReusable: true},
      );
    };
    if (durationMs === 0) queueMicrotask(advance);
    else spool.cancel = clock.after(durationMs / steps, advance);
  }

  function die(engine: Engine): void {
    engine.isAlive = false;
    engine.spool?.wake();
    engine.exit.resolve({reason: 'killed by signal 9'});
  }

  function handleOf(engine: Engine, view: View): LocalEngine {
    engine.view = view;
    const {engineId, engineType, user, creator} = engine.launch;
    const {spool} = engine;
    const exited = Promise.withResolvers<EngineExit>();
    let isFollowed = spool === undefined;
    /** Rises with each follower: an earlier one is given nothing more. */
    let follower = 0;
    let rest: Promise<void> = Promise.resolve();
    const tellExit = (): void => void engine.exit.promise.then(exit => view.isCut || exited.resolve(exit));
    if (isFollowed) tellExit();

    async function pump(
      target: Spool,
      fromOffset: number,
      consume: (events: readonly EngineEvent[]) => Promise<void>,
    ) {
      let offset = fromOffset;
      const self = ++follower;
      while (!view.isCut) {
        if (self !== follower) return;
        const events = target.events.filter(event => event.offset > offset);
        const last = events.at(-1);
        if (last === undefined) {
          if (target.isEnded || !engine.isAlive) break;
          const {promise, resolve} = Promise.withResolvers<void>();
          target.wake = resolve;
          await promise;
          continue;
        }
        await offer(events, consume);
        offset = last.offset;
      }
      if (self !== follower) return;
      if (!isFollowed) tellExit();
      isFollowed = true;
    }

    /** Again until it is taken over, as a real handle does. */
    async function offer(
      events: readonly EngineEvent[],
      consume: (events: readonly EngineEvent[]) => Promise<void>,
    ): Promise<void> {
      for (let isTaken = false; !isTaken;) {
        try {
          await consume(events);
          isTaken = true;
        } catch {
          await new Promise<void>(resolve => void clock.after(50, resolve));
        }
      }
    }

    return {
      engineId,
      engineType,
      user,
      creator,
      pid: 0,
      exited: exited.promise,
      ...(spool === undefined
        ? {}
        : {task: {taskID: spool.task.taskID, attempt: spool.task.attempt, epoch: engine.epoch}}),
      async execute(task) {
        if (view.isCut) return new Promise(() => undefined);
        if (!engine.isAlive) throw new Error(`engine ${engineId} is gone`);
        const {spool: has} = engine;
        if (has?.task.taskID === task.taskID && has.task.attempt === task.attempt) {
          if (repeats) return run(engine, has);
          if (task.epoch >= engine.epoch) return;
        }
        if (world.failExecutes > 0) {
          world.failExecutes -= 1;
          throw new Error('the engine refused the task (planted)');
        }
        if (engine.spool !== undefined && !engine.spool.isEnded)
          throw new Error(`engine ${engineId} is busy`);
        engine.epoch = task.epoch;
        engine.spool = {
          task,
          events: [],
          offset: 0,
          isEnded: false,
          wake: () => undefined,
          cancel: () => undefined,
        };
        run(engine, engine.spool);
      },
      follow(taskID, attempt, fromOffset, consume) {
        const target = engine.spool;
        if (view.isCut || target?.task.taskID !== taskID || target.task.attempt !== attempt) return;
        rest = pump(target, fromOffset, consume);
      },
      kill(taskID, attempt, _graceMs, why) {
        const target = engine.spool;
        if (view.isCut || target?.task.taskID !== taskID || target.task.attempt !== attempt) return;
        target.cancel();
        finish(engine, target, {outcome: why, resultCount: 0, engineIsReusable: true});
      },
      async publishResults(taskID, attempt) {
        if (view.isCut) return new Promise(() => undefined);
        published.add(`${taskID}-${attempt}`);
        return 1;
      },
      async confirm(taskID, attempt) {
        if (view.isCut) return;
        if (
          engine.spool?.task.taskID === taskID &&
          engine.spool.task.attempt === attempt &&
          engine.spool.isEnded
        ) {
          delete engine.spool;
          if (!isFollowed) tellExit();
          isFollowed = true;
          if (!engine.isAlive) engines.delete(engineId);
        }
      },
      async shutdown() {
        if (view.isCut) return;
        engine.spool?.cancel();
        engine.isAlive = false;
        engines.delete(engineId);
        engine.exit.resolve({reason: 'shut down'});
      },
      detach() {
        view.isCut = true;
      },
      async raiseEpoch(taskID, attempt, epoch) {
        if (view.isCut) return new Promise(() => undefined);
        const has = engine.spool?.task;
        if (engine.isAlive && (has?.taskID !== taskID || has.attempt !== attempt))
          throw new NeverBegunError(engineId, taskID, attempt);
        engine.epoch = Math.max(engine.epoch, epoch);
      },
      unfollow() {
        follower += 1;
        engine.spool?.wake();
      },
      drained: () => rest,
      async listResults(taskID, attempt) {
        if (view.isCut) return new Promise(() => undefined);
        const has = engine.spool;
        const isHere = has?.isEnded === true && has.task.taskID === taskID && has.task.attempt === attempt;
        return isHere ? [{name: '_0.dolphin', bytes: resultOf(taskID, attempt).length}] : [];
      },
      async readResult(taskID, attempt, _file, offset, bytesMax) {
        if (view.isCut) return new Promise(() => undefined);
        return resultOf(taskID, attempt).subarray(offset, offset + bytesMax);
      },
      lost: new Promise(() => undefined),
    };
  }

  const world: EngineWorld = {
    begun,
    printed,
    published,
    homes,
    failLaunches: 0,
    failExecutes: 0,
    alive: () => [...engines.values()].filter(({isAlive}) => isAlive).length,
    busy: () =>
      [...engines].flatMap(([engineId, {directory, spool, isAlive}]) =>
        spool === undefined
          ? []
          : [
              {
                engineId,
                directory,
                taskID: spool.task.taskID,
                attempt: spool.task.attempt,
                isRunning: isAlive && !spool.isEnded,
              },
            ],
      ),
    driver(directory = '') {
      const view: View = {isCut: false};
      const adoptIn = (wanted: string): LocalEngine[] =>
        [...engines.values()]
          .filter(engine => engine.directory === wanted && engine.view.isCut)
          .filter(({isAlive, spool}) => isAlive || spool !== undefined)
          .map(engine => handleOf(engine, view));
      return {
        engineTypes: ['shell', 'python'],
        async launch(launch) {
          if (view.isCut) return new Promise(() => undefined);
          if (world.failLaunches > 0) {
            world.failLaunches -= 1;
            throw new Error('the engine did not start (planted)');
          }
          const engine: Engine = {
            launch,
            directory,
            view,
            isAlive: true,
            epoch: 0,
            exit: Promise.withResolvers<EngineExit>(),
          };
          engines.set(launch.engineId, engine);
          homes.set(launch.engineId, directory);
          return handleOf(engine, view);
        },
        async adoptAll() {
          return [...engines.values()]
            .filter(({isAlive, spool}) => isAlive || spool !== undefined)
            .map(engine => handleOf(engine, view));
        },
        adoptOwn: async () => adoptIn(directory),
        adoptFrom: async wanted => adoptIn(wanted),
        cut() {
          view.isCut = true;
        },
      };
    },
  };
  return world;
}

/** What a task of the world leaves as its result. */
export const resultOf = (taskID: number, attempt: number): Buffer =>
  Buffer.from(`result of ${taskID}-${attempt}`);
