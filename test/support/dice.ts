/** Chance that a seed repeats. */
export type Dice = {
  readonly upTo: (limit: number) => number;
  readonly one: <Item>(items: readonly Item[]) => Item;
};

/** Numbers from a seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    upTo: limit => Math.floor(next() * limit),
    one: items => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
}
