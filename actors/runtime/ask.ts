/**
 * Questions: a message with a `replyTo` that is good for one answer. Ids are counted, so no answer reaches another asker;
 * deadlines stand in one timer wheel. A question is settled by whatever comes first: the answer, the deadline, the
 * target's end, a full mailbox. What comes later is a dead letter.
 */
import {LinkisError} from '../domain/errors.ts';
import type {Clock} from './clock.ts';
import type {DeadLetters} from './dead-letters.ts';
import {messageType} from './message-type.ts';
import {cellOf} from './local-ref.ts';
import type {Ref} from './ref.ts';
import {RemoteTarget} from './remote-target.ts';
import {TimerWheel, type WheelEntry} from './timer-wheel.ts';
import {nextUid} from './uid.ts';

/** No answer came before the deadline. The target may still be working on it; its answer will be a dead letter. */
export class AskTimeoutError extends LinkisError {
  override readonly name = 'AskTimeoutError';
  readonly code = 20901;
  override readonly retryable = true;

  constructor(path: string, type: string, waitedMs: number) {
    super(
      `Actor ${path} did not answer ${type} within ${Math.round(waitedMs)} ms.` +
        ' Ask again, or allow more time if the node is known to be busy.',
    );
  }
}

/** The target had stopped, or stopped before it answered. Waiting longer would not help: a successor has another ref. */
export class DeadLetterError extends LinkisError {
  override readonly name = 'DeadLetterError';
  readonly code = 20902;

  constructor(path: string, type: string, when: string) {
    super(`Actor ${path} ${when} ${type}. Look up its successor, if there is one, and ask that.`);
  }
}

/** The target has as many messages waiting as it accepts. */
export class MailboxFullError extends LinkisError {
  override readonly name = 'MailboxFullError';
  readonly code = 20903;
  override readonly retryable = true;

  constructor(path: string, type: string) {
    super(
      `Actor ${path} did not accept ${type}: its mailbox is full. Ask again later, or send less at a time.`,
    );
  }
}

/** One open question. It is its own `replyTo` ref, so that asking makes one object and one closure. */
export class PendingAsk<Answer> implements Ref<Answer>, WheelEntry {
  readonly uid = nextUid();
  readonly tell: (answer: Answer) => boolean;
  dueTick = 0;
  earlier: WheelEntry | undefined = undefined;
  later: WheelEntry | undefined = undefined;
  /** Neighbours in the target's list of questions. */
  previous: PendingAsk<never> | undefined = undefined;
  next: PendingAsk<never> | undefined = undefined;
  messageType = '';
  readonly #asks: Asks;
  readonly #target: Ref<never>;
  /** Where it is listed while it is open: its target's actor, or the remote ref. */
  readonly #holder: {asks: PendingAsk<never> | undefined} | undefined;
  readonly #startedMs: number;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  #open = true;

  constructor(
    asks: Asks,
    target: Ref<never>,
    startedMs: number,
    resolve: (answer: Answer) => void,
    reject: (error: Error) => void,
  ) {
    this.#asks = asks;
    this.#target = target;
    this.#holder = cellOf(target) ?? RemoteTarget.of(target);
    // A whole number takes no box of its own.
    this.#startedMs = Math.floor(startedMs);
    this.#resolve = resolve;
    this.#reject = reject;
    this.tell = answer => this.#answer(answer);
  }

  get path(): string {
    return `/ask/${this.uid}`;
  }

  get targetPath(): string {
    return this.#target.path;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Called by the wheel, which has already let go of it. */
  expire(nowMs: number): void {
    this.#open = false;
    this.#unlink();
    this.#asks.timedOut += 1;
    this.#reject(new AskTimeoutError(this.#target.path, this.messageType, nowMs - this.#startedMs));
  }

  targetStopped(): void {
    this.fail(new DeadLetterError(this.#target.path, this.messageType, 'stopped before it answered'));
  }

  fail(error: Error): void {
    if (!this.#open) return;
    this.#settle();
    this.#reject(error);
  }

  /** Puts it on its target's list, so that the target's end settles it. */
  link(): void {
    const holder = this.#holder;
    if (holder === undefined) return;
    this.next = holder.asks;
    if (holder.asks !== undefined) holder.asks.previous = this;
    holder.asks = this;
  }

  #answer(answer: Answer): boolean {
    if (!this.#open) {
      this.#asks.deadLetters.add({
        path: this.path,
        uid: this.uid,
        messageType: messageType(answer),
        why: 'lateReply',
      });
      return false;
    }
    this.#settle();
    this.#resolve(answer);
    return true;
  }

  #settle(): void {
    this.#open = false;
    this.#asks.wheel.remove(this);
    this.#unlink();
  }

  #unlink(): void {
    const {previous, next} = this;
    const holder = this.#holder;
    if (previous !== undefined) previous.next = next;
    else if (holder !== undefined && holder.asks === this) holder.asks = next;
    if (next !== undefined) next.previous = previous;
    this.previous = undefined;
    this.next = undefined;
  }
}

export class Asks {
  readonly wheel: TimerWheel;
  readonly deadLetters: DeadLetters;
  timedOut = 0;
  readonly #clock: Clock;

  constructor(clock: Clock, deadLetters: DeadLetters) {
    this.#clock = clock;
    this.wheel = new TimerWheel(clock);
    this.deadLetters = deadLetters;
  }

  /**
   * Tells `target` the message that `makeMessage` builds around a reply ref, and resolves with the first answer.
   * Rejects with `AskTimeoutError`, `DeadLetterError`, `MailboxFullError`, what `makeMessage` throws, or `RangeError`
   * when `timeoutMs` is not a positive finite number: every question has a deadline.
   */
  ask<Message, Answer>(
    target: Ref<Message>,
    makeMessage: (replyTo: Ref<Answer>) => Message,
    timeoutMs: number,
  ): Promise<Answer> {
    if (!(timeoutMs > 0) || timeoutMs === Infinity) {
      return Promise.reject(
        new RangeError(
          `A question to ${target.path} can't wait ${timeoutMs} ms; give a positive finite number.`,
        ),
      );
    }
    const {promise, resolve, reject} = Promise.withResolvers<Answer>();
    const nowMs = this.#clock.monotonicMs();
    const pending = new PendingAsk<Answer>(this, target, nowMs, resolve, reject);
    let message;
    try {
      message = makeMessage(pending);
    } catch (error) {
      return Promise.reject(error);
    }
    pending.messageType = messageType(message);
    const targetCell = cellOf(target);
    if (targetCell !== undefined && targetCell.phase !== 'running') {
      // Told all the same, so that it is counted like any other message to a stopped actor.
      target.tell(message);
      reject(new DeadLetterError(target.path, pending.messageType, 'had stopped before it was asked'));
      return promise;
    }
    this.wheel.add(pending, nowMs + timeoutMs, nowMs);
    pending.link();
    const remote = targetCell === undefined ? RemoteTarget.of(target) : undefined;
    if (remote !== undefined) {
      const refused = remote.ask(message as never, pending, timeoutMs);
      if (refused !== undefined) pending.fail(refused);
    } else if (!target.tell(message)) pending.fail(new MailboxFullError(target.path, pending.messageType));
    return promise;
  }

  /** Settles what is still open, when the system has stopped. */
  close(): void {
    this.wheel.close();
  }
}
