/**
 * What the command's exit code says. Of a job that has ended it is the job's fate; commands that only ask or change
 * something answer 0 when they did so.
 */
import type {JobStatus} from '../actors/domain/job.ts';

export const exitCodes = {
  /** Done; of a job: it succeeded, or it has not ended yet and nobody waited for it. */
  ok: 0,
  failed: 1,
  usage: 2,
  cancelled: 3,
  timeout: 4,
  /** The node answered no: not logged in, not found, not yours, not valid, queue full. */
  refused: 5,
  /** No answer: nothing listens there, or the connection was lost and did not come back. */
  connection: 6,
  /** Ctrl-C, SIGTERM, a reader that closed its end: 128 and the signal's number, as shells count. */
  interrupted: 130,
  terminated: 143,
  brokenPipe: 141,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOf(status: JobStatus): ExitCode {
  switch (status) {
    case 'Failed':
      return exitCodes.failed;
    case 'Cancelled':
      return exitCodes.cancelled;
    case 'Timeout':
      return exitCodes.timeout;
    case 'Succeed':
    case 'Inited':
    case 'Scheduled':
    case 'Running':
    case 'WaitForRetry':
      return exitCodes.ok;
  }
}

/** For `tenon --help`. */
export const exitCodeHelp = `
Exit codes:
  0    done; the job succeeded, or has not ended yet
  1    the job failed
  2    the command line can't be used
  3    the job was cancelled
  4    the job ended by a timeout
  5    the node refused: not logged in, not found, not allowed, not valid
  6    no connection to the node
  130  Ctrl-C (submit --follow ends its job first, unless --keep; a second Ctrl-C leaves at once)`;
