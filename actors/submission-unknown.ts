/** What a client is told when nobody can say whether its submission was accepted. */
import {LinkisError} from './domain/errors.ts';

/** Begins idempotency keys that a gateway made up, as no client gave one. */
export const ownKeyPrefix = 'tenon:';

/** An entrance was given the submission, and whether it was accepted is not known: the job may run. */
export class SubmissionUnknownError extends LinkisError {
  override readonly name = 'SubmissionUnknownError';
  readonly code = 20962;

  /** `key`: what the client gave. */
  constructor(instance: string, key: string | null | undefined, why = 'did not say whether it accepted it') {
    const hasOwnKey = key !== undefined && key !== null && !key.startsWith(ownKeyPrefix);
    const advice = hasOwnKey
      ? 'Submit again with the same idempotency key: no second job comes of it.'
      : 'Look at your newest jobs before you submit again, or give an idempotency key next time.';
    super(`${instance} was given this submission and ${why}. ${advice}`);
  }
}

const submissionUnknownCode = 20962;

/** Also of one that another node has answered, or the history writer. */
export const isSubmissionUnknown = (error: unknown): boolean =>
  error instanceof LinkisError && error.code === submissionUnknownCode;
