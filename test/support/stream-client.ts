/** A client of the native stream, and the facade's socket server around a played governance. */
import {createServer, type IncomingMessage, type Server} from 'node:http';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import {pino} from 'pino';
import {WebSocket, type ClientOptions} from 'ws';
import type {Caller} from '../../actors/governance.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {attachStreams, type StreamDependencies, type Streams} from '../../http/stream/stream-server.ts';
import {createLogGovernance, type LogGovernance} from './log-governance.ts';

export type StreamFrame = {readonly type: string; readonly taskID: number | null} & Readonly<
  Record<string, unknown>
>;

export type StreamWorld = LogGovernance & {
  readonly server: Server;
  readonly streams: Streams;
  /** `ws://127.0.0.1:port` */
  readonly url: string;
  /** Who the upgrade check finds: by the header `x-user`. A test may revoke some. */
  readonly revoked: Set<string>;
  /** What the streams logged. */
  readonly logged: Readonly<Record<string, unknown>>[];
  readonly connect: (user: string, options?: ClientOptions & {path?: string}) => Promise<StreamClient>;
  readonly stop: () => Promise<void>;
};

export type StreamClient = {
  readonly ws: WebSocket;
  readonly frames: StreamFrame[];
  readonly send: (frame: unknown) => void;
  readonly subscribe: (taskID: number, fromLine?: number) => void;
  /** Resolves with the oldest frame that fits and that no `next` returned before. Rejects after 10 s, or at the close. */
  readonly next: (fits: (frame: StreamFrame) => boolean) => Promise<StreamFrame>;
  readonly nextOf: (type: string) => Promise<StreamFrame>;
  /** The lines of a job in all `log` frames so far; throws if one does not go on where the one before ended. */
  readonly linesOf: (taskID: number, fromLine?: number) => string[];
  readonly closed: Promise<{readonly code: number; readonly reason: string}>;
};

export const callerNamed = (user: string): Caller => ({
  user,
  isAdmin: user === 'root',
  hasAdminToken: false,
  address: '127.0.0.1',
  requestId: 'test',
});

export async function createStreamWorld(
  settings: StreamDependencies['settings'] = {},
  dependencies: Partial<StreamDependencies> = {},
): Promise<StreamWorld> {
  const world = await createLogGovernance();
  const server = createServer((_request, response) => response.end());
  const revoked = new Set<string>();
  const logged: Record<string, unknown>[] = [];
  const streams = attachStreams(server, {
    governance: world.governance,
    async authenticateUpgrade({headers}: IncomingMessage) {
      const user = headers['x-user'];
      return typeof user === 'string' && !revoked.has(user) ? callerNamed(user) : undefined;
    },
    log: pino({}, {write: line => logged.push(JSON.parse(line) as Record<string, unknown>)}),
    clock: systemClock,
    settings,
    ...dependencies,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...world,
    server,
    streams,
    url,
    revoked,
    logged,
    async connect(user, {path = '/ws/v1/stream', ...options} = {}) {
      const ws = new WebSocket(url + path, {...options, headers: {'x-user': user, ...options.headers}});
      const client = readFrames(ws);
      await once(ws, 'open');
      return client;
    },
    async stop() {
      await streams.close();
      server.closeAllConnections();
      server.close();
      await world.close();
    },
  };
}

function readFrames(ws: WebSocket): StreamClient {
  const frames: StreamFrame[] = [];
  const unseen: StreamFrame[] = [];
  const waiting = new Set<() => void>();
  let isClosed = false;
  const wake = (): void => {
    for (const look of waiting) look();
  };
  ws.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as StreamFrame;
    frames.push(frame);
    unseen.push(frame);
    wake();
  });
  const closed = new Promise<{code: number; reason: string}>(resolve => {
    ws.once('close', (code, reason) => {
      isClosed = true;
      resolve({code, reason: String(reason)});
      wake();
    });
  });
  ws.on('error', () => undefined);
  const next: StreamClient['next'] = fits =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        waiting.delete(look);
        act();
      };
      const fail = (why: string): void =>
        settle(() => reject(new Error(`${why}; came: ${JSON.stringify(frames).slice(-2000)}`)));
      const timer = setTimeout(() => fail('no such frame in 10 s'), 10_000);
      const look = (): void => {
        const index = unseen.findIndex(fits);
        const [found] = index < 0 ? [] : unseen.splice(index, 1);
        if (found !== undefined) settle(() => resolve(found));
        else if (isClosed) fail('the socket closed');
      };
      waiting.add(look);
      look();
    });
  return {
    ws,
    frames,
    next,
    closed,
    send: frame => ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    subscribe: (taskID, fromLine) => ws.send(JSON.stringify({type: 'subscribe', taskID, fromLine})),
    nextOf: type => next(frame => frame.type === type),
    linesOf(taskID, fromLine = 0) {
      const lines: string[] = [];
      for (const frame of frames) {
        if (frame.type !== 'log' || frame.taskID !== taskID) continue;
        const from = Number(frame['fromLine']);
        if (from !== fromLine + lines.length) {
          throw new Error(`a frame starts at line ${from} after ${fromLine + lines.length}`);
        }
        lines.push(...(frame['lines'] as string[]));
      }
      return lines;
    },
  };
}
