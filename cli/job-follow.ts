/**
 * Follows one job to its end, over as many sockets as it takes: after a break it connects again and asks for the line
 * after the last it has, so that no line is lost and none comes twice.
 */
import {setTimeout as delay} from 'node:timers/promises';
import type {JobStatus} from '../actors/domain/job.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {systemRandom} from '../actors/runtime/random.ts';
import {ConnectionError, RefusedError} from './command-error.ts';
import {connectionError, type FacadeClient} from './facade-client.ts';
import {followOnSocket, type SocketEnd} from './stream-client.ts';
import type {StreamFrame} from './stream-frame.ts';

export type JobFollow = {
  readonly client: FacadeClient;
  readonly taskID: number;
  /** Counted from 0. */
  readonly fromLine: number;
  /** Gets each frame once; `log` frames in order, gaps declared between them. */
  readonly onFrame: (frame: Exclude<StreamFrame, {type: 'error'}>) => Promise<void>;
  /** Told when the connection is lost, with the number of the next line, before it is sought again. */
  readonly onBreak: (why: string, nextLine: number) => void;
  readonly signal: AbortSignal;
  /** Without a frame for this long, over all attempts, the connection counts as lost for good. Default 120 s. */
  readonly patienceMs?: number;
};

export type FollowEnd =
  | {readonly type: 'ended'; readonly status: JobStatus}
  | {readonly type: 'aborted'; readonly nextLine: number};

/** A restart takes seconds, a take-over up to 15 s; more is for a machine that boots. */
const patienceMsDefault = 120_000;
const firstDelayMs = 100;
const delayMsMax = 5000;
/** The node's code for a log that can't be read at the moment. */
const logUnavailable = 80_123;
const unauthorized = 401;
const notLoggedInClose = 4401;

/** Rejects with `RefusedError` or `ConnectionError`, or what `onFrame` rejects with. */
export async function followJob(follow: JobFollow): Promise<FollowEnd> {
  const {client, taskID, onFrame, onBreak, signal, patienceMs = patienceMsDefault} = follow;
  let nextLine = follow.fromLine;
  let ended: JobStatus | undefined;
  let attempts = 0;
  let heardAtMs = systemClock.monotonicMs();
  let mustRenew = false;

  async function take(frame: StreamFrame): Promise<'done' | void> {
    if (frame.type === 'error') {
      if (frame.code === logUnavailable) throw new RetryError(frame.message);
      throw new RefusedError(frame.message, frame.code);
    }
    heardAtMs = systemClock.monotonicMs();
    attempts = 0;
    if (frame.type === 'log') {
      // The node sends what was asked for; should it send more, no line is shown twice.
      const lines = frame.lines.slice(Math.max(0, nextLine - frame.fromLine));
      if (frame.fromLine > nextLine) throw new RetryError(`line ${nextLine} was left out`);
      if (lines.length === 0) return undefined;
      const fromLine = nextLine;
      nextLine += lines.length;
      await onFrame({...frame, fromLine, lines});
      return undefined;
    }
    if (frame.type === 'gap') nextLine = Math.max(nextLine, frame.toLine);
    if (frame.type === 'end') {
      if (frame.lines > nextLine) throw new RetryError(`lines ${nextLine} to ${frame.lines} were left out`);
      ended = frame.status;
    }
    await onFrame(frame);
    return frame.type === 'end' ? 'done' : undefined;
  }

  async function connect(): Promise<SocketEnd> {
    const headers = await client.authorization(mustRenew ? 'renew' : undefined);
    return followOnSocket({url: client.url, headers, taskID, fromLine: nextLine, onFrame: take, signal});
  }

  for (;;) {
    // Each attempt begins where the one before it ended.
    // oxlint-disable-next-line no-await-in-loop
    const end = await connect().catch(retryable);
    if (ended !== undefined) return {type: 'ended', status: ended};
    if (signal.aborted) return {type: 'aborted', nextLine};
    if (isUnauthorized(end) && mustRenew)
      throw new RefusedError('Not logged in: the node ended the session.');
    mustRenew = isUnauthorized(end);
    const why = describe(client.url, end);
    if (systemClock.monotonicMs() - heardAtMs > patienceMs) {
      throw new ConnectionError(`${why} Go on with: tenon log ${taskID} --follow --from ${nextLine}`);
    }
    if (attempts === 0) onBreak(why, nextLine);
    const delayMs = Math.min(delayMsMax, firstDelayMs * 2 ** attempts) * (0.5 + systemRandom.next() / 2);
    attempts += 1;
    // oxlint-disable-next-line no-await-in-loop
    await delay(delayMs, undefined, {signal}).catch(() => undefined);
    if (signal.aborted) return {type: 'aborted', nextLine};
  }
}

/** Something that the next attempt may find in order. */
class RetryError extends Error {}

function retryable(error: unknown): SocketEnd {
  if (error instanceof RetryError || error instanceof ConnectionError) return {type: 'failed', error};
  throw error;
}

const isUnauthorized = (end: SocketEnd): boolean =>
  (end.type === 'refused' && end.httpStatus === unauthorized) ||
  (end.type === 'closed' && end.code === notLoggedInClose);

const retriedStatuses = new Set([unauthorized, 408, 429, 500, 502, 503, 504]);

/** What to tell; throws for an end that no further attempt can better. */
function describe(url: string, end: SocketEnd): string {
  switch (end.type) {
    case 'refused':
      if (!retriedStatuses.has(end.httpStatus)) {
        throw new RefusedError(`The node refused the stream with HTTP status ${end.httpStatus}.`);
      }
      return `The node refused the stream with HTTP status ${end.httpStatus}.`;
    case 'failed':
      return `${connectionError(url, end.error).message}${/[.!]$/.test(end.error.message) ? '' : '.'}`;
    case 'closed':
      return `The stream was closed (${end.code}${end.reason === '' ? '' : ` ${end.reason}`}).`;
    case 'done':
    case 'aborted':
      return 'The stream was closed.';
  }
}
