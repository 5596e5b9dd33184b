/** TLS between nodes: the same certificate serves a node when it listens and when it dials. */
import type {Duplex} from 'node:stream';
import {isIP} from 'node:net';
import {TLSSocket, type ConnectionOptions, type TlsOptions} from 'node:tls';

export type ClusterTls = {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Who may have signed the certificates of nodes; no public authority is trusted. */
  readonly ca: string | Buffer;
  /** Whether who dials must show a certificate too, made out to the host of its node name. */
  readonly isMutual: boolean;
};

// Older versions could not bind the proofs to the session reliably (RFC 9266).
const minVersion = 'TLSv1.3';
const exporterLabel = 'EXPORTER-Tenon-Cluster-Handshake';

export const listenerTls = ({key, cert, ca, isMutual}: ClusterTls, handshakeMs: number): TlsOptions => ({
  key,
  cert,
  ca,
  minVersion,
  requestCert: isMutual,
  rejectUnauthorized: isMutual,
  handshakeTimeout: handshakeMs,
});

export const diallerTls = ({key, cert, ca}: ClusterTls, host: string): ConnectionOptions => ({
  key,
  cert,
  ca,
  minVersion,
  // An address can't be asked for by name; it is compared with the certificate all the same.
  servername: isIP(host) === 0 ? host : '',
});

/** What only the two ends of this TLS session know; empty without TLS. */
export const channelBindingOf = (socket: Duplex): string =>
  socket instanceof TLSSocket
    ? socket.exportKeyingMaterial(32, exporterLabel, Buffer.alloc(0)).toString('base64url')
    : '';

/** Whether the peer's certificate names exactly that host, among its subject alternative names. */
export function isCertifiedFor(socket: Duplex, host: string): boolean {
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  return certificate.checkHost(host, {subject: 'never', wildcards: false}) !== undefined;
}
