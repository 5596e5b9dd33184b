/** The port through which time comes in. The manual clock in `test/support/manual-clock.ts` runs due timers in order. */
export type Clock = {
  /** Wall-clock milliseconds since the epoch, for what people read. Never compared between nodes. */
  readonly now: () => number;
  /** Milliseconds that never jump, for durations and deadlines. */
  readonly monotonicMs: () => number;
  /** Runs `action` after `delayMs` (any finite number; longer than 2^31 works too). Returns what cancels it. */
  readonly after: (delayMs: number, action: () => void) => () => void;
};

const delayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = Math.max(0, dueMs - performance.now());
      // Longer delays would wrap to 1 ms in Node, so they are waited for in pieces.
      timer = leftMs > delayMsMax ? setTimeout(arm, delayMsMax) : setTimeout(action, leftMs);
    };
    arm();
    return () => clearTimeout(timer);
  },
};
