/** The port through which chance comes in. */
export type Random = {
  /** Uniform in [0, 1). */
  readonly next: () => number;
};

export const systemRandom: Random = {next: () => Math.random()};

/** Mulberry32: small, fast, good enough for jitter and tests; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}
