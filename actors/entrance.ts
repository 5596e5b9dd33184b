/**
 * Takes submissions and answers for jobs: the entrance of a node, as the facade and the library see it.
 *
 *   body ─ parse ─▶ place in the group's queue ─▶ taskID ─▶ checks ─▶ row committed ─▶ job actor ─▶ queue
 *
 * `status: 0` goes out only after the commit (G1). Parse errors and a full queue leave no row; a failed check leaves a
 * `Failed` row, as in Linkis.
 */
import type {Admission, GroupCommand} from './job-queue-state.ts';
import {tenantOf} from './checks/tenant.ts';
import type {GroupSpec} from './consumer-groups.ts';
import {DrainingError, LinkisError, PersistJobRequestError, QueueFullError} from './domain/errors.ts';
import {printLogLine} from './domain/job-log-text.ts';
import {groupNameOf, isTerminal} from './domain/job.ts';
import type {
  Accepted,
  Caller,
  FollowOptions,
  Governance,
  JobNews,
  JobView,
  KillReport,
  SubmitOptions,
} from './governance.ts';
import {record, type WriteCommand} from './history-writer.ts';
import type {IdAllocator} from './id-allocator.ts';
import type {JobFeed} from './job-feed.ts';
import {prepareJob, specOf, type IntakeContext} from './job-intake.ts';
import {createJobLogReader} from './job-log-reader.ts';
import {acceptedJob} from './keyed-job.ts';
import type {JobRegistry} from './job-registry.ts';
import {execIdOf, type JobSpawner} from './job-spawner.ts';
import {waitOf} from './job-wait.ts';
import type {JobStore, LogStore, StoredJob} from './ports.ts';
import type {RetentionPolicy} from './retention-settings.ts';
import {assertRoute} from './route.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';
import {parseSubmission, type ParsedSubmission} from './submission.ts';

export type EntranceDependencies = {
  readonly store: JobStore;
  readonly logs: LogStore;
  readonly feed: JobFeed;
  readonly clock: Clock;
  readonly ids: IdAllocator;
  readonly registry: JobRegistry;
  readonly spawner: JobSpawner;
  readonly writer: Ref<WriteCommand>;
  readonly groupOf: (spec: GroupSpec) => Ref<GroupCommand>;
  readonly load: Governance['load'];
  readonly why: Governance['why'];
  readonly setPriority: Governance['setPriority'];
  readonly readiness: Governance['readiness'];
  readonly isDraining: () => boolean;
  readonly isDatabaseAway: () => boolean;
  readonly intake: Omit<IntakeContext, 'caller' | 'nowMs' | 'idempotencyKey' | 'routedBy'>;
  /** The route label that this instance is reserved for. */
  readonly routeLabel: () => string | undefined;
  /** Settles when a job that was taken over has an actor; undefined for others. */
  readonly whenFound: (taskID: number) => Promise<void> | undefined;
  readonly timeZone: string;
  /** What tells readers why a log is gone. */
  readonly retention: RetentionPolicy;
  /** Waiting jobs beyond this are passivated. */
  readonly residentMax: number;
};

/** `schedule` is what a group calls when it is a job's turn: false when there is no such job any more. */
export type Entrance = {readonly governance: Governance; readonly schedule: (taskID: number) => boolean};

/** With it the job store refuses a second job with one idempotency key. */
const keyTakenCode = 20_063;

export function createEntrance(dependencies: EntranceDependencies): Entrance {
  const {store, logs, feed, clock, ids, registry, spawner, writer, groupOf, timeZone, residentMax} =
    dependencies;

  async function submit(body: unknown, caller: Caller, options: SubmitOptions): Promise<Accepted> {
    if (dependencies.isDraining()) throw new DrainingError();
    if (dependencies.isDatabaseAway()) throw new PersistJobRequestError();
    const nowMs = clock.now();
    const {idempotencyKey, routedBy} = options;
    const context: IntakeContext = {
      ...dependencies.intake,
      caller,
      nowMs,
      ...(idempotencyKey === undefined ? {} : {idempotencyKey}),
      ...(routedBy === undefined ? {} : {routedBy}),
    };
    const parsed = parseSubmission(body, context);
    assertRoute(parsed.labels['route'], dependencies.routeLabel());
    const earlier = options.isFreshKey ? undefined : await acceptedBefore(caller.user, idempotencyKey);
    if (earlier !== undefined) return earlier;
    const {user, creator} = {user: parsed.executeUser, creator: parsed.creator};
    if (context.isAddressAllowed?.(user, creator, caller.address) === false) {
      throw new AddressRefusedError(user, creator, caller.address);
    }
    const tenant = tenantOf(parsed, context.settings, context.configuredTenant);
    const group = groupOf({...parsed, tenant});
    const bytes = parsed.code.length;
    await admit(group, parsed, tenant, bytes);
    try {
      return await accept(parsed, context, group, bytes);
    } catch (error) {
      group.tell({type: 'withdraw', bytes});
      // Sent twice at once: the other one was committed since the look above.
      const twin =
        error instanceof RefusedWriteError && error.code === keyTakenCode
          ? await acceptedBefore(caller.user, idempotencyKey)
          : undefined;
      if (twin === undefined) throw error;
      return twin;
    }
  }

  const has = (taskID: number): boolean => registry.live.has(taskID) || registry.passive.has(taskID);

  async function acceptedBefore(user: string, key: string | undefined): Promise<Accepted | undefined> {
    if (key === undefined) return undefined;
    const find = (): Promise<StoredJob | undefined> =>
      store.byIdempotencyKey(user, key).catch(refuseSubmission);
    const earlier = await acceptedJob(key, find, {self: dependencies.intake.self, clock, has});
    return earlier && {taskID: earlier.row.id, execID: execIdOf(earlier, specOf(earlier))};
  }

  async function admit(
    group: Ref<GroupCommand>,
    parsed: ParsedSubmission,
    tenant: string,
    bytes: number,
  ): Promise<void> {
    const admission = await new Promise<Admission>((resolve, reject) => {
      if (!group.tell({type: 'admit', bytes, reply: resolve})) reject(new DrainingError());
    });
    if (admission.type === 'full') {
      const {of, unit, waiting, waitingMax} = admission;
      const owner =
        of === 'group'
          ? `group ${groupNameOf(parsed)}`
          : tenant === ''
            ? 'everybody without a tenant'
            : `tenant ${tenant}`;
      throw new QueueFullError(owner, waiting, waitingMax, unit);
    }
  }

  async function accept(
    parsed: ParsedSubmission,
    context: IntakeContext,
    group: Ref<GroupCommand>,
    bytes: number,
  ): Promise<Accepted> {
    const id = ids.next();
    const taskID = typeof id === 'number' ? id : await id.catch(refuseSubmission);
    const prepared = prepareJob(parsed, taskID, context);
    const {row, facts} = prepared;
    const {failure} = prepared;
    const born = failure === undefined ? facts : {...facts, ...refusedLog(row, failure)};
    const outcome = await record(writer, {type: 'insert', row, facts: born});
    if (outcome.type === 'refused')
      throw new RefusedWriteError(outcome.failure.code, outcome.failure.message);
    if (prepared.failure !== undefined) throw prepared.failure;
    const {spec} = prepared;
    const stored: StoredJob = {row, facts};
    // A job that may time out in the queue needs its actor for the timer; the others can wait without one.
    if (registry.live.size < residentMax || spec.queuingTimeoutMs !== undefined) {
      spawner.spawn(stored, {spec});
    } else registry.passivate(taskID, group);
    group.tell({type: 'enqueue', ...waitOf(spec), bytes, isReserved: true});
    return {taskID, execID: execIdOf(stored, spec)};
  }

  /** A refused job has a log too. */
  function refusedLog({createdTime}: StoredJob['row'], failure: LinkisError): Partial<StoredJob['facts']> {
    return {logText: printFailure(createdTime, failure, timeZone)};
  }

  function schedule(taskID: number): boolean {
    const live = registry.live.get(taskID);
    if (live !== undefined) return live.ref.tell({type: 'schedule'});
    if (registry.activate(taskID) === undefined) return false;
    wake(taskID, stored => spawner.spawn(stored).tell({type: 'schedule'}));
    return true;
  }

  /** Reads a passivated job back from its row; while the database is away this waits, as the job's start would. */
  function wake(taskID: number, then: (stored: StoredJob) => void): void {
    store.get(taskID).then(
      stored => {
        if (stored !== undefined && !isTerminal(stored.row.status)) then(stored);
      },
      () => clock.after(wakeRetryMs, () => wake(taskID, then)),
    );
  }

  async function kill(taskID: number, caller: Caller): Promise<KillReport> {
    await dependencies.whenFound(taskID);
    const live = registry.live.get(taskID);
    if (live === undefined && registry.activate(taskID) !== undefined) {
      return new Promise(resolve => {
        wake(taskID, stored => {
          if (!spawner.spawn(stored).tell({type: 'kill', by: caller.user, reply: resolve}))
            resolve(underWay(stored));
        });
      });
    }
    if (live !== undefined) {
      const report = await new Promise<KillReport | undefined>(resolve => {
        if (!live.ref.tell({type: 'kill', by: caller.user, reply: resolve})) resolve(undefined);
      });
      if (report !== undefined) return report;
    }
    const stored = await store.get(taskID);
    if (stored === undefined) throw new JobNotFoundError(taskID);
    return isTerminal(stored.row.status)
      ? {taskID, result: 'alreadyEnded', status: stored.row.status}
      : underWay(stored);
  }

  async function find(taskID: number): Promise<JobView | undefined> {
    const live = registry.live.get(taskID);
    if (live !== undefined) {
      const {execID, status, progress, progressInfo, submitUser, executeUser, logPath} = live;
      return {taskID, execID, status, progress, progressInfo, submitUser, executeUser, logPath};
    }
    const stored = await store.get(taskID);
    if (stored === undefined) return undefined;
    const {status, progress, submitUser, executeUser, logPath} = stored.row;
    return {
      taskID,
      execID: execIdOf(stored, specOf(stored)),
      status,
      progress: Number(progress) || 0,
      progressInfo: [],
      submitUser,
      executeUser,
      logPath,
    };
  }

  const {logPosition, readLog} = createJobLogReader({
    store,
    logs,
    find,
    isLive: taskID => registry.live.has(taskID),
    keep: async taskID => registry.live.get(taskID)?.keepLog(),
    retention: dependencies.retention,
    clock,
    timeZone,
  });

  async function follow(
    taskID: number,
    onNews: (news: JobNews) => void,
    {withLog = true}: FollowOptions = {},
  ): Promise<(() => void) | undefined> {
    const early: JobNews[] = [];
    let isTold = false;
    // Subscribed before the first look, so that nothing falls between the two.
    const unsubscribe = feed.subscribe(taskID, news => (isTold ? onNews(news) : void early.push(news)));
    try {
      const job = await find(taskID);
      if (job === undefined) {
        unsubscribe();
        return undefined;
      }
      if (isTerminal(job.status)) {
        unsubscribe();
        const position = await logPosition(taskID);
        onNews({type: 'end', status: job.status, lines: position?.lines ?? 0});
        return unsubscribe;
      }
      onNews({type: 'status', status: job.status, at: clock.now()});
      if (job.progress > 0)
        onNews({type: 'progress', progress: job.progress, progressInfo: job.progressInfo});
      isTold = true;
      for (const news of early) onNews(news);
      // That it can't be written is met again by the job's output.
      if (withLog)
        void registry.live
          .get(taskID)
          ?.keepLog()
          .catch(() => undefined);
      return unsubscribe;
    } catch (error) {
      unsubscribe();
      throw error;
    }
  }

  return {
    schedule,
    governance: {
      submit,
      find,
      kill,
      logPosition,
      readLog,
      follow,
      stored: taskID => store.get(taskID),
      load: dependencies.load,
      why: dependencies.why,
      setPriority: dependencies.setPriority,
      readiness: dependencies.readiness,
    },
  };
}

const wakeRetryMs = 1000;

const refuseSubmission = (error: unknown): never => {
  throw new PersistJobRequestError(error);
};

const underWay = ({row}: StoredJob): KillReport => ({taskID: row.id, result: 'underWay', status: row.status});

const printFailure = (atMs: number, {code, message}: LinkisError, timeZone: string): string =>
  printLogLine(atMs, timeZone, 'ERROR', `Your job was refused: ${code} ${message}`);

/** The configuration lists from where this user and creator may submit. */
export class AddressRefusedError extends LinkisError {
  override readonly name = 'AddressRefusedError';
  readonly code = 20057;

  constructor(user: string, creator: string, address: string) {
    super(
      `${user} may not submit with creator ${creator} from ${address}. An administrator can change that under` +
        ' configuration/user-ip-mapping.',
    );
  }
}

/** There is no row with this taskID. */
export class JobNotFoundError extends LinkisError {
  override readonly name = 'JobNotFoundError';
  readonly code = 20016;

  constructor(taskID: number) {
    super(`There is no job with taskID ${taskID}.`);
  }
}

/** This submission's row was not stored, or may not have been (20962). The message says why, such as which value was refused. */
export class RefusedWriteError extends LinkisError {
  override readonly name = 'RefusedWriteError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
