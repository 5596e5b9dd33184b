/** How much an actor may do in one turn of nact, so that a batch is worth its turn and nobody holds the event loop. */
const batchMax = 256;
const batchMin = 64;
/** Messages shared by all actors that wait for the same turn of the event loop, as nact gives them theirs in one go. */
const batchShared = 16_384;

/** After this a turn ends, whatever waits. */
export const turnMsMax = 2;
/** The clock is read after 1, 2, 4 … messages, and at least this often. */
export const clockStrideMax = 32;
/** Of turns with one message, one in so many is timed and counts for all: reading the clock costs as much as they do. */
export const singlesTimed = 16;

/** Messages one actor may handle when `othersWaiting` more actors have asked for a turn. */
export function batchSize(othersWaiting: number): number {
  return Math.min(batchMax, Math.max(batchMin, Math.floor(batchShared / (othersWaiting + 1))));
}
