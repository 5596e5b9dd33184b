/**
 * One actor's effects, in the order they were decided. A synchronous effect runs in the same turn when nothing waits; a
 * promise holds back what follows it until it settles, but never the mailbox. One that resolves to `'drop'` discards
 * everything that waits at that moment, whichever decision it came from.
 */
import type {EffectOutcome} from './machine.ts';
import {Mailbox} from './mailbox.ts';

export type EffectOwner<Effect> = {
  readonly perform: (effect: Effect) => EffectOutcome | Promise<EffectOutcome>;
  /** An effect threw or its promise rejected; nothing is in flight. The owner drops what waits. */
  readonly effectFailed: (error: unknown, effect: Effect) => void;
  /** A promise settled and effects behind it were performed or dropped: the queue is shorter. */
  readonly effectsMoved: () => void;
  readonly effectsDropped: (count: number) => void;
};

export class EffectQueue<Effect> {
  /** True while an effect runs from here or its promise is in flight; nothing waits when it is false. */
  busy = false;
  readonly #owner: EffectOwner<Effect>;
  readonly #waiting = new Mailbox<Effect>();

  constructor(owner: EffectOwner<Effect>) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(effect: Effect): void {
    this.#waiting.push(effect);
  }

  /** Discards what waits. What is in flight can't be taken back. */
  drop(): void {
    const count = this.#waiting.takeAll().length;
    if (count > 0) this.#owner.effectsDropped(count);
  }

  /** Holds back everything until `outcome` settles. */
  hold(outcome: PromiseLike<EffectOutcome>, effect: Effect): void {
    this.busy = true;
    // A foreign thenable may call back twice or throw; a promise of our own does neither.
    void Promise.resolve(outcome).then(
      result => this.#settled(result),
      (error: unknown) => this.#fail(error, effect),
    );
  }

  #settled(result: EffectOutcome): void {
    this.busy = false;
    if (result === 'drop') this.drop();
    this.#run();
  }

  #run(): void {
    while (!this.busy && this.#waiting.size > 0) {
      const effect = this.#waiting.shift() as Effect;
      // Busy while it runs, as it may stop its own actor, which must not finish in the middle of it.
      this.busy = true;
      let outcome;
      try {
        outcome = this.#owner.perform(effect);
      } catch (error) {
        this.#fail(error, effect);
        return;
      }
      if (isPromise(outcome)) this.hold(outcome, effect);
      else this.busy = false;
      if (outcome === 'drop') this.drop();
    }
    this.#owner.effectsMoved();
  }

  #fail(error: unknown, effect: Effect): void {
    this.busy = false;
    this.#owner.effectFailed(error, effect);
  }
}

/** True for anything with a `then`; promises of other libraries count too. */
export function isPromise(outcome: unknown): outcome is PromiseLike<EffectOutcome> {
  return (
    typeof outcome === 'object' && outcome !== null && 'then' in outcome && typeof outcome.then === 'function'
  );
}
