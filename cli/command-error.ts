/** Why a command ends without having done its work; the message is for the person at the terminal. */
import {exitCodes, type ExitCode} from './exit-code.ts';

export abstract class CommandError extends Error {
  abstract readonly exitCode: ExitCode;
}

/** The arguments, the environment or a file named there can't be used. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  readonly exitCode = exitCodes.usage;
}

/** The node answered no. */
export class RefusedError extends CommandError {
  override readonly name = 'RefusedError';
  readonly exitCode = exitCodes.refused;
  /** Linkis' number; 0 if the answer names none. */
  readonly code: number;

  constructor(message: string, code = 0) {
    super(message);
    this.code = code;
  }
}

/** There is no answer, or none that makes sense. */
export class ConnectionError extends CommandError {
  override readonly name = 'ConnectionError';
  readonly exitCode = exitCodes.connection;
}

/** Whoever read our output has stopped reading. Nobody is left to be told. */
export class BrokenPipeError extends CommandError {
  override readonly name = 'BrokenPipeError';
  readonly exitCode = exitCodes.brokenPipe;
}
