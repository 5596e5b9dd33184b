/** The reading half of a session: what arrives goes to the local actors, callbacks and questions it is for, or is refused. */
import {MailboxFullError, DeadLetterError, type PendingAsk} from '../actors/runtime/ask.ts';
import {cellOf} from '../actors/runtime/local-ref.ts';
import {messageType} from '../actors/runtime/message-type.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {
  failures,
  kinds,
  readEnvelope,
  type Credit,
  type EnvelopeReader,
  type ServiceEntry,
} from './envelope.ts';
import type {Export} from './exports.ts';
import type {LinkInbox} from './link-inbox.ts';
import type {LinkSession, SessionHost} from './link-session.ts';
import {FrameError, NotUnderstoodError} from './remote-errors.ts';

/** What became of a message that was offered to its receiver. */
type Outcome = 'taken' | 'full' | 'stopped' | 'notUnderstood';

export class LinkDelivery implements EnvelopeReader {
  readonly #session: LinkSession;
  readonly #host: SessionHost;
  readonly #inbox: LinkInbox;
  /** Bytes of an envelope of the frame being read, on average. */
  #bytesEach = 0;

  constructor(session: LinkSession, host: SessionHost, inbox: LinkInbox) {
    this.#session = session;
    this.#host = host;
    this.#inbox = inbox;
  }

  /** `isCurrent` turns false when the connection that brought the frame is let go of. @throws FrameError */
  take(envelopes: readonly unknown[], bytes: number, isResumed: boolean, isCurrent: () => boolean): void {
    this.#bytesEach = Math.ceil(bytes / Math.max(1, envelopes.length));
    let isFirst = !isResumed;
    for (const envelope of envelopes) {
      if (!isCurrent()) return;
      if (isFirst) this.#checkFirst(envelope);
      isFirst = false;
      readEnvelope(envelope, this);
    }
  }

  offerHeld(): void {
    const givenUp = this.#inbox.offerHeld((uid, body) => {
      const found = this.#host.exports.find(uid);
      return found === undefined || this.#offer(found, body) !== 'full';
    }, this.#host.clock.monotonicMs());
    for (const uid of givenUp) this.#undelivered(uid, undefined, 'leftOver');
  }

  resume(received: number, credit: Credit): void {
    this.#session.resumed(received, credit);
  }

  tell(uid: number, sequence: number, body: unknown): void {
    if (!this.#isNew(sequence)) return;
    const found = this.#host.exports.find(uid);
    if (found === undefined) return this.#unknown(uid, body);
    const isWaitedFor = this.#inbox.isHeld(uid);
    if (isWaitedFor && this.#hold(uid, body)) return;
    switch (this.#offer(found, body)) {
      case 'taken':
        // It was given up on, and takes messages again.
        if (isWaitedFor) this.#inbox.release(uid);
        return;
      case 'full':
        if (!this.#hold(uid, body)) this.#undelivered(uid, body, 'leftOver');
        return;
      case 'stopped':
        return this.#unknown(uid, body);
      case 'notUnderstood':
        return this.#undelivered(uid, body, 'notUnderstood');
    }
  }

  ask(uid: number, sequence: number, replyTo: number, _leftMs: number, body: unknown): void {
    if (!this.#isNew(sequence)) return;
    const found = this.#host.exports.find(uid);
    if (found === undefined) {
      this.#unknown(uid, body);
      this.#session.fail(replyTo, failures.stopped);
      return;
    }
    // Others wait for that mailbox already, and a question does not wait in line.
    const outcome = this.#inbox.isHeld(uid) ? 'full' : this.#offer(found, body);
    if (outcome === 'notUnderstood') this.#undelivered(uid, body, 'notUnderstood');
    if (outcome !== 'taken') this.#session.fail(replyTo, failures[outcome]);
  }

  reply(uid: number, sequence: number, body: unknown): void {
    if (!this.#isNew(sequence)) return;
    const question = this.#host.exports.takeQuestion(uid);
    if (question !== undefined) (question as PendingAsk<unknown>).tell(body);
    else this.#undelivered(uid, body, 'lateReply');
  }

  failure(uid: number, sequence: number, why: number): void {
    if (!this.#isNew(sequence)) return;
    const question = this.#host.exports.takeQuestion(uid);
    if (question === undefined) return;
    const {targetPath, messageType: type} = question;
    if (why === failures.full) question.fail(new MailboxFullError(targetPath, type));
    else if (why === failures.notUnderstood) question.fail(new NotUnderstoodError(targetPath, type));
    else question.fail(new DeadLetterError(targetPath, type, 'had stopped before it was asked'));
  }

  ack(received: number): void {
    this.#session.acknowledged(received);
  }

  credit(credit: Credit): void {
    this.#session.allowed(credit);
  }

  ping(number: number): void {
    this.#session.ping(number);
  }

  pong(number: number): void {
    this.#session.pong(number);
  }

  watch(uid: number, sequence: number): void {
    if (!this.#isNew(sequence)) return;
    const found = this.#host.exports.find(uid);
    if (found === undefined) this.#session.refs.sayEnded(uid);
    else this.#session.refs.give(found);
  }

  ended(uid: number, sequence: number): void {
    if (this.#isNew(sequence)) this.#session.refs.remote.stopped(uid);
  }

  services(entries: readonly ServiceEntry[]): void {
    this.#host.onServices(this.#session, entries);
  }

  goodbye(why: string): void {
    this.#host.onGoodbye(this.#session, why);
  }

  #checkFirst(envelope: unknown): void {
    if (!Array.isArray(envelope) || envelope[0] !== kinds.resume) {
      throw new FrameError('a connection does not begin with where to resume');
    }
  }

  /** Counts for the peer's credit whether new or not: the peer counted it too. */
  #isNew(sequence: number): boolean {
    this.#inbox.messageCame();
    return this.#inbox.reliable.take(sequence);
  }

  #hold(uid: number, body: unknown): boolean {
    return this.#inbox.hold(uid, {body, bytes: this.#bytesEach}, this.#host.clock.monotonicMs());
  }

  #offer({ref, key}: Export, body: unknown): Outcome {
    if (key !== undefined && !key.accepts(body)) return 'notUnderstood';
    let isTaken;
    try {
      isTaken = (ref as Ref<unknown>).tell(body);
    } catch (error) {
      // A callback's mistake is no fault of the link.
      this.#host.log.error({err: error, path: ref.path, messageType: messageType(body)}, 'A callback threw.');
      return 'taken';
    }
    if (isTaken) return 'taken';
    return cellOf(ref)?.phase === 'running' ? 'full' : 'stopped';
  }

  #unknown(uid: number, body: unknown): void {
    this.#undelivered(uid, body, 'stopped');
    this.#session.refs.sayEnded(uid);
  }

  #undelivered(
    uid: number,
    body: unknown,
    why: 'stopped' | 'leftOver' | 'lateReply' | 'notUnderstood',
  ): void {
    const path = this.#host.exports.find(uid)?.ref.path ?? `/remote/${uid}`;
    this.#host.deadLetter({path, uid, messageType: messageType(body), why});
  }
}
