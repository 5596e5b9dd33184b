/**
 * How long a job waited, from its metrics. Where the decision trail has left `waits` there (cause → milliseconds), its
 * causes are told apart; until then the milestones tell waiting in the queue from waiting for an engine, to the second.
 */
import {isRecord} from './job-params.ts';
import {parseMetricsTime} from './metrics.ts';

export type JobWaits = {
  /** From the submission until an engine was asked for; null when the job did not get so far. */
  readonly queuedMs: number | null;
  /** From then until an engine had the job. */
  readonly launchMs: number | null;
  /** JSON of cause → milliseconds; null when the metrics name none. */
  readonly causes: string | null;
};

export const causesMax = 20;
const causeForm = /^[A-Za-z][A-Za-z0-9_.-]{0,39}$/;

/** Reads the few keys it needs out of the text: parsing all of it would cost more than writing the row. */
export function readWaits(metrics: string): JobWaits {
  const running = timeIn(/"runningTime":"([^"\\]*)"/, metrics);
  const trail = /"waits":(\{[^{}]*\})/.exec(metrics)?.[1];
  if (trail !== undefined) {
    const causes = parseCauses(trail);
    return {
      queuedMs: causes['queue'] ?? 0,
      // What took no time is not in the trail; what never happened was not waited for.
      launchMs: running === undefined ? null : (causes['launch'] ?? 0),
      causes: Object.keys(causes).length === 0 ? null : JSON.stringify(causes),
    };
  }
  const schedule = timeIn(/"scheduleTime":"([^"\\]*)"/, metrics);
  const submit = timeIn(/"submitTime":"([^"\\]*)"/, metrics);
  return {queuedMs: between(submit, schedule), launchMs: between(schedule, running), causes: null};
}

const timeIn = (form: RegExp, metrics: string): number | undefined =>
  parseMetricsTime(form.exec(metrics)?.[1]);

const between = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : Math.max(0, to - from);

/** Cause → milliseconds; what is no such thing is left out. */
export function parseCauses(text: string): Readonly<Record<string, number>> {
  const causes: Record<string, number> = {};
  for (const [cause, ms] of Object.entries(objectIn(text)).slice(0, causesMax)) {
    if (causeForm.test(cause) && typeof ms === 'number' && ms >= 0 && Number.isFinite(ms)) causes[cause] = ms;
  }
  return causes;
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
