/**
 * What a job is told, what it knows and what it does, as types; `job.ts` decides. Reports carry the attempt they belong to,
 * which fences off answers to an earlier try.
 */
import type {Failure} from './domain/errors.ts';
import type {JobSpec, JobStatus, ProgressInfo, TerminalStatus} from './domain/job.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {KillReceipt, Resources} from './engine-governance.ts';
import type {GateName} from './gate.ts';
import type {KillReport} from './governance.ts';
import type {JobFacts, TaskEnd, WriteOutcome} from './ports.ts';
import type {Decision} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type KillReply = (report: KillReport) => void;

export type JobCommand =
  | {type: 'schedule'}
  | {type: 'kill'; by: string; reply: KillReply}
  | {type: 'armQueuingTimeout'; afterMs: number}
  /** After a take-over: the engine that has this attempt, or what is known of its absence. */
  | {type: 'resume'; engine: GrantedEngine}
  | {type: 'resumeFailed'; failure: Failure};

export type GrantedEngine = {
  readonly engineId: string;
  readonly ref: Ref<EngineCommand>;
  readonly isReused: boolean;
  /** How long its launch took, if it was started for this job. */
  readonly launchMs?: number;
  /** What held the request up before it was granted, as the manager said. */
  readonly waitedAt?: GateName;
  /** What the ledger holds for it. */
  readonly reserved?: Resources;
};

/** Answers to what the job itself set going. */
export type JobReport =
  | {type: 'engineGranted'; attempt: number; engine: GrantedEngine}
  | {type: 'engineDenied'; attempt: number; failure: Failure}
  | {type: 'executeFailed'; attempt: number; failure: Failure}
  | {type: 'output'; attempt: number; lines: Uint8Array; offset: number; taken: () => void}
  | {type: 'progressed'; attempt: number; progress: number; info: readonly ProgressInfo[]}
  | {type: 'taskEnded'; attempt: number; end: TaskEnd}
  | {type: 'engineLost'; attempt: number; reason: string}
  | {type: 'finishFailed'; failure: Failure}
  /** The log can't be written any more (disk full): the job is ended, for its output would be lost. */
  | {type: 'logFailed'; failure: Failure}
  | {type: 'recorded'; what: Recorded; outcome: WriteOutcome}
  | {type: 'queuingTimeoutPassed'}
  | {type: 'runningTimeoutPassed'}
  | {type: 'retryDue'}
  | {type: 'progressDue'}
  | {type: 'killAnswerDue'};

export type JobMessage = JobCommand | JobReport;

/** What a record was for: a mere note, or something that later steps hang on. */
export type Recorded = 'note' | 'start' | 'retry' | 'end';

export type JobPhase =
  | {readonly type: 'queued'}
  | {readonly type: 'asking'}
  | {readonly type: 'starting'; readonly engine: GrantedEngine}
  | {readonly type: 'running'; readonly engine: GrantedEngine}
  /** The wait for the next attempt is being recorded; once it is, the engine is given back and the timer runs. */
  | {readonly type: 'waiting'; readonly engine?: GrantedEngine; readonly isReusable: boolean}
  | {
      readonly type: 'ending';
      readonly status: TerminalStatus;
      readonly failure?: Failure;
      readonly engine?: GrantedEngine;
      readonly isReusable: boolean;
    }
  | {readonly type: 'ended'}
  | {readonly type: 'displaced'};

export type KillWish = {
  readonly by: string;
  readonly status: 'Cancelled' | 'Timeout' | 'Failed';
  readonly failure?: Failure;
};

export type JobState = {
  readonly spec: JobSpec;
  readonly owner: string;
  /** The last status known to be recorded, which is the one shown. */
  readonly status: JobStatus;
  readonly attempt: number;
  readonly phase: JobPhase;
  readonly progress: number;
  readonly progressInfo: readonly ProgressInfo[];
  readonly isProgressTimed: boolean;
  /** Whether its group counts it, as waiting or as running. */
  readonly isInGroup: boolean;
  /** Who wants the job's end, and as what. Set once; the first wish decides. */
  readonly kill?: KillWish;
  readonly killers: readonly KillReply[];
  /** What was done to end its processes. */
  readonly receipt?: KillReceipt;
};

export type Milestone = 'scheduled' | 'running' | 'retry' | 'completed';

export type JobEffect =
  /** The update's time and metrics are added where the effect meets the world. */
  | {
      type: 'record';
      /** Nothing waits for it, so it need not start a commit of its own. */
      isLazy?: boolean;
      what: Recorded;
      from: readonly JobStatus[];
      status?: JobStatus;
      progress?: number;
      failure?: Failure;
      facts?: Partial<JobFacts>;
      milestone?: Milestone;
      engine?: GrantedEngine;
    }
  | {type: 'requestEngine'; attempt: number}
  | {type: 'cancelRequest'; attempt: number}
  | {type: 'execute'; attempt: number; engine: GrantedEngine}
  | {type: 'follow'; attempt: number; engine: GrantedEngine}
  | {type: 'killTask'; attempt: number; engine: GrantedEngine; why: 'killed' | 'timedOut'}
  | {type: 'appendOutput'; lines: Uint8Array; offset: number; taken: () => void}
  | {type: 'publishResults'; attempt: number; engine: GrantedEngine}
  | {type: 'say'; level: 'INFO' | 'WARN' | 'ERROR'; text: string}
  | {type: 'closeLog'}
  | {type: 'confirm'; attempt: number; engine: GrantedEngine}
  | {type: 'release'; engine: GrantedEngine; isReusable: boolean}
  | {type: 'showStatus'; status: JobStatus}
  | {type: 'showProgress'; progress: number; info: readonly ProgressInfo[]}
  | {type: 'leaveGroup'}
  | {type: 'requeue'}
  | {type: 'answer'; to: readonly KillReply[]; report: KillReport}
  | {type: 'timer'; key: 'queuing' | 'running' | 'retry' | 'progress' | 'killAnswer'; afterMs: number}
  | {type: 'cancelTimer'; key: 'queuing' | 'running' | 'retry' | 'progress' | 'killAnswer'}
  | {type: 'stop'};

export const progressEveryMs = 5000;
/** Decision 46: the kill endpoint answers at the end of the processes, at most after this. */
export const killAnswerMs = 8000;

export type JobDecision = Decision<JobState, JobEffect>;

export const queuedJob = (spec: JobSpec, owner: string): JobState => ({
  spec,
  owner,
  status: 'Inited',
  attempt: 0,
  phase: {type: 'queued'},
  progress: 0,
  progressInfo: [],
  isProgressTimed: false,
  isInGroup: true,
  killers: [],
});

export const stay = (state: JobState, ...effects: JobEffect[]): JobDecision => ({state, effects});
