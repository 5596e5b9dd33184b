/** Why a task did not succeed, as its owner gets it. Numbers are those of docs/engine-protocol.md, 7. */
import {LinkisError, type Failure} from '../../actors/domain/errors.ts';

export const failureCode = {
  memoryLimit: 50210,
  processLimit: 50211,
  diskLimit: 50212,
  diskFull: 50213,
  timedOut: 50214,
  killed: 50215,
  outputNotStored: 50217,
  engineFault: 50218,
  codeFailed: 50219,
} as const;

const messageCharactersMax = 4000;

export function failureOf(code: number, message: string, retryable = false): Failure {
  const cut = message.length > messageCharactersMax ? `${message.slice(0, messageCharactersMax)} …` : message;
  return {code, message: cut, retryable};
}

/** What an engine's `run` throws to end its task as failed, with a code and words of its own. */
export class TaskFailure extends LinkisError {
  override readonly name = 'TaskFailure';
  readonly code: number;
  override readonly retryable: boolean;

  constructor(
    code: number,
    message: string,
    options: {readonly retryable?: boolean; readonly cause?: unknown} = {},
  ) {
    super(message, {cause: options.cause});
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The reason of a task's `signal`: it was killed, took too long, or went beyond a limit. Let it through. */
export class TaskStoppedError extends Error {
  override readonly name = 'TaskStoppedError';
}

const fullDisk = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Of whatever `run` threw. */
export function failureFrom(error: unknown): Failure {
  if (error instanceof LinkisError) return failureOf(error.code, error.message, error.retryable);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && 'code' in error && fullDisk.has(String(error.code))) {
    return diskFull(message);
  }
  return failureOf(failureCode.codeFailed, message);
}

export const diskFull = (message: string): Failure =>
  failureOf(
    failureCode.diskFull,
    `The engine could not store the output of the job: ${message}. Free space on that file system, then submit again.`,
    true,
  );
