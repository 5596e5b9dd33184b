/** Dials one node: TCP, TLS where it is used, the upgrade to WebSocket, the handshake; all within one time limit. */
import {connect, type Socket} from 'node:net';
import {connect as connectTls} from 'node:tls';
import {WebSocket} from 'ws';
import type {Clock} from '../actors/runtime/clock.ts';
import type {PeerIdentity} from './connection.ts';
import type {Handshake} from './handshake.ts';
import {clusterPath, clusterProtocol} from './hello.ts';
import {LinkError, PeerGoneError} from './link-errors.ts';
import {parseNodeAddress} from './node-address.ts';
import {runHandshake, type HandshakeRun} from './ws-transport-handshake.ts';
import {diallerTls, type ClusterTls} from './ws-transport-tls.ts';

export type DialOptions = {
  readonly tls: ClusterTls | undefined;
  readonly clock: Clock;
  readonly frameBytesMax: number;
  readonly unauthenticatedBytesMax: number;
  readonly handshakeMs: number;
  readonly closeGraceMs: number;
  readonly randomBytes: (size: number) => Buffer;
  readonly newHandshake: (socket: Socket) => Handshake;
};

/** Resolves with what `accepted` makes of the socket. Rejects with `PeerGoneError` or `LinkError`. */
export function dialNode<Result>(
  address: string,
  signal: AbortSignal,
  options: DialOptions,
  accepted: (ws: WebSocket, peer: PeerIdentity) => Result,
): Promise<Result> {
  const node = parseNodeAddress(address);
  if (typeof node === 'string') return Promise.reject(new LinkError(address, `its address ${node}`));
  if (node.port === 0) return Promise.reject(new LinkError(address, 'port 0 is nobody’s'));
  if (signal.aborted) return Promise.reject(givenUp(address, signal));
  const {tls, clock, handshakeMs} = options;

  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connect(node) : connectTls({...node, ...diallerTls(tls, node.host)});
    let run: HandshakeRun | undefined;

    const settle = (): void => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: LinkError | PeerGoneError): void => {
      settle();
      reject(error);
    };
    const onAbort = (): void => {
      fail(givenUp(address, signal));
      socket.destroy();
    };
    const cancelTimer = clock.after(handshakeMs, () => {
      fail(new LinkError(address, `it did not answer within ${handshakeMs} ms`));
      if (run === undefined) socket.destroy();
      else run.handle({type: 'timePassed', ms: handshakeMs});
    });
    const onEarlyClose = (): void => fail(new LinkError(address, 'it closed the connection at once'));

    signal.addEventListener('abort', onAbort);
    socket.on('error', error => fail(dialError(address, error)));
    socket.once('close', onEarlyClose);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      let isTrusted = false;
      const {closeGraceMs, frameBytesMax: maxPayload, randomBytes} = options;
      const ws = new WebSocket(`ws://node${clusterPath}`, [clusterProtocol], {
        createConnection: () => socket,
        perMessageDeflate: false,
        maxPayload,
        // Masks protect proxies from strangers' frames. Between nodes they cost two thirds of the rate of large ones.
        generateMask: mask => void (isTrusted ? mask.fill(0) : mask.set(randomBytes(4))),
      });
      ws.on('error', error => fail(dialError(address, error)));
      ws.once('open', () => {
        socket.off('close', onEarlyClose);
        run = runHandshake({
          ws,
          socket,
          handshake: options.newHandshake(socket),
          bytesMax: options.unauthenticatedBytesMax,
          closeGraceMs,
          clock,
          onAccepted(peer) {
            isTrusted = true;
            settle();
            resolve(accepted(ws, peer));
          },
          onRefused: ({why}) => fail(new LinkError(address, why)),
        });
      });
    });
  });
}

const givenUp = (address: string, signal: AbortSignal): LinkError =>
  new LinkError(address, 'the attempt was given up', signal.reason);

/** What a failed attempt to connect says about the peer. */
export function dialError(address: string, error: Error): LinkError | PeerGoneError {
  return isRefusal(error) ? new PeerGoneError(address) : new LinkError(address, reasonOf(error), error);
}

/**
 * Whether the host itself said that nobody listens. A name may stand for several addresses; then each must have refused,
 * since behind one that keeps silent the node may be alive.
 */
function isRefusal(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isRefusal);
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

const reasonOf = (error: Error): string =>
  error instanceof AggregateError
    ? error.errors.map(each => (each instanceof Error ? each.message : String(each))).join(', ')
    : error.message;
