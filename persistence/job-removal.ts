/** Takes ended jobs out of the database, with everything that belongs to them. */
import type {ArchivedJob} from '../actors/job-history.ts';
import type {StoredJob} from '../actors/ports.ts';
import {detailTable, historyTable, jobTable, textTable} from './job-columns.ts';
import {dayOf, openDays} from './job-days.ts';
import {detailRange, readDetails} from './job-details.ts';
import {jobsBy, jobsById} from './job-query.ts';
import {integerOf} from './sql-row.ts';
import {placeholders, type SqlSession, type SqlStatements} from './sql-session.ts';

export const removedAtOnceMax = 1_000;
const rangesAtOnce = 100;
const archivedBytesMax = 8 * 1024 * 1024;

/** Removes the earliest submitted of those that ended before `endedBeforeMs`; resolves to how many. */
export const removeEarliest = (session: SqlSession, endedBeforeMs: number, limit: number): Promise<number> =>
  session.transaction(async inside =>
    removeRows(
      inside,
      await dueRows(
        inside,
        session.kind,
        endedBeforeMs,
        Math.min(Math.max(1, Math.floor(limit)), removedAtOnceMax),
      ),
    ),
  );

/** Those of `taskIDs` that ended before `endedBeforeMs`. */
export const removeThese = (
  session: SqlSession,
  endedBeforeMs: number,
  taskIDs: readonly number[],
): Promise<number> =>
  session.transaction(async inside => {
    const wanted = taskIDs.slice(0, removedAtOnceMax);
    const rows = await inside.all(
      `select j.id, j.created_ms from ${jobsById(session.kind)} where j.id in (${placeholders(wanted.length)}) and ${isDue}`,
      [...wanted, endedBeforeMs, endedBeforeMs],
    );
    return removeRows(inside, rows.map(toDue));
  });

/** Jobs that are due, whole; one at least if there is any, then as many as fit. */
export async function readDue(
  session: SqlSession,
  endedBeforeMs: number,
  limit: number,
  get: (taskID: number) => Promise<StoredJob | undefined>,
): Promise<readonly ArchivedJob[]> {
  const due = await dueRows(
    session,
    session.kind,
    endedBeforeMs,
    Math.min(Math.max(1, Math.floor(limit)), removedAtOnceMax),
  );
  const jobs: ArchivedJob[] = [];
  let bytes = 0;
  for (const {id} of due) {
    const job = await get(id);
    if (job === undefined) continue;
    jobs.push({...job, details: await readDetails(session, id)});
    bytes += job.row.executionCode.length + job.row.params.length + (job.facts.preparedCode?.length ?? 0);
    if (bytes > archivedBytesMax) break;
  }
  return jobs;
}

type Due = {readonly id: number; readonly createdMs: number};

const isDue = 'j.is_open is null and j.created_ms < ? and j.created_ms + j.cost_ms < ?';

async function dueRows(
  from: Pick<SqlStatements, 'all'>,
  kind: SqlSession['kind'],
  endedBeforeMs: number,
  limit: number,
): Promise<readonly Due[]> {
  const rows = await from.all(
    `select j.id, j.created_ms from ${jobsBy(kind, 'idx_tenon_job_created')} where ${isDue} order by j.created_ms, j.id limit ?`,
    [endedBeforeMs, endedBeforeMs, limit],
  );
  return rows.map(toDue);
}

const toDue = (row: Readonly<Record<string, unknown>>): Due => ({
  id: integerOf(row, 'id'),
  createdMs: integerOf(row, 'created_ms'),
});

async function removeRows(inside: SqlStatements, due: readonly Due[]): Promise<number> {
  const {run} = inside;
  const ids = due.map(({id}) => id);
  if (ids.length === 0) return 0;
  // New ids begin above the highest in the history, which may be one that goes now.
  const next = Math.max(...ids) + 1;
  await run("update tenon_id_block set next_id = ? where name = 'job' and next_id < ?", [next, next]);
  await removeDetails(inside, ids);
  for (const [table, key] of tablesOfJob) {
    await run(`delete from ${table} where ${key} in (${placeholders(ids.length)})`, ids);
  }
  await openDays(inside, new Set(due.map(({createdMs}) => dayOf(createdMs))));
  return ids.length;
}

/** By the primary key alone: the seed's table has no other. */
async function removeDetails({run}: SqlStatements, taskIDs: readonly number[]): Promise<void> {
  for (let at = 0; at < taskIDs.length; at += rangesAtOnce) {
    const some = taskIDs.slice(at, at + rangesAtOnce);
    const ranges = some.map(() => '(id between ? and ? and job_history_id = ?)').join(' or ');
    await run(
      `delete from ${detailTable} where ${ranges}`,
      some.flatMap(taskID => [...detailRange(taskID), taskID]),
    );
  }
}

/** Every other table that holds something of a job, and the column that names the job. */
const tablesOfJob = [
  [textTable, 'job_id'],
  [jobTable, 'id'],
  [historyTable, 'id'],
] as const;
