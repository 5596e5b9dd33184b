/**
 * The history's truth (`JobStore`) over SQL. How a batch is committed differs between the embedded database and the
 * servers and is handed in; everything else is the same statements. Rows are read as rows: hydrating entities costs six
 * to twelve times as much.
 */
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import type {JobPage, JobStore, JobWrite, StoredJob, WriteOutcome} from '../actors/ports.ts';
import {
  historyTable,
  jobTable,
  statusOf,
  storedColumns,
  storedJob,
  textTable,
  type JobTexts,
  type TextKind,
} from './job-columns.ts';
import {approximateTotalOf} from './job-day-totals.ts';
import {countStatuses, totalMax} from './job-counts.ts';
import {findPage} from './job-pages.ts';
import {removeEarliest} from './job-removal.ts';
import {integerOf, textOf} from './sql-row.ts';
import {placeholders, type SqlRow, type SqlSession, type SqlValue} from './sql-session.ts';

export const pageSizeMax = 1_000;
export const idsAtOnceMax = 1_000_000;
/** The most that one answer carries of texts that do not fit their column; further ones stay cut at 60,000 bytes. */
const pageTextBytesMax = 16 * 1024 * 1024;

export type Commit = (writes: readonly JobWrite[]) => Promise<readonly WriteOutcome[]>;

export function jobStore(session: SqlSession, commit: Commit): JobStore {
  const stored = `from ${historyTable} h left join ${jobTable} j on j.id = h.id`;

  async function withTexts(rows: readonly SqlRow[], textBytesMax: number): Promise<readonly StoredJob[]> {
    const ids = rows.filter(row => row['has_texts'] === 1).map(row => integerOf(row, 'id'));
    const texts = new Map<number, JobTexts>();
    let bytesLeft = textBytesMax;
    for (const id of ids) {
      if (bytesLeft <= 0) break;
      const found = await session.all(`select kind, content from ${textTable} where job_id = ?`, [id]);
      const ofJob: JobTexts = {};
      for (const row of found) {
        const content = textOf(row, 'content');
        bytesLeft -= content.length;
        ofJob[kindOf(row)] = content;
      }
      texts.set(id, ofJob);
    }
    return rows.map(row => storedJob(row, texts.get(integerOf(row, 'id'))));
  }

  async function one(condition: string, values: readonly SqlValue[]): Promise<StoredJob | undefined> {
    const rows = await session.all(`select ${storedColumns} ${stored} where ${condition}`, values);
    const [job] = await withTexts(rows.slice(0, 1), Number.POSITIVE_INFINITY);
    return job;
  }

  /** Whole, in the order of `ids`; one that was removed meanwhile is left out. */
  async function rowsOf(ids: readonly number[]): Promise<readonly SqlRow[]> {
    if (ids.length === 0) return [];
    const rows = await session.all(
      `select ${storedColumns} ${stored} where h.id in (${placeholders(ids.length)})`,
      ids,
    );
    const byId = new Map(rows.map(row => [integerOf(row, 'id'), row]));
    return ids.map(id => byId.get(id)).filter(row => row !== undefined);
  }

  return {
    commit,

    async reserveIds(wanted) {
      const count = Math.min(Math.max(1, Math.floor(wanted)), idsAtOnceMax);
      return {first: await reserveBlock(session, count), count};
    },

    get: taskID => one('h.id = ?', [taskID]),

    byIdempotencyKey: (submitUser, key) =>
      one('j.submit_user = ? and j.idempotency_key = ?', [submitUser, key]),

    async list(filter, page): Promise<JobPage> {
      const size = Math.min(Math.max(1, Math.floor(page.size)), pageSizeMax);
      const offset = Math.max(0, Math.floor(page.number) - 1) * size;
      const {ids, matching} = await findPage(session, filter, {offset, size});
      const totalIsCapped = matching > totalMax;
      const approximateTotal = totalIsCapped ? await approximateTotalOf(session, filter) : undefined;
      return {
        jobs: await withTexts(await rowsOf(ids), pageTextBytesMax),
        total: Math.min(matching, totalMax),
        totalIsCapped,
        ...(approximateTotal === undefined ? {} : {approximateTotal}),
      };
    },

    async countByStatus(filter) {
      const counts = noJobs();
      for (const row of await countStatuses(session, filter))
        counts[statusOf(row)] += integerOf(row, 'total');
      return counts;
    },

    async unfinished(afterId, limit, instance) {
      const ofOwner = instance === undefined ? '' : 'and j.instance = ? ';
      const rows = await session.all(
        `select ${storedColumns} from
          (select j.id from ${jobTable} j where j.is_open = 1 and j.took_ms is null and j.id > ? ${ofOwner}order by j.id limit ?) page
          join ${historyTable} h on h.id = page.id join ${jobTable} j on j.id = page.id order by page.id`,
        [
          afterId,
          ...(instance === undefined ? [] : [instance.toLowerCase()]),
          Math.min(Math.max(1, Math.floor(limit)), pageSizeMax),
        ],
      );
      return withTexts(rows, Number.POSITIVE_INFINITY);
    },

    removeEnded: (endedBeforeMs, limit) => removeEarliest(session, endedBeforeMs, limit),
  };
}

function noJobs(): Record<JobStatus, number> {
  const counts: Partial<Record<JobStatus, number>> = {};
  for (const status of jobStatuses) counts[status] = 0;
  return counts as Record<JobStatus, number>;
}

const textKinds: readonly TextKind[] = ['code', 'params', 'source', 'prepared'];

function kindOf(row: SqlRow): TextKind {
  const kind = textKinds.find(known => known === textOf(row, 'kind'));
  if (kind === undefined)
    throw new RangeError(`tenon_job_text holds an unknown kind: ${textOf(row, 'kind')}.`);
  return kind;
}

/**
 * The first of `count` ids that nobody else gets, above every id in the history. In one statement on servers (the value
 * of `last_insert_id(…)` comes back with its answer), so a client that is paused holds no lock.
 */
async function reserveBlock(session: SqlSession, count: number): Promise<number> {
  const highest = `(select coalesce(max(h.id), 0) + 1 from ${historyTable} h)`;
  if (session.kind === 'sqlite') {
    return session.transaction(async ({run, all}) => {
      await run(`update tenon_id_block set next_id = max(next_id, ${highest}) + ? where name = 'job'`, [
        count,
      ]);
      const [row] = await all("select next_id from tenon_id_block where name = 'job'");
      if (row === undefined) throw missingBlock();
      return integerOf(row, 'next_id') - count;
    });
  }
  const {changes, insertId} = await session.run(
    `update tenon_id_block set next_id = last_insert_id(greatest(next_id, ${highest}) + ?) where name = 'job'`,
    [count],
  );
  if (changes === 0) throw missingBlock();
  return insertId - count;
}

const missingBlock = (): Error =>
  new Error("tenon_id_block has no row 'job'. Restore it, or start with a new database.");
