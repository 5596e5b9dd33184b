/**
 * Repeats what another process's lock prevented, with jitter. SQLite's own busy wait backs off in steps that let a busy
 * writer be passed again and again (p99 of a lease update 55 ms, with this 17 ms), and it blocks the thread.
 */
import {DatabaseAwayError} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {Random} from '../actors/runtime/random.ts';

export type BusyRetry = {
  readonly clock: Clock;
  readonly random: Random;
  /** Waiting longer than this counts as: the database is away. */
  readonly waitMsMax: number;
};

const pauseMs = {min: 1, max: 12};

/** Rejects with `DatabaseAwayError` once `waitMsMax` has passed, else with what `attempt` throws. */
export async function retryBusy<Result>(
  {clock, random, waitMsMax}: BusyRetry,
  isBusy: (error: unknown) => boolean,
  attempt: () => Result,
): Promise<Result> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waitedMs = clock.monotonicMs() - startedMs;
      if (waitedMs >= waitMsMax) {
        throw new DatabaseAwayError(
          `Another process has held the database's lock for ${Math.round(waitedMs)} ms, longer than ${waitMsMax} ms.`,
          {cause: error, isUndone: true},
        );
      }
    }
    await new Promise<void>(resolve => {
      clock.after(pauseMs.min + random.next() * (pauseMs.max - pauseMs.min), resolve);
    });
  }
}
