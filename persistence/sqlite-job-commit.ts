/**
 * A batch of job writes as one SQLite transaction, statement by statement: there is no network between, so each
 * write gets its own count of changed rows, and nothing is gained by folding many into one.
 */
import {LinkisError} from '../actors/domain/errors.ts';
import {isTerminal} from '../actors/domain/job.ts';
import type {JobInsert, JobUpdate, JobWrite, WriteOutcome} from '../actors/ports.ts';
import {
  IdempotencyKeyTakenError,
  insertOutcome,
  outcomeColumns,
  refused,
  updateOutcome,
  written,
} from './commit-outcome.ts';
import {
  detailTable,
  historyTable,
  insertColumns,
  jobTable,
  textTable,
  updateColumns,
  type Columns,
  type JobColumns,
} from './job-columns.ts';
import {attemptDetailSql, detailColumns, endsAttempt} from './job-details.ts';
import type {FacetBook} from './job-facets.ts';
import {placeholders, sqliteWords, type SqlRow, type SqlValue} from './sql-session.ts';
import type {SqliteSession, SqliteWriter} from './sqlite-session.ts';

/** Rejects with `DatabaseAwayError`; then nothing, or everything, was written. */
export async function commitToSqlite(
  session: SqliteSession,
  facets: FacetBook,
  writes: readonly JobWrite[],
): Promise<readonly WriteOutcome[]> {
  const prepared = writes.map(prepare);
  await facets.learn(prepared.flatMap(each => (each.type === 'insert' ? [each.columns.job] : [])));
  return session.write(writer => prepared.map(each => apply(writer, facets, each)));
}

type Prepared =
  | {readonly type: 'refused'; readonly outcome: WriteOutcome}
  | {readonly type: 'insert'; readonly write: JobInsert; readonly columns: JobColumns}
  | {
      readonly type: 'update';
      readonly write: JobUpdate;
      readonly columns: JobColumns;
      readonly details: readonly Columns[];
    };

function prepare(write: JobWrite): Prepared {
  const {time} = sqliteWords;
  try {
    return write.type === 'insert'
      ? {type: 'insert', write, columns: insertColumns(write.row, write.facts, time)}
      : {type: 'update', write, columns: updateColumns(write, time), details: detailColumns(write, time)};
  } catch (error) {
    if (error instanceof LinkisError) return {type: 'refused', outcome: refused(error)};
    throw error;
  }
}

function apply(writer: SqliteWriter, facets: FacetBook, prepared: Prepared): WriteOutcome {
  switch (prepared.type) {
    case 'refused':
      return prepared.outcome;
    case 'insert':
      return insert(writer, facets, prepared.write, prepared.columns);
    case 'update':
      return update(writer, prepared.write, prepared.columns, prepared.details);
  }
}

function insert(
  writer: SqliteWriter,
  facets: FacetBook,
  write: JobInsert,
  {history, job: facts, texts}: JobColumns,
): WriteOutcome {
  const job: Columns = {...facts, facet: facets.numberOf(facts)};
  if (insertRow(writer, historyTable, history) === 0) {
    const found = read(writer, write.row.id);
    // Nobody deletes rows inside our transaction, so the row that was in the way is there.
    return found === undefined ? written : insertOutcome(write, history, found);
  }
  if (insertRow(writer, jobTable, job) === 0) {
    writer.run(`delete from ${historyTable} where id = ?`, [write.row.id]);
    return refused(new IdempotencyKeyTakenError(write.facts.idempotencyKey ?? '', write.row.submitUser));
  }
  for (const text of texts) putText(writer, write.row.id, text);
  return written;
}

function update(
  writer: SqliteWriter,
  write: JobUpdate,
  {history, job, texts}: JobColumns,
  details: readonly Columns[],
): WriteOutcome {
  const {changes} = writer.run(
    `update ${historyTable} set ${assignments(history)}
     where id = ? and instances = ? and status in (${placeholders(write.from.length)})`,
    [...Object.values(history), write.id, write.owner, ...write.from],
  );
  if (changes === 0) {
    const outcome = updateOutcome(write, history, read(writer, write.id));
    if (outcome.type === 'matches')
      throw new Error(`Job ${write.id} matches its update, but was not changed.`);
    return outcome;
  }
  const {status, updatedTime} = write.set;
  const isEnd = status !== undefined && isTerminal(status);
  const values = [...Object.values(job), updatedTime, ...(isEnd ? [updatedTime] : []), write.id];
  const set =
    `${assignments(job)}${Object.keys(job).length > 0 ? ', ' : ''}cost_ms = max(0, ? - created_ms)` +
    (isEnd ? ', took_ms = max(0, ? - created_ms)' : '');
  const {changes: jobChanges} = writer.run(`update ${jobTable} set ${set} where id = ?`, values);
  if (jobChanges === 0) {
    writer.run(adoptForeignRow, [write.id]);
    writer.run(`update ${jobTable} set ${set} where id = ?`, values);
  }
  for (const text of texts) putText(writer, write.id, text);
  for (const detail of details) insertRow(writer, detailTable, detail);
  if (details.length === 0 && endsAttempt(status)) {
    writer.run(attemptDetailSql('insert or ignore', 1), [write.id]);
  }
  return written;
}

/** Gives a row that Linkis, or somebody by hand, inserted its row in `tenon_job`. */
const adoptForeignRow = `insert or ignore into ${jobTable}
  (id, engine_id, tenant, request_id, creator, code_type, submit_user, execute_user, status, is_open, engine_type,
   instance, engine_instance, created_ms, cost_ms)
  select id, '', '', '', '', '', coalesce(submit_user, ''), coalesce(execute_user, ''), coalesce(status, ''), 1,
   coalesce(engine_type, ''), lower(coalesce(instances, '')), '', coalesce(created_time, 0), 0
  from ${historyTable} where id = ?`;

/** 0 when a key was taken. */
function insertRow(writer: SqliteWriter, table: string, columns: Columns): number {
  const names = Object.keys(columns);
  const sql = `insert into ${table} (${names.join(', ')}) values (${placeholders(names.length)}) on conflict do nothing`;
  return writer.run(sql, Object.values(columns)).changes;
}

function putText(writer: SqliteWriter, id: number, {kind, content}: JobColumns['texts'][number]): void {
  writer.run(`insert or replace into ${textTable} (job_id, kind, content) values (?, ?, ?)`, [
    id,
    kind,
    content,
  ]);
}

const assignments = (columns: Columns): string =>
  Object.keys(columns)
    .map(column => `${column} = ?`)
    .join(', ');

function read(writer: SqliteWriter, id: number): SqlRow | undefined {
  const values: SqlValue[] = [id];
  return writer.all(`select ${outcomeColumns} from ${historyTable} where id = ?`, values)[0];
}
