/**
 * Where a job's time goes, for its history: in its group's queue, at the gates before its engine, in the engine's launch, in
 * waits for another attempt, in its run. Measured where its steps are recorded; a successor goes on from what is stored.
 */
import {readMetrics, type MetricsMilestone, type MetricsWaits} from './domain/metrics.ts';
import type {GrantedEngine} from './job-protocol.ts';
import type {Clock} from './runtime/clock.ts';

export type WaitMeasure = {
  /** What is known when that is recorded. */
  readonly reach: (milestone: MetricsMilestone, engine?: GrantedEngine) => MetricsWaits;
};

export function measureWaits(clock: Clock, createdAtMs: number, metrics: string): WaitMeasure {
  let waits: Record<string, number> | undefined;
  let runMs = 0;
  /** When the last milestone was reached. */
  let sinceMs: number | undefined;
  let last: MetricsMilestone | undefined;

  function add(cause: string, ms: number): void {
    const rounded = Math.max(0, Math.round(ms));
    waits ??= {...readMetrics(metrics).waits};
    if (rounded > 0) waits[cause] = (waits[cause] ?? 0) + rounded;
  }

  return {
    reach(milestone, engine) {
      const nowMs = clock.now();
      // Before the first, all of its time; after a take-over what is not accounted for yet.
      waits ??= {...readMetrics(metrics).waits};
      const known = Object.values(waits).reduce((sum, ms) => sum + ms, 0);
      const passed = nowMs - (sinceMs ?? createdAtMs + known);
      sinceMs = nowMs;
      const before = last;
      last = milestone;
      switch (milestone) {
        case 'scheduled':
          add(before === 'retry' ? 'retry' : 'queue', passed);
          return {waits};
        case 'running': {
          const launch = Math.min(passed, engine?.launchMs ?? 0);
          add('launch', launch);
          add(engine?.waitedAt ?? 'engine', passed - launch);
          return {waits};
        }
        case 'retry':
        case 'completed':
          // Ended before it ran: then it waited to its end.
          if (before !== 'running' && !wasRunning(metrics)) {
            add(before === 'scheduled' ? 'engine' : 'queue', passed);
            return {waits};
          }
          runMs += Math.max(0, Math.round(passed));
          return {waits, runMs};
      }
    },
  };
}

/** By an owner before this one. */
const wasRunning = (metrics: string): boolean => readMetrics(metrics).runningTime !== undefined;
