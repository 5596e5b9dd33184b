/** A clock that stands still until a test moves it. Due timers run in order of their time, then of their making. */
import type {Clock} from '../../actors/runtime/clock.ts';

export type ManualClock = Clock & {
  /** Moves time by `ms` and runs everything due on the way, each at its own time; also what those set up meanwhile. */
  readonly advance: (ms: number) => void;
  /** Timers that have not fired. */
  readonly pending: number;
  /** Milliseconds until the next timer; undefined when there is none. */
  readonly nextInMs: number | undefined;
};

type ManualTimer = {readonly dueMs: number; action: (() => void) | undefined};

/** `startMs` is what `now` says first; `monotonicMs` starts at 0. */
export function manualClock(startMs = 0): ManualClock {
  /** Latest first, so that the next one is popped off the end; cancelled ones stay in until then. */
  const timers: ManualTimer[] = [];
  let elapsedMs = 0;
  let pending = 0;

  /** Where a timer due at `dueMs` belongs: before all that are due with or before it. */
  const placeOf = (dueMs: number): number => {
    let low = 0;
    let high = timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((timers[middle]?.dueMs ?? 0) > dueMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const next = (): ManualTimer | undefined => {
    while (timers.length > 0 && timers.at(-1)?.action === undefined) timers.pop();
    return timers.at(-1);
  };

  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, action) {
      const timer: ManualTimer = {dueMs: elapsedMs + Math.max(0, delayMs), action};
      timers.splice(placeOf(timer.dueMs), 0, timer);
      pending += 1;
      return () => {
        if (timer.action !== undefined) pending -= 1;
        timer.action = undefined;
      };
    },
    advance(ms) {
      const untilMs = elapsedMs + ms;
      for (let timer = next(); timer !== undefined && timer.dueMs <= untilMs; timer = next()) {
        timers.pop();
        elapsedMs = timer.dueMs;
        const {action} = timer;
        timer.action = undefined;
        pending -= 1;
        action?.();
      }
      elapsedMs = untilMs;
    },
    get pending() {
      return pending;
    },
    get nextInMs() {
      const timer = next();
      return timer === undefined ? undefined : timer.dueMs - elapsedMs;
    },
  };
}
