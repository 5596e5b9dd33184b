/**
 * Wires the governance actors of one node and brings them up in order: writer, groups, pool, ECM node, recovery. The
 * supervision tree is flat where actors are few and fanned out where jobs are many; no message passes through a parent.
 */
import type {GroupLimits} from './consumer-group.ts';
import {createConsumerGroups} from './consumer-groups.ts';
import {toFailure} from './domain/errors.ts';
import {engineLauncher, type LauncherSettings} from './engine-launcher.ts';
import {enginePool, type EnginePoolLimits, type EnginePoolMessage, type PooledEngine} from './engine-pool.ts';
import {createEntrance, type Entrance} from './entrance.ts';
import type {Governance} from './governance.ts';
import {historyWriter, isWriterReport, type WriterMessage} from './history-writer.ts';
import {createIdAllocator} from './id-allocator.ts';
import {createJobCrashes} from './job-crashes.ts';
import type {JobFeed} from './job-feed.ts';
import {readLabelTexts, specOf, type IntakeContext} from './job-intake.ts';
import {createJobRegistry} from './job-registry.ts';
import {createJobSpawner} from './job-spawner.ts';
import type {Outbox} from './outbox.ts';
import {instanceOf, parseOwner, type Owner} from './domain/owner.ts';
import type {EngineDriver, EngineHandle, JobStore, LogStore, StoredJob} from './ports.ts';
import {
  recover,
  untilAnswered,
  type FoundEngine,
  type RecoveryDependencies,
  type RecoveryReport,
} from './recovery.ts';
import {routeOf} from './route.ts';
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
  /** See `recovery.ts`; without it, jobs of others keep their place. */
  readonly newPlace?: RecoveryDependencies['newPlace'];
  readonly lookAgain?: RecoveryDependencies['lookAgain'];
  /** The route label that this instance is reserved for, now. */
  readonly routeLabel: () => string | undefined;
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
  readonly retention: RetentionPolicy;
  readonly idBlockSize: number;
  readonly intake: Omit<IntakeContext, 'caller' | 'nowMs' | 'idempotencyKey' | 'routedBy'>;
};

export type GovernanceNode = {
  readonly governance: Governance;
  readonly recovered: RecoveryReport;
  /** Whether this node has the job in memory, waiting ones included. */
  readonly isLive: (taskID: number) => boolean;
  /** Takes the jobs of a node that is gone, `host:port`, or of all, as far as it may. Undefined while draining. */
  readonly takeOver: (instance?: string) => Promise<RecoveryReport | undefined>;
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

/** Rejects with `DatabaseAwayError` when the unfinished jobs can't be read: a node that can't recover must not serve. */
export async function startGovernanceNode(
  dependencies: NodeDependencies,
  settings: NodeSettings,
): Promise<GovernanceNode> {
  const {
    system,
    store,
    ping,
    outbox,
    logs,
    feed,
    driver,
    clock,
    log,
    isAlive,
    routeLabel,
    newPlace,
    lookAgain,
  } = dependencies;
  const {self, groupLimits, timeZone, killGraceMs} = settings;
  const registry = createJobRegistry();
  let isAway = false;
  let isDraining = false;
  let isRecovering = true;
  let commits = 0;
  let writes = 0;
  let engines: ReadonlyMap<string, PooledEngine> = new Map();
  let enginesWaitedFor = 0;
  /** Jobs whose engine is being looked for on other nodes. */
  const searches = new Map<number, Promise<void>>();

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

  const groups = createConsumerGroups({
    system,
    limits: groupLimits,
    start: taskID => entrance.schedule(taskID),
    onFailure: reportCrash,
  });
  const groupOf = groups.of;

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
    onCrash: (taskID, failure) => crashes.restart(taskID, failure),
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
    routeLabel,
    whenFound: taskID => searches.get(taskID),
    isDraining: () => isDraining,
    isDatabaseAway: () => isAway,
    load: groups.load,
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

  const crashes = createJobCrashes({
    store,
    clock,
    registry,
    spawner,
    engineOf: engineId => engines.get(engineId)?.ref,
    enqueue,
    leaveGroup,
    releaseEngine: engineId => pool.tell({type: 'release', engineId, isReusable: false}),
    report: reportCrash,
  });

  function leaveGroup(stored: StoredJob): void {
    groupOf(specOf(stored)).tell({type: 'leave', taskID: stored.row.id});
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

  const findFor =
    (find: NonNullable<EngineDriver['find']>) =>
    async ({row, facts}: StoredJob): Promise<FoundEngine | undefined> => {
      const {epoch} = parseOwner(row.instances);
      const handle = await find(facts.engineId, row.id, facts.attempt, epoch);
      if (handle === undefined) return undefined;
      const engine = await adopt(handle);
      const {engineId, engineType, user, creator, task} = handle;
      const isBusy = task?.taskID === row.id && task.attempt === facts.attempt;
      const key = {engineType, user, creator};
      pool.tell({type: 'engineAdopted', engineId, key, isBusy, ref: engine.ref});
      return engine;
    };

  await replayOutbox(outbox, store, clock, log);
  const found = await Promise.all((await driver.adoptAll()).map(adopt));
  const byId = new Map(found.map(engine => [engine.handle.engineId, engine]));
  const resumed = new Set<string>();
  const {find} = driver;
  const common = {
    store,
    self,
    isAlive,
    clock,
    pageSize: 500,
    enqueue,
    // Its own, as it was before a restart, whatever label it carries by now; of others what is routed here.
    mayTake: ({row}: StoredJob) =>
      instanceOf(row.instances) === self.instance ||
      routeOf(readLabelTexts(row.labels)['route']) === routeLabel(),
    ...(newPlace === undefined ? {} : {newPlace}),
    ...(lookAgain === undefined ? {} : {lookAgain}),
    occupy(stored: StoredJob) {
      resumed.add(stored.facts.engineId);
      groupOf(specOf(stored)).tell({type: 'occupy', taskID: stored.row.id});
    },
    leaveGroup,
    spawn: spawner.spawn,
    ...(find === undefined ? {} : {find: findFor(find)}),
    searching(taskID: number, search: Promise<void>) {
      searches.set(taskID, search);
      void search.finally(() => searches.delete(taskID));
    },
  };
  const recovered = await recover({...common, engines: byId});
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

  let takingOver: Promise<unknown> = Promise.resolve();

  return {
    governance: entrance.governance,
    recovered,
    isLive: taskID => registry.live.has(taskID) || registry.passive.has(taskID) || searches.has(taskID),
    takeOver(instance) {
      if (isDraining) return Promise.resolve(undefined);
      // One after the other: a page of jobs is in memory at a time.
      const taken = takingOver.then(() =>
        recover({...common, engines: new Map(), ...(instance === undefined ? {} : {instance})}),
      );
      takingOver = taken.catch(() => undefined);
      return taken;
    },
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
const writerMailboxMax = 200_000;
const poolMailboxMax = 200_000;

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
