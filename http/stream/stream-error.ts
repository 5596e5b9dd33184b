/** What a client of the streams may get wrong, or must be told. */
import {LinkisError} from '../../actors/domain/errors.ts';

/** The job is not there, or not the caller's: which of both is nobody's business. Linkis' code for an unreadable log. */
export class JobNotReadableError extends LinkisError {
  override readonly name = 'JobNotReadableError';
  readonly code = 80018;

  constructor(taskID: number, user: string) {
    super(
      `This user has no permission to read this log(该用户无权限读取此日志)! User ${user} has no job ${taskID}.` +
        " Check the number, or ask the job's owner.",
    );
  }
}

/** A frame from the client that is no request. */
export class StreamRequestError extends LinkisError {
  override readonly name = 'StreamRequestError';
  readonly code = 80121;

  constructor(what: string) {
    super(`${what} Send {"type":"subscribe","taskID":7,"fromLine":0} or {"type":"unsubscribe","taskID":7}.`);
  }
}

/** The socket follows as many jobs as it may. */
export class SubscriptionLimitError extends LinkisError {
  override readonly name = 'SubscriptionLimitError';
  readonly code = 80122;

  constructor(subscriptionsMax: number) {
    super(
      `This socket already follows ${subscriptionsMax} jobs, which is its limit.` +
        ' Unsubscribe from some, or open another socket.',
    );
  }
}

/** The log could not be read; the job itself is not affected. */
export class LogUnavailableError extends LinkisError {
  override readonly name = 'LogUnavailableError';
  readonly code = 80123;
  override readonly retryable = true;

  constructor(taskID: number, nextLine: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`The log of job ${taskID} could not be read: ${why}. Subscribe again with fromLine ${nextLine}.`, {
      cause,
    });
  }
}
