/**
 * The transport between nodes over WebSocket, plain or through TLS. Frames are binary and uncompressed; both sides have
 * proved that they know the cluster secret before the first one. docs/wire.md has the details.
 */
import type {Duplex} from 'node:stream';
import type {WebSocket} from 'ws';
import type {Clock} from '../actors/runtime/clock.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import {frameBytesMax, type Connection, type PeerIdentity, type Transport} from './connection.ts';
import {acceptorHandshake} from './handshake-acceptor.ts';
import {diallerHandshake} from './handshake-dialler.ts';
import {HandshakeGuard, type GuardLimits, type GuardReason} from './handshake-guard.ts';
import type {HandshakeTerms} from './handshake.ts';
import {nonceBytes, wireVersions, type NodeIdentity, type WireRange} from './hello.ts';
import {WsConnection} from './ws-transport-connection.ts';
import {dialNode} from './ws-transport-dialler.ts';
import {listenForNodes} from './ws-transport-listener.ts';
import {channelBindingOf, isCertifiedFor, type ClusterTls} from './ws-transport-tls.ts';

export type WsTransportOptions = {
  readonly identity: NodeIdentity;
  readonly clusterName: string;
  /** `previous` while the secret is changed: both are accepted. */
  readonly secret: {readonly current: Uint8Array; readonly previous?: Uint8Array};
  readonly listenHost: string;
  /** 0: any free one. */
  readonly listenPort: number;
  readonly tls?: ClusterTls;
  /** Wire versions to offer, where they are not this build's. */
  readonly wire?: WireRange;
  readonly clock: Clock;
  /** That many bytes nobody can foresee. */
  readonly randomBytes: (size: number) => Buffer;
  readonly log: RuntimeLog;
  readonly limits?: Partial<TransportLimits>;
};

export type TransportLimits = GuardLimits & {
  /** What a peer may send before it has proved itself, WebSocket framing included. */
  readonly unauthenticatedBytesMax: number;
  /** `onDrain` comes when fewer bytes wait, after that many did. */
  readonly drainBytes: number;
  /** How long a goodbye may take. */
  readonly closeGraceMs: number;
};

export const transportLimits: TransportLimits = {
  handshakeMs: 3000,
  newcomersMax: 64,
  arrivalsBurst: 64,
  arrivalsPerSecond: 32,
  unauthenticatedBytesMax: 64 * 1024,
  drainBytes: 64 * 1024,
  closeGraceMs: 1000,
};

export type WsTransport = Transport & {
  /** How many connections were not let in so far, by reason. */
  readonly refusals: () => ReadonlyMap<GuardReason, number>;
  /** Connections to the port that have not authenticated. */
  readonly newcomers: () => number;
};

export function createWsTransport(options: WsTransportOptions): WsTransport {
  const {identity, clusterName, secret, tls, clock, randomBytes, wire = wireVersions} = options;
  const limits = {...transportLimits, ...options.limits};
  const {closeGraceMs, drainBytes} = limits;
  const secrets = [secret.current, ...(secret.previous === undefined ? [] : [secret.previous])];
  const guard = new HandshakeGuard(limits, clock, options.log);
  const shared = {...limits, tls, clock, log: options.log, randomBytes, frameBytesMax};

  const termsFor = (socket: Duplex, isCertified: HandshakeTerms['isCertified']): HandshakeTerms => ({
    identity,
    clusterName,
    secrets,
    wire,
    nonce: randomBytes(nonceBytes).toString('base64url'),
    channelBinding: channelBindingOf(socket),
    isCertified,
  });
  const connectionOn =
    (isDialler: boolean) =>
    (ws: WebSocket, peer: PeerIdentity): Connection =>
      new WsConnection({ws, peer, isDialler, drainBytes, closeGraceMs, clock});

  return {
    dial: (address, signal) =>
      dialNode(
        address,
        signal,
        {
          ...shared,
          // TLS has compared the certificate with the name that was dialled.
          newHandshake: socket => diallerHandshake(termsFor(socket, () => true)),
        },
        connectionOn(true),
      ),
    listen: onConnection =>
      listenForNodes({
        ...shared,
        host: options.listenHost,
        port: options.listenPort,
        guard,
        newHandshake: socket =>
          acceptorHandshake(termsFor(socket, host => tls?.isMutual !== true || isCertifiedFor(socket, host))),
        onAccepted: (ws, peer) => onConnection(connectionOn(false)(ws, peer)),
      }),
    refusals: () => guard.refusals(),
    newcomers: () => guard.newcomers,
  };
}
