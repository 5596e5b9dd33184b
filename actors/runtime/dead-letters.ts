/**
 * Messages that reached nobody: told to a stopped actor, left in its mailbox, or a reply to a question that was already
 * settled. Each is counted and shown to observers; the log gets the first and then at most one line a second, so that
 * a flood of dead letters can't become a flood of lines. Only the message's type is kept, never its content.
 */
import type {Clock} from './clock.ts';
import type {RuntimeLog} from './runtime-log.ts';

export type DeadLetter = {
  readonly path: string;
  readonly uid: number;
  readonly messageType: string;
  readonly why: 'stopped' | 'leftOver' | 'lateReply' | 'notUnderstood';
};

const logEveryMs = 1000;

export class DeadLetters {
  #clock: Clock;
  #log: RuntimeLog;
  #count = 0;
  #unlogged = 0;
  #nextLogMs = -Infinity;
  #observers = new Set<(letter: DeadLetter) => void>();

  constructor(clock: Clock, log: RuntimeLog) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Dead letters since the start. */
  get count(): number {
    return this.#count;
  }

  /** Calls `observer` for each dead letter from now on; what it throws is logged. Returns what ends that. */
  observe(observer: (letter: DeadLetter) => void): () => void {
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  add(letter: DeadLetter): void {
    this.#count += 1;
    this.#unlogged += 1;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#nextLogMs) {
      this.#nextLogMs = nowMs + logEveryMs;
      const sinceLast = this.#unlogged;
      this.#unlogged = 0;
      this.#log.warn({...letter, sinceLast, count: this.#count}, 'A message reached nobody.');
    }
    for (const observer of this.#observers) this.#show(observer, letter);
  }

  #show(observer: (letter: DeadLetter) => void, letter: DeadLetter): void {
    try {
      observer(letter);
    } catch (error) {
      this.#log.error({err: error, path: letter.path}, 'An observer of dead letters threw.');
    }
  }
}
