/**
 * A cluster of 3 to 5 nodes in one process, on a manual clock and a seed, with one database, and engines that outlive the
 * nodes that started them. Invariants are checked after every event.
 */
import {createAbsences, wayOf} from './absences.ts';
import {seededRandom, type Random} from '../../actors/runtime/random.ts';
import type {ActorSystem} from '../../actors/runtime/system.ts';
import {createMemoryNetwork, type MemoryNetwork} from '../../cluster/memory-transport.ts';
import {createEngineWorld, type EngineWorld} from '../support/engine-world.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {createClusterDisks, type ClusterDisks} from './cluster-disks.ts';
import {
  createHostDriver,
  createMemoryResults,
  type HostDriver,
  type MemoryResults,
} from './cluster-engines.ts';
import {dataDirectoryOf, startClusterNode, type ClusterNode, type NodePlan} from './cluster-node.ts';
import {createClusterProcess, type ClusterDatabaseMood, type ClusterProcess} from './cluster-process.ts';
import {createClusterStore, type ClusterPlant, type ClusterStore} from './cluster-store.ts';

/** One life of a node. */
export type ClusterLife = {
  readonly plan: NodePlan;
  readonly process: ClusterProcess;
  /** Undefined until it is up. */
  node: ClusterNode | undefined;
  isLeaving: boolean;
};

export type ClusterWorld = {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly store: ClusterStore;
  readonly engines: EngineWorld;
  readonly disks: ClusterDisks;
  readonly results: MemoryResults;
  readonly plans: readonly NodePlan[];
  readonly violations: string[];
  /** What happened, and how often: proof that the rare ways were really taken. */
  readonly seen: Map<string, number>;
  readonly count: (what: string) => void;
  /** Says what happens, for who plays a seed again. */
  readonly trace: (what: string) => void;
  /** Of the whole database. */
  mood: ClusterDatabaseMood;
  /** Whether that node could do nothing for another one in the `ms` before `atMs` (wall clock), but for moments. */
  readonly wasAway: (instance: string, from: string, atMs: number, ms: number) => boolean;
  /** No way between the two, or only back. */
  readonly cut: (from: string, to: string, isOneWay: boolean) => void;
  readonly heal: (from: string, to: string) => void;
  /** Ids of engines that were told to shut down. */
  readonly endedEngines: ReadonlySet<string>;
  /** The present life of each node that has one. */
  readonly lives: () => readonly ClusterLife[];
  /** Does nothing where one lives. */
  readonly start: (instance: string) => void;
  /** The process dies; the next one on its address starts after `restartMs`. */
  readonly crash: (life: ClusterLife, restartMs: number) => void;
  readonly pause: (life: ClusterLife) => void;
  readonly resume: (life: ClusterLife) => void;
  /** It leaves as it should, and comes back. */
  readonly leave: (life: ClusterLife, restartMs: number) => void;
  /** Plays `ms`, checking after each event. */
  readonly run: (ms: number) => Promise<void>;
  /** Ends everything and lets go of it. */
  readonly close: () => Promise<void>;
};

export type WorldOptions = {
  readonly plant: ClusterPlant;
  /** Is told all that happens, in words. */
  readonly tell?: ((line: string) => void) | undefined;
};

const fatalRestartMs = 1500;
/** Longer than this nothing happens by itself, so what is under way in the event loop comes first. */
const idleMs = 5;
const idleTurns = 4;
const buryMs = 4;
/** A node that is back is found by others so much later. */
const noticeMs = 2500;

export function createClusterWorld(
  seed: number,
  plans: readonly NodePlan[],
  {plant, tell}: WorldOptions,
): ClusterWorld {
  const trace = (what: string): void => tell?.(`${(clock.monotonicMs() / 1000).toFixed(3)} ${what}`);
  const random = seededRandom(seed);
  const clock = manualClock(1_700_000_000_000 + Math.floor(random.next() * 1000));
  const network = createMemoryNetwork({clock, random});
  const violations: string[] = [];
  const seen = new Map<string, number>();
  const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  const lastAttempts = new Map<number, number>();
  const engines = createEngineWorld(clock, {repeats: plant === 'noDeduplication', onBegin});
  const store = createClusterStore({
    nowMs: clock.now,
    plant,
    trace,
    routeOf: instance => plans.find(plan => plan.instance === instance)?.route,
  });
  const results = createMemoryResults();
  const disks = createClusterDisks({rows: store.rows, trace});
  const lives = new Map<string, ClusterLife>();
  /** Of all lives that are not known to have left, with their drivers. */
  const hosts = new Map<string, {readonly process: ClusterProcess; readonly driver: HostDriver}>();
  const systems: {readonly system: ActorSystem; readonly process: ClusterProcess}[] = [];
  const endedEngines = new Set<string>();
  const absences = createAbsences(clock);
  const {goesAway, isBack} = absences;
  let started = 0;
  let ids = 0;
  let isOver = false;

  function onBegin(taskID: number, attempt: number): void {
    const before = lastAttempts.get(taskID);
    if (before !== undefined && attempt <= before)
      violations.push(`attempt ${attempt} of job ${taskID} was begun after attempt ${before}`);
    lastAttempts.set(taskID, attempt);
  }

  const loseAll = (isDead: (incarnation: string) => boolean): void => {
    for (const [incarnation, {driver}] of hosts) if (isDead(incarnation)) driver.lose();
  };

  function start(instance: string): void {
    const plan = plans.find(each => each.instance === instance);
    if (isOver || plan === undefined || lives.has(instance)) return;
    started += 1;
    trace(`${instance} starts its life ${started}`);
    const process = createClusterProcess(
      {clock, random, mood: () => world.mood},
      instance,
      `${instance.split(':')[0]}x${started}`,
    );
    const {incarnation} = process;
    const engineDriver = plan.roles.includes('ecm')
      ? createHostDriver(engines, process, {
          directory: `${dataDirectoryOf(instance)}/engines`,
          loseAll,
          trace,
          onShutdown: engineId => endedEngines.add(engineId),
        })
      : undefined;
    if (engineDriver !== undefined) hosts.set(incarnation, {process, driver: engineDriver});
    const life: ClusterLife = {plan, process, node: undefined, isLeaving: false};
    lives.set(instance, life);
    const fail = (why: string): void => {
      if (process.mode === 'ended') return;
      count(why);
      trace(`${incarnation} must end: ${why}`);
      world.crash(life, fatalRestartMs);
    };
    startClusterNode({
      plan,
      process,
      network,
      database: store.view(process),
      random,
      engines: engineDriver,
      results: {
        store: (directory, file, read) => process.hold(results.sink.store(directory, file, read)),
        count: directory => process.hold(results.sink.count(directory)),
      },
      logs: disks.logsOf(process),
      outbox: disks.outboxOf(process),
      plant,
      makeId: () => `made-${(ids += 1)}`,
      onFatal: () => fail('fenced'),
      onSystem: system => systems.push({system, process}),
    }).then(
      node => {
        life.node = node;
        isBack(instance);
        trace(`${incarnation} is up`);
      },
      (error: unknown) => fail(`start: ${error instanceof Error ? error.name : String(error)}`),
    );
  }

  function end(life: ClusterLife): void {
    const {instance, incarnation} = life.process;
    if (life.process.mode === 'ended') return;
    trace(`${incarnation} is gone`);
    life.process.end();
    goesAway(instance);
    network.crash(instance);
    hosts.get(incarnation)?.driver.cut();
    hosts.delete(incarnation);
    lives.delete(instance);
  }

  function check(): void {
    const running = new Map<number, number>();
    for (const {taskID, attempt, isRunning} of engines.busy()) {
      if (!isRunning) continue;
      const other = running.get(taskID);
      if (other !== undefined)
        violations.push(`attempts ${other} and ${attempt} of job ${taskID} run at once`);
      running.set(taskID, attempt);
    }
  }

  const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));

  const world: ClusterWorld = {
    clock,
    random,
    network,
    store,
    engines,
    disks,
    results,
    plans,
    violations,
    seen,
    count,
    trace,
    mood: 'up',
    wasAway: (instance, from, atMs, ms) =>
      absences.wereAway([instance, wayOf(instance, from)], atMs, ms, noticeMs),
    cut(from, to, isOneWay) {
      goesAway(wayOf(from, to));
      network.cut(from, to, {isOneWay});
    },
    heal(from, to) {
      isBack(wayOf(from, to));
      network.heal(from, to);
    },
    endedEngines,
    lives: () => [...lives.values()],
    start,
    crash(life, restartMs) {
      end(life);
      clock.after(restartMs, () => start(life.process.instance));
    },
    pause({process}) {
      trace(`${process.incarnation} pauses`);
      process.pause();
      goesAway(process.instance);
      network.pause(process.instance);
    },
    resume({process}) {
      if (process.mode !== 'paused') return;
      trace(`${process.incarnation} goes on`);
      process.resume();
      const life = lives.get(process.instance);
      if (life?.process !== process) return;
      if (life.node !== undefined) isBack(process.instance);
      network.resume(process.instance);
    },
    leave(life, restartMs) {
      if (life.node === undefined || life.isLeaving || life.process.mode !== 'running') return;
      life.isLeaving = true;
      trace(`${life.process.incarnation} leaves`);
      const over = (): void => {
        if (life.process.mode !== 'ended') world.crash(life, restartMs);
      };
      void life.node.leave().then(over, over);
    },
    async run(ms) {
      const untilMs = clock.monotonicMs() + ms;
      for (;;) {
        const nextMs = clock.nextInMs ?? Infinity;
        if (clock.monotonicMs() + nextMs > untilMs) break;
        // A little more, since sums of fractions may fall short of the timer.
        clock.advance(nextMs + 1e-6);
        await turn();
        for (let left = idleTurns; left > 0 && (clock.nextInMs ?? 0) > idleMs; left -= 1) await turn();
        check();
      }
      clock.advance(Math.max(0, untilMs - clock.monotonicMs()));
      await turn();
      check();
    },
    async close() {
      isOver = true;
      for (const life of [...lives.values()]) end(life);
      // The runtime keeps systems that were never shut down.
      const buried = Promise.all(
        systems.map(({system, process}) => process.bury(() => system.shutdown(buryMs))),
      );
      for (let ms = 0; ms <= buryMs; ms += 1) {
        clock.advance(1);
        await turn();
      }
      await buried;
    },
  };
  return world;
}
