/**
 * One connection to an engine's socket, from its first byte to the last: handshake, requests, and the stream of one
 * spool.
 *
 *     hello ──▶ prove ──▶ attached ──▶ finishing ──▶ closed
 *
 * The stream is never ahead of the spool, and at most `windowBytes` ahead of what the owner acknowledged. A connection is
 * closed only after the peer was read to its end: closing with unread input would throw away what we had still to say.
 */
import {randomBytes} from 'node:crypto';
import type {Socket} from 'node:net';
import type {Clock} from '../../actors/runtime/clock.ts';
import {EngineProtocolError, FrameLengthError} from '../engine-errors.ts';
import {
  createFrameDecoder,
  decodeJson,
  encodeFrame,
  encodeJson,
  frameType,
  nonceBytes,
  type Frame,
} from '../engine-frame.ts';
import {
  OwnerRefusal,
  shakeHands,
  welcome,
  type HandshakeSelf,
  type OwnerHandshake,
} from './owner-handshake.ts';
import type {SpoolFile} from './spool-file.ts';

const strangerFrameBytesMax = 4096;
const ownerFrameBytesMax = 32 * 1024 * 1024;
const chunkBytes = 64 * 1024;
const ackBytes = 20;
const handshakeMsMax = 5000;
const lingerMs = 2000;
/** It asks and asks, and does not read our answers. */
const unreadBytesMax = 8 * 1024 * 1024;
/** Less is waiting in the socket: more of the spool may go out. */
const socketBytesMax = 256 * 1024;

/** What can be followed. */
export type FollowedTask = {
  readonly taskID: number;
  readonly attempt: number;
  readonly spool: SpoolFile;
  /** Looks again whether its job may go on writing. */
  readonly pace: () => void;
};

/** Who decides what a connection may have. All throw `OwnerRefusal` for what may not be. */
export type ConnectionHost = {
  readonly engineId: string;
  readonly secret: Uint8Array;
  readonly windowBytes: number;
  readonly clock: Clock;
  /** What the engine says about itself to an owner it obeys. */
  readonly claim: (owner: string, epoch: number) => Readonly<Record<string, unknown>>;
  /** Carries out a request; what it returns is called after the reply was sent. */
  readonly request: (
    connection: OwnerConnection,
    request: Readonly<Record<string, unknown>>,
  ) => (() => void) | undefined;
  readonly attached: (connection: OwnerConnection) => void;
  /** It is no owner any more, and says what it has left to say. */
  readonly detached: (connection: OwnerConnection) => void;
  readonly closed: (connection: OwnerConnection) => void;
};

/** What of a spool was sent and acknowledged on this connection. */
type Following = {readonly task: FollowedTask; sent: number; acknowledged: number};

export class OwnerConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #self: HandshakeSelf;
  #phase: 'handshake' | 'attached' | 'finishing' | 'closed' = 'handshake';
  #handshake: OwnerHandshake = {phase: 'hello'};
  #following: Following | undefined;
  #cancelTimer: () => void;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#self = {engineId: host.engineId, secret: host.secret, nonce: randomBytes(nonceBytes)};
    this.#cancelTimer = host.clock.after(handshakeMsMax, () =>
      this.refuse('tooSlow', `The handshake took longer than ${handshakeMsMax / 1000} s.`),
    );
    const decoder = createFrameDecoder(() =>
      this.#phase === 'attached' ? ownerFrameBytesMax : strangerFrameBytesMax,
    );
    socket.on('data', (chunk: Buffer) => {
      if (this.#phase === 'finishing' || this.#phase === 'closed') return;
      try {
        for (const frame of decoder.push(chunk)) this.#handle(frame);
      } catch (error) {
        this.#refuseFor(error);
      }
    });
    socket.on('drain', () => this.pump());
    socket.on('end', () => this.finish());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  /** What it follows, and how much of that was acknowledged. */
  get following(): {readonly task: FollowedTask; readonly acknowledged: number} | undefined {
    return this.#following;
  }

  /** Whether something that is followed was not acknowledged yet. */
  get hasMore(): boolean {
    return this.#following !== undefined && this.#following.acknowledged < this.#following.task.spool.size;
  }

  startFollowing(task: FollowedTask, offset: number, acknowledged: number): void {
    if (this.#phase !== 'attached' || task.spool.size < offset) return;
    this.#following = {task, sent: offset, acknowledged};
    task.pace();
    this.pump();
  }

  stopFollowing(): void {
    this.#following = undefined;
  }

  /** Sends what the window and the socket take. */
  pump(): void {
    while (this.#phase === 'attached' && this.#socket.writableLength < socketBytesMax) {
      const frame = this.#nextData();
      if (frame === undefined) return;
      this.#socket.write(frame);
    }
  }

  notice(value: Readonly<Record<string, unknown>>): void {
    this.#send(encodeJson(frameType.notice, value));
  }

  refuse(code: string, message: string): void {
    this.#send(encodeJson(frameType.refused, {code, message}));
    this.finish();
  }

  /** Says what is left to say, then waits for the peer to close. */
  finish(): void {
    if (this.#phase === 'finishing' || this.#phase === 'closed') return;
    this.#phase = 'finishing';
    this.#following = undefined;
    this.#cancelTimer();
    this.#cancelTimer = this.#host.clock.after(lingerMs, () => this.#socket.destroy());
    this.#socket.end();
    this.#host.detached(this);
  }

  #handle(frame: Frame): void {
    if (this.#phase === 'handshake') this.#shakeHands(frame);
    else if (this.#phase !== 'attached') return;
    else if (frame.type === frameType.ack) this.#acknowledged(frame.payload);
    else if (frame.type === frameType.request) this.#request(decodeJson(frame.payload));
    else
      throw new OwnerRefusal('outOfOrder', `Frame type 0x${frame.type.toString(16)} does not belong here.`);
  }

  #shakeHands(frame: Frame): void {
    const next = shakeHands(this.#handshake, frame, this.#self);
    this.#handshake = next.handshake;
    if (next.reply !== undefined) this.#send(next.reply);
    if (next.handshake.phase !== 'proved') return;
    const {claim, engineProof} = next.handshake;
    const state = this.#host.claim(claim.owner, claim.epoch);
    this.#cancelTimer();
    this.#phase = 'attached';
    this.#send(welcome(engineProof, state));
    this.#host.attached(this);
  }

  #request(request: Readonly<Record<string, unknown>>): void {
    const {id} = request;
    let then: (() => void) | undefined;
    try {
      then = this.#host.request(this, request);
      this.#send(encodeJson(frameType.reply, {id}));
    } catch (error) {
      if (!(error instanceof OwnerRefusal)) throw error;
      this.#send(encodeJson(frameType.reply, {id, error: {code: error.code, message: error.message}}));
    }
    then?.();
  }

  #acknowledged(payload: Buffer): void {
    if (payload.length !== ackBytes) {
      throw new OwnerRefusal('badFrame', `An acknowledgement has ${ackBytes} bytes, not ${payload.length}.`);
    }
    const following = this.#following;
    const isOurs =
      following?.task.taskID === Number(payload.readBigUInt64BE(0)) &&
      following.task.attempt === payload.readUInt32BE(8);
    if (!isOurs) return;
    const offset = Number(payload.readBigUInt64BE(12));
    if (offset > following.sent) {
      throw new OwnerRefusal('badAck', `Offset ${offset} was acknowledged, but only ${following.sent} sent.`);
    }
    if (offset <= following.acknowledged) return;
    following.acknowledged = offset;
    following.task.pace();
    this.pump();
  }

  #nextData(): Buffer | undefined {
    const following = this.#following;
    if (following === undefined) return undefined;
    const {task, sent, acknowledged} = following;
    const {spool} = task;
    const room = this.#host.windowBytes - (sent - acknowledged);
    // A record longer than the window would never be whole, so never acknowledged.
    const allowed = room > 0 ? room : spool.endOfRecord(acknowledged) - sent;
    const length = Math.min(chunkBytes, allowed, spool.size - sent);
    if (length <= 0) return undefined;
    const bytes = spool.read(sent, length);
    const header = Buffer.allocUnsafe(ackBytes);
    header.writeBigUInt64BE(BigInt(task.taskID), 0);
    header.writeUInt32BE(task.attempt, 8);
    header.writeBigUInt64BE(BigInt(sent), 12);
    following.sent += bytes.length;
    return encodeFrame(frameType.data, Buffer.concat([header, bytes]));
  }

  #send(frame: Buffer): void {
    if (this.#phase === 'finishing' || this.#phase === 'closed') return;
    this.#socket.write(frame);
    if (this.#socket.writableLength > unreadBytesMax) this.#socket.destroy();
  }

  #refuseFor(error: unknown): void {
    if (error instanceof OwnerRefusal) this.refuse(error.code, error.message);
    else if (error instanceof FrameLengthError && error.length > 0)
      this.refuse('frameTooLong', error.message);
    else if (error instanceof EngineProtocolError) this.refuse('badFrame', error.message);
    else throw error;
  }

  #closed(): void {
    if (this.#phase === 'closed') return;
    const wasOpen = this.#phase !== 'finishing';
    this.#phase = 'closed';
    this.#following = undefined;
    this.#cancelTimer();
    if (wasOpen) this.#host.detached(this);
    this.#host.closed(this);
  }
}
