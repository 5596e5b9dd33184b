/**
 * An actor's keyed timers. One per key: setting it again replaces it, and what a replaced or cancelled timer had already
 * put into the mailbox is skipped there. So at most one message per key waits, and the lane needs no bound for them.
 */
import type {Clock} from './clock.ts';

/** Stands in the control lane until the actor handles its message. */
export class DueTimer<Message> {
  readonly message: Message;
  readonly key: string;
  /** Cancels the clock's timer; undefined once it fired. */
  cancel: (() => void) | undefined;

  constructor(key: string, message: Message) {
    this.key = key;
    this.message = message;
  }
}

export class Timers<Message> {
  readonly #byKey = new Map<string, DueTimer<Message>>();
  readonly #clock: Clock;
  readonly #due: (timer: DueTimer<Message>) => void;

  constructor(clock: Clock, due: (timer: DueTimer<Message>) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** @throws RangeError when `afterMs` is not a finite number: such a timer would fire at once or never. */
  set(key: string, afterMs: number, message: Message): void {
    if (!Number.isFinite(afterMs)) {
      throw new RangeError(
        `Timer ${key} can't be set to ${afterMs} ms; give a finite number of milliseconds.`,
      );
    }
    this.cancel(key);
    const timer = new DueTimer(key, message);
    this.#byKey.set(key, timer);
    timer.cancel = this.#clock.after(Math.max(0, afterMs), () => {
      timer.cancel = undefined;
      this.#due(timer);
    });
  }

  cancel(key: string): void {
    this.#byKey.get(key)?.cancel?.();
    this.#byKey.delete(key);
  }

  cancelAll(): void {
    for (const timer of this.#byKey.values()) timer.cancel?.();
    this.#byKey.clear();
  }

  /** Whether `timer` is still the one of its key; forgets it, as it is handled now. */
  claim(timer: DueTimer<Message>): boolean {
    if (this.#byKey.get(timer.key) !== timer) return false;
    this.#byKey.delete(timer.key);
    return true;
  }
}
