/**
 * The writing half of a session: what waits is put into frames at the end of each turn, as far as the connection and the
 * peer's credit allow, with acknowledgements of what came.
 */
import type {PendingAsk} from '../actors/runtime/ask.ts';
import type {DeadLetter} from '../actors/runtime/dead-letters.ts';
import {messageType} from '../actors/runtime/message-type.ts';
import {write, type Credit} from './envelope.ts';
import {EnvelopeWeight} from './envelope-weight.ts';
import {FrameEncoder} from './frame-codec.ts';
import {batchEnvelopesMax} from './frame-limits.ts';
import type {RefScope} from './frame-refs.ts';
import type {LinkInbox} from './link-inbox.ts';
import {LinkOutbox} from './link-outbox.ts';
import {Parcel, type Lane} from './link-parcel.ts';
import type {LinkPipe} from './link-pipe.ts';
import type {SessionHost} from './link-session.ts';
import {UnsendableError} from './remote-errors.ts';
import type {Refusal, RemotePeer, RemoteRef} from './remote-ref.ts';

/** An acknowledgement waits so long for a frame that goes out anyway. */
const ackDelayMs = 5;
const failureWeight = 16;

export type DispatchPorts = {
  readonly host: SessionHost;
  readonly peer: Pick<RemotePeer, 'instance' | 'incarnation'>;
  readonly inbox: LinkInbox;
  readonly scope: () => RefScope;
  /** No frame can be made for this connection any more. */
  readonly onBroken: () => void;
};

export class LinkDispatch {
  readonly #ports: DispatchPorts;
  readonly #outbox = new LinkOutbox();
  readonly #weight = new EnvelopeWeight();
  #pipe: LinkPipe | undefined;
  #isOver = false;
  #isFlushDue = false;
  #isFlushing = false;
  #cancelAck: (() => void) | undefined;

  constructor(ports: DispatchPorts) {
    this.#ports = ports;
  }

  get pipe(): LinkPipe | undefined {
    return this.#pipe;
  }

  get isUp(): boolean {
    return this.#pipe?.isResumed === true;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get queued(): number {
    return this.#outbox.queued;
  }

  /** Goes on with that connection, or waits for one. What was sent at most once over the former one is lost. */
  use(pipe: LinkPipe | undefined): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    if (this.#pipe !== undefined) this.#lost(this.#outbox.cut());
    this.#pipe = pipe;
  }

  /** Nothing goes out any more. */
  end(): void {
    this.#isOver = true;
    this.use(undefined);
    this.#lost(this.#outbox.takeAll());
  }

  /** See `RemotePeer`. */
  send(
    ref: RemoteRef<never>,
    message: unknown,
    question: PendingAsk<never> | undefined,
    timeoutMs: number,
  ): Refusal | undefined {
    const {host} = this.#ports;
    const {path, uid} = ref;
    if (this.#isOver || ref.hasEnded) {
      host.deadLetter({path, uid, messageType: messageType(message), why: 'stopped'});
      return 'gone';
    }
    if (!ref.isReliable && !this.isUp) return 'cut';
    try {
      this.#weight.weigh(message);
    } catch (error) {
      if (!(error instanceof UnsendableError)) throw error;
      host.log.error({err: error, path, messageType: messageType(message)}, 'A message was not sent.');
      return error;
    }
    const kind = question !== undefined ? 'ask' : ref.takesOneAnswer ? 'reply' : 'tell';
    const dueMs = question === undefined ? 0 : host.clock.monotonicMs() + timeoutMs;
    const {bytes, isBulk} = this.#weight;
    const lane: Lane = host.isControl(message) ? 'control' : isBulk ? 'bulk' : 'normal';
    const parcel = new Parcel(kind, ref.remoteUid, message, ref.isReliable, bytes, question, dueMs);
    return this.#add(parcel, lane) ? undefined : 'full';
  }

  /** Tells the peer that one of its questions has failed. It is not told if too much waits: then its deadline tells. */
  fail(replyTo: number, why: number): void {
    this.#add(new Parcel('failure', replyTo, why, true, failureWeight), 'normal');
  }

  /** Sends behind everything that waits, whatever the bounds. */
  sendLast(parcel: Parcel): void {
    if (this.#isOver) return;
    this.#outbox.addLast(parcel);
    this.scheduleFlush();
  }

  /** Sends before everything else, on this connection or not at all. */
  signal(envelope: readonly unknown[]): void {
    this.#pipe?.signal(envelope);
    this.scheduleFlush();
  }

  /** False when the peer has what was never sent. */
  acknowledged(received: number): boolean {
    return this.#outbox.acknowledge(received);
  }

  allowed(credit: Credit): void {
    this.#outbox.allow(credit);
    if (this.#outbox.queued > 0) this.scheduleFlush();
  }

  /** The peer says what it has. False when it can't be the same life. */
  resumed(received: number, credit: Credit): boolean {
    if (this.#pipe === undefined || !this.#outbox.resume(received, credit)) return false;
    this.#pipe.isResumed = true;
    this.scheduleFlush();
    return true;
  }

  /** Something came: acknowledges it, now or with what goes out soon. */
  ackLater(): void {
    const {inbox, host} = this.#ports;
    const due = inbox.ackDue;
    if (due === 'urgent') this.scheduleFlush();
    else if (due === 'soon' && this.#cancelAck === undefined) {
      this.#cancelAck = host.clock.after(ackDelayMs, () => {
        this.#cancelAck = undefined;
        if (inbox.ackDue !== undefined) this.scheduleFlush();
      });
    }
  }

  /** At the end of this turn of the event loop, so that what is sent in one turn shares a frame. */
  scheduleFlush(): void {
    if (this.#isFlushDue || this.#pipe === undefined) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      while (this.#sendFrame());
    } catch (error) {
      this.#encodingFailed(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #add(parcel: Parcel, lane: Lane): boolean {
    if (this.#isOver || !this.#outbox.add(parcel, lane)) return false;
    // A full batch need not wait for the end of the turn.
    if (this.#outbox.queued === batchEnvelopesMax && this.isUp) this.flush();
    else this.scheduleFlush();
    return true;
  }

  /** One frame; false when there was nothing to send. */
  #sendFrame(): boolean {
    const pipe = this.#pipe;
    if (pipe === undefined) return false;
    const {inbox, host} = this.#ports;
    const batch = pipe.takeSignals();
    const signals = batch.length;
    if (pipe.isResumed) this.#outbox.take(batch, pipe.connection.bufferedBytes(), host.clock.monotonicMs());
    const due = inbox.ackDue;
    // One that is not urgent goes along; its timer sends it alone otherwise.
    if (due === 'urgent' || (due === 'soon' && (batch.length > signals || this.#cancelAck === undefined))) {
      const {received, credit} = inbox.ack();
      batch.push(...write.ack(pipe.version, received, credit));
    }
    if (batch.length === 0) return false;
    this.#outbox.frameSent(pipe.send(batch));
    return true;
  }

  /** Weighing lets nothing pass that can't be encoded, unless a message changed meanwhile. It is left out from now on. */
  #encodingFailed(error: unknown): void {
    const {host, peer, scope, onBroken} = this.#ports;
    const {instance, incarnation} = peer;
    host.log.error(
      {err: error, instance, incarnation},
      'A frame could not be made; the connection is ended.',
    );
    const version = this.#pipe?.version ?? 0;
    const canSend = (envelope: readonly unknown[]): boolean => {
      try {
        // Its records are worth nothing to another frame.
        return new FrameEncoder(version, scope()).encode([envelope]).length > 0;
      } catch {
        return false;
      }
    };
    this.#lost(this.#outbox.leaveOut(canSend));
    onBroken();
  }

  #lost(parcels: readonly Parcel[]): void {
    const {host, peer} = this.#ports;
    for (const {kind, uid, body, question} of parcels) {
      if (kind !== 'tell' && kind !== 'reply' && kind !== 'ask') continue;
      if (question !== undefined && !question.open) continue;
      const path = question?.targetPath ?? `${peer.instance}#${uid}`;
      const letter: DeadLetter = {path, uid, messageType: messageType(body), why: 'leftOver'};
      host.deadLetter(letter);
    }
  }
}
