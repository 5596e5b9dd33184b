/** Refusals of the job history. */
import {LinkisError} from './errors.ts';
import type {JobStatus} from './job.ts';

/** A job that is asked for by its id. */
export class JobNotInHistoryError extends LinkisError {
  override readonly name = 'JobNotInHistoryError';
  readonly code = 20640;

  constructor(taskID: number) {
    super(`There is no job ${taskID} in the history, or you may not see it.`);
  }
}

/** The table of statuses has no such move. */
export class StatusMoveError extends LinkisError {
  override readonly name = 'StatusMoveError';
  readonly code = 20641;

  constructor(taskID: number, from: JobStatus, to: JobStatus) {
    super(`Job ${taskID} is ${from}, which can't become ${to}. Nothing was changed.`);
  }
}

/** Somebody else changed the job between looking and writing. */
export class StatusRaceError extends LinkisError {
  override readonly name = 'StatusRaceError';
  readonly code = 20642;
  override readonly retryable = true;

  constructor(taskID: number, why: string) {
    super(`Job ${taskID} was not changed: ${why}. Look at it again.`);
  }
}

/** A job that is saved must be new, and begin as `Inited`, or be refused as `Failed`. */
export class NotANewJobError extends LinkisError {
  override readonly name = 'NotANewJobError';
  readonly code = 20643;

  constructor(taskID: number, status: JobStatus) {
    super(
      `Job ${taskID} can't be saved as ${status}: a new job is Inited, or Failed when a check refused it.`,
    );
  }
}

/** More daily counters than one answer may read. */
export class StatisticsTooBroadError extends LinkisError {
  override readonly name = 'StatisticsTooBroadError';
  readonly code = 20644;

  constructor(countersMax: number) {
    super(
      `These statistics would read more than ${countersMax} daily counters. Ask for fewer days, or group by something else than users.`,
    );
  }
}

/** The dates or the grouping of a question for statistics. */
export class StatisticsQueryError extends LinkisError {
  override readonly name = 'StatisticsQueryError';
  readonly code = 20645;
}

/** Rows could not be written to the archive; so none of them was removed. */
export class ArchiveError extends LinkisError {
  override readonly name = 'ArchiveError';
  readonly code = 20646;
  override readonly retryable = true;

  constructor(path: string, cause: unknown) {
    super(
      `The archive ${path} could not be written: ${cause instanceof Error ? cause.message : String(cause)}.` +
        ' Nothing was removed; free space, or switch retention.archive off.',
      {cause},
    );
  }
}
