/** What can become of a question to an actor on another node. */
import {LinkisError} from '../actors/domain/errors.ts';

/** The node that held the actor is gone, or could not be reached. */
export class UnreachableError extends LinkisError {
  override readonly name = 'UnreachableError';
  readonly code = 20920;
  override readonly retryable = true;

  constructor(path: string, messageType: string, instance: string, why: string) {
    super(
      `Node ${instance}, where ${path} lives, ${why}: ${messageType} got no answer, and may have been carried out or not.` +
        ' Look at what it would have changed before it is sent again.',
    );
  }
}

/** The actor's node got the message, and the service's protocol has no such message. Nothing was done. */
export class NotUnderstoodError extends LinkisError {
  override readonly name = 'NotUnderstoodError';
  readonly code = 20921;

  constructor(path: string, messageType: string) {
    super(
      `Service ${path} does not know the message ${messageType}. Its node probably runs another version: compare them.`,
    );
  }
}

/** What waits for that node has reached its bound. Nothing was sent. */
export class LinkFullError extends LinkisError {
  override readonly name = 'LinkFullError';
  readonly code = 20922;
  override readonly retryable = true;

  constructor(path: string, messageType: string, instance: string) {
    super(
      `${messageType} was not sent to ${path}: too much waits for node ${instance} already. Try again in a moment; if it` +
        ' stays so, look whether that node is overloaded.',
    );
  }
}

/** A message holds what can't leave the process. Nothing was sent. */
export class UnsendableError extends LinkisError {
  override readonly name = 'UnsendableError';
  readonly code = 20923;

  constructor(what: string) {
    super(
      `A message for another node holds ${what}. Only plain objects, arrays, maps, strings, numbers, booleans, null,` +
        ' undefined, bytes and refs can be sent.',
    );
  }
}

/** A peer sent bytes that no correct peer sends. Its connection is ended and made anew. */
export class FrameError extends LinkisError {
  override readonly name = 'FrameError';
  readonly code = 20924;
  override readonly retryable = true;

  constructor(what: string) {
    super(`A frame of another node is not valid: ${what}. Compare the versions of both nodes.`);
  }
}
