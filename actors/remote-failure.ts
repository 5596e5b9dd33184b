/**
 * Failures that cross nodes. A class can't, so what it says does: code, text, name, and whether the same request may
 * succeed later. On arrival a failure is a `LinkisError` with that code again; the two kinds that callers tell apart by
 * their class, a database that is away and a fault of ours, become what they were.
 */
import {Type, type Static} from 'typebox';
import {LinkisError} from './domain/errors.ts';
import {DatabaseAwayError} from './ports.ts';

const textCharsMax = 65_536;

export const RemoteFailure = Type.Object({
  /** 0: no `LinkisError`. */
  code: Type.Integer(),
  message: Type.String({maxLength: textCharsMax}),
  name: Type.String({maxLength: 256}),
  retryable: Type.Boolean(),
});

export type RemoteFailure = Readonly<Static<typeof RemoteFailure>>;

/** A failure that another node answered with, under its own name and code. */
export class RemoteLinkisError extends LinkisError {
  override readonly name: string;
  readonly code: number;
  override readonly retryable: boolean;
  /** `host:port` of the node that said so. */
  readonly instance: string;

  constructor({code, message, name, retryable}: RemoteFailure, instance: string) {
    super(message);
    this.code = code;
    this.name = name;
    this.retryable = retryable;
    this.instance = instance;
  }
}

/** Another node met a fault of its own while it served a call; its log says more. */
export class RemoteFaultError extends Error {
  override readonly name = 'RemoteFaultError';

  constructor({message, name}: RemoteFailure, instance: string) {
    super(`${instance} failed with ${name}: ${message}`);
  }
}

export function toRemoteFailure(error: unknown): RemoteFailure {
  if (!(error instanceof Error))
    return {code: 0, message: clipped(String(error)), name: 'Error', retryable: false};
  const {message, name} = error;
  const isForeseen = error instanceof LinkisError;
  return {
    code: isForeseen ? error.code : 0,
    message: clipped(message),
    name: name.slice(0, 256),
    retryable: isForeseen && error.retryable,
  };
}

export function reviveFailure(failure: RemoteFailure, instance: string): Error {
  if (failure.code !== 0) return new RemoteLinkisError(failure, instance);
  return failure.name === 'DatabaseAwayError'
    ? new DatabaseAwayError(`${instance}: ${failure.message}`)
    : new RemoteFaultError(failure, instance);
}

/** Whether nobody foresaw it: worth a line in this node's log before it leaves for another. */
export const isFault = (error: unknown): boolean =>
  !(error instanceof LinkisError) && !(error instanceof DatabaseAwayError);

const clipped = (text: string): string => text.slice(0, textCharsMax);
