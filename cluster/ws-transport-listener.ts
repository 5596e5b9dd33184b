/**
 * The port where other nodes arrive: an HTTP server that knows one path and nothing but upgrades. A connection is a
 * newcomer from the moment it is accepted until it has authenticated, through TLS, HTTP and handshake.
 */
import type {IncomingMessage, Server} from 'node:http';
import {createServer as createTlsServer} from 'node:https';
import {Socket} from 'node:net';
import type {Duplex} from 'node:stream';
import {WebSocketServer, type WebSocket} from 'ws';
import {LinkisError} from '../actors/domain/errors.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {PeerIdentity, TransportListener} from './connection.ts';
import type {Handshake} from './handshake.ts';
import type {GuardReason, HandshakeGuard, Newcomer} from './handshake-guard.ts';
import {clusterPath, clusterProtocol} from './hello.ts';
import {runHandshake, type HandshakeRun} from './ws-transport-handshake.ts';
import {listenerTls, type ClusterTls} from './ws-transport-tls.ts';

// An import would load Node's own fetch with it: 14 MB and 60 ms.
const {createServer} = process.getBuiltinModule('node:http');

export type ListenerOptions = {
  readonly host: string;
  readonly port: number;
  readonly tls: ClusterTls | undefined;
  readonly guard: HandshakeGuard;
  readonly clock: Clock;
  readonly log: RuntimeLog;
  readonly frameBytesMax: number;
  readonly unauthenticatedBytesMax: number;
  readonly handshakeMs: number;
  readonly closeGraceMs: number;
  readonly newHandshake: (socket: Duplex) => Handshake;
  readonly onAccepted: (ws: WebSocket, peer: PeerIdentity) => void;
};

/** The cluster port can't be bound. */
export class ClusterPortError extends LinkisError {
  override readonly name = 'ClusterPortError';
  readonly code = 20914;

  constructor(host: string, port: number, cause: Error) {
    const why = 'code' in cause ? String(cause.code) : cause.message;
    super(
      `Can't listen for other nodes on ${host}:${port} (${why}). Choose another port, or stop what has it.`,
      {cause},
    );
  }
}

/** Headers of a real dialler have less than 500 bytes. */
const headerBytesMax = 8192;

type Arrival = Newcomer & {run: HandshakeRun | undefined; isDropped: boolean};

/** Rejects with `ClusterPortError`. */
export async function listenForNodes(options: ListenerOptions): Promise<TransportListener> {
  const {host, port, tls, guard, handshakeMs, frameBytesMax} = options;
  const serverOptions = {maxHeaderSize: headerBytesMax, keepAlive: false};
  const server: Server =
    tls === undefined
      ? createServer(serverOptions)
      : createTlsServer({...serverOptions, ...listenerTls(tls, handshakeMs)});
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: frameBytesMax,
    handleProtocols: () => clusterProtocol,
  });
  /** By their end of the connection: with TLS the upgrade shows another socket than the one that was accepted. */
  const arrivals = new Map<string, Arrival>();

  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const arrival: Arrival = {
      address: addressOf(socket),
      run: undefined,
      isDropped: false,
      drop(reason) {
        if (reason === 'crowdedOut') {
          arrival.isDropped = true;
          return socket.destroy();
        }
        if (arrival.run !== undefined) return arrival.run.handle({type: 'timePassed', ms: handshakeMs});
        guard.refuse(arrival.address, reason, `it sent no whole request within ${handshakeMs} ms`);
        return socket.destroy();
      },
    };
    // A peer that goes away is no event of ours; without a listener it would end the process.
    socket.on('error', () => socket.destroy());
    if (!guard.arrive(arrival)) return socket.destroy();
    arrivals.set(key, arrival);
    socket.once('close', () => {
      arrivals.delete(key);
      guard.settle(arrival);
    });
  });

  const turnAway = (socket: Duplex, reason: GuardReason, why: string): void => {
    guard.refuse(addressOf(socket), reason, why);
    socket.destroy();
  };

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const arrival = arrivals.get(keyOf(socket));
    socket.on('error', () => socket.destroy());
    if (arrival === undefined) return socket.destroy();
    const offered = request.headers['sec-websocket-protocol']?.split(/, */) ?? [];
    if (request.url !== clusterPath || !offered.includes(clusterProtocol)) {
      return turnAway(socket, 'notWebSocket', `it asked for something else than ${clusterProtocol}`);
    }
    return sockets.handleUpgrade(request, socket, head, ws => {
      ws.on('error', () => undefined);
      arrival.run = runHandshake({
        ws,
        socket,
        handshake: options.newHandshake(socket),
        bytesMax: options.unauthenticatedBytesMax,
        closeGraceMs: options.closeGraceMs,
        clock: options.clock,
        onAccepted(peer) {
          guard.settle(arrival);
          options.onAccepted(ws, peer);
        },
        onRefused({reason, why}) {
          if (!arrival.isDropped) guard.refuse(arrival.address, reason, why);
        },
      });
    });
  });
  sockets.on('wsClientError', (error, socket) => turnAway(socket, 'notWebSocket', error.message));
  server.on('request', ({socket}: IncomingMessage, response) => {
    guard.refuse(addressOf(socket), 'notWebSocket', 'it sent a request that is no WebSocket upgrade');
    response.writeHead(426, {Connection: 'close', Upgrade: 'websocket', 'Content-Length': 0}).end();
  });
  server.on('clientError', (error: Error, socket: Duplex) => {
    if (!socket.destroyed) turnAway(socket, 'notWebSocket', `it sent no HTTP (${error.message})`);
  });
  server.on('tlsClientError', (error: Error, socket: Duplex) => {
    turnAway(socket, 'tlsFailed', `TLS failed (${error.message})`);
  });

  await bind(server, host, port);
  // Accepting may fail, for want of file descriptors say; those who came first go on.
  server.on('error', error => options.log.error({error}, 'A connection of another node could not be taken.'));
  const bound = server.address();
  return {
    host,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: async () => {
      // The port is free at once; what has authenticated belongs to its links, and stays.
      server.close();
      guard.dropAll();
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(new ClusterPortError(host, port, error));
    server.once('error', onError);
    server.listen({host, port}, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

const addressOf = (socket: Duplex): string =>
  (socket instanceof Socket ? socket.remoteAddress : undefined) ?? 'an address already gone';

const keyOf = (socket: Duplex): string =>
  socket instanceof Socket ? `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}` : '';
