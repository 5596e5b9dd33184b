/**
 * The engines of a simulated host as one process of it sees them: what it hears of them waits while it is paused, and the
 * one that has been declared dead loses them to whoever adopts them.
 */
import type {LocalEngine, LocalEngineDriver, ResultSink} from '../../actors/ecm-port.ts';
import type {EngineWorld} from '../support/engine-world.ts';
import type {ClusterProcess} from './cluster-process.ts';

export type HostDriver = {
  readonly driver: LocalEngineDriver;
  /** Another process takes them: this one's handles fall silent. */
  readonly lose: () => void;
  /** The process is gone. */
  readonly cut: () => void;
};

export type HostDriverOptions = {
  /** Where its engines lie. */
  readonly directory: string;
  /** Takes the engines from every process of those incarnations. */
  readonly loseAll: (isDead: (incarnation: string) => boolean) => void;
  readonly trace: (what: string) => void;
  readonly onShutdown: (engineId: string) => void;
};

export function createHostDriver(
  world: EngineWorld,
  process: ClusterProcess,
  {directory, loseAll, trace, onShutdown}: HostDriverOptions,
): HostDriver {
  const {hold, incarnation} = process;
  const inner = world.driver(directory);
  const lost = Promise.withResolvers<void>();

  /** A process that is gone has nobody who could take anything over any more. */
  const held = (engine: LocalEngine): LocalEngine => ({
    ...engine,
    exited: hold(engine.exited),
    lost: hold(lost.promise),
    execute(task) {
      trace(`${incarnation}: ${engine.engineId} is to execute ${task.taskID}-${task.attempt}`);
      return hold(engine.execute(task));
    },
    kill(taskID, attempt, graceMs, why) {
      trace(`${incarnation}: ${engine.engineId} is to end ${taskID}-${attempt}`);
      engine.kill(taskID, attempt, graceMs, why);
    },
    follow: (taskID, attempt, fromOffset, consume) =>
      engine.follow(taskID, attempt, fromOffset, events =>
        hold(Promise.resolve()).then(() => hold(consume(events))),
      ),
    publishResults: (...args) => hold(engine.publishResults(...args)),
    confirm(taskID, attempt) {
      trace(`${incarnation}: ${engine.engineId} may forget ${taskID}-${attempt}`);
      return hold(engine.confirm(taskID, attempt));
    },
    shutdown(graceMs) {
      trace(`${incarnation}: ${engine.engineId} is to shut down`);
      onShutdown(engine.engineId);
      return hold(engine.shutdown(graceMs));
    },
    raiseEpoch(taskID, attempt, epoch) {
      trace(`${incarnation}: ${engine.engineId} has ${taskID}-${attempt} for epoch ${epoch} now`);
      return hold(engine.raiseEpoch(taskID, attempt, epoch));
    },
    drained: () => hold(engine.drained()),
    listResults: (...args) => hold(engine.listResults(...args)),
    readResult: (...args) => hold(engine.readResult(...args)),
  });
  const all = (finding: Promise<readonly LocalEngine[]>): Promise<readonly LocalEngine[]> =>
    hold(
      finding.then(engines => {
        for (const {engineId, task} of engines)
          trace(`${incarnation} adopts ${engineId} ${task?.taskID ?? ''}`);
        return engines.map(held);
      }),
    );

  return {
    driver: {
      engineTypes: inner.engineTypes,
      adoptAll: inner.adoptAll,
      launch: (launch, timeoutMs) => hold((inner as LocalEngineDriver).launch(launch, timeoutMs).then(held)),
      adoptOwn(isDead) {
        if (isDead !== undefined) loseAll(isDead);
        return all(inner.adoptOwn());
      },
      adoptFrom(enginesDirectory, isDead) {
        loseAll(isDead);
        return all(inner.adoptFrom(enginesDirectory, isDead));
      },
    },
    lose() {
      inner.cut();
      lost.resolve();
    },
    cut: inner.cut,
  };
}

export type MemoryResults = {readonly sink: ResultSink; readonly directories: ReadonlyMap<string, number>};

/** Results as they are copied from another node. */
export function createMemoryResults(): MemoryResults {
  const files = new Map<string, Set<string>>();
  return {
    get directories() {
      return new Map([...files].map(([directory, names]) => [directory, names.size]));
    },
    sink: {
      async store(directory, file, read) {
        let offset = 0;
        for (;;) {
          // One piece after the other, as on disk.
          // oxlint-disable-next-line no-await-in-loop
          const bytes = await read(offset);
          if (bytes.length === 0) break;
          offset += bytes.length;
        }
        const names = files.get(directory) ?? new Set();
        files.set(directory, names.add(file));
      },
      count: async directory => files.get(directory)?.size ?? 0,
    },
  };
}
