/**
 * The history's calls by the names of the design, for whoever has the stores at hand: `saveJobHistory`, `queryJobHistory`,
 * `getJobDetails`, `updateJobStatus`. Writes go through the history writer, so that they are ordered with those of the jobs
 * themselves; a status moves only along the table of statuses, and only from what was seen (compare-and-set).
 */
import {
  JobNotInHistoryError,
  NotANewJobError,
  StatusMoveError,
  StatusRaceError,
} from './domain/history-errors.ts';
import {LinkisError, type Failure} from './domain/errors.ts';
import {isTerminal, successors, type JobStatus} from './domain/job.ts';
import {advancingMetrics} from './domain/metrics.ts';
import type {Caller} from './governance.ts';
import type {JobHistoryStore} from './job-history.ts';
import type {
  JobDetail,
  JobFacts,
  JobFilter,
  JobPage,
  JobRow,
  JobStore,
  JobWrite,
  StoredJob,
  WriteOutcome,
} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

export type JobHistoryDependencies = {
  readonly store: Pick<JobStore, 'get' | 'list'>;
  readonly history: Pick<JobHistoryStore, 'details'>;
  /** Commits a write; `record(writer, write)` of a node. Never rejects for what the database refuses. */
  readonly record: (write: JobWrite) => Promise<WriteOutcome>;
  readonly clock: Clock;
};

export type StatusChange = {
  readonly taskID: number;
  readonly status: JobStatus;
  readonly errorCode?: number;
  readonly errorDesc?: string;
};

type Viewer = Pick<Caller, 'user' | 'isAdmin'>;

/** Every method rejects with `DatabaseAwayError` when the database can't be asked. */
export type JobHistoryService = {
  /** Commits a new job's row. Rejects with `NotANewJobError`, or with the refusal of the database under its own code. */
  readonly saveJobHistory: (row: JobRow, facts: JobFacts) => Promise<void>;
  /** A page, of the viewer's own jobs unless they administer. */
  readonly queryJobHistory: (
    filter: JobFilter,
    page: {readonly number: number; readonly size: number},
    viewer: Viewer,
  ) => Promise<JobPage>;
  /** A job and what it executed. Rejects with `JobNotInHistoryError` also for a job that the viewer may not see. */
  readonly getJobDetails: (
    taskID: number,
    viewer: Viewer,
  ) => Promise<{readonly job: StoredJob; readonly details: readonly JobDetail[]}>;
  /**
   * Moves a job's status; the actor that has the job finds out at its next write. Rejects with `JobNotInHistoryError`,
   * `StatusMoveError`, or `StatusRaceError` when somebody was faster.
   */
  readonly updateJobStatus: (change: StatusChange) => Promise<void>;
};

/** What the database says of a write that it does not take. */
export class HistoryWriteError extends LinkisError {
  override readonly name = 'HistoryWriteError';
  readonly code: number;
  override readonly retryable: boolean;

  constructor({code, message, retryable}: Failure) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

export function createJobHistoryService({
  store,
  history,
  record,
  clock,
}: JobHistoryDependencies): JobHistoryService {
  async function seen(taskID: number): Promise<StoredJob> {
    const job = await store.get(taskID);
    if (job === undefined) throw new JobNotInHistoryError(taskID);
    return job;
  }

  return {
    async saveJobHistory(row, facts) {
      if (row.status !== 'Inited' && row.status !== 'Failed') throw new NotANewJobError(row.id, row.status);
      const outcome = await record({type: 'insert', row, facts});
      if (outcome.type === 'refused') throw new HistoryWriteError(outcome.failure);
    },

    queryJobHistory: (filter, page, {user, isAdmin}) =>
      store.list(isAdmin ? filter : {...filter, submitUser: user}, page),

    async getJobDetails(taskID, viewer) {
      const job = await seen(taskID);
      if (!maySee(job, viewer)) throw new JobNotInHistoryError(taskID);
      const details = await history.details(taskID);
      return {job, details: details.length > 0 ? details : detailOfRow(job)};
    },

    async updateJobStatus(change) {
      const {taskID, status} = change;
      const {row} = await seen(taskID);
      if (!successors[row.status].includes(status)) throw new StatusMoveError(taskID, row.status, status);
      const outcome = await record(moveOf(row, change, clock.now()));
      switch (outcome.type) {
        case 'written':
          return;
        case 'ended':
          throw new StatusRaceError(taskID, `it has ended as ${outcome.status} meanwhile`);
        case 'displaced':
          throw new StatusRaceError(taskID, 'another node has taken it over meanwhile');
        case 'refused':
          throw outcome.failure.code === missedCode
            ? new StatusRaceError(taskID, 'its status has changed meanwhile')
            : new HistoryWriteError(outcome.failure);
      }
    },
  };
}

/** Of an update whose condition did not hold; see `persistence/commit-outcome.ts`. */
const missedCode = 20064;

const maySee = ({row}: StoredJob, {user, isAdmin}: Viewer): boolean =>
  isAdmin || row.submitUser === user || row.executeUser === user;

function moveOf(row: JobRow, {status, errorCode, errorDesc}: StatusChange, nowMs: number): JobWrite {
  return {
    type: 'update',
    id: row.id,
    owner: row.instances,
    from: [row.status],
    set: {
      status,
      // Of this very moment, so that it is told from the change of somebody who did the same.
      updatedTime: Math.max(nowMs, row.updatedTime + 1),
      ...(errorCode === undefined ? {} : {errorCode}),
      ...(errorDesc === undefined ? {} : {errorDesc}),
      ...(isTerminal(status)
        ? {progress: '1.0', metrics: advancingMetrics(row.metrics)('completed', nowMs)}
        : {}),
    },
  };
}

/**
 * What a job executed whose details nobody wrote: one that an older node ran, or whose node died between end and details on a
 * server. A job that never got an engine has executed nothing.
 */
export function detailOfRow({row, facts}: StoredJob): readonly JobDetail[] {
  if (facts.attempt < 1) return [];
  return [
    {
      ordinal: facts.attempt,
      status: row.status,
      executionContent: row.executionCode.slice(0, contentCharsMax),
      resultLocation: row.resultLocation,
      resultArraySize: null,
      createdTime: row.createdTime,
      updatedTime: row.updatedTime,
    },
  ];
}

const contentCharsMax = 1_000;
