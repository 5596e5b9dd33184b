/** The native stream of a node process, followed as a client does: lines are counted, hashed and checked for holes. */
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {WebSocket} from 'ws';
import type {NodeProcess} from './node-process.ts';

export type Frame = {readonly type: string; readonly taskID: number | null} & Readonly<
  Record<string, unknown>
>;

export type Followed = {
  /** All but `log` frames, in order. */
  readonly frames: readonly Frame[];
  /** Of the lines that came, at most the first 50,000. */
  readonly lines: readonly string[];
  /** The line after the last that came: where to go on. */
  readonly nextLine: number;
  /** SHA-256 over every line and its newline. */
  readonly sha256: string;
  /** Why it ended: the `end` or `error` frame's type, the wish of `until`, or the socket's close. */
  readonly over: 'end' | 'error' | 'until' | 'closed';
};

export type FollowOptions = {
  readonly fromLine?: number;
  /** Looked at after every frame; true leaves the stream. */
  readonly until?: (soFar: {readonly nextLine: number; readonly frames: readonly Frame[]}) => boolean;
  /** Called as soon as the job is followed. */
  readonly onOpen?: () => void;
  readonly limitMs?: number;
};

const linesKeptMax = 50_000;

/** Follows one job until its end. Rejects when a line is missing or comes twice, and after `limitMs` (60 s). */
export async function followJob(
  node: NodeProcess,
  cookie: string,
  taskID: number,
  {fromLine = 0, until = () => false, onOpen, limitMs = 60_000}: FollowOptions = {},
): Promise<Followed> {
  const socket = new WebSocket(`${node.url().replace('http', 'ws')}/ws/v1/stream`, {headers: {cookie}});
  const frames: Frame[] = [];
  const lines: string[] = [];
  const hash = createHash('sha256');
  let nextLine = fromLine;
  const {promise, resolve, reject} = Promise.withResolvers<Followed['over']>();
  // A socket that is refused fails twice, and is waited for once.
  promise.catch(() => undefined);
  const timer = setTimeout(() => {
    const seen = JSON.stringify(frames).slice(-1000);
    reject(
      new Error(`job ${taskID} was followed to line ${nextLine}, and did not end in ${limitMs} ms: ${seen}`),
    );
  }, limitMs);
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as Frame;
    if (frame.type === 'log') {
      const more = frame['lines'] as string[];
      if (frame['fromLine'] !== nextLine) {
        reject(new Error(`a frame starts at line ${String(frame['fromLine'])} where ${nextLine} was next`));
      }
      nextLine += more.length;
      hash.update(`${more.join('\n')}\n`);
      if (lines.length < linesKeptMax) lines.push(...more);
    } else {
      frames.push(frame);
    }
    if (frame.type === 'end' || frame.type === 'error') resolve(frame.type);
    else if (until({nextLine, frames})) resolve('until');
  });
  socket.on('close', () => resolve('closed'));
  // How a node that is killed lets go: with a reset, where it had not read all yet.
  socket.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ECONNRESET' && socket.readyState !== WebSocket.CONNECTING
      ? resolve('closed')
      : reject(error),
  );
  try {
    await once(socket, 'open');
    socket.send(JSON.stringify({type: 'subscribe', taskID, fromLine}));
    onOpen?.();
    const over = await promise;
    return {frames, lines, nextLine, sha256: hash.digest('hex'), over};
  } finally {
    clearTimeout(timer);
    socket.terminate();
  }
}
