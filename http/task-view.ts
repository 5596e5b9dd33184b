/** A row of job history as Linkis' clients read it: the `task` object of contract 3.2, all keys always there. Pure. */
import {entranceService, printExecId, shortExecId} from '../actors/domain/exec-id.ts';
import {isTerminal, type JobStatus} from '../actors/domain/job.ts';
import {readMetrics, type JobMetrics} from '../actors/domain/metrics.ts';
import {instanceOf} from '../actors/domain/owner.ts';
import type {JobRow, StoredJob} from '../actors/ports.ts';
import {parseObject} from './json-object.ts';
import {shownParams} from './shown-params.ts';

/** The keys of `task`; values as contract 3.2 lists them. */
export type TaskView = Readonly<Record<string, unknown>>;

/** linkis-cli casts `costTime` to a Java int. */
const costTimeMax = 2 ** 31 - 1;

/** Longer code is cut in lists, longer JSON left out; `{id}/get` and `job-extra-info` have them whole. */
const listedTextMax = 20_000;

/** `linkis-cli` aborts on `WaitForRetry`, so REST says `Scheduled` (decision 49); row and stream say the truth. */
export const restStatus = (status: JobStatus): JobStatus =>
  status === 'WaitForRetry' ? 'Scheduled' : status;

/** The short execID from the row's fields: the column is cut to 64 characters, and rows of Linkis count otherwise. */
export function shortIdOf({row, facts}: StoredJob): string | null {
  if (row.jobReqId === '') return null;
  return row.jobReqId.endsWith(`_${row.id}`)
    ? row.jobReqId
    : shortExecId(`${facts.creator}_${row.executeUser}_${row.engineType}`, row.id);
}

const strongerExecIdOf = (job: StoredJob): string =>
  printExecId({
    applicationName: entranceService,
    instances: [instanceOf(job.row.instances)],
    // Linkis, too, appends the word when there is no short id.
    shortId: shortIdOf(job) ?? 'null',
  });

/**
 * `now` is for the cost of a job that has not ended. A single job is answered whole but for its code, which Linkis leaves
 * out there; in a list the code is shown, and no text is longer than `listedTextMax`, so that a page has a bound.
 */
export function taskView(job: StoredJob, now: number, shown: 'single' | 'listed'): TaskView {
  const {row, facts} = job;
  const isListed = shown === 'listed';
  const json = (text: string): string => (isListed && text.length > listedTextMax ? '{}' : text);
  const metrics = readMetrics(row.metrics);
  const labels = Object.entries(parseObject(row.labels));
  const source = parseObject(json(row.source));
  const codeType = facts.codeType === '' ? textOf(parseObject(row.labels)['codeType']) : facts.codeType;
  return {
    taskID: row.id,
    instance: instanceOf(row.instances),
    execId: shortIdOf(job),
    umUser: row.submitUser,
    executeUser: row.executeUser,
    engineInstance: metrics.engineInstance ?? null,
    executionCode: isListed ? row.executionCode.slice(0, listedTextMax) : null,
    progress: row.progress,
    logPath: toUri(row.logPath),
    resultLocation: toUri(row.resultLocation),
    status: restStatus(row.status),
    createdTime: row.createdTime,
    updatedTime: row.updatedTime,
    engineType: row.engineType,
    errCode: row.errorCode,
    errDesc: row.errorDesc,
    executeApplicationName: row.engineType,
    requestApplicationName: facts.creator,
    runType: codeType,
    paramsJson: json(shownParams(row.params)),
    costTime: costTimeOf(row, metrics, now),
    strongerExecId: strongerExecIdOf(job),
    sourceJson: json(row.source),
    sourceTailor: Object.values(source).map(textOf).join('-'),
    engineStartTime: null,
    labels: labels.map(([key, value]) => `${key}:${textOf(value)}`),
    canRetry: row.status === 'Failed' && metrics.engineInstance === undefined,
    observeInfo: row.observeInfo,
    isReuse: metrics.isReuse ?? null,
    requestStartTime: metrics.submitTime ?? null,
    requestEndTime: metrics.scheduleTime ?? null,
    requestSpendTime: between(metrics.submitTime, metrics.scheduleTime),
    metrics: orNull(row.metrics),
    engineLogPath: metrics.engineLogPath ?? null,
    ecmInstance: metrics.ecmInstance ?? null,
    ticketId: metrics.ticketId ?? null,
    subJobs: null,
  };
}

const briefKeys = new Set([
  'status',
  'progress',
  'taskID',
  'execId',
  'logPath',
  'resultLocation',
  'umUser',
  'executeUser',
  'errDesc',
  'errCode',
]);

/** `brief=true`: the same keys, all but ten of them null. */
export const briefTaskView = (task: TaskView): TaskView =>
  Object.fromEntries(Object.entries(task).map(([key, value]) => [key, briefKeys.has(key) ? value : null]));

const costTimeOf = (row: JobRow, metrics: JobMetrics, now: number): number =>
  Math.min(Math.max(endOf(row, metrics, now) - startOf(row, metrics), 0), costTimeMax);

const startOf = ({createdTime}: JobRow, {submitTime}: JobMetrics): number => precise(submitTime, createdTime);

const endOf = ({status, updatedTime}: JobRow, {completeTime}: JobMetrics, now: number): number =>
  isTerminal(status) ? precise(completeTime, updatedTime) : now;

/** Stored dates have whole seconds: where the row's own time means the same moment, it is the better one. */
const precise = (stored: number | undefined, own: number): number =>
  stored === undefined || Math.abs(stored - own) < 1000 ? own : stored;

const between = (from: number | undefined, to: number | undefined): number | null =>
  from === undefined || to === undefined ? null : to - from;

/** Clients hand the path back as they got it; Linkis' are URIs, unescaped. */
const toUri = (path: string): string | null => (path.startsWith('/') ? `file://${path}` : orNull(path));

const orNull = (text: string): string | null => (text === '' ? null : text);

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

/** What `job-extra-info` says of the time a job took: `1m 2s`, or a sentence while that is open. */
export function runtimeText({row}: StoredJob): string {
  if (!isTerminal(row.status)) {
    return 'The task did not end normally and the usage time could not be counted.(任务并未正常结束，无法统计使用时间)';
  }
  const seconds = Math.round(costTimeOf(row, readMetrics(row.metrics), row.updatedTime) / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([count], n) => count > 0 || n === 2).map(([count, unit]) => `${count}${unit}`);
  return shown.join(' ');
}
