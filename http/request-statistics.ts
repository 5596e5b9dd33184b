/**
 * Counts and times requests as a Prometheus histogram does, without its library: that one is loaded only when somebody
 * asks for /metrics.
 */
import type {Clock} from '../actors/runtime/clock.ts';

export const durationBucketsSeconds = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 10, 30] as const;

export type RouteStatistics = {
  readonly method: string;
  /** The route's pattern, not the URL: one series a route. */
  readonly route: string;
  /** `2xx`, `4xx`, … */
  readonly statusClass: string;
  /** Requests at most as long as each bucket, not cumulated; the last is everything beyond. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
};

export type RequestStatistics = {
  readonly note: (method: string, route: string, status: number, elapsedMs: number) => void;
  readonly all: () => readonly RouteStatistics[];
  readonly sinceMs: number;
};

type Series = {-readonly [Key in keyof RouteStatistics]: RouteStatistics[Key]} & {counts: number[]};

/** Routes are few, and unknown paths are one: this only guards against a mistake in that. */
const seriesMax = 2000;

export function createRequestStatistics(clock: Clock): RequestStatistics {
  const series = new Map<string, Series>();
  return {
    sinceMs: clock.now(),
    note(method, route, status, elapsedMs) {
      const statusClass = `${Math.floor(status / 100)}xx`;
      const key = `${method} ${route} ${statusClass}`;
      let one = series.get(key);
      if (one === undefined) {
        if (series.size >= seriesMax) return;
        const counts = Array.from({length: durationBucketsSeconds.length + 1}, () => 0);
        one = {method, route, statusClass, counts, count: 0, sumSeconds: 0};
        series.set(key, one);
      }
      const seconds = elapsedMs / 1000;
      const bucket = durationBucketsSeconds.findIndex(limit => seconds <= limit);
      const at = bucket < 0 ? durationBucketsSeconds.length : bucket;
      one.counts[at] = (one.counts[at] ?? 0) + 1;
      one.count += 1;
      one.sumSeconds += seconds;
    },
    all: () => [...series.values()],
  };
}
