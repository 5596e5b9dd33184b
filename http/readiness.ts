/** Whether a node takes jobs now, for balancers and orchestrators: what the governance says, and whether the database answers. */
import type {Governance} from '../actors/governance.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {createFreshCache} from './fresh-cache.ts';

export type ReadinessDependencies = {
  readonly governance: Pick<Governance, 'readiness'>;
  readonly clock: Clock;
  /** Rejects with `DatabaseAwayError` when the database can't be asked. */
  readonly ping: () => Promise<unknown>;
};

/** Anybody may ask, as often as they like: the database is asked once a second. */
export function createReadiness({
  governance,
  clock,
  ping,
}: ReadinessDependencies): () => Promise<ReturnType<Governance['readiness']>> {
  const pings = createFreshCache(clock, {freshMs: 1000, graceMs: 0, entriesMax: 1}, async () => {
    await ping();
    return true;
  });
  return async () => {
    const own = governance.readiness();
    if (!own.isReady) return own;
    try {
      await pings.get('database');
      return own;
    } catch (error) {
      if (error instanceof DatabaseAwayError) return {isReady: false, why: 'the database cannot be reached'};
      throw error;
    }
  };
}
