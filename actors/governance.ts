/**
 * What the facade (HTTP, WebSocket, library) may ask of the governance actors. `http/` and `index.ts` know only this;
 * `main.ts` hands it over.
 */
import type {ProgressInfo, JobStatus} from './domain/job.ts';
import type {KillReceipt} from './engine-governance.ts';
import type {Gate} from './gate.ts';
import type {LogChunk, LogPosition, StoredJob} from './ports.ts';

/** The caller, as authentication left it. */
export type Caller = {
  readonly user: string;
  readonly isAdmin: boolean;
  /** Came with an administrator's token: may name another execute user. */
  readonly hasAdminToken: boolean;
  readonly address: string;
  readonly requestId: string;
};

export type Accepted = {readonly taskID: number; readonly execID: string};

export type JobView = {
  readonly taskID: number;
  readonly execID: string;
  readonly status: JobStatus;
  /** 0 … 1 */
  readonly progress: number;
  readonly progressInfo: readonly ProgressInfo[];
  readonly submitUser: string;
  readonly executeUser: string;
  readonly logPath: string;
};

export type KillReport = {
  readonly taskID: number;
  /** `ended`: nothing of it runs any more. `underWay`: the processes are still being ended. `alreadyEnded`: it had. */
  readonly result: 'ended' | 'underWay' | 'alreadyEnded';
  readonly status: JobStatus;
  /** Of a job that ran: what was signalled, which processes ended, what was given back (G4). */
  readonly receipt?: KillReceipt;
};

/** What happens to one job, in order, as the stream shows it. */
export type JobNews =
  | {readonly type: 'status'; readonly status: JobStatus; readonly at: number}
  | {readonly type: 'progress'; readonly progress: number; readonly progressInfo: readonly ProgressInfo[]}
  /** The log has grown to this; read from the log store what you lack. */
  | {readonly type: 'log'; readonly lines: number; readonly chunk: LogChunk}
  | {readonly type: 'end'; readonly status: JobStatus; readonly lines: number};

export type SubmitOptions = {
  readonly idempotencyKey?: string;
  /** A gateway made the key just now and sends it for the first time: nobody can have been accepted with it before. */
  readonly isFreshKey?: boolean;
  /** Which instance the router chose and why; kept with the job, as a line of its log. */
  readonly routedBy?: string;
};

export type FollowOptions = {
  /** False: only status and end matter, so the log need not be written as it grows. Default true. */
  readonly withLog?: boolean;
};

/** What its time went into, in order: `queue`, the gates that held up its engine, `launch`, `retry`, `run`. */
export type JobTimeline = readonly {readonly cause: string; readonly ms: number}[];

/** Why a job is where it is (G12). */
export type JobWhy = {
  readonly taskID: number;
  readonly status: JobStatus;
  readonly priority: number;
  /** What it waits for now, in the order it meets them; empty when nothing holds it up. */
  readonly gates: readonly Gate[];
  /** Its place in its group's queue, from 1. */
  readonly position?: number;
  /** When its turn may come, and what that is reckoned from. */
  readonly eta?: {readonly ms: number; readonly basis: string};
  readonly timeline: JobTimeline;
};

export type Governance = {
  /** `body` is the parsed JSON of submit or execute, either form. Throws `LinkisError`; then nothing was accepted. */
  readonly submit: (body: unknown, caller: Caller, options: SubmitOptions) => Promise<Accepted>;
  /** The job as it is now, live or from the row; undefined if there is none. No permission check. */
  readonly find: (taskID: number) => Promise<JobView | undefined>;
  readonly stored: (taskID: number) => Promise<StoredJob | undefined>;
  /** Ends the job; see G4. Throws `LinkisError` when the wish could not be made durable. */
  readonly kill: (taskID: number, caller: Caller) => Promise<KillReport>;
  /** Undefined if there is no such job. No permission check. */
  readonly why: (taskID: number) => Promise<JobWhy | undefined>;
  /** False: it waits no more, so that its priority changes nothing. No permission check. */
  readonly setPriority: (taskID: number, priority: number) => Promise<boolean>;
  readonly logPosition: (taskID: number) => Promise<LogPosition | undefined>;
  readonly readLog: (
    taskID: number,
    fromLine: number,
    linesMax: number,
    bytesMax: number,
  ) => Promise<LogChunk | undefined>;
  /**
   * Tells what happens to a job from now on, synchronously and in order; first the present status and progress. For an
   * ended job only `end` comes. Returns what ends the following. Undefined if there is no such job.
   */
  readonly follow: (
    taskID: number,
    onNews: (news: JobNews) => void,
    options?: FollowOptions,
  ) => Promise<(() => void) | undefined>;
  /** Unfinished jobs of this node by group, for `entrance/operation/metrics/taskinfo` and metrics. */
  readonly load: () => readonly {
    readonly group: string;
    /** Absent from a node of the version before. */
    readonly tenant?: string;
    readonly user: string;
    readonly creator: string;
    readonly engineType: string;
    readonly running: number;
    readonly queued: number;
  }[];
  /** False while draining or before recovery has finished, with the reason. */
  readonly readiness: () => {readonly isReady: boolean; readonly why: string};
};
