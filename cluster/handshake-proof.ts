/**
 * The proof that somebody knows the cluster secret: an HMAC over everything both sides have said, and over who says it.
 * The nonces keep an old proof from being used again, the direction keeps one side's from serving as the other's, and the
 * channel binding keeps it from being passed on through another TLS session.
 */
import {createHmac, timingSafeEqual} from 'node:crypto';
import type {Introduction} from './hello.ts';

export type Direction = 'dialler' | 'acceptor';

/** What was said before the proofs. */
export type Transcript = {
  readonly dialler: Introduction;
  readonly acceptor: Introduction;
  readonly wireVersion: number;
  /** Keying material exported from the TLS session; empty without TLS. */
  readonly channelBinding: string;
};

/** In base64url, 43 characters. `direction` is the side that proves. */
export function proofOf(secret: Uint8Array, direction: Direction, transcript: Transcript): string {
  const {dialler, acceptor, wireVersion, channelBinding} = transcript;
  // Lists of JSON, so that no two transcripts have the same text, whatever their fields hold.
  const said = [
    'tenon-cluster-handshake-1',
    direction,
    fieldsOf(dialler),
    fieldsOf(acceptor),
    wireVersion,
    channelBinding,
  ];
  return createHmac('sha256', secret).update(JSON.stringify(said)).digest('base64url');
}

/** In constant time. */
export function isSameProof(one: string, other: string): boolean {
  const bytes = Buffer.from(one, 'base64url');
  const otherBytes = Buffer.from(other, 'base64url');
  return bytes.length === otherBytes.length && timingSafeEqual(bytes, otherBytes);
}

const fieldsOf = ({cluster, instance, incarnation, roles, wire, nonce}: Introduction): readonly unknown[] => [
  cluster,
  instance,
  incarnation,
  roles,
  wire.lowest,
  wire.highest,
  nonce,
];
