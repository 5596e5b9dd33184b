/**
 * Hands out taskIDs from blocks reserved in the database (decision 8), so that an id is known before its row is written.
 * The next block is fetched before the present one is used up; ids of a block that a stop leaves over are never used. So
 * blocks start small, and double while they are used up quickly: a quiet node skips a few ids at a restart, not a thousand.
 */
import type {JobStore} from './ports.ts';

export type IdAllocator = {
  /** Rejects with what `reserveIds` rejected with. */
  readonly next: () => Promise<number> | number;
};

const blockSizeMin = 16;

export function createIdAllocator(store: Pick<JobStore, 'reserveIds'>, blockSizeMax: number): IdAllocator {
  let blockSize = Math.min(blockSizeMin, blockSizeMax);
  let next = 0;
  let end = 0;
  let spare: {first: number; count: number} | undefined;
  let fetching: Promise<void> | undefined;

  function fetch(): Promise<void> {
    fetching ??= store
      .reserveIds(blockSize)
      .then(block => {
        spare = block;
        blockSize = Math.min(blockSize * 2, blockSizeMax);
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  }

  async function wait(): Promise<number> {
    for (;;) {
      await fetch();
      const id = take();
      if (id !== undefined) return id;
    }
  }

  function take(): number | undefined {
    if (next === end && spare !== undefined) {
      next = spare.first;
      end = spare.first + spare.count;
      spare = undefined;
    }
    if (next === end) return undefined;
    next += 1;
    return next - 1;
  }

  return {
    next() {
      const id = take();
      // A failure of this early fetch is met again, and told, by whoever finds no id left.
      if (end - next < blockSize / 4 && spare === undefined) fetch().catch(() => undefined);
      return id ?? wait();
    },
  };
}
