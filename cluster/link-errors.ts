/** What can go wrong between two nodes. Codes are in docs/errors.md. */
import {LinkisError} from '../actors/domain/errors.ts';

/** Nobody listens at that address: the process is gone (decision 29). */
export class PeerGoneError extends LinkisError {
  override readonly name = 'PeerGoneError';
  readonly code = 20911;
  override readonly retryable = true;

  constructor(address: string) {
    super(`No process listens at ${address}. It was stopped or has died; others take over its jobs.`);
  }
}

/** No link to that node now. What was asked may or may not have happened there. */
export class LinkError extends LinkisError {
  override readonly name = 'LinkError';
  readonly code = 20912;
  override readonly retryable = true;

  constructor(address: string, why: string, cause?: unknown) {
    super(`No link to ${address}: ${why}. Look at the network between the nodes, and at that node's log.`, {
      cause,
    });
  }
}
