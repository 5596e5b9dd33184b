/**
 * The WebSockets of the facade: the native stream at `/ws/v1/stream`, Linkis' socket at `/ws/api/entrance/connect`.
 * Decides who may connect and how many, looks after the sockets once a second, and ends them.
 */
import type {IncomingMessage, Server} from 'node:http';
import type {Duplex} from 'node:stream';
import type {Logger} from 'pino';
import {WebSocketServer} from 'ws';
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {Caller, Governance} from '../../actors/governance.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import {createAudit, type Audit} from '../audit.ts';
import {createCrossOrigin} from '../cross-origin.ts';
import {createJobAccess} from '../job-access.ts';
import {notLoggedInText} from '../linkis-text.ts';
import {ClientSocket, closeCodes, type Session} from './client-socket.ts';
import {LinkisSession} from './linkis-session.ts';
import {LogPages} from './log-pages.ts';
import {NativeSession} from './native-session.ts';
import {Reauthentication} from './reauthentication.ts';
import {streamSettings, type StreamSettings} from './stream-settings.ts';
import {
  isOriginAllowed,
  linkisSocketPath,
  refuseUpgrade,
  upgradePathOf,
  type UpgradePath,
} from './upgrade.ts';

export type StreamDependencies = {
  readonly governance: Governance;
  /**
   * Who sends this request, by session cookie or token headers; undefined if nobody we know. Asked again about every
   * `reauthenticateMs` per distinct credential while sockets are open.
   */
  readonly authenticateUpgrade: (request: IncomingMessage) => Promise<Caller | undefined>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly settings?: Partial<StreamSettings>;
  /** Where changes are noted. By default in the log only. */
  readonly audit?: Audit;
  /** Origins of pages from elsewhere that may open streams with the session cookie: `http.corsOrigins`. */
  readonly corsOrigins?: readonly string[];
};

export type Streams = {
  /** Takes no more sockets, tells the present ones to go elsewhere (1001), and resolves when all are closed. */
  readonly close: () => Promise<void>;
  readonly metrics: () => StreamMetrics;
};

export type StreamMetrics = {
  readonly sockets: number;
  readonly subscriptions: number;
  /** Bytes that wait for readers, shared ones counted once a reader. */
  readonly unreadBytes: number;
  readonly slowReadersCut: number;
  readonly upgradesRefused: number;
};

const checkMs = 500;
const pendingUpgradesMax = 1000;

/** Serves streams on the facade's HTTP server. Nothing else may listen to its `upgrade` event. */
export function attachStreams(server: Server, dependencies: StreamDependencies): Streams {
  const {governance, authenticateUpgrade, log, clock} = dependencies;
  const settings: StreamSettings = {...defaultsOf(streamSettings), ...dependencies.settings};
  const wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compression would cost each follower its own copy, and each socket some 100 KB.
    perMessageDeflate: false,
    maxPayload: settings.clientFrameBytesMax,
  });
  const crossOrigin = createCrossOrigin(dependencies.corsOrigins ?? []);
  const {audit = createAudit(log, clock)} = dependencies;
  const access = createJobAccess(governance, audit);
  const pages = new LogPages(governance, settings);
  const sessions = new Map<ClientSocket, Session & {readonly followedCount: number}>();
  const socketsByUser = new Map<string, number>();
  const reauthentication = new Reauthentication(authenticateUpgrade, clock, settings.reauthenticateMs);
  const whenEmpty: (() => void)[] = [];
  let pendingUpgrades = 0;
  let upgradesRefused = 0;
  let slowReadersCut = 0;
  let isClosing = false;

  const unreadBytesMax = (): number => {
    const share = settings.unreadBytesMax / Math.max(1, sessions.size);
    return Math.min(settings.unreadBytesPerSocketMax, Math.max(settings.unreadBytesPerSocketMin, share));
  };

  function refuse(request: IncomingMessage, connection: Duplex, ...why: RefusalReason): void {
    upgradesRefused++;
    refuseUpgrade(request, connection, ...why);
  }

  async function upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> {
    const path = upgradePathOf(request);
    if (path === undefined) return refuse(request, connection, 404, 1, 'There is no WebSocket here.');
    if (isClosing)
      return refuse(request, connection, 503, 1, 'This node is stopping. Connect to another one.');
    if (!isOriginAllowed(request, crossOrigin)) {
      const {origin} = request.headers;
      return refuse(
        request,
        connection,
        403,
        3,
        `Pages of ${origin} may not open streams here; see http.corsOrigins.`,
      );
    }
    if (sessions.size + pendingUpgrades >= settings.socketsMax || pendingUpgrades >= pendingUpgradesMax) {
      return refuse(
        request,
        connection,
        503,
        1,
        `This node serves ${sessions.size} sockets, its limit. Try another one.`,
      );
    }
    pendingUpgrades++;
    try {
      const caller = await withDeadline(authenticateUpgrade(request), settings.authenticationMs, clock);
      admit(path, request, connection, head, caller);
    } catch (error) {
      log.warn({error, path}, 'stream upgrade refused: the caller could not be checked');
      refuse(request, connection, 503, 1, 'Your login could not be checked now. Try again in a moment.');
    } finally {
      pendingUpgrades--;
    }
  }

  function admit(
    path: UpgradePath,
    request: IncomingMessage,
    connection: Duplex,
    head: Buffer,
    caller: Caller | undefined,
  ): void {
    if (connection.destroyed) return;
    // Linkis answers on the socket that nobody is logged in, and its clients wait for that.
    if (caller === undefined && path !== linkisSocketPath) {
      return refuse(request, connection, 401, -1, notLoggedInText);
    }
    const user = caller?.user ?? '';
    const count = socketsByUser.get(user) ?? 0;
    if (count >= settings.socketsPerUserMax) {
      return refuse(
        request,
        connection,
        429,
        1,
        `User ${user} has ${count} sockets open, the limit. Close some.`,
      );
    }
    wss.handleUpgrade(request, connection, head, ws => {
      const socket = new ClientSocket({
        ws,
        connection,
        request,
        caller,
        settings,
        clock,
        unreadBytesMax,
        onClosed,
      });
      const session =
        path === linkisSocketPath || caller === undefined
          ? new LinkisSession(caller, socket, {governance, access, audit, pages, settings, clock})
          : new NativeSession(caller, socket, {governance, access, pages, settings, clock});
      sessions.set(socket, session);
      socketsByUser.set(user, count + 1);
      reauthentication.add(socket);
      socket.attach(session);
    });
  }

  function onClosed(socket: ClientSocket): void {
    if (!sessions.delete(socket)) return;
    reauthentication.remove(socket);
    const user = socket.caller?.user ?? '';
    const count = (socketsByUser.get(user) ?? 1) - 1;
    if (count === 0) socketsByUser.delete(user);
    else socketsByUser.set(user, count);
    if (sessions.size === 0) for (const resolve of whenEmpty.splice(0)) resolve();
  }

  const onUpgrade = (request: IncomingMessage, connection: Duplex, head: Buffer): void => {
    // A peer that goes away meanwhile is no event of ours; without a listener it would end the process.
    connection.on('error', () => connection.destroy());
    void upgrade(request, connection, head);
  };

  let cancelCheck = clock.after(checkMs, check);
  function check(): void {
    cancelCheck = clock.after(checkMs, check);
    for (const socket of sessions.keys()) if (socket.check() === 'cut') slowReadersCut++;
    reauthentication.check();
  }

  server.on('upgrade', onUpgrade);
  return {
    async close() {
      isClosing = true;
      const closed = new Promise<void>(resolve => {
        if (sessions.size === 0) resolve();
        else whenEmpty.push(resolve);
      });
      for (const socket of sessions.keys()) {
        socket.close(
          closeCodes.goingAway,
          'This node stops. Reconnect; subscribe with the line after the last you have.',
        );
      }
      await closed;
      cancelCheck();
      server.off('upgrade', onUpgrade);
    },
    metrics: () => ({
      sockets: sessions.size,
      subscriptions: [...sessions.values()].reduce((sum, {followedCount}) => sum + followedCount, 0),
      unreadBytes: [...sessions.keys()].reduce((sum, {unreadBytes}) => sum + unreadBytes, 0),
      slowReadersCut,
      upgradesRefused,
    }),
  };
}

type RefusalReason =
  Parameters<typeof refuseUpgrade> extends [unknown, unknown, ...infer Rest] ? Rest : never;

async function withDeadline<T>(promise: Promise<T>, waitMs: number, clock: Clock): Promise<T> {
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(waitMs, () => reject(new Error(`no answer within ${waitMs} ms`)));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel?.();
  }
}
