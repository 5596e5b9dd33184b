/**
 * The owner's side of the handshake, as a pure machine.
 *
 *     hello ─▶        versions and our nonce
 *          ◀─ challenge   version chosen, the engine's nonce and id
 *     prove ─▶        HMAC over all of it and our claim
 *          ◀─ welcome     the engine's own HMAC, and the state it is in     (or: refused)
 *
 * The secret never travels, each nonce serves once, and both sides prove that they know it: a process that squats on a
 * socket path learns nothing.
 */
import {createHmac, timingSafeEqual} from 'node:crypto';
import {EngineProtocolError} from './engine-errors.ts';
import {
  decodeJson,
  encodeFrame,
  frameType,
  nonceBytes,
  proofBytes,
  protocolVersion,
  type Frame,
} from './engine-frame.ts';

/** Who attaches. `epoch` is that of the job the engine has; without one any number will do. */
export type OwnerClaim = {readonly owner: string; readonly epoch: number};

/** What the engine says about itself when it accepts an owner. */
export type EngineState = {
  readonly engineId: string;
  readonly pid: number;
  readonly task?: {
    readonly taskID: number;
    readonly attempt: number;
    readonly epoch: number;
    readonly hasEnded: boolean;
  };
};

export type Handshake =
  | {
      readonly phase: 'challenging';
      readonly secret: Uint8Array;
      readonly nonce: Uint8Array;
      readonly claim: Buffer;
    }
  | {readonly phase: 'proving'; readonly engineProof: Uint8Array}
  | {readonly phase: 'attached'; readonly state: EngineState}
  | {readonly phase: 'refused'; readonly code: string; readonly message: string};

const magic = Buffer.from('TNEP');

/** `nonce`: 32 bytes nobody has used before. */
export function beginHandshake(
  secret: Uint8Array,
  nonce: Uint8Array,
  claim: OwnerClaim,
): {readonly handshake: Handshake; readonly hello: Buffer} {
  const versions = Buffer.alloc(4);
  versions.writeUInt16BE(protocolVersion, 0);
  versions.writeUInt16BE(protocolVersion, 2);
  return {
    handshake: {phase: 'challenging', secret, nonce, claim: Buffer.from(JSON.stringify(claim))},
    hello: encodeFrame(frameType.hello, Buffer.concat([magic, versions, nonce])),
  };
}

/** Takes one frame from the engine. Throws `EngineProtocolError` for whatever does not belong there. */
export function continueHandshake(
  handshake: Handshake,
  {type, payload}: Frame,
): {readonly handshake: Handshake; readonly reply?: Buffer} {
  if (type === frameType.refused) {
    const {code, message} = decodeJson(payload);
    return {handshake: {phase: 'refused', code: String(code), message: String(message)}};
  }
  if (handshake.phase === 'challenging' && type === frameType.challenge) {
    return answerChallenge(handshake, payload);
  }
  if (handshake.phase === 'proving' && type === frameType.welcome) {
    const proof = payload.subarray(0, proofBytes);
    if (proof.length !== proofBytes || !timingSafeEqual(proof, handshake.engineProof)) {
      throw new EngineProtocolError('whoever listens on the socket does not know the secret of this engine');
    }
    return {handshake: {phase: 'attached', state: engineState(decodeJson(payload.subarray(proofBytes)))}};
  }
  throw new EngineProtocolError(`frame type ${type} came while ${handshake.phase}`);
}

function answerChallenge(
  {secret, nonce, claim}: Extract<Handshake, {phase: 'challenging'}>,
  payload: Buffer,
): {readonly handshake: Handshake; readonly reply: Buffer} {
  const version = payload.length < 2 + nonceBytes ? 0 : payload.readUInt16BE(0);
  if (version !== protocolVersion) {
    throw new EngineProtocolError(`the engine chose version ${version}, we offered ${protocolVersion}`);
  }
  const engineNonce = payload.subarray(2, 2 + nonceBytes);
  const engineId = payload.subarray(2 + nonceBytes);
  const prove = (role: 'owner' | 'engine'): Buffer =>
    proofOf(secret, role, {version, ownerNonce: nonce, engineNonce, engineId, claim});
  return {
    handshake: {phase: 'proving', engineProof: prove('engine')},
    reply: encodeFrame(frameType.prove, Buffer.concat([prove('owner'), claim])),
  };
}

/** HMAC-SHA-256 over all both sides said; `role` keeps one side's proof from serving as the other's. */
export function proofOf(
  secret: Uint8Array,
  role: 'owner' | 'engine',
  said: {
    readonly version: number;
    readonly ownerNonce: Uint8Array;
    readonly engineNonce: Uint8Array;
    readonly engineId: Uint8Array;
    readonly claim: Uint8Array;
  },
): Buffer {
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16BE(said.version, 0);
  numbers.writeUInt16BE(said.engineId.length, 2);
  return createHmac('sha256', secret)
    .update(`tenon-engine ${role}\0`)
    .update(numbers.subarray(0, 2))
    .update(said.ownerNonce)
    .update(said.engineNonce)
    .update(numbers.subarray(2))
    .update(said.engineId)
    .update(said.claim)
    .digest();
}

function engineState(value: Record<string, unknown>): EngineState {
  const {engineId, pid, task} = value;
  if (typeof engineId !== 'string' || typeof pid !== 'number') {
    throw new EngineProtocolError('the welcome lacks engineId or pid');
  }
  if (typeof task !== 'object' || task === null) return {engineId, pid};
  const {taskID, attempt, epoch, hasEnded}: Record<string, unknown> = {...task};
  if (typeof taskID !== 'number' || typeof attempt !== 'number' || typeof epoch !== 'number') {
    throw new EngineProtocolError('the task in the welcome lacks taskID, attempt or epoch');
  }
  return {engineId, pid, task: {taskID, attempt, epoch, hasEnded: hasEnded === true}};
}
