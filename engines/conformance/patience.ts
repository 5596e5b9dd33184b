/** How long a check waits for an engine, and what it says when nothing comes. */
import type {Clock} from '../../actors/runtime/clock.ts';
import {EngineBreachError} from './conformance-errors.ts';

const lookEveryMs = 10;

export type Patience = {
  /** How long anything may take that has no limit of its own. */
  readonly ms: number;
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  /** Rejects with `EngineBreachError`, naming `what`, when `promise` takes longer. `ms` Infinity: no limit. */
  readonly within: <Value>(what: string, promise: Promise<Value>, ms?: number) => Promise<Value>;
  /** Looks until `look` answers something other than undefined and false: for what no event announces. */
  readonly until: <Value>(
    what: string,
    look: () => Promise<Value | undefined | false> | Value | undefined | false,
    ms?: number,
  ) => Promise<Value>;
};

export function patienceOf(clock: Clock, patienceMs: number): Patience {
  const wait = (ms: number): Promise<void> =>
    new Promise(resolve => {
      clock.after(ms, resolve);
    });
  return {
    ms: patienceMs,
    now: clock.monotonicMs,
    wait,
    within(what, promise, ms = patienceMs) {
      if (ms === Infinity) return promise;
      const late = Promise.withResolvers<never>();
      const cancel = clock.after(ms, () =>
        late.reject(new EngineBreachError(`not within ${ms} ms: ${what}`)),
      );
      return Promise.race([promise, late.promise]).finally(cancel);
    },
    async until(what, look, ms = patienceMs) {
      const deadline = clock.monotonicMs() + ms;
      for (;;) {
        const value = await look();
        if (value !== undefined && value !== false) return value;
        if (clock.monotonicMs() > deadline) throw new EngineBreachError(`not within ${ms} ms: ${what}`);
        await wait(lookEveryMs);
      }
    },
  };
}
