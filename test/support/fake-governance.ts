/**
 * A governance and a job store in memory that behave for real: jobs are rows, submitting makes one, `play` moves it on,
 * its log grows, followers are told. No actor, no engine and no file, so that tests of the facade are about the facade.
 */
import {entranceService, printExecId, shortExecId} from '../../actors/domain/exec-id.ts';
import {LinkisError} from '../../actors/domain/errors.ts';
import {isTerminal, jobStatuses, type JobStatus, type ProgressInfo} from '../../actors/domain/job.ts';
import {instanceOf} from '../../actors/domain/owner.ts';
import type {Gate} from '../../actors/gate.ts';
import type {Caller, Governance, JobNews, JobView, KillReport} from '../../actors/governance.ts';
import {
  DatabaseAwayError,
  type JobFilter,
  type JobRow,
  type JobStore,
  type LogChunk,
  type StoredJob,
} from '../../actors/ports.ts';
import {storedJob} from './stored-jobs.ts';

/** What the entrance would refuse; code and text are the test's. */
export class SubmissionError extends LinkisError {
  override readonly name = 'SubmissionError';
  readonly code: number;
  override readonly retryable: boolean;

  constructor(code: number, message: string, retryable = false) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

type Submitted = {readonly body: unknown; readonly caller: Caller; readonly idempotencyKey?: string};

export type FakeGovernance = {
  readonly governance: Governance;
  readonly jobs: JobStore;
  /** What arrived at `submit`, in order. */
  readonly submitted: Submitted[];
  readonly killed: {readonly taskID: number; readonly user: string}[];
  /** Adds a job as if it had been submitted. */
  readonly add: (row?: Partial<JobRow>) => number;
  readonly play: (taskID: number) => {
    readonly status: (status: JobStatus) => void;
    readonly progress: (progress: number, info?: readonly ProgressInfo[]) => void;
    readonly log: (...lines: string[]) => void;
    readonly change: (row: Partial<JobRow>) => void;
    readonly followers: () => number;
  };
  /** Thrown by the next submissions, when set. */
  refusal: Error | undefined;
  isAway: boolean;
  isReady: boolean;
  /** What `kill` reports of jobs that have not ended. */
  killResult: KillReport['result'];
  readonly priorities: Map<number, number>;
};

export const fakeInstance = 'host-01.example.com:9104';

export function createFakeGovernance(now: () => number): FakeGovernance {
  const jobs = new Map<number, StoredJob>();
  const progress = new Map<number, {progress: number; progressInfo: readonly ProgressInfo[]}>();
  const logs = new Map<number, string[]>();
  const followers = new Map<number, Set<(news: JobNews) => void>>();
  let lastID = 45_157;

  const linesOf = (taskID: number): string[] => logs.get(taskID) ?? [];
  const tell = (taskID: number, news: JobNews): void => followers.get(taskID)?.forEach(told => told(news));

  function awayOr<Answer>(answer: () => Answer): Promise<Answer> {
    return world.isAway
      ? Promise.reject(new DatabaseAwayError('the fake database is away'))
      : Promise.resolve(answer());
  }

  function change(taskID: number, row: Partial<JobRow>): void {
    const job = jobs.get(taskID);
    if (job !== undefined) jobs.set(taskID, {...job, row: {...job.row, ...row}});
  }

  function add(row: Partial<JobRow> = {}): number {
    lastID += 1;
    const id = row.id ?? lastID;
    const executeUser = row.executeUser ?? 'alice';
    const engineType = row.engineType ?? 'shell';
    jobs.set(
      id,
      storedJob({
        jobReqId: shortExecId(`IDE_${executeUser}_${engineType}`, id),
        createdTime: now(),
        updatedTime: now(),
        instances: `${fakeInstance}#incarnation#1`,
        ...row,
        id,
      }),
    );
    return id;
  }

  function viewOf({row}: StoredJob): JobView {
    const {progress: part, progressInfo} = progress.get(row.id) ?? {progress: 0, progressInfo: []};
    return {
      taskID: row.id,
      execID: printExecId({
        applicationName: entranceService,
        instances: [instanceOf(row.instances)],
        shortId: row.jobReqId,
      }),
      status: row.status,
      progress: isTerminal(row.status) ? 1 : part,
      progressInfo,
      submitUser: row.submitUser,
      executeUser: row.executeUser,
      logPath: row.logPath,
    };
  }

  function setStatus(taskID: number, status: JobStatus): void {
    change(taskID, {status, updatedTime: now(), ...(isTerminal(status) && {progress: '1.0'})});
    tell(taskID, {type: 'status', status, at: now()});
    if (isTerminal(status)) tell(taskID, {type: 'end', status, lines: linesOf(taskID).length});
  }

  function read(taskID: number, fromLine: number, linesMax: number, bytesMax: number): LogChunk {
    const taken: string[] = [];
    let bytes = 0;
    for (const line of linesOf(taskID).slice(fromLine, fromLine + linesMax)) {
      bytes += Buffer.byteLength(line) + 1;
      if (bytes > bytesMax) break;
      taken.push(`${line}\n`);
    }
    return {fromLine, lineCount: taken.length, bytes: Buffer.from(taken.join(''))};
  }

  const matching = (filter: JobFilter): StoredJob[] =>
    [...jobs.values()]
      .filter(job => matches(job, filter))
      .toSorted((a, b) =>
        filter.orderBy === 'longest'
          ? spentOf(b) - spentOf(a)
          : b.row.createdTime - a.row.createdTime || b.row.id - a.row.id,
      );

  const governance: Governance = {
    async submit(body, caller, options) {
      if (world.isAway) throw new DatabaseAwayError('the fake database is away');
      if (world.refusal !== undefined) throw world.refusal;
      world.submitted.push({body, caller, ...options});
      const taskID = add({submitUser: caller.user, executeUser: caller.user});
      const job = jobs.get(taskID);
      return {taskID, execID: job === undefined ? '' : viewOf(job).execID};
    },
    find: async taskID => {
      const job = jobs.get(taskID);
      return job && viewOf(job);
    },
    stored: taskID => awayOr(() => jobs.get(taskID)),
    async kill(taskID, caller) {
      const job = jobs.get(taskID);
      if (job === undefined) throw new SubmissionError(21_304, `There is no job ${taskID}`);
      if (isTerminal(job.row.status)) return {taskID, result: 'alreadyEnded', status: job.row.status};
      world.killed.push({taskID, user: caller.user});
      if (world.killResult === 'underWay') return {taskID, result: 'underWay', status: job.row.status};
      setStatus(taskID, 'Cancelled');
      return {taskID, result: 'ended', status: 'Cancelled'};
    },
    async why(taskID) {
      const job = jobs.get(taskID);
      if (job === undefined) return undefined;
      const {status} = job.row;
      const isOver = isTerminal(status);
      return {
        taskID,
        status,
        priority: world.priorities.get(taskID) ?? 100,
        gates: isOver ? [] : [waitingGate],
        timeline: [{cause: 'queue', ms: 12}],
        ...(isOver ? {} : {position: 3}),
      };
    },
    async setPriority(taskID, priority) {
      const job = jobs.get(taskID);
      if (job === undefined || job.row.status !== 'Inited') return false;
      world.priorities.set(taskID, priority);
      return true;
    },
    logPosition: async taskID => {
      if (!jobs.has(taskID)) return undefined;
      const lines = linesOf(taskID);
      return {lines: lines.length, bytes: Buffer.byteLength(lines.join('\n')) + 1, spoolOffset: 0};
    },
    readLog: async (taskID, fromLine, linesMax, bytesMax) =>
      jobs.has(taskID) ? read(taskID, fromLine, linesMax, bytesMax) : undefined,
    async follow(taskID, onNews) {
      const job = jobs.get(taskID);
      if (job === undefined) return undefined;
      const {status} = job.row;
      if (isTerminal(status)) {
        onNews({type: 'end', status, lines: linesOf(taskID).length});
        return () => undefined;
      }
      onNews({type: 'status', status, at: now()});
      const told = followers.get(taskID) ?? new Set();
      followers.set(taskID, told.add(onNews));
      return () => void told.delete(onNews);
    },
    load: () =>
      [...jobs.values()]
        .filter(({row}) => !isTerminal(row.status))
        .map(({row, facts}) => ({
          group: `${facts.creator}_${row.executeUser}_${row.engineType}`,
          tenant: '',
          user: row.executeUser,
          creator: facts.creator,
          engineType: row.engineType,
          running: row.status === 'Running' ? 1 : 0,
          queued: row.status === 'Running' ? 0 : 1,
        })),
    readiness: () => ({isReady: world.isReady, why: world.isReady ? '' : 'recovering 3 jobs'}),
  };

  const world: FakeGovernance = {
    governance,
    submitted: [],
    killed: [],
    refusal: undefined,
    isAway: false,
    isReady: true,
    killResult: 'ended',
    priorities: new Map(),
    add,
    play: taskID => ({
      status: status => setStatus(taskID, status),
      progress(part, progressInfo = []) {
        progress.set(taskID, {progress: part, progressInfo});
        tell(taskID, {type: 'progress', progress: part, progressInfo});
      },
      log(...lines) {
        const before = linesOf(taskID).length;
        logs.set(taskID, [...linesOf(taskID), ...lines]);
        tell(taskID, {
          type: 'log',
          lines: before + lines.length,
          chunk: read(taskID, before, lines.length, Infinity),
        });
      },
      change: row => change(taskID, row),
      followers: () => followers.get(taskID)?.size ?? 0,
    }),
    jobs: {
      reserveIds: async count => ({first: lastID + 1, count}),
      commit: async writes => writes.map(() => ({type: 'written'})),
      get: taskID => awayOr(() => jobs.get(taskID)),
      list: (filter, {number, size}) =>
        awayOr(() => {
          const found = matching(filter);
          return {
            jobs: found.slice((number - 1) * size, number * size),
            total: found.length,
            totalIsCapped: false,
          };
        }),
      countByStatus: filter =>
        awayOr(() => {
          const counts = Object.fromEntries(jobStatuses.map(status => [status, 0])) as Record<
            JobStatus,
            number
          >;
          for (const {row} of matching(filter)) counts[row.status] += 1;
          return counts;
        }),
      unfinished: async () => [...jobs.values()].filter(({row}) => !isTerminal(row.status)),
      byIdempotencyKey: async () => undefined,
      removeEnded: async () => 0,
    },
  };
  return world;
}

const spentOf = ({row}: StoredJob): number => row.updatedTime - row.createdTime;

function matches({row, facts}: StoredJob, filter: JobFilter): boolean {
  const {taskIDs, submitUser, executeUser, statuses, engineType, creator, runType, instance} = filter;
  const {engineInstance, createdFromMs = 0, createdToMs = Infinity, idFrom = 0} = filter;
  return (
    (taskIDs === undefined || taskIDs.includes(row.id)) &&
    (submitUser === undefined || row.submitUser === submitUser) &&
    (executeUser === undefined || row.executeUser === executeUser) &&
    (statuses === undefined || statuses.includes(row.status)) &&
    (engineType === undefined || row.engineType === engineType) &&
    (creator === undefined || facts.creator === creator) &&
    (runType === undefined || facts.codeType.startsWith(runType)) &&
    (instance === undefined || instanceOf(row.instances) === instance) &&
    (engineInstance === undefined || row.metrics.includes(`"engineInstance":"${engineInstance}`)) &&
    row.createdTime >= createdFromMs &&
    row.createdTime <= createdToMs &&
    row.id >= idFrom
  );
}

const waitingGate: Gate = {
  gate: 'group',
  unit: 'jobs',
  value: 2,
  limit: 2,
  holders: [{who: 'job 1', holds: 1}],
  what: 'alice runs 2 of 2 jobs.',
  opens: 'Jobs of this group end.',
};
