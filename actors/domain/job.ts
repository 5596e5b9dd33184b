/**
 * A job and the statuses it passes through. The names are those of Linkis' ExecutionNodeStatus: clients match on
 * them, so they are wire format.
 */
export const jobStatuses = [
  'Inited',
  'WaitForRetry',
  'Scheduled',
  'Running',
  'Succeed',
  'Failed',
  'Cancelled',
  'Timeout',
] as const;

export type JobStatus = (typeof jobStatuses)[number];
export type TerminalStatus = 'Succeed' | 'Failed' | 'Cancelled' | 'Timeout';

/**
 * Linkis compares enum positions instead, which lets `Succeed` become `Failed`; a table can be read, tested and drawn.
 * `Scheduled` and `Running` fall back to `Scheduled` when a restart finds that no engine had the job yet.
 */
export const successors: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  Inited: ['Scheduled', 'Failed', 'Cancelled', 'Timeout'],
  Scheduled: ['Running', 'WaitForRetry', 'Failed', 'Cancelled', 'Timeout'],
  Running: ['Succeed', 'WaitForRetry', 'Failed', 'Cancelled', 'Timeout'],
  WaitForRetry: ['Scheduled', 'Failed', 'Cancelled', 'Timeout'],
  Succeed: [],
  Failed: [],
  Cancelled: [],
  Timeout: [],
};

export const isTerminal = (status: JobStatus): status is TerminalStatus => successors[status].length === 0;

/** The statuses a job may have been in just before `status`. */
export const predecessors = (status: JobStatus): JobStatus[] =>
  jobStatuses.filter(earlier => successors[earlier].includes(status));

export type EngineTypeLabel = {readonly type: string; readonly version: string};

/** What a job is, fixed at submission. Everything that changes lives in the job actor and its row. */
export type JobSpec = {
  readonly taskID: number;
  readonly submitUser: string;
  readonly executeUser: string;
  readonly creator: string;
  /** Whose share of contended engines it uses; empty: that of everybody without a tenant. */
  readonly tenant: string;
  readonly engineType: EngineTypeLabel;
  /** Linkis' run type: `shell`, `python`, `sql`, … */
  readonly codeType: string;
  /** The code to run, after variable substitution and the other checks. */
  readonly code: string;
  /** Label key → string value, as stored. */
  readonly labels: Readonly<Record<string, string>>;
  readonly runtimeParams: Readonly<Record<string, unknown>>;
  readonly startupParams: Readonly<Record<string, unknown>>;
  /** Whether the engine serves this one job and ends with it (label `executeOnce`). */
  readonly executeOnce: boolean;
  readonly queuingTimeoutMs?: number;
  readonly runningTimeoutMs?: number;
  readonly attemptsMax: number;
  readonly retryDelayMs: number;
  /** Higher goes first within its group; Linkis' default is 100. */
  readonly priority: number;
  readonly createdAtMs: number;
  /** Absolute path of the log file, and of the directory that gets `_N.dolphin` files. */
  readonly logPath: string;
  readonly resultLocation: string;
  readonly requestId: string;
};

/** The queue a job waits in: Linkis' `creator_user_engineType`, without the engine's version. */
export const groupNameOf = (spec: Pick<JobSpec, 'creator' | 'executeUser' | 'engineType'>): string =>
  `${spec.creator}_${spec.executeUser}_${spec.engineType.type}`;

export type ProgressInfo = {
  readonly id: string;
  readonly totalTasks: number;
  readonly runningTasks: number;
  readonly failedTasks: number;
  readonly succeedTasks: number;
};
