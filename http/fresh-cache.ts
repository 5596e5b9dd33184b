/**
 * Remembers what the database said for at most `freshMs`, so that a busy client costs one look-up a second and a
 * revoked token is dead after that. While the database is away, what it said last holds for `graceMs`.
 */
import {DatabaseAwayError} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';

export type FreshCache<Value> = {
  /** The value if it is fresh: the way without a promise. */
  readonly fresh: (key: string) => Value | undefined;
  /** The value, asked for if need be. Undefined: there is none, which is not remembered. */
  readonly get: (key: string) => Promise<Value | undefined>;
  readonly forget: (key: string) => void;
};

export type FreshCacheLimits = {
  readonly freshMs: number;
  readonly graceMs: number;
  readonly entriesMax: number;
};

type Entry<Value> = {readonly value: Value; readonly askedAtMs: number};

/** `load` may reject with `DatabaseAwayError`; so does `get` then, if nothing young enough is remembered. */
export function createFreshCache<Value>(
  clock: Clock,
  {freshMs, graceMs, entriesMax}: FreshCacheLimits,
  load: (key: string) => Promise<Value | undefined>,
): FreshCache<Value> {
  const entries = new Map<string, Entry<Value>>();
  /** One look-up a key at a time, however many requests wait for it. */
  const pending = new Map<string, {answer?: Promise<Value | undefined>}>();

  function fresh(key: string): Value | undefined {
    const entry = entries.get(key);
    return entry !== undefined && clock.monotonicMs() - entry.askedAtMs < freshMs ? entry.value : undefined;
  }

  async function ask(key: string, question: object): Promise<Value | undefined> {
    // From the moment of asking: an answer that took long is as old as its question.
    const askedAtMs = clock.monotonicMs();
    const before = entries.get(key);
    // Forgotten meanwhile (a logout) stays forgotten.
    const isWanted = (): boolean => pending.get(key) === question;
    try {
      const value = await load(key);
      if (isWanted()) {
        entries.delete(key);
        if (value !== undefined) remember(key, {value, askedAtMs});
      }
      return value;
    } catch (error) {
      const isYoung = before !== undefined && askedAtMs - before.askedAtMs < graceMs;
      if (error instanceof DatabaseAwayError && isYoung && isWanted()) return before.value;
      throw error;
    } finally {
      if (isWanted()) pending.delete(key);
    }
  }

  function remember(key: string, entry: Entry<Value>): void {
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    }
    entries.set(key, entry);
  }

  return {
    fresh,
    get(key) {
      const value = fresh(key);
      if (value !== undefined) return Promise.resolve(value);
      const waiting = pending.get(key)?.answer;
      if (waiting !== undefined) return waiting;
      const question: {answer?: Promise<Value | undefined>} = {};
      pending.set(key, question);
      question.answer = ask(key, question);
      return question.answer;
    },
    forget(key) {
      entries.delete(key);
      pending.delete(key);
    },
  };
}
