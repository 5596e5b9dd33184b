/** Adds jobs up: how many ended how, how long they took and what they waited for. Pure; figures can be added to figures. */
import {addDuration, addHistogram, countOf, percentileOf, type Histogram} from './histogram.ts';
import {isTerminal, jobStatuses, type JobStatus} from './job.ts';

export type JobFigures = {
  jobs: number;
  readonly byStatus: Record<JobStatus, number>;
  readonly took: Histogram;
  /** Cause → durations; under `everyCause` the sums over all causes of each job. */
  readonly waits: Map<string, Histogram>;
};

export const everyCause = '*';

/** What the figures need of one job; times in milliseconds, null where there are none. */
export type JobTimes = {
  readonly status: JobStatus;
  readonly tookMs: number;
  readonly queuedMs: number | null;
  readonly launchMs: number | null;
  /** Cause → milliseconds, when the decision trail has left them; they take the place of queued and launch. */
  readonly causes: Readonly<Record<string, number>>;
};

export function noFigures(): JobFigures {
  const byStatus: Partial<Record<JobStatus, number>> = {};
  for (const status of jobStatuses) byStatus[status] = 0;
  return {jobs: 0, byStatus: byStatus as Record<JobStatus, number>, took: new Map(), waits: new Map()};
}

export function addJob(figures: JobFigures, {status, tookMs, queuedMs, launchMs, causes}: JobTimes): void {
  figures.jobs += 1;
  figures.byStatus[status] += 1;
  if (!isTerminal(status)) return;
  addDuration(figures.took, tookMs);
  const named = Object.entries(causes);
  const waits: readonly (readonly [string, number])[] =
    named.length > 0
      ? named
      : [
          ...(queuedMs === null ? [] : [['queue', queuedMs] as const]),
          ...(launchMs === null ? [] : [['launch', launchMs] as const]),
        ];
  if (waits.length === 0) return;
  for (const [cause, ms] of waits) addDuration(waitsOf(figures, cause), ms);
  // Without the launch no engine had the job: how long it would have waited is not known.
  if (launchMs !== null) {
    addDuration(
      waitsOf(figures, everyCause),
      waits.reduce((sum, [, ms]) => sum + ms, 0),
    );
  }
}

export function addFigures(figures: JobFigures, added: JobFigures): void {
  figures.jobs += added.jobs;
  for (const status of jobStatuses) figures.byStatus[status] += added.byStatus[status];
  addHistogram(figures.took, added.took);
  for (const [cause, histogram] of added.waits) addHistogram(waitsOf(figures, cause), histogram);
}

export const percentilesOf = (
  histogram: ReadonlyMap<number, number> | undefined,
): {readonly p50: number | null; readonly p95: number | null} => ({
  p50: (histogram && percentileOf(histogram, 0.5)) ?? null,
  p95: (histogram && percentileOf(histogram, 0.95)) ?? null,
});

/** The causes, the most frequent first. */
export const causesOf = (figures: JobFigures): readonly (readonly [cause: string, waits: Histogram])[] =>
  [...figures.waits]
    .filter(([cause]) => cause !== everyCause)
    .toSorted(([a, one], [b, other]) => countOf(other) - countOf(one) || (a < b ? -1 : 1));

function waitsOf({waits}: JobFigures, cause: string): Histogram {
  const known = waits.get(cause);
  if (known !== undefined) return known;
  const fresh: Histogram = new Map();
  waits.set(cause, fresh);
  return fresh;
}
