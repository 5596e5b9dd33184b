/**
 * Turns a parsed submission into the row it is born with: `Inited`, or `Failed` when a check refuses it (decision 17). The
 * row is the whole truth: what runs is rebuilt from it by `specOf`, now and after a restart alike.
 */
import {jobPaths} from './checks/job-paths.ts';
import {runChecks} from './checks/pre-execution.ts';
import type {CheckContext, JobDraft} from './checks/job-draft.ts';
import {LinkisError} from './domain/errors.ts';
import {shortExecId} from './domain/exec-id.ts';
import {groupNameOf, type JobSpec} from './domain/job.ts';
import {printLogLine} from './domain/job-log-text.ts';
import {countParam, isRecord, sectionOf, type Params} from './domain/job-params.ts';
import {parseEngineType, parseUserCreator, secondsMs, type Labels} from './domain/label.ts';
import {refusedMetrics, submittedMetrics} from './domain/metrics.ts';
import {printOwner, type Owner} from './domain/owner.ts';
import {readRetry} from './domain/retry-params.ts';
import {priorityMax} from './job-wait.ts';
import type {JobFacts, JobRow, StoredJob} from './ports.ts';
import {CheckBrokenError} from './submission-errors.ts';
import type {ParsedSubmission, SubmissionContext} from './submission.ts';

export type IntakeContext = SubmissionContext &
  CheckContext & {
    /** This process; jobs are born at epoch 1. */
    readonly self: Omit<Owner, 'epoch'>;
    /** Absolute; checked by `assertPathsFit` at start. */
    readonly dataDirectory: string;
    /** By the configured list of addresses of a user and creator; without it from anywhere. */
    readonly isAddressAllowed?: (user: string, creator: string, address: string) => boolean;
    /** Which instance the router chose, and why; for the job's log. */
    readonly routedBy?: string;
  };

export type PreparedJob =
  | {
      readonly row: JobRow;
      readonly facts: JobFacts;
      readonly spec: JobSpec;
      readonly failure?: undefined;
    }
  | {readonly row: JobRow; readonly facts: JobFacts; readonly failure: LinkisError};

const firstEpoch = 1;
const defaultPriority = 100;
const requestIdCharsMax = 64;
const priorityKey = 'wds.linkis.engine.runtime.priority';

/** Pure; a refusal is part of the answer, not thrown. */
export function prepareJob(parsed: ParsedSubmission, taskID: number, context: IntakeContext): PreparedJob {
  const draft: JobDraft = {...parsed, tenant: '', logLines: []};
  let failure: LinkisError | undefined;
  let checked = draft;
  try {
    checked = runChecks(draft, context);
  } catch (error) {
    failure = error instanceof LinkisError ? error : new CheckBrokenError(error);
  }
  const row = rowOf(parsed, checked, taskID, context, failure);
  const facts = factsOf(parsed, checked, context, failure);
  if (failure !== undefined) return {row, facts, failure};
  return {row, facts, spec: specOf({row, facts})};
}

function rowOf(
  parsed: ParsedSubmission,
  {labels, params}: JobDraft,
  taskID: number,
  {nowMs, timeZone, self, dataDirectory}: IntakeContext,
  failure: LinkisError | undefined,
): JobRow {
  const {submitUser, executeUser, creator, engineType, source, code} = parsed;
  const isRefused = failure !== undefined;
  return {
    id: taskID,
    jobReqId: shortExecId(groupNameOf(parsed), taskID),
    submitUser,
    executeUser,
    source: JSON.stringify(source),
    labels: JSON.stringify(labels),
    params: JSON.stringify(params),
    progress: isRefused ? '1.0' : '0.0',
    status: isRefused ? 'Failed' : 'Inited',
    ...jobPaths(dataDirectory, {creator, executeUser, taskID}, nowMs, timeZone),
    errorCode: failure?.code ?? null,
    errorDesc: failure?.message ?? null,
    createdTime: nowMs,
    updatedTime: nowMs,
    instances: printOwner({...self, epoch: firstEpoch}),
    metrics: isRefused ? refusedMetrics(nowMs) : submittedMetrics(nowMs),
    engineType: engineType.type,
    executionCode: code,
    observeInfo: null,
  };
}

function factsOf(
  {code, creator, codeType}: ParsedSubmission,
  checked: JobDraft,
  {caller, idempotencyKey, routedBy, nowMs, timeZone}: IntakeContext,
  failure: LinkisError | undefined,
): JobFacts {
  const runtime = sectionOf(checked.params, 'runtime');
  return {
    attempt: 0,
    engineId: '',
    tenant: checked.tenant,
    priority: countParam(runtime, priorityKey, priorityMax) ?? defaultPriority,
    killedBy: null,
    // A refused submission keeps no key: sent again, it is to be refused again, not answered as accepted.
    idempotencyKey: (failure === undefined ? idempotencyKey : undefined) ?? null,
    requestId: caller.requestId.slice(0, requestIdCharsMax),
    creator,
    codeType,
    preparedCode: checked.code === code ? null : checked.code,
    logLines: null,
    logText: printed(
      [...(routedBy === undefined ? [] : [`Your job was routed to ${routedBy}.`]), ...checked.logLines],
      line => printLogLine(nowMs, timeZone, 'INFO', line),
    ),
  };
}

const printed = (lines: readonly string[], print: (line: string) => string): string | null =>
  lines.length === 0 ? null : lines.map(print).join('');

/** What is to run, from row and facts alone. Never throws: what a foreign row lacks is left out. */
export function specOf({row, facts}: StoredJob): JobSpec {
  const labels = readLabelTexts(row.labels);
  const params: Params = parseObject(row.params);
  const engineType = parseEngineType(labels['engineType'] ?? '') ?? {type: row.engineType, version: ''};
  const queuingTimeoutMs = secondsMs(labels['jobQueuingTimeout']);
  const runningTimeoutMs = secondsMs(labels['jobRunningTimeout']);
  return {
    taskID: row.id,
    submitUser: row.submitUser,
    executeUser: row.executeUser,
    tenant: facts.tenant,
    creator: facts.creator || (parseUserCreator(labels['userCreator'] ?? '', row.executeUser)?.creator ?? ''),
    engineType,
    codeType: facts.codeType || (labels['codeType'] ?? ''),
    code: facts.preparedCode ?? row.executionCode,
    labels,
    runtimeParams: sectionOf(params, 'runtime'),
    startupParams: sectionOf(params, 'startup'),
    executeOnce: labels['executeOnce'] !== undefined,
    ...(queuingTimeoutMs === undefined ? {} : {queuingTimeoutMs}),
    ...(runningTimeoutMs === undefined ? {} : {runningTimeoutMs}),
    ...readRetry(params),
    priority: facts.priority,
    createdAtMs: row.createdTime,
    logPath: row.logPath,
    resultLocation: row.resultLocation,
    requestId: facts.requestId,
  };
}

export const readLabelTexts = (json: string): Labels =>
  Object.fromEntries(
    Object.entries(parseObject(json)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );

function parseObject(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
