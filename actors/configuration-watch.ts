/**
 * Keeps the configuration in memory: reads it when the database says that it has changed, and answers from what was read
 * last. A change by another node is seen at the next poll, one by this node when `refresh` resolves.
 */
import type {ConfigurationStore} from './configuration.ts';
import {lookUp, noTables, type ConfigurationLookup} from './configuration-lookup.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {Clock} from './runtime/clock.ts';
import type {Random} from './runtime/random.ts';

export type ConfigurationWatch = {
  /** As read last; another object after each change. Empty before the first reading. */
  readonly current: () => ConfigurationLookup;
  /** Resolves when what is stored now is in force here. Rejects when it can't be read; then the next poll tries. */
  readonly refresh: () => Promise<void>;
  /** Returns what ends it. A listener must not throw. */
  readonly onChange: (listener: () => void) => () => void;
  readonly close: () => void;
};

export type ConfigurationWatchDependencies = {
  readonly store: Pick<ConfigurationStore, 'version' | 'tables'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Between the end of a poll and the next one. */
  readonly pollMs: number;
  /** Told once until it can be read again. */
  readonly onFailure?: (failure: Failure) => void;
};

const pollJitter = 0.2;

/** Polls from the first `refresh` on, or from `pollMs` after now. */
export function watchConfiguration(dependencies: ConfigurationWatchDependencies): ConfigurationWatch {
  const {store, clock, random, pollMs, onFailure} = dependencies;
  const listeners = new Set<() => void>();
  let current = lookUp(noTables);
  let version: string | undefined;
  let reading: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let isFailing = false;
  let isClosed = false;

  async function read(): Promise<void> {
    // Asked first: what changes in between makes the next poll read once more, and is never missed.
    const stored = await store.version();
    if (stored === version || isClosed) return;
    current = lookUp(await store.tables());
    version = stored;
    for (const listener of listeners) listener();
  }

  function readOnce(): Promise<void> {
    reading = read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  /** A reading under way may have looked before the change: the one after it is what the asker needs. */
  function refresh(): Promise<void> {
    if (reading === undefined) return readOnce();
    queued ??= reading
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        return readOnce();
      });
    return queued;
  }

  // Earlier by chance, never later: nodes that came up together do not ask together for ever.
  const later = (): (() => void) => clock.after(pollMs * (1 - pollJitter * random.next()), poll);
  function poll(): void {
    void (reading ?? readOnce())
      .then(
        () => {
          isFailing = false;
        },
        (error: unknown) => {
          if (!isFailing && !isClosed) onFailure?.(toFailure(error));
          isFailing = true;
        },
      )
      .then(() => {
        if (!isClosed) cancel = later();
      });
  }
  let cancel = later();

  return {
    current: () => current,
    refresh,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}
