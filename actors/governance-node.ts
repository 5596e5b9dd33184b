/**
 * Wires the governance actors of one node and brings them up in order: writer, groups, pool, ECM node, recovery. The
 * supervision tree is flat where actors are few and fanned out where jobs are many; no message passes through a parent.
 */
import {createConsumerGroups, queueLimitsOf} from './consumer-groups.ts';
import {toFailure} from './domain/errors.ts';
import {fixedQuotas, type EngineLimitSettings} from './fixed-quotas.ts';
import {keyOfHandle} from './engine-key.ts';
import type {QuotaSource} from './engine-governance.ts';
import type {GroupLimits} from './job-queue-state.ts';
import {waitOf} from './job-wait.ts';
import type {EngineLoans} from './engine-loan.ts';
import type {EngineRecordStore} from './engine-record.ts';
import {startEngineDesk, type HostState} from './engine-desk.ts';
import type {EngineTypeLimits} from './engine-type-limits.ts';
import type {LauncherSettings} from './engine-launcher.ts';
import type {PooledEngine} from './engine-pool-state.ts';
import type {ManagerPort} from './manager-port.ts';
import {createEntrance, type Entrance} from './entrance.ts';
import type {Governance} from './governance.ts';
import {historyWriter, isWriterReport, record, type WriterMessage} from './history-writer.ts';
import {createIdAllocator} from './id-allocator.ts';
import {createJobCrashes} from './job-crashes.ts';
import type {JobFeed} from './job-feed.ts';
import {readLabelTexts, specOf, type IntakeContext} from './job-intake.ts';
import type {JobHistoryStore} from './job-history.ts';
import {createJobHistoryService, type JobHistoryService} from './job-history-service.ts';
import {createJobRegistry} from './job-registry.ts';
import {createJobWhy} from './job-why.ts';
import {createJobSpawner} from './job-spawner.ts';
import type {Outbox} from './outbox.ts';
import {replayOutbox} from './outbox-replay.ts';
import {instanceOf, parseOwner, type Owner} from './domain/owner.ts';
import type {EngineDriver, EngineHandle, JobStore, LogStore, StoredJob} from './ports.ts';
import {recover, type FoundEngine, type RecoveryDependencies, type RecoveryReport} from './recovery.ts';
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
  /** Who grants engines; without it, one in this process, for what this process starts. */
  readonly manager?: ManagerPort;
  /** Default: the same for everybody, from the settings. */
  readonly quotas?: QuotaSource;
  /** Of a node that stands alone. */
  readonly hostState?: () => HostState;
  /** The history of engines; without it there is none. */
  readonly engineRecords?: EngineRecordStore;
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
  readonly engineTypeMax?: EngineTypeLimits;
  readonly engineLimits: EngineLimitSettings;
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
  /** Epoch milliseconds; undefined for engines of earlier processes. */
  readonly engineStartedAt: (engineId: string) => number | undefined;
  /** Ends it with its job. */
  readonly endEngine: (engineId: string) => void;
  /** It gets no more jobs, and ends when it has none. */
  readonly retireEngine: (engineId: string) => void;
  readonly manager: ManagerPort;
  readonly loans: EngineLoans;
  /** The history's calls, in order with those of the jobs. */
  readonly historyOf: (history: Pick<JobHistoryStore, 'details'>) => JobHistoryService;
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

  const quotas = dependencies.quotas ?? fixedQuotas(groupLimits, settings.engineLimits);
  const {pool, launcher, engines, ...engineDesk} = startEngineDesk({
    system,
    clock,
    log,
    driver,
    quotas,
    self,
    engineLimits: settings.engineLimits,
    launcher: settings.launcher,
    idPrefix: settings.engineIdPrefix,
    load: () => groups.load(),
    onFailure: reportCrash,
    engineTypeMax: settings.engineTypeMax,
    hostState: dependencies.hostState,
    records: dependencies.engineRecords,
    ...(dependencies.manager === undefined ? {} : {manager: dependencies.manager}),
  });

  const groups = createConsumerGroups({
    system,
    limits: queueLimitsOf(quotas),
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
    setPriority: groups.setPriority,
    why: createJobWhy({
      store,
      clock,
      live: taskID => registry.live.get(taskID),
      placeOf: groups.placeOf,
      engineWait: engineDesk.waitOf,
      engineGates: engineDesk.manager.explain,
      isDatabaseAway: () => isAway,
      launchTimeoutMs: settings.launcher.launchTimeoutMs,
    }),
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

  function enqueue(stored: StoredJob): void {
    const spec = specOf(stored);
    const group = groupOf(spec);
    if (registry.live.size < settings.residentMax || spec.queuingTimeoutMs !== undefined)
      spawner.spawn(stored);
    else registry.passivate(spec.taskID, group);
    group.tell({type: 'enqueue', ...waitOf(spec), isReserved: false});
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
      const {engineId, task} = handle;
      const isBusy = task?.taskID === row.id && task.attempt === facts.attempt;
      const key = keyOfHandle(handle, facts.tenant);
      const taskID = isBusy ? {taskID: row.id} : {};
      pool.tell({type: 'engineAdopted', engineId, key, ecm: '', ref: engine.ref, ...taskID});
      return engine;
    };

  await replayOutbox(outbox, store, clock, log);
  const found = await Promise.all((await driver.adoptAll()).map(adopt));
  const byId = new Map(found.map(engine => [engine.handle.engineId, engine]));
  /** The job of each engine that goes on with one. */
  const resumed = new Map<string, StoredJob>();
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
      resumed.set(stored.facts.engineId, stored);
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
    const {engineId, task} = handle;
    const job = resumed.get(engineId);
    if (task !== undefined && job === undefined) {
      // A task of no unfinished job: its end was committed, only its spool was not removed any more. Whether the process
      // still lives is not known yet, so nobody gets this engine.
      ref.tell({type: 'confirm', task});
      ref.tell({type: 'shutdown'});
      continue;
    }
    const key = keyOfHandle(handle, job?.facts.tenant ?? '');
    const taskID = job === undefined ? {} : {taskID: job.row.id};
    pool.tell({type: 'engineAdopted', engineId, key, ecm: '', ref, ...taskID});
  }
  isRecovering = false;
  engineDesk.begin();
  quotas.onChange(() => {
    groups.setLimits(queueLimitsOf(quotas));
    engineDesk.setLimits(quotas);
  });

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
    engineStartedAt: engineDesk.startedAt,
    endEngine: engineId => void pool.tell({type: 'endEngine', engineId}),
    retireEngine: engineId => void pool.tell({type: 'retireEngine', engineId}),
    manager: engineDesk.manager,
    loans: engineDesk.loans,
    historyOf: history =>
      createJobHistoryService({store, history, clock, record: write => record(writer, write)}),
    counters: () => ({
      commits,
      writes,
      isDatabaseAway: isAway,
      enginesWaitedFor: engineDesk.waitingCount(),
      residentJobs: registry.live.size,
      passiveJobs: registry.passive.size,
    }),
    drain() {
      isDraining = true;
    },
    leave() {
      isDraining = true;
      return engineDesk.leave();
    },
  };
}

const writerMailboxMax = 200_000;
