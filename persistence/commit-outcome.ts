/**
 * What became of a write that did not count as one changed row: read from the row itself. This also resolves answers
 * that were lost on the way: a write whose effect is already there counts as written.
 */
import {isTerminal} from '../actors/domain/job.ts';
import {LinkisError, toFailure} from '../actors/domain/errors.ts';
import type {JobInsert, JobUpdate, WriteOutcome} from '../actors/ports.ts';
import {statusOf, type Columns} from './job-columns.ts';
import {textOf, timeOf} from './sql-row.ts';
import type {SqlRow} from './sql-session.ts';

export const written: WriteOutcome = {type: 'written'};

/** The id of a new job belongs to another job. Somebody else inserts into the table; a new block of ids helps. */
export class TaskIdTakenError extends LinkisError {
  override readonly name = 'TaskIdTakenError';
  readonly code = 20062;
  override readonly retryable = true;

  constructor(taskID: number) {
    super(`Job id ${taskID} is taken by another job: something else writes to the history. Submit again.`);
  }
}

export class IdempotencyKeyTakenError extends LinkisError {
  override readonly name = 'IdempotencyKeyTakenError';
  readonly code = 20063;

  constructor(key: string, user: string) {
    super(
      `User ${user} has submitted a job with idempotency key '${key}' before. Look that job up, or use another key.`,
    );
  }
}

/** An update of a job that has no row, or whose status is not among the update's `from`. */
export class UpdateMissedError extends LinkisError {
  override readonly name = 'UpdateMissedError';
  readonly code = 20064;

  constructor(taskID: number, found: string, from: readonly string[]) {
    super(`Job ${taskID} ${found}; the update expected one of ${from.join(', ')}. It was not written.`);
  }
}

export const refused = (error: LinkisError): WriteOutcome => ({type: 'refused', failure: toFailure(error)});

/** `found` is the row with the insert's id. */
export function insertOutcome({row}: JobInsert, columns: Columns, found: SqlRow): WriteOutcome {
  const isOurs =
    textOf(found, 'job_req_id') === columns['job_req_id'] &&
    textOf(found, 'submit_user') === row.submitUser &&
    timeOf(found, 'created_time') === row.createdTime;
  return isOurs ? written : refused(new TaskIdTakenError(row.id));
}

/** `matches`: the row is as the update wants it, and has not been changed yet. */
export function updateOutcome(
  update: JobUpdate,
  columns: Columns,
  found: SqlRow | undefined,
): WriteOutcome | {readonly type: 'matches'} {
  if (found === undefined) return refused(new UpdateMissedError(update.id, 'has no row', update.from));
  if (isApplied(update, columns, found)) return written;
  const status = statusOf(found);
  if (isTerminal(status)) return {type: 'ended', status};
  const owner = textOf(found, 'instances');
  if (owner !== update.owner) return {type: 'displaced', owner};
  if (update.from.includes(status)) return {type: 'matches'};
  return refused(new UpdateMissedError(update.id, `is ${status}`, update.from));
}

function isApplied(update: JobUpdate, columns: Columns, found: SqlRow): boolean {
  if (timeOf(found, 'updated_time') !== update.set.updatedTime) return false;
  if (textOf(found, 'instances') !== (update.set.instances ?? update.owner)) return false;
  return Object.entries(columns).every(([column, value]) => {
    if (column === 'updated_time') return true;
    return value === null ? found[column] === null : textOf(found, column) === String(value);
  });
}

/** The columns these decisions look at. */
export const outcomeColumns =
  'id, job_req_id, submit_user, status, progress, log_path, error_code, error_desc, created_time, updated_time,' +
  ' instances, metrics, result_location';
