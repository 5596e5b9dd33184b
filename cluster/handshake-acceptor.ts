/** The side of the handshake that was dialled, as a pure machine: challenge for a hello, welcome for a proof. */
import type {PeerIdentity} from './connection.ts';
import {
  handshakeOf,
  introductionOf,
  objectionTo,
  refuse,
  refuseInput,
  refuseVersions,
  wrongSecret,
  type Handshake,
  type HandshakeDecision,
  type HandshakeInput,
  type HandshakePhase,
  type HandshakeTerms,
} from './handshake.ts';
import {isSameProof, proofOf, type Transcript} from './handshake-proof.ts';
import {commonWireVersion, parseHandshakeMessage} from './hello.ts';

type Accepting =
  | {readonly phase: 'waiting'; readonly terms: HandshakeTerms}
  /** Challenge sent; only these proofs will do. */
  | {readonly phase: 'challenging'; readonly peer: PeerIdentity; readonly expected: readonly string[]};

type AcceptorDecision = HandshakeDecision<Accepting>;

export const acceptorHandshake = (terms: HandshakeTerms): Handshake =>
  handshakeOf<Accepting>({phase: 'waiting', terms}, decide);

function decide(state: Accepting | HandshakePhase, input: HandshakeInput): AcceptorDecision {
  if (state.phase === 'accepted' || state.phase === 'refused') return {state, effects: []};
  if (input.type === 'opened') return {state, effects: []};
  if (input.type !== 'received') return refuseInput(input);
  switch (state.phase) {
    case 'waiting':
      return answerHello(state.terms, input.text);
    case 'challenging': {
      const {peer, expected} = state;
      const message = parseHandshakeMessage(input.text, 'proof');
      if (typeof message === 'string') return refuse('notUnderstood', message);
      if (!expected.some(proof => isSameProof(proof, message.proof))) return wrongSecret();
      return {
        state: {phase: 'accepted'},
        effects: [
          {type: 'send', text: JSON.stringify({type: 'welcome'})},
          {type: 'trust'},
          {type: 'accept', peer},
        ],
      };
    }
  }
}

function answerHello(terms: HandshakeTerms, text: string): AcceptorDecision {
  const hello = parseHandshakeMessage(text, 'hello');
  if (typeof hello === 'string') return refuse('notUnderstood', hello);
  const objection = objectionTo(hello, terms);
  if (objection !== undefined) return objection;
  const {instance, incarnation, roles} = hello;
  const wireVersion = commonWireVersion(hello.wire, terms.wire);
  if (wireVersion === undefined) return refuseVersions(hello.wire, terms.wire);
  const own = introductionOf(terms);
  const {channelBinding, secrets} = terms;
  const transcript: Transcript = {dialler: hello, acceptor: own, wireVersion, channelBinding};
  const proofs = secrets.map(secret => proofOf(secret, 'acceptor', transcript));
  return {
    state: {
      phase: 'challenging',
      peer: {instance, incarnation, roles, wireVersion},
      expected: secrets.map(secret => proofOf(secret, 'dialler', transcript)),
    },
    effects: [{type: 'send', text: JSON.stringify({type: 'challenge', ...own, wireVersion, proofs})}],
  };
}
