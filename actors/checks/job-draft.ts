/**
 * What the checks read and change, and what each of them is: a pure function from draft to draft that throws a
 * `LinkisError` when the job must not run. Codes and texts are Linkis' (contract 4.3).
 */
import type {EngineTypeLabel} from '../domain/job.ts';
import type {Params} from '../domain/job-params.ts';
import type {Labels} from '../domain/label.ts';
import type {SubmissionSettings} from '../submission-settings.ts';

export type JobDraft = {
  readonly submitUser: string;
  readonly executeUser: string;
  readonly creator: string;
  readonly engineType: EngineTypeLabel;
  readonly codeType: string;
  readonly code: string;
  readonly labels: Labels;
  readonly params: Params;
  /** Empty: none. */
  readonly tenant: string;
  /** What the checks did, for the job's log: sentences without time and level. */
  readonly logLines: readonly string[];
};

export type CheckContext = {
  readonly nowMs: number;
  /** IANA name of the zone that dates in code are meant in. */
  readonly timeZone: string;
  /** Attempts and wait of a job without retry labels. */
  readonly jobAttemptsMax: number;
  readonly jobRetryDelayMs: number;
  readonly settings: SubmissionSettings;
  /** The tenant that the configuration gives a user and creator; empty: none. */
  readonly configuredTenant?: (user: string, creator: string) => string;
};

export type Check = (draft: JobDraft, context: CheckContext) => JobDraft;
