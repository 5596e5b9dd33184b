/**
 * What the actors need from outside. `persistence/` and `engines/` implement these; `test/support/` has versions in
 * memory that pass the same contract tests. Nothing here says SQL, file handle or socket.
 */
import type {Failure} from './domain/errors.ts';
import type {JobStatus, ProgressInfo} from './domain/job.ts';
import type {KillReceipt, Resources} from './engine-governance.ts';

/** One row of `linkis_ps_job_history_group_history`, in code units: times are epoch milliseconds, texts whole. */
export type JobRow = {
  readonly id: number;
  /** Short execID, `creator_user_engine_taskID`. */
  readonly jobReqId: string;
  readonly submitUser: string;
  readonly executeUser: string;
  /** JSON texts, as Linkis stores them. */
  readonly source: string;
  readonly labels: string;
  readonly params: string;
  /** `"0.0"` … `"1.0"`. */
  readonly progress: string;
  readonly status: JobStatus;
  readonly logPath: string;
  readonly errorCode: number | null;
  readonly errorDesc: string | null;
  readonly createdTime: number;
  readonly updatedTime: number;
  /** `host:port#incarnation#epoch` of the owner; see `domain/owner.ts`. */
  readonly instances: string;
  /** JSON text, see `domain/metrics.ts`. */
  readonly metrics: string;
  /** Engine type without version. */
  readonly engineType: string;
  readonly executionCode: string;
  readonly resultLocation: string;
  readonly observeInfo: string | null;
};

/** Our own facts about a job (`tenon_job`), written in the same transaction as the row. */
export type JobFacts = {
  readonly attempt: number;
  /** Id of the engine that got the current attempt; empty before. */
  readonly engineId: string;
  readonly tenant: string;
  readonly priority: number;
  /** Who asked for the job's end, before it was carried out. */
  readonly killedBy: string | null;
  readonly idempotencyKey: string | null;
  readonly requestId: string;
  readonly creator: string;
  readonly codeType: string;
  /** The code after checks and substitution, when it differs from `executionCode`. */
  readonly preparedCode: string | null;
  /** Log lines recorded at the end. */
  readonly logLines: number | null;
  /**
   * The log after its first lines (`headLines`): what the checks said, until the job has ended; then all of it, if it never
   * needed a file; see `job-log.ts`.
   */
  readonly logText: string | null;
};

export type JobInsert = {readonly type: 'insert'; readonly row: JobRow; readonly facts: JobFacts};

/**
 * One compare-and-set: applies only while the row's `instances` equals `owner` and its status is one of `from`.
 * `facts` go along in the same transaction, or not at all.
 */
export type JobUpdate = {
  readonly type: 'update';
  readonly id: number;
  readonly owner: string;
  readonly from: readonly JobStatus[];
  readonly set: Partial<
    Pick<
      JobRow,
      | 'status'
      | 'progress'
      | 'errorCode'
      | 'errorDesc'
      | 'instances'
      | 'metrics'
      | 'logPath'
      | 'resultLocation'
    >
  > & {readonly updatedTime: number};
  readonly facts?: Partial<JobFacts>;
  /**
   * What the attempt that ends with this update executed, statement by statement. Without it an attempt that ends becomes
   * one row of `linkis_ps_job_history_detail`.
   */
  readonly details?: readonly JobDetail[];
};

/** One statement of a job, in order from 1; at most 999 of a job are kept. */
export type JobDetail = {
  readonly ordinal: number;
  readonly status: JobStatus;
  /** The statement; kept up to 1,000 characters. */
  readonly executionContent: string;
  readonly resultLocation: string;
  /** Result sets; null when nobody counted them. */
  readonly resultArraySize: number | null;
  readonly createdTime: number;
  readonly updatedTime: number;
};

export type JobWrite = JobInsert | JobUpdate;

export type WriteOutcome =
  | {readonly type: 'written'}
  /** The row already has a terminal status, which is the truth. */
  | {readonly type: 'ended'; readonly status: JobStatus}
  /** Another owner (or epoch) has the job. */
  | {readonly type: 'displaced'; readonly owner: string}
  /** This write alone is at fault (value too long, id taken); the others of its batch are not affected. */
  | {readonly type: 'refused'; readonly failure: Failure};

/** The database could not be asked, or its answer was lost: a write may or may not have happened. */
export class DatabaseAwayError extends Error {
  override readonly name = 'DatabaseAwayError';
  /** What was asked has certainly not reached it, or was undone by it. */
  readonly isUndone: boolean;

  constructor(message: string, {isUndone = false, cause}: {isUndone?: boolean; cause?: unknown} = {}) {
    super(message, cause === undefined ? undefined : {cause});
    this.isUndone = isUndone;
  }
}

export type StoredJob = {readonly row: JobRow; readonly facts: JobFacts};

/** Filters of `jobhistory/list`; absent means any. */
export type JobFilter = {
  readonly taskIDs?: readonly number[];
  readonly submitUser?: string;
  readonly executeUser?: string;
  readonly statuses?: readonly JobStatus[];
  readonly engineType?: string;
  readonly creator?: string;
  readonly tenant?: string;
  /** Prefix match on the code type, as Linkis. */
  readonly runType?: string;
  /** `host:port`: equal, or up to the first `#`. */
  readonly instance?: string;
  readonly engineInstance?: string;
  /** `created_time` between both, inclusive, in epoch milliseconds. */
  readonly createdFromMs?: number;
  readonly createdToMs?: number;
  readonly idFrom?: number;
  readonly orderBy?: 'newest' | 'longest';
};

export type JobPage = {
  readonly jobs: readonly StoredJob[];
  /** Matching rows; exact up to `totalMax`, then `totalMax` and `totalIsCapped`. */
  readonly total: number;
  readonly totalIsCapped: boolean;
  /** Of a capped total, where the daily counters know it: how many rows match, about. */
  readonly approximateTotal?: number;
};

/** The history's truth. Every method rejects with `DatabaseAwayError` when the database can't be asked. */
export type JobStore = {
  /** Ids this process may insert; each id is handed out once, ever. */
  readonly reserveIds: (count: number) => Promise<{readonly first: number; readonly count: number}>;
  /**
   * One commit for all writes; resolves after it, with one outcome per write, in order. A write whose effect is already
   * in the row (its answer was lost before) counts as written.
   */
  readonly commit: (writes: readonly JobWrite[]) => Promise<readonly WriteOutcome[]>;
  readonly get: (taskID: number) => Promise<StoredJob | undefined>;
  readonly list: (
    filter: JobFilter,
    page: {readonly number: number; readonly size: number},
  ) => Promise<JobPage>;
  /** Counts by status, for statistics and metrics. */
  readonly countByStatus: (filter: JobFilter) => Promise<Readonly<Record<JobStatus, number>>>;
  /** Unfinished jobs with id greater than `afterId`, ascending, at most `limit`: what a start or take-over pages through. */
  readonly unfinished: (
    afterId: number,
    limit: number,
    /** Only those of this owner, `host:port`; without it all. */
    instance?: string,
  ) => Promise<readonly StoredJob[]>;
  readonly byIdempotencyKey: (submitUser: string, key: string) => Promise<StoredJob | undefined>;
  /**
   * Removes jobs that ended (were last changed) before `endedBeforeMs`, with all that belongs to their rows, the earliest
   * submitted first, at most `limit` (1,000). Unfinished ones stay. Resolves to how many; their ids are not used again.
   */
  readonly removeEnded: (endedBeforeMs: number, limit: number) => Promise<number>;
};

/* ---- job logs ---- */

/** Appends to one job's log. Only the job's owner holds one. Bytes are whole lines, each ending in `\n`. */
export type LogWriter = {
  /**
   * Resolves when readers may see the lines. `spoolOffset` is how much of the engine's spool is in the log after this
   * append; it is kept with the line index, so that a new owner goes on exactly there.
   */
  readonly append: (lines: Uint8Array, spoolOffset: number) => Promise<void>;
  readonly position: () => LogPosition;
  /** On disk, also after power loss. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type LogPosition = {readonly lines: number; readonly bytes: number; readonly spoolOffset: number};

export type LogChunk = {
  /** Number of the first line, from 0. When it is beyond the line asked for, those between are gone. */
  readonly fromLine: number;
  readonly lineCount: number;
  /** Whole lines, each ending in `\n`. */
  readonly bytes: Uint8Array;
  /** Why lines between are gone, for people. */
  readonly whyGone?: string;
};

export type LogStore = {
  /**
   * Opens for appending; cuts what a crash left half written, and goes on. `key` names the spool (job attempt) that
   * `spoolOffset` counts in: with another key than the stored one, the position starts at spool offset 0.
   */
  readonly open: (path: string, key: string) => Promise<LogWriter>;
  /** Lines from `fromLine` on, within both bounds; no lines when there are none yet. Works while the job runs. */
  readonly read: (path: string, fromLine: number, linesMax: number, bytesMax: number) => Promise<LogChunk>;
  readonly position: (path: string) => Promise<LogPosition>;
};

/* ---- engines ---- */

/** What an engine process is started for. */
export type EngineLaunch = {
  readonly engineId: string;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  /** Empty or absent: none. */
  readonly tenant?: string;
  readonly version?: string;
  /** What the ledger holds for it. */
  readonly reserved?: Resources;
  /** `host:port` of the ECM that is to start it, as the manager granted; absent: where the driver likes. */
  readonly ecm?: string;
  /** Of the manager that granted it: an ECM obeys none lower than the highest that it has seen. */
  readonly fence?: number;
  /** Configuration of its type, such as the connection of a jdbc engine. May hold secrets: nowhere but in its launch line. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly limits: EngineLimits;
  /** Milliseconds without a job and without an owner after which the engine ends by itself. */
  readonly orphanIdleMs: number;
  readonly orphanBusyMs: number;
};

export type EngineLimits = {
  readonly memoryBytesMax: number;
  readonly processesMax: number;
  readonly diskBytesMax: number;
  readonly openFilesMax: number;
  /** Processors, also parts of one; held where the kernel does it (cgroup v2). Absent: no limit. */
  readonly cpuCoresMax?: number;
};

export type EngineTask = {
  readonly taskID: number;
  readonly attempt: number;
  /** The owner's epoch for this job: an engine obeys only the highest it has seen. */
  readonly epoch: number;
  readonly code: string;
  readonly codeType: string;
  readonly runtimeParams: Readonly<Record<string, unknown>>;
  /** Extra environment for user code, such as the job and request id. */
  readonly environment: Readonly<Record<string, string>>;
  readonly runningTimeoutMs?: number;
};

/** What an engine reports about a task. `offset` is the position in the task's spool after this record. */
export type EngineEvent =
  /** Whole lines, each ending in `\n`; order is that of the spool. */
  | {
      readonly type: 'log';
      readonly taskID: number;
      readonly attempt: number;
      readonly lines: Uint8Array;
      readonly offset: number;
    }
  | {
      readonly type: 'progress';
      readonly taskID: number;
      readonly attempt: number;
      readonly progress: number;
      readonly info: readonly ProgressInfo[];
      readonly offset: number;
    }
  | {
      readonly type: 'ended';
      readonly taskID: number;
      readonly attempt: number;
      readonly end: TaskEnd;
      readonly offset: number;
    };

export type TaskEnd = {
  readonly outcome: 'succeeded' | 'failed' | 'killed' | 'timedOut';
  readonly failure?: Failure;
  /** Result sets written, in order: `_0.dolphin` … */
  readonly resultCount: number;
  /** False when the engine is not fit for another job. */
  readonly engineIsReusable: boolean;
  /** What its engine did to end it; only of a task that did not end by itself. */
  readonly receipt?: EndReceipt;
};

export type EndReceipt = Omit<KillReceipt, 'returned'>;

export type EngineExit = {
  /** What is known of the end: exit code, signal, or that the process is just gone. */
  readonly reason: string;
};

/**
 * One live engine process, attached. Events arrive in spool order; a lost socket is reattached, and what the socket
 * did not deliver is read from the spool file, so a consumer sees no loss and no repeat.
 */
export type EngineHandle = {
  readonly engineId: string;
  readonly pid: number;
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  /** The unfinished or unconfirmed task found when adopting; undefined for a fresh engine. */
  readonly task?: {readonly taskID: number; readonly attempt: number; readonly epoch: number};
  /** Resolves when the engine has the task durably in its spool; rejects if it refuses (stale epoch, busy). */
  readonly execute: (task: EngineTask) => Promise<void>;
  /**
   * Asks for the events of a task from `fromOffset` of its spool on. The consumer resolves each event when it has taken
   * it over; reading stays at most `windowBytes` (4 MB) ahead, and the engine slows its job down accordingly.
   */
  readonly follow: (
    taskID: number,
    attempt: number,
    fromOffset: number,
    consume: (events: readonly EngineEvent[]) => Promise<void>,
  ) => void;
  /** TERM, `graceMs`, KILL of everything the task started. Its end then comes as an event. Idempotent. */
  readonly kill: (taskID: number, attempt: number, graceMs: number, why: 'killed' | 'timedOut') => void;
  /** Result files are moved from the spool into `directory` (made if needed). Idempotent. */
  readonly publishResults: (taskID: number, attempt: number, directory: string) => Promise<number>;
  /** The end is committed and the log synced: the spool of the task may go. */
  readonly confirm: (taskID: number, attempt: number) => Promise<void>;
  /** Ends the engine process: idle politely, otherwise like `kill`; resolves when nothing of it is left. */
  readonly shutdown: (graceMs: number) => Promise<void>;
  /** Stops talking to it, and leaves it alive for whoever adopts it next. */
  readonly detach: () => void;
  /** Resolves when the process is gone, after all events in its spool were delivered. */
  readonly exited: Promise<EngineExit>;
};

export type EngineDriver = {
  readonly engineTypes: readonly string[];
  /** Rejects with a `LinkisError` that quotes the launch log when the process does not answer in `timeoutMs`. */
  readonly launch: (launch: EngineLaunch, timeoutMs: number) => Promise<EngineHandle>;
  /**
   * What earlier processes of this data directory left: live engines are attached, of dead ones the spool is read.
   * `epochOf` gives the epoch to claim each task with.
   */
  readonly adoptAll: () => Promise<readonly EngineHandle[]>;
  /**
   * Where engines of other nodes can be had: looks for that engine everywhere and attaches it for this attempt with
   * `epoch`, which displaces a former owner. Undefined when nobody has it, after `engineSearchMs`.
   */
  readonly find?: (
    engineId: string,
    taskID: number,
    attempt: number,
    epoch: number,
  ) => Promise<EngineHandle | undefined>;
};
