/** The side of the handshake that dialled, as a pure machine: hello, check of the challenge, proof, welcome. */
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

type Dialling =
  | {readonly phase: 'opening'; readonly terms: HandshakeTerms}
  /** Hello sent. */
  | {readonly phase: 'greeting'; readonly terms: HandshakeTerms}
  /** Proof sent. */
  | {readonly phase: 'proving'; readonly peer: PeerIdentity};

type DiallerDecision = HandshakeDecision<Dialling>;

export const diallerHandshake = (terms: HandshakeTerms): Handshake =>
  handshakeOf<Dialling>({phase: 'opening', terms}, decide);

function decide(state: Dialling | HandshakePhase, input: HandshakeInput): DiallerDecision {
  if (state.phase === 'accepted' || state.phase === 'refused') return {state, effects: []};
  if (input.type === 'opened') {
    if (state.phase !== 'opening') return {state, effects: []};
    const {terms} = state;
    const text = JSON.stringify({type: 'hello', ...introductionOf(terms)});
    return {state: {phase: 'greeting', terms}, effects: [{type: 'send', text}]};
  }
  if (input.type !== 'received') return refuseInput(input);
  switch (state.phase) {
    case 'opening':
      return refuse('notUnderstood', 'it spoke before the hello');
    case 'greeting':
      return answerChallenge(state.terms, input.text);
    case 'proving': {
      const welcome = parseHandshakeMessage(input.text, 'welcome');
      if (typeof welcome === 'string') return refuse('notUnderstood', welcome);
      return {state: {phase: 'accepted'}, effects: [{type: 'accept', peer: state.peer}]};
    }
  }
}

function answerChallenge(terms: HandshakeTerms, text: string): DiallerDecision {
  const challenge = parseHandshakeMessage(text, 'challenge');
  if (typeof challenge === 'string') return refuse('notUnderstood', challenge);
  const objection = objectionTo(challenge, terms);
  if (objection !== undefined) return objection;
  const {proofs, instance, incarnation, roles, wireVersion} = challenge;
  if (commonWireVersion(terms.wire, challenge.wire) !== wireVersion) {
    return refuseVersions(challenge.wire, terms.wire);
  }
  const {channelBinding} = terms;
  const transcript: Transcript = {
    dialler: introductionOf(terms),
    acceptor: challenge,
    wireVersion,
    channelBinding,
  };
  const secret = terms.secrets.find(known => {
    const expected = proofOf(known, 'acceptor', transcript);
    return proofs.some(proof => isSameProof(proof, expected));
  });
  if (secret === undefined) return wrongSecret();
  return {
    state: {phase: 'proving', peer: {instance, incarnation, roles, wireVersion}},
    effects: [
      {type: 'send', text: JSON.stringify({type: 'proof', proof: proofOf(secret, 'dialler', transcript)})},
      // Already now: its first frames may come in one piece with the welcome.
      {type: 'trust'},
    ],
  };
}
