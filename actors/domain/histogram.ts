/**
 * Counts of durations in buckets that grow by 8 %: what can be added up over days and users, and still tells percentiles to
 * 4 %. As text `bucket:count bucket:count`, at most some 300 of them.
 */

/** Bucket → count. Bucket 0 holds what took no time. */
export type Histogram = Map<number, number>;

const growth = Math.log(1.08);
/** A hundred years. */
const bucketMax = 400;

export function addDuration(histogram: Histogram, ms: number, count = 1): void {
  const bucket = ms < 1 ? 0 : Math.min(bucketMax, 1 + Math.floor(Math.log(ms) / growth));
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}

export function addHistogram(histogram: Histogram, added: ReadonlyMap<number, number>): void {
  for (const [bucket, count] of added) histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}

export function countOf(histogram: ReadonlyMap<number, number>): number {
  let count = 0;
  for (const each of histogram.values()) count += each;
  return count;
}

/** Milliseconds that `share` of the durations do not exceed; undefined of none. */
export function percentileOf(histogram: ReadonlyMap<number, number>, share: number): number | undefined {
  const wanted = Math.max(1, Math.ceil(countOf(histogram) * share));
  let reached = 0;
  for (const [bucket, count] of [...histogram].toSorted(([a], [b]) => a - b)) {
    reached += count;
    if (reached >= wanted) return bucket === 0 ? 0 : Math.round(Math.exp((bucket - 0.5) * growth));
  }
  return undefined;
}

export const printHistogram = (histogram: ReadonlyMap<number, number>): string =>
  [...histogram].map(([bucket, count]) => `${bucket}:${count}`).join(' ');

/** Of a text that is none, as much as can be read. */
export function parseHistogram(text: string): Histogram {
  const histogram: Histogram = new Map();
  for (const part of text.split(' ')) {
    const [bucket = NaN, count = NaN] = part.split(':').map(Number);
    if (Number.isInteger(bucket) && Number.isInteger(count) && bucket >= 0 && count > 0) {
      histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
    }
  }
  return histogram;
}
