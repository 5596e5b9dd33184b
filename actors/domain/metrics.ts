/**
 * The `metrics` column: JSON whose keys and date format are Linkis' (`TaskConstant`, Gson `yyyy-MM-dd'T'HH:mm:ssZ`), since
 * the console shows it and filters search in its text. Times are written in UTC. Unknown keys, of Linkis' own rows, stay.
 */
import {isRecord} from './job-params.ts';

/** What a job has reached; see `job.ts`. */
export type MetricsMilestone = 'scheduled' | 'running' | 'retry' | 'completed';

export type MetricsEngine = {readonly engineId: string; readonly isReused: boolean};

/** What is read from the column; times in epoch milliseconds, whole seconds. */
export type JobMetrics = {
  readonly submitTime?: number;
  readonly scheduleTime?: number;
  readonly runningTime?: number;
  readonly completeTime?: number;
  readonly engineInstance?: string;
  readonly ecmInstance?: string;
  readonly engineLogPath?: string;
  readonly ticketId?: string;
  readonly isReuse?: boolean;
  /** Milliseconds waited, by cause; ours, as `runMs`. */
  readonly waits?: Readonly<Record<string, number>>;
  readonly runMs?: number;
};

/** Where a job's time went, as far as it is known by now. */
export type MetricsWaits = Pick<JobMetrics, 'waits' | 'runMs'>;

/** Of a job whose checks were passed. */
export const submittedMetrics = (nowMs: number): string =>
  JSON.stringify({submitTime: printMetricsTime(nowMs)});

/** Of a job that a check refused: the text `NULL` tells clients that no engine ever had it. */
export const refusedMetrics = (nowMs: number): string =>
  JSON.stringify({
    submitTime: printMetricsTime(nowMs),
    completeTime: printMetricsTime(nowMs),
    engineInstance: 'NULL',
  });

/** The column's text after a milestone; `engine` is the one that got the job. */
export type AdvanceMetrics = (
  milestone: MetricsMilestone,
  nowMs: number,
  engine?: MetricsEngine,
  times?: MetricsWaits,
) => string;

/** Each call goes on from the one before, the first from the column's text, which is parsed when that call comes. */
export function advancingMetrics(metrics: string): AdvanceMetrics {
  let values: Readonly<Record<string, unknown>> | undefined;
  return (milestone, nowMs, engine, times) => {
    values = {
      ...(values ?? parseObject(metrics)),
      ...changes(milestone, printMetricsTime(nowMs), engine),
      ...times,
    };
    return JSON.stringify(values);
  };
}

function changes(milestone: MetricsMilestone, at: string, engine?: MetricsEngine): Record<string, unknown> {
  switch (milestone) {
    case 'scheduled':
      return {scheduleTime: at, requestECTime: at};
    case 'running':
      return {runningTime: at, jobToOrchestrator: at, jobToECTIme: at, ...engineOf(engine)};
    case 'retry':
      return {};
    case 'completed':
      return {completeTime: at};
  }
}

function engineOf(engine: MetricsEngine | undefined): Record<string, unknown> {
  if (engine === undefined) return {};
  const {engineId, isReused} = engine;
  return {
    engineInstance: engineId,
    isReuse: isReused,
    engineconnMap: {[engineId]: {engineInstance: engineId, ticketId: engineId}},
  };
}

/** Whatever can be read of the column; an unreadable text gives nothing. */
export function readMetrics(metrics: string): JobMetrics {
  const object = parseObject(metrics);
  const engines = isRecord(object['engineconnMap']) ? Object.values(object['engineconnMap']) : [];
  const engine = engines.findLast(isRecord);
  const time = (key: string): Record<string, number> => {
    const at = parseMetricsTime(object[key]);
    return at === undefined ? {} : {[key]: at};
  };
  return {
    ...time('submitTime'),
    ...time('scheduleTime'),
    ...time('runningTime'),
    ...time('completeTime'),
    ...textField('engineInstance', object['engineInstance']),
    ...textField('ecmInstance', object['ecmInstance']),
    ...textField('engineLogPath', object['engineLogPath']),
    ...textField('ticketId', engine?.['ticketId']),
    ...(typeof object['isReuse'] === 'boolean' ? {isReuse: object['isReuse']} : {}),
    ...(isRecord(object['waits']) ? {waits: numbersOf(object['waits'])} : {}),
    ...(typeof object['runMs'] === 'number' ? {runMs: object['runMs']} : {}),
  };
}

const numbersOf = (object: Readonly<Record<string, unknown>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(object).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );

const textField = (key: string, value: unknown): Record<string, string> =>
  typeof value === 'string' && value !== '' ? {[key]: value} : {};

/** `2026-05-01T10:20:30+0000` */
export function printMetricsTime(atMs: number): string {
  const second = Math.floor(atMs / 1000);
  if (second !== lastTime.second) {
    lastTime = {second, text: `${new Date(atMs).toISOString().slice(0, 19)}+0000`};
  }
  return lastTime.text;
}

/** Thousands of jobs share a second. */
let lastTime = {second: Number.NaN, text: ''};

/** Epoch milliseconds of a Gson date of any zone; undefined for anything else. */
export function parseMetricsTime(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})([+-]\d{2}):?(\d{2})$/.exec(value);
  const at = parts === null ? NaN : Date.parse(`${parts[1]}${parts[2]}:${parts[3]}`);
  return Number.isNaN(at) ? undefined : at;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
