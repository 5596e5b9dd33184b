/**
 * What both sides of the handshake have in common: what goes in, what comes out, and how one refuses. The sides themselves
 * are pure machines, handshake-dialler.ts and handshake-acceptor.ts; nonces, sockets and timers are their driver's.
 */
import type {PeerIdentity} from './connection.ts';
import type {Introduction, NodeIdentity, WireRange} from './hello.ts';
import {parseNodeAddress} from './node-address.ts';

export type HandshakeInput =
  /** The connection is there; the dialler speaks first. */
  | {readonly type: 'opened'}
  | {readonly type: 'received'; readonly text: string}
  | {readonly type: 'receivedBinary'}
  | {readonly type: 'receivedTooMuch'; readonly bytes: number}
  | {readonly type: 'timePassed'; readonly ms: number}
  | {readonly type: 'closed'; readonly code: number};

export type HandshakeEffect =
  | {readonly type: 'send'; readonly text: string}
  /** The peer has proved itself: what it sends from now on may be as long as a frame. */
  | {readonly type: 'trust'}
  | {readonly type: 'accept'; readonly peer: PeerIdentity}
  | ({readonly type: 'refuse'} & Refusal);

/** Why somebody is not let in. The peer learns the code, people read `why` in the log. */
export type Refusal = {readonly code: number; readonly reason: RefusalReason; readonly why: string};

export type RefusalReason =
  | 'wrongSecret'
  | 'wrongCertificate'
  | 'otherCluster'
  | 'itself'
  | 'noCommonVersion'
  | 'notUnderstood'
  | 'tooMuch'
  | 'tooSlow'
  | 'wentAway';

export const closeCodes = {
  protocolError: 1002,
  /** A text frame where frames are binary. */
  unsupportedData: 1003,
  tooLong: 1009,
  /** Not let in, for whatever reason. */
  unauthenticated: 4401,
  noCommonVersion: 4406,
} as const;

/** What one side brings to a handshake. */
export type HandshakeTerms = {
  readonly identity: NodeIdentity;
  readonly clusterName: string;
  /** The current one first. */
  readonly secrets: readonly Uint8Array[];
  readonly wire: WireRange;
  /** 32 bytes in base64url that nobody has used before. */
  readonly nonce: string;
  /** Keying material exported from the TLS session; empty without TLS. */
  readonly channelBinding: string;
  /** Whether the peer's certificate is that host's; always true where none is demanded. */
  readonly isCertified: (host: string) => boolean;
};

export type HandshakePhase = {readonly phase: 'accepted'} | {readonly phase: 'refused'};

export type HandshakeDecision<State> = {
  readonly state: State | HandshakePhase;
  readonly effects: readonly HandshakeEffect[];
};

/** One side of one handshake, for whoever drives it. */
export type Handshake = {readonly handle: (input: HandshakeInput) => readonly HandshakeEffect[]};

/** Holds the state of a machine for its driver. */
export function handshakeOf<State>(
  initial: State,
  decide: (state: State | HandshakePhase, input: HandshakeInput) => HandshakeDecision<State>,
): Handshake {
  let state: State | HandshakePhase = initial;
  return {
    handle(input) {
      const decision = decide(state, input);
      state = decision.state;
      return decision.effects;
    },
  };
}

export function refuse(
  reason: RefusalReason,
  why: string,
  code: number = closeCodes.unauthenticated,
): HandshakeDecision<never> {
  return {state: {phase: 'refused'}, effects: [{type: 'refuse', code, reason, why}]};
}

/** What ends the handshake on either side, in whichever phase. */
export function refuseInput(
  input: Exclude<HandshakeInput, {type: 'opened' | 'received'}>,
): HandshakeDecision<never> {
  switch (input.type) {
    case 'receivedBinary':
      return refuse('notUnderstood', 'it sent a binary frame before it was let in');
    case 'receivedTooMuch':
      return refuse('tooMuch', `it sent ${input.bytes} bytes before it was let in`);
    case 'timePassed':
      return refuse('tooSlow', `the handshake was not done within ${input.ms} ms`);
    case 'closed':
      return refuse('wentAway', `it closed the connection (${input.code}) ${explanationOf(input.code)}`);
  }
}

const explanationOf = (code: number): string => {
  if (code === closeCodes.unauthenticated) {
    return 'because it did not let us in: cluster name, secret and certificates of both nodes must fit';
  }
  if (code === closeCodes.noCommonVersion) return 'because it speaks no wire version that we speak';
  return 'before the handshake was done';
};

export const introductionOf = (terms: HandshakeTerms): Introduction => ({
  cluster: terms.clusterName,
  instance: terms.identity.instance,
  incarnation: terms.identity.incarnation,
  roles: [...terms.identity.roles],
  wire: terms.wire,
  nonce: terms.nonce,
});

/** What speaks against a peer before its proof is looked at; undefined when nothing does. */
export function objectionTo(peer: Introduction, terms: HandshakeTerms): HandshakeDecision<never> | undefined {
  if (peer.cluster !== terms.clusterName) {
    const names = `${JSON.stringify(peer.cluster)}, this is ${JSON.stringify(terms.clusterName)}`;
    return refuse('otherCluster', `it belongs to cluster ${names}`);
  }
  if (peer.incarnation === terms.identity.incarnation) return refuse('itself', 'it is this very node');
  const address = parseNodeAddress(peer.instance);
  if (typeof address === 'string' || !terms.isCertified(address.host)) {
    return refuse('wrongCertificate', `its certificate is not made out to the host of ${peer.instance}`);
  }
  return undefined;
}

export const refuseVersions = (peer: WireRange, own: WireRange): HandshakeDecision<never> =>
  refuse(
    'noCommonVersion',
    `it speaks wire versions ${peer.lowest} to ${peer.highest}, this node ${own.lowest} to ${own.highest};` +
      ' restart the older node with a release at most one step behind the newer',
    closeCodes.noCommonVersion,
  );

export const wrongSecret = (): HandshakeDecision<never> =>
  refuse(
    'wrongSecret',
    'it does not know the cluster secret; the secret file of both nodes must be the same',
  );
