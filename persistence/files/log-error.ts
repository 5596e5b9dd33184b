/** What can go wrong with a job's log file. */
import {LinkisError} from '../../actors/domain/errors.ts';

/** The disk refused log bytes: full, read-only, or failing. Nothing of the batch is visible; it may be tried again. */
export class LogWriteError extends LinkisError {
  override readonly name = 'LogWriteError';
  readonly code = 80101;
  override readonly retryable = true;

  constructor(path: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The log ${path} could not be written: ${why}. Free space or repair the disk; the batch can be appended again.`,
      {
        cause,
      },
    );
  }
}

/** More bytes wait for the disk than are allowed to: whoever appends did not wait for the appends before. */
export class LogBacklogError extends LinkisError {
  override readonly name = 'LogBacklogError';
  readonly code = 80102;
  override readonly retryable = true;

  constructor(path: string, waitingBytes: number, waitingBytesMax: number) {
    super(
      `${waitingBytes} bytes already wait to be written to ${path}, the limit is ${waitingBytesMax}.` +
        ' Wait for the appends before, then append again.',
    );
  }
}

/** The writer was closed, or another one was opened on the same log: that one alone may append. */
export class LogWriterClosedError extends LinkisError {
  override readonly name = 'LogWriterClosedError';
  readonly code = 80103;

  constructor(path: string) {
    super(
      `This writer of ${path} is closed; the log may have another one by now. Open the log again to append.`,
    );
  }
}

/** Appended bytes do not end with a line end. A half line would join the next one. */
export class PartialLineError extends LinkisError {
  override readonly name = 'PartialLineError';
  readonly code = 80104;

  constructor(path: string, bytes: number) {
    super(`${bytes} bytes for ${path} do not end in a line end. Append whole lines only.`);
  }
}
