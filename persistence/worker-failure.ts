/** Errors across the thread border: what callers tell apart survives, the rest keeps its name and stack for people. */
import {LinkisError} from '../actors/domain/errors.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import type {WorkerFailure} from './worker-protocol.ts';

/** A `LinkisError` of the database's thread, by name, code and message. */
export class StoreError extends LinkisError {
  override readonly name: string;
  override readonly code: number;
  override readonly retryable: boolean;

  constructor({name, code = 0, message, retryable = false}: WorkerFailure) {
    super(message);
    this.name = name;
    this.code = code;
    this.retryable = retryable;
  }
}

/** A mistake in our own code, or something the database never says. */
export class DatabaseFaultError extends Error {
  override readonly name = 'DatabaseFaultError';

  constructor({name, message, stack}: WorkerFailure) {
    super(`The database's thread failed with ${name}: ${message}`, {cause: stack});
  }
}

export function packFailure(error: unknown): WorkerFailure {
  if (!(error instanceof Error)) return {name: 'Error', message: String(error), stack: ''};
  const {name, message, stack = ''} = error;
  if (error instanceof DatabaseAwayError) return {name, message, stack, isUndone: error.isUndone};
  return error instanceof LinkisError
    ? {name, message, stack, code: error.code, retryable: error.retryable}
    : {name, message, stack};
}

export function unpackFailure(failure: WorkerFailure): Error {
  const {name, message, isUndone = false} = failure;
  if (name === 'DatabaseAwayError') return new DatabaseAwayError(message, {isUndone});
  return failure.code === undefined ? new DatabaseFaultError(failure) : new StoreError(failure);
}
