/**
 * The history beyond single jobs and lists: what each job executed, figures over many jobs, and what retention takes out.
 * `persistence/` implements it.
 */
import type {JobStatus} from './domain/job.ts';
import type {JobDetail, StoredJob} from './ports.ts';

export const statisticsGroups = ['tenant', 'user', 'engineType', 'creator', 'day', 'status'] as const;
export type StatisticsGroup = (typeof statisticsGroups)[number];

export type StatisticsQuery = {
  /** Jobs submitted from (inclusive) until (exclusive), in epoch milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly groupBy: StatisticsGroup;
  /** Only jobs of this user, tenant, …; absent means any. */
  readonly submitUser?: string;
  readonly tenant?: string;
  readonly engineType?: string;
  readonly creator?: string;
};

/** Milliseconds, to 4 %; null of no job. */
export type Percentiles = {readonly p50: number | null; readonly p95: number | null};

export type WaitCause = Percentiles & {
  /** `queue`, `launch`, or a cause of the decision trail. */
  readonly cause: string;
  /** Jobs that this cause held up at all, or were measured for it. */
  readonly jobs: number;
};

export type StatisticsRow = {
  /** The group: a name, a status, or a day as `2026-05-01`, in UTC. */
  readonly key: string;
  readonly jobs: number;
  readonly byStatus: Readonly<Record<JobStatus, number>>;
  /** From the submission to the end, of jobs that have ended. */
  readonly duration: Percentiles;
  /** From the submission until an engine had the job, of ended jobs that an engine had. */
  readonly waiting: Percentiles;
  readonly waitingByCause: readonly WaitCause[];
};

export type JobStatistics = {
  /** In order of the key. */
  readonly rows: readonly StatisticsRow[];
  /** Of everything that was counted, in one. */
  readonly total: StatisticsRow;
  /** The newest jobs were too many to be looked at one by one: the oldest of them are left out. */
  readonly isPartial: boolean;
};

/** A job as it is archived: everything that is removed with it. */
export type ArchivedJob = StoredJob & {readonly details: readonly JobDetail[]};

/** Every method rejects with `DatabaseAwayError` when the database can't be asked. */
export type JobHistoryStore = {
  /** In order; none of a job that never ran. */
  readonly details: (taskID: number) => Promise<readonly JobDetail[]>;
  /** Rejects with `StatisticsTooBroadError` when more than 200,000 daily counters would have to be read. */
  readonly statistics: (query: StatisticsQuery) => Promise<JobStatistics>;
  /** Whole jobs that ended before `endedBeforeMs`, the earliest submitted first, at most `limit` and some 8 MB, but one. */
  readonly due: (endedBeforeMs: number, limit: number) => Promise<readonly ArchivedJob[]>;
  /** Removes those of `taskIDs` that are due, with all that belongs to them; resolves to how many. */
  readonly removeDue: (endedBeforeMs: number, taskIDs: readonly number[]) => Promise<number>;
};

/** Rows of text as an xlsx workbook with one sheet; what goes out as it comes needs no more memory for many rows. */
export type RowsExport = (
  sheet: string,
  head: readonly string[],
  rows: AsyncIterable<readonly (readonly string[])[]>,
) => AsyncIterable<Uint8Array>;
