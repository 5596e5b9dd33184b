/**
 * One job followed on one socket, until the socket ends. Frames are handed on one after the other; while they are not
 * taken, the socket is not read, so that a slow reader costs no memory here and the node knows.
 */
import {WebSocket, type RawData} from 'ws';
import {systemClock} from '../actors/runtime/clock.ts';
import {parseFrame, type StreamFrame} from './stream-frame.ts';

export type SocketEnd =
  /** The node's answer to the upgrade was an ordinary one. */
  | {readonly type: 'refused'; readonly httpStatus: number}
  | {readonly type: 'closed'; readonly code: number; readonly reason: string}
  | {readonly type: 'failed'; readonly error: Error}
  /** `onFrame` said that it has enough. */
  | {readonly type: 'done'}
  | {readonly type: 'aborted'};

export type SocketRequest = {
  /** `http://…` or `https://…`, without a slash at its end. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly taskID: number;
  readonly fromLine: number;
  /** Resolves when the frame is dealt with; `'done'` ends the following. What it rejects with is handed on. */
  readonly onFrame: (frame: StreamFrame) => Promise<'done' | void>;
  readonly signal: AbortSignal;
};

/** A line may be 50 MB, and longer as JSON. */
const messageBytesMax = 512 * 1024 * 1024;
const unreadCharsMax = 4 * 1024 * 1024;
const handshakeTimeoutMs = 10_000;
const pingEveryMs = 15_000;
const closeTimeoutMs = 1000;

/** Never rejects but for what `onFrame` rejects with. */
export function followOnSocket({
  url,
  headers,
  taskID,
  fromLine,
  onFrame,
  signal,
}: SocketRequest): Promise<SocketEnd> {
  const {promise, resolve, reject} = Promise.withResolvers<SocketEnd>();
  const ws = new WebSocket(`${url.replace(/^http/, 'ws')}/ws/v1/stream`, {
    headers,
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
  });
  const waiting: string[] = [];
  let waitingChars = 0;
  let isPumping = false;
  let isAlive = true;
  let end: SocketEnd | undefined;
  let closed: SocketEnd | undefined;
  let stopPings = (): void => undefined;

  function finish(how: SocketEnd): void {
    end ??= how;
    ws.resume();
    ws.close();
    const cancel = systemClock.after(closeTimeoutMs, () => ws.terminate());
    ws.once('close', cancel);
  }

  const abort = (): void => finish({type: 'aborted'});

  async function pump(): Promise<void> {
    isPumping = true;
    try {
      for (let text = waiting.shift(); text !== undefined && end === undefined; text = waiting.shift()) {
        waitingChars -= text.length;
        const frame = parseFrame(text);
        // One after the other is the point.
        // oxlint-disable-next-line no-await-in-loop
        if (frame !== undefined && (await onFrame(frame)) === 'done') finish({type: 'done'});
        if (ws.isPaused && waitingChars < unreadCharsMax / 2) ws.resume();
      }
    } catch (error) {
      reject(error);
      finish({type: 'done'});
    }
    isPumping = false;
    settleIfOver();
  }

  /** What arrived before the end is dealt with first. */
  function settleIfOver(): void {
    if (closed === undefined || isPumping) return;
    stopPings();
    signal.removeEventListener('abort', abort);
    resolve(end ?? closed);
  }

  function ping(): void {
    // A socket that is not read shows no answers either.
    if (!isAlive && !ws.isPaused) {
      end ??= {type: 'failed', error: new Error(`nothing was heard for ${pingEveryMs / 1000} s`)};
      ws.terminate();
      return;
    }
    isAlive = ws.isPaused;
    ws.ping();
    stopPings = systemClock.after(pingEveryMs, ping);
  }

  ws.on('open', () => {
    ws.send(JSON.stringify({type: 'subscribe', taskID, fromLine}));
    ping();
  });
  ws.on('pong', () => {
    isAlive = true;
  });
  ws.on('message', data => {
    isAlive = true;
    const text = textOf(data);
    waiting.push(text);
    waitingChars += text.length;
    if (waitingChars > unreadCharsMax) ws.pause();
    if (!isPumping) void pump();
  });
  ws.on('unexpected-response', (_request, {statusCode = 0}) => {
    end ??= {type: 'refused', httpStatus: statusCode};
    ws.terminate();
  });
  ws.on('error', error => {
    end ??= {type: 'failed', error};
  });
  ws.on('close', (code, reason) => {
    closed = {type: 'closed', code, reason: String(reason)};
    settleIfOver();
  });
  signal.addEventListener('abort', abort, {once: true});
  if (signal.aborted) abort();
  return promise;
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString();
}
