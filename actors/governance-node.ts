/**
 * Wires the governance actors of one node and brings them up in order: writer, groups, pool, ECM node, recovery. The
 * supervision tree is flat where actors are few and fanned out where jobs are many; no message passes through a parent.
 */
import {consumerGroup, type GroupCommand, type GroupLimits} from './consumer-group.ts';
import {groupNameOf, isTerminal, type JobSpec} from './domain/job.ts';
import {toFailure} from './domain/errors.ts';
import {engineLauncher, type LauncherSettings} from './engine-launcher.ts';
import {enginePool, type EnginePoolLimits, type EnginePoolMessage, type PooledEngine} from './engine-pool.ts';
import {createEntrance, type Entrance} from './entrance.ts';
import type {Governance} from './governance.ts';
import {historyWriter, isWriterReport, type WriterMessage} from './history-writer.ts';
import {createIdAllocator} from './id-allocator.ts';
import type {JobFeed} from './job-feed.ts';
import {specOf, type IntakeContext} from './job-intake.ts';
import {createJobRegistry} from './job-registry.ts';
import {createJobSpawner} from './job-spawner.ts';
import type {Outbox} from './outbox.ts';
import type {Owner} from './domain/owner.ts';
import type {EngineDriver, EngineHandle, JobStore, LogStore, StoredJob} from './ports.ts';
import {recover, untilAnswered, type FoundEngine, type RecoveryReport} from './recovery.ts';
import type {RetentionPolicy} from './retention-settings.ts';
import type {Clock} from './runtime/clock.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type NodeDependencies = {
  readonly system: ActorSystem;
  readonly store: JobStore;
  readonly ping: () => Promise<void>;
  readonly outbox: Outbox;
  readonly logs: LogStore;
  readonly feed: JobFeed;
  readonly driver: EngineDriver;
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly isAlive: (owner: Owner) => boolean;
};

export type NodeLog = {
  readonly info: (fields: object, text: string) => void;
  readonly warn: (fields: object, text: string) => void;
  readonly error: (fields: object, text: string) => void;
};

export type NodeSettings = {
  readonly self: Omit<Owner, 'epoch'>;
  readonly engineIdPrefix: string;
  readonly timeZone: string;
  readonly groupLimits: GroupLimits;
  readonly engineLimits: EnginePoolLimits;
  readonly launcher: LauncherSettings;
  readonly killGraceMs: number;
  readonly residentMax: number;
  readonly routeLabel: string | undefined;
  readonly retention: RetentionPolicy;
  readonly idBlockSize: number;
  readonly intake: Omit<IntakeContext, 'caller' | 'nowMs' | 'idempotencyKey'>;
};

export type GovernanceNode = {
  readonly governance: Governance;
  readonly recovered: RecoveryReport;
  readonly engines: () => ReadonlyMap<string, PooledEngine>;
  readonly counters: () => {
    readonly commits: number;
    readonly writes: number;
    readonly isDatabaseAway: boolean;
    readonly enginesWaitedFor: number;
    readonly residentJobs: number;
    readonly passiveJobs: number;
  };
  /** New submissions are refused from now on. */
  readonly drain: () => void;
  /** Ends idle engines, leaves busy ones to whoever adopts them; resolves to the ids of those left at work. */
  readonly leave: () => Promise<readonly string[]>;
};

type Group = {
  readonly ref: Ref<GroupCommand>;
  readonly spec: Pick<JobSpec, 'creator' | 'executeUser' | 'engineType'>;
  waiting: number;
  running: number;
};

/** Rejects with `DatabaseAwayError` when the unfinished jobs can't be read: a node that can't recover must not serve. */
export async function startGovernanceNode(
  dependencies: NodeDependencies,
  settings: NodeSettings,
): Promise<GovernanceNode> {
  const {system, store, ping, outbox, logs, feed, driver, clock, log, isAlive} = dependencies;
  const {self, groupLimits, timeZone, killGraceMs} = settings;
  const registry = createJobRegistry();
  const groups = new Map<string, Group>();
  let isAway = false;
  let isDraining = false;
  let isRecovering = true;
  let commits = 0;
  let writes = 0;
  let engines: ReadonlyMap<string, PooledEngine> = new Map();
  let enginesWaitedFor = 0;

  const writer: Ref<WriterMessage> = system.spawn(
    'history-writer',
    historyWriter({
      store,
      ping,
      outbox,
      onAway(away, error) {
        isAway = away;
        if (away)
          log.error(
            {error: toFailure(error).message},
            'database away: submissions are refused, updates wait in the outbox',
          );
        else log.warn({}, 'database back: the outbox was replayed');
      },
      onCommit(count) {
        commits += 1;
        writes += count;
      },
      onOutboxFailure: error => log.error({error: toFailure(error).message}, 'the outbox can not be written'),
    }),
    {mailboxMax: writerMailboxMax, isControl: (message: WriterMessage) => isWriterReport(message)},
  );

  const launcher = system.spawn(
    'ecm',
    engineLauncher({driver, settings: settings.launcher, onCrash: reportCrash}),
  );

  const pool: Ref<EnginePoolMessage> = system.spawn(
    'engine-pool',
    enginePool({
      limits: settings.engineLimits,
      idPrefix: settings.engineIdPrefix,
      launch: (engineId, key, replyTo) => launcher.tell({type: 'launch', engineId, key, pool: replyTo}),
      show(all, waiting) {
        engines = all;
        enginesWaitedFor = waiting;
      },
    }),
    {mailboxMax: poolMailboxMax, onFailure: reportCrash},
  );

  const groupActors = system.group('groups');

  function groupOf(spec: Group['spec']): Ref<GroupCommand> {
    const name = groupNameOf(spec);
    const known = groups.get(name);
    if (known !== undefined) return known.ref;
    const {creator, executeUser, engineType} = spec;
    const machine = consumerGroup({
      limits: groupLimits,
      start: taskID => entrance.schedule(taskID),
      show(waiting, running) {
        group.waiting = waiting;
        group.running = running;
      },
    });
    const ref = groupActors.spawn(name, machine, {mailboxMax: groupMailboxMax, onFailure: reportCrash});
    const group: Group = {ref, spec: {creator, executeUser, engineType}, waiting: 0, running: 0};
    groups.set(name, group);
    return ref;
  }

  const spawner = createJobSpawner({
    jobs: system.group('jobs'),
    registry,
    writer,
    pool,
    groupOf,
    logs,
    feed,
    clock,
    timeZone,
    killGraceMs,
    onCrash: restartJob,
  });

  const entrance: Entrance = createEntrance({
    store,
    logs,
    feed,
    clock,
    registry,
    spawner,
    writer,
    groupOf,
    timeZone,
    ids: createIdAllocator(store, settings.idBlockSize),
    intake: settings.intake,
    retention: settings.retention,
    residentMax: settings.residentMax,
    routeLabel: settings.routeLabel,
    isDraining: () => isDraining,
    isDatabaseAway: () => isAway,
    load: () =>
      [...groups].map(([group, {spec, running, waiting}]) => ({
        group,
        user: spec.executeUser,
        creator: spec.creator,
        engineType: spec.engineType.type,
        running,
        queued: waiting,
      })),
    readiness,
  });

  function readiness(): {isReady: boolean; why: string} {
    if (isRecovering) return {isReady: false, why: 'recovering unfinished jobs'};
    if (isDraining) return {isReady: false, why: 'draining'};
    return isAway ? {isReady: false, why: 'database away'} : {isReady: true, why: 'ready'};
  }

  function reportCrash(failure: ActorFailure): void {
    log.error({path: failure.path, during: failure.during, error: failure.error}, 'actor crashed');
  }

  const crashes = new Map<number, number>();

  /** A restart is a new actor from the row: what the engine has is found again as after a restart of the node. */
  function restartJob(taskID: number, failure: ActorFailure): void {
    reportCrash(failure);
    registry.remove(taskID);
    const count = (crashes.get(taskID) ?? 0) + 1;
    crashes.set(taskID, count);
    untilAnswered(clock, () => store.get(taskID)).then(
      stored => {
        if (stored === undefined || isTerminal(stored.row.status)) crashes.delete(taskID);
        else if (count > jobRestartsMax) failJob(stored, failure);
        else carryOnAfterCrash(stored);
      },
      (error: unknown) => reportCrash({...failure, error}),
    );
  }

  function carryOnAfterCrash(stored: StoredJob): void {
    const {row, facts} = stored;
    const engine = engines.get(facts.engineId);
    if (row.status === 'Running' && engine?.ref !== undefined) {
      const granted = {engineId: facts.engineId, ref: engine.ref, isReused: true};
      spawner.spawn(stored).tell({type: 'resume', engine: granted});
      return;
    }
    groupOf(specOf(stored)).tell({type: 'leave', taskID: row.id});
    enqueue(stored);
  }

  function failJob(stored: StoredJob, {during, error}: ActorFailure): void {
    const {row, facts} = stored;
    pool.tell({type: 'release', engineId: facts.engineId, isReusable: false});
    spawner.spawn(stored).tell({
      type: 'resumeFailed',
      failure: {
        code: 20056,
        retryable: false,
        message:
          `The actor of job ${row.id} crashed ${jobRestartsMax + 1} times, last while it handled ${during}:` +
          ` ${toFailure(error).message}. This is a fault of Tenon; please report it with the node's log.`,
      },
    });
  }

  async function until(isDone: () => boolean, limitMs: number): Promise<void> {
    const endMs = clock.monotonicMs() + limitMs;
    while (!isDone() && clock.monotonicMs() < endMs) {
      await new Promise<void>(resolve => void clock.after(leaveLimits.lookEveryMs, resolve));
    }
  }

  function enqueue(stored: StoredJob): void {
    const spec = specOf(stored);
    const group = groupOf(spec);
    if (registry.live.size < settings.residentMax || spec.queuingTimeoutMs !== undefined)
      spawner.spawn(stored);
    else registry.passivate(spec.taskID, group);
    group.tell({type: 'enqueue', taskID: spec.taskID, priority: spec.priority, isReserved: false});
  }

  const adopt = (handle: EngineHandle): Promise<FoundEngine> =>
    new Promise((resolve, reject) => {
      const isTaken = launcher.tell({type: 'adopt', handle, pool, adopted: ref => resolve({handle, ref})});
      if (!isTaken) reject(new Error(`The ECM actor did not take engine ${handle.engineId}.`));
    });

  await replayOutbox(outbox, store, clock, log);
  const found = await Promise.all((await driver.adoptAll()).map(adopt));
  const byId = new Map(found.map(engine => [engine.handle.engineId, engine]));
  const resumed = new Set<string>();
  const recovered = await recover({
    store,
    self,
    isAlive,
    engines: byId,
    clock,
    pageSize: 500,
    enqueue,
    occupy: stored => {
      resumed.add(stored.facts.engineId);
      groupOf(specOf(stored)).tell({type: 'occupy', taskID: stored.row.id});
    },
    spawn: spawner.spawn,
  });
  for (const {handle, ref} of found) {
    const {engineId, engineType, user, creator, task} = handle;
    const isBusy = resumed.has(engineId);
    if (task !== undefined && !isBusy) {
      // A task of no unfinished job: its end was committed, only its spool was not removed any more. Whether the process
      // still lives is not known yet, so nobody gets this engine.
      ref.tell({type: 'confirm', task});
      ref.tell({type: 'shutdown'});
      continue;
    }
    pool.tell({type: 'engineAdopted', engineId, key: {engineType, user, creator}, isBusy, ref});
  }
  isRecovering = false;

  return {
    governance: entrance.governance,
    recovered,
    engines: () => engines,
    counters: () => ({
      commits,
      writes,
      isDatabaseAway: isAway,
      enginesWaitedFor,
      residentJobs: registry.live.size,
      passiveJobs: registry.passive.size,
    }),
    drain() {
      isDraining = true;
    },
    async leave() {
      isDraining = true;
      pool.tell({type: 'close'});
      const has = (...statuses: PooledEngine['status'][]): boolean =>
        [...engines.values()].some(({status}) => statuses.includes(status));
      // A job that has just ended gives its engine back in a moment; one that is starting can be told to end once it is up.
      await until(() => !has('starting', 'busy'), leaveLimits.settleMs);
      const leftAtWork: string[] = [];
      for (const [engineId, {status, ref}] of engines) {
        if (ref === undefined) continue;
        if (status === 'busy') leftAtWork.push(engineId);
        ref.tell(status === 'busy' ? {type: 'detach'} : {type: 'shutdown'});
      }
      await until(() => engines.size <= leftAtWork.length, leaveLimits.shutdownMs);
      return leftAtWork;
    },
  };
}

const leaveLimits = {settleMs: 500, shutdownMs: 3000, lookEveryMs: 20};
const jobRestartsMax = 3;
const writerMailboxMax = 200_000;
const poolMailboxMax = 200_000;
const groupMailboxMax = 200_000;

/** What an earlier process could not record; a row that has another owner by now refuses it. */
async function replayOutbox(outbox: Outbox, store: JobStore, clock: Clock, log: NodeLog): Promise<void> {
  const updates = await outbox.pending();
  if (updates.length === 0) return;
  for (let at = 0; at < updates.length; at += 500) {
    await untilAnswered(clock, () => store.commit(updates.slice(at, at + 500)));
  }
  await outbox.clear();
  log.info({updates: updates.length}, 'outbox of the earlier process replayed');
}
