/**
 * What stands in which column of the three job tables. The way in checks lengths and fills the narrow copies that lists
 * filter by; the way out puts texts together again.
 */
import {instanceOf} from '../actors/domain/owner.ts';
import {isTerminal, jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import {readWaits} from '../actors/domain/metrics-waits.ts';
import type {JobFacts, JobRow, JobUpdate, StoredJob} from '../actors/ports.ts';
import {
  cutToBytes,
  cutToCharacters,
  exceedsBytes,
  fitting,
  fittingBytes,
  fittingOrNull,
  widths,
} from './column-limits.ts';
import {integerOf, optionalInteger, optionalText, textOf, timeOf} from './sql-row.ts';
import type {SqlRow, SqlValue, SqlWords} from './sql-session.ts';

export const historyTable = 'linkis_ps_job_history_group_history';
export const jobTable = 'tenon_job';
export const textTable = 'tenon_job_text';
export const detailTable = 'linkis_ps_job_history_detail';

/** Column → value. */
export type Columns = Readonly<Record<string, SqlValue>>;

export type TextKind = 'code' | 'params' | 'source' | 'prepared';

export type JobColumns = {
  readonly history: Columns;
  readonly job: Columns;
  readonly texts: readonly {readonly kind: TextKind; readonly content: string}[];
};

type Time = SqlWords['time'];

/** Everything of a new job. Throws `ValueTooLongError`. */
export function insertColumns(row: JobRow, facts: JobFacts, time: Time): JobColumns {
  const texts: {kind: TextKind; content: string}[] = [];
  const inline = (kind: TextKind, content: string): string => {
    if (!exceedsBytes(content, widths.inlineTextBytes)) return content;
    texts.push({kind, content: content.toWellFormed()});
    return cutToBytes(content, widths.inlineTextBytes);
  };
  const history: Columns = {
    id: row.id,
    job_req_id: cutToCharacters(row.jobReqId, widths.jobReqId),
    submit_user: fitting('submitUser', row.submitUser, widths.user),
    execute_user: fitting('executeUser', row.executeUser, widths.user),
    source: inline('source', row.source),
    labels: fittingBytes('labels', row.labels, widths.textBytes),
    params: inline('params', row.params),
    created_time: time(row.createdTime),
    engine_type: fitting('engineType', row.engineType, widths.engineType),
    execution_code: inline('code', row.executionCode),
    observe_info: fittingOrNull('observeInfo', row.observeInfo, widths.observeInfo),
    ...changedHistory(row, time),
  };
  if (facts.preparedCode !== null) texts.push({kind: 'prepared', content: facts.preparedCode.toWellFormed()});
  const job: Columns = {
    id: row.id,
    submit_user: row.submitUser,
    execute_user: row.executeUser,
    engine_type: row.engineType,
    created_ms: row.createdTime,
    cost_ms: Math.max(0, row.updatedTime - row.createdTime),
    engine_instance: '',
    has_texts: texts.length > 0 ? 1 : 0,
    ...changedCopies(row),
    ...factColumns(facts),
    ...(isTerminal(row.status) ? {took_ms: Math.max(0, row.updatedTime - row.createdTime)} : {}),
  };
  return {history, job, texts};
}

/**
 * What an update changes; `cost_ms` and `took_ms` are left to the statement, which knows the creation time. Throws
 * `ValueTooLongError`.
 */
export function updateColumns({owner, set, facts = {}}: JobUpdate, time: Time): JobColumns {
  const prepared = facts.preparedCode ?? null;
  // Another host has the job: which combination of facets that makes is found out later.
  const moves = set.instances !== undefined && printedInstance(set.instances) !== printedInstance(owner);
  return {
    history: changedHistory(set, time),
    job: {
      ...changedCopies(set),
      ...factColumns(facts),
      ...(prepared === null ? {} : {has_texts: 1}),
      ...(moves ? {facet: null} : {}),
    },
    texts: prepared === null ? [] : [{kind: 'prepared', content: prepared.toWellFormed()}],
  };
}

function changedHistory(set: Partial<JobRow>, time: Time): Columns {
  const columns: Record<string, SqlValue> = {};
  if (set.progress !== undefined) columns['progress'] = fitting('progress', set.progress, widths.progress);
  if (set.status !== undefined) columns['status'] = set.status;
  if (set.logPath !== undefined) columns['log_path'] = fitting('logPath', set.logPath, widths.logPath);
  if (set.errorCode !== undefined) columns['error_code'] = set.errorCode;
  if (set.errorDesc !== undefined) {
    columns['error_desc'] = set.errorDesc === null ? null : cutToCharacters(set.errorDesc, widths.errorDesc);
  }
  if (set.updatedTime !== undefined) columns['updated_time'] = time(set.updatedTime);
  if (set.instances !== undefined)
    columns['instances'] = fitting('instances', set.instances, widths.instances);
  if (set.metrics !== undefined) columns['metrics'] = fittingBytes('metrics', set.metrics, widths.textBytes);
  if (set.resultLocation !== undefined) {
    columns['result_location'] = fitting('resultLocation', set.resultLocation, widths.resultLocation);
  }
  return columns;
}

/** The narrow copies in `tenon_job`. */
function changedCopies(set: Partial<JobRow>): Columns {
  const columns: Record<string, SqlValue> = {};
  if (set.status !== undefined) {
    columns['status'] = set.status;
    columns['is_open'] = isTerminal(set.status) ? null : 1;
  }
  if (set.instances !== undefined) columns['instance'] = printedInstance(set.instances);
  if (set.metrics !== undefined) {
    const engine = engineInstanceOf(set.metrics);
    // Until there is one it stays as it was inserted: an index that is not touched costs nothing.
    if (engine !== '') columns['engine_instance'] = cutToCharacters(engine, widths.engineInstance);
    if (set.status !== undefined && isTerminal(set.status)) {
      const {queuedMs, launchMs, causes} = readWaits(set.metrics);
      columns['queued_ms'] = queuedMs;
      columns['launch_ms'] = launchMs;
      columns['waits'] = causes === null || causes.length > widths.waits ? null : causes;
    }
  }
  return columns;
}

const printedInstance = (instances: string): string => instanceOf(instances).toLowerCase();

/** Linkis finds it in the metrics' text too. Parsing the JSON would cost more than all else here. */
const engineInstanceOf = (metrics: string): string => /"engineInstance":"([^"\\]*)"/.exec(metrics)?.[1] ?? '';

function factColumns(facts: Partial<JobFacts>): Columns {
  const columns: Record<string, SqlValue> = {};
  if (facts.attempt !== undefined) columns['attempt'] = facts.attempt;
  if (facts.engineId !== undefined)
    columns['engine_id'] = fitting('engineId', facts.engineId, widths.engineId);
  if (facts.tenant !== undefined) columns['tenant'] = fitting('tenant', facts.tenant, widths.user);
  if (facts.priority !== undefined) columns['priority'] = facts.priority;
  if (facts.killedBy !== undefined)
    columns['killed_by'] = fittingOrNull('killedBy', facts.killedBy, widths.user);
  if (facts.idempotencyKey !== undefined) {
    columns['idempotency_key'] = fittingOrNull('idempotencyKey', facts.idempotencyKey, widths.idempotencyKey);
  }
  if (facts.requestId !== undefined)
    columns['request_id'] = cutToCharacters(facts.requestId, widths.requestId);
  if (facts.creator !== undefined) columns['creator'] = fitting('creator', facts.creator, widths.user);
  if (facts.codeType !== undefined) columns['code_type'] = fitting('codeType', facts.codeType, widths.user);
  if (facts.logLines !== undefined) columns['log_lines'] = facts.logLines;
  if (facts.logText !== undefined) {
    columns['log_text'] = facts.logText === null ? null : cutToBytes(facts.logText, widths.inlineTextBytes);
  }
  return columns;
}

/** Columns of `historyTable h left join jobTable j`, under names that do not clash. */
export const storedColumns = `h.*, j.id as fact_id, j.attempt, j.engine_id, j.tenant, j.priority, j.killed_by,
  j.idempotency_key, j.request_id, j.creator, j.code_type, j.log_lines, j.log_text, j.has_texts`;

/** Texts of one job that stand apart from its row. */
export type JobTexts = Partial<Record<TextKind, string>>;

export function storedJob(found: SqlRow, texts: JobTexts = {}): StoredJob {
  const row: JobRow = {
    id: integerOf(found, 'id'),
    jobReqId: textOf(found, 'job_req_id'),
    submitUser: textOf(found, 'submit_user'),
    executeUser: textOf(found, 'execute_user'),
    source: texts.source ?? textOf(found, 'source'),
    labels: textOf(found, 'labels'),
    params: texts.params ?? textOf(found, 'params'),
    progress: textOf(found, 'progress'),
    status: statusOf(found),
    logPath: textOf(found, 'log_path'),
    errorCode: optionalInteger(found, 'error_code'),
    errorDesc: optionalText(found, 'error_desc'),
    createdTime: timeOf(found, 'created_time'),
    updatedTime: timeOf(found, 'updated_time'),
    instances: textOf(found, 'instances'),
    metrics: textOf(found, 'metrics'),
    engineType: textOf(found, 'engine_type'),
    executionCode: texts.code ?? textOf(found, 'execution_code'),
    resultLocation: textOf(found, 'result_location'),
    observeInfo: optionalText(found, 'observe_info'),
  };
  const facts: JobFacts = {
    attempt: integerOf(found, 'attempt'),
    engineId: textOf(found, 'engine_id'),
    tenant: textOf(found, 'tenant'),
    priority: optionalInteger(found, 'priority') ?? 100,
    killedBy: optionalText(found, 'killed_by'),
    idempotencyKey: optionalText(found, 'idempotency_key'),
    requestId: textOf(found, 'request_id'),
    creator: textOf(found, 'creator'),
    codeType: textOf(found, 'code_type'),
    preparedCode: texts.prepared ?? null,
    logLines: optionalInteger(found, 'log_lines'),
    logText: optionalText(found, 'log_text'),
  };
  return {row, facts};
}

/** Older Linkis wrote other capitals; a word that is no status at all counts as failed, since nobody will run it. */
export function statusOf(row: SqlRow): JobStatus {
  const text = textOf(row, 'status').toLowerCase();
  return jobStatuses.find(status => status.toLowerCase() === text) ?? 'Failed';
}
