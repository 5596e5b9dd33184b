/**
 * The engine's side of the handshake, as a pure machine; `engine-handshake.ts` is the owner's, and draws it. Whoever
 * connects has to prove that it knows the secret before anything else is read from it.
 */
import {timingSafeEqual} from 'node:crypto';
import {
  decodeJson,
  encodeFrame,
  frameType,
  nonceBytes,
  proofBytes,
  protocolVersion,
  type Frame,
} from '../engine-frame.ts';
import {proofOf} from '../engine-handshake.ts';

/** The peer asked for what it may not have, or broke the protocol; `code` goes into the answer. */
export class OwnerRefusal extends Error {
  override readonly name = 'OwnerRefusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** This engine, and a nonce that serves for one connection. */
export type HandshakeSelf = {
  readonly engineId: string;
  readonly secret: Uint8Array;
  readonly nonce: Uint8Array;
};

export type OwnerHandshake =
  | {readonly phase: 'hello'}
  | {readonly phase: 'prove'; readonly ownerNonce: Uint8Array}
  | {
      readonly phase: 'proved';
      readonly claim: {readonly owner: string; readonly epoch: number};
      readonly engineProof: Uint8Array;
    };

const magic = 'TNEP';
const helloBytes = 8 + nonceBytes;

/** Takes one frame of a peer. Throws `OwnerRefusal`, and `EngineProtocolError` for a claim that is not JSON. */
export function shakeHands(
  handshake: OwnerHandshake,
  {type, payload}: Frame,
  self: HandshakeSelf,
): {readonly handshake: OwnerHandshake; readonly reply?: Buffer} {
  if (handshake.phase === 'hello' && type === frameType.hello) {
    const ownerNonce = ownerNonceOf(payload);
    return {handshake: {phase: 'prove', ownerNonce}, reply: challenge(self)};
  }
  if (handshake.phase === 'prove' && type === frameType.prove) {
    return {handshake: proved(handshake.ownerNonce, payload, self)};
  }
  throw new OwnerRefusal('outOfOrder', `Frame type 0x${type.toString(16)} does not belong here.`);
}

/** Accepts an owner whose claim is obeyed; `state` is what the engine says about itself. */
export const welcome = (engineProof: Uint8Array, state: Readonly<Record<string, unknown>>): Buffer =>
  encodeFrame(frameType.welcome, Buffer.concat([engineProof, Buffer.from(JSON.stringify(state))]));

function ownerNonceOf(hello: Buffer): Uint8Array {
  if (hello.length !== helloBytes || hello.toString('latin1', 0, 4) !== magic) {
    throw new OwnerRefusal('notThisProtocol', 'The first frame is not a hello of the engine protocol.');
  }
  const lowest = hello.readUInt16BE(4);
  const highest = hello.readUInt16BE(6);
  if (lowest > protocolVersion || highest < protocolVersion) {
    throw new OwnerRefusal(
      'version',
      `This engine speaks version ${protocolVersion}, the owner ${lowest} to ${highest}.`,
    );
  }
  return hello.subarray(8);
}

function challenge({engineId, nonce}: HandshakeSelf): Buffer {
  const version = Buffer.alloc(2);
  version.writeUInt16BE(protocolVersion);
  return encodeFrame(frameType.challenge, Buffer.concat([version, nonce, Buffer.from(engineId)]));
}

function proved(
  ownerNonce: Uint8Array,
  payload: Buffer,
  {engineId, secret, nonce}: HandshakeSelf,
): OwnerHandshake {
  const claim = payload.subarray(proofBytes);
  const said = {
    version: protocolVersion,
    ownerNonce,
    engineNonce: nonce,
    engineId: Buffer.from(engineId),
    claim,
  };
  const proof = payload.subarray(0, proofBytes);
  if (proof.length !== proofBytes || !timingSafeEqual(proof, proofOf(secret, 'owner', said))) {
    throw new OwnerRefusal('wrongSecret', 'The proof of the secret is wrong.');
  }
  const {owner, epoch} = decodeJson(claim);
  if (typeof owner !== 'string' || typeof epoch !== 'number' || !Number.isSafeInteger(epoch) || epoch < 0) {
    throw new OwnerRefusal('badClaim', 'A claim has an owner (text) and an epoch (whole number).');
  }
  return {phase: 'proved', claim: {owner, epoch}, engineProof: proofOf(secret, 'engine', said)};
}
