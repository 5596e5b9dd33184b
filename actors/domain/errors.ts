/**
 * Failures that people and clients see. The class is the identity; the code is Linkis' number for the wire, which
 * clients and dashboards match on. Messages say what happened, with values, and what the reader can do.
 */
export abstract class LinkisError extends Error {
  abstract readonly code: number;
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean = false;
}

/** Linkis' `level` field in `data.errorMsg`. */
export const errorLevel = {warn: 1, error: 2, fatal: 3, retry: 4} as const;

/** A failure carried as a value across actors, processes and rows. */
export type Failure = {readonly code: number; readonly message: string; readonly retryable: boolean};

export function toFailure(error: unknown): Failure {
  if (error instanceof LinkisError) {
    return {code: error.code, message: error.message, retryable: error.retryable};
  }
  return {code: 0, message: error instanceof Error ? error.message : String(error), retryable: false};
}

/** Submission refused because its row could not be committed. Nothing was stored; the same request may succeed later. */
export class PersistJobRequestError extends LinkisError {
  override readonly name = 'PersistJobRequestError';
  readonly code = 20052;
  override readonly retryable = true;

  constructor(cause?: unknown) {
    super('Persist jobRequest error, please submit again later(存储Job异常，请稍后重新提交任务)', {cause});
  }
}

/** The group's queue is at its limit. Nothing was stored. */
export class QueueFullError extends LinkisError {
  override readonly name = 'QueueFullError';
  readonly code = 12001;
  override readonly retryable = true;

  /** `unit`: what is counted, jobs or bytes. */
  constructor(owner: string, waiting: number, waitingMax: number, unit: 'jobs' | 'bytes' = 'jobs') {
    super(
      `The submission queue is full: ${owner} has ${waiting} ${unit} waiting, its limit is ${waitingMax}.` +
        ' Wait until some have ended, or kill what is not needed.',
    );
  }
}

/** The node is leaving; another one, or this one after its restart, takes the job. */
export class DrainingError extends LinkisError {
  override readonly name = 'DrainingError';
  readonly code = 20053;
  override readonly retryable = true;

  constructor() {
    super('This instance is shutting down and takes no new jobs. Submit again in a moment.');
  }
}
