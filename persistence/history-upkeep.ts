/**
 * What keeps lists and statistics of a large history fast, in the background of the database's thread, a bounded step at a time:
 * rows get the number of their combination of facets, ends get their place in the index of ends, days that are over get
 * sealed, and sealed ones are checked in turn. All of it is derived from rows: it may stop anywhere, run on several nodes at once, and be done again.
 */
import {jobStatuses} from '../actors/domain/job.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {jobTable} from './job-columns.ts';
import {checkSealedDay, sealableDay, sealDay, sumDays} from './job-days.ts';
import {facetColumns, facetTable} from './job-facets.ts';
import {jobsBy, jobsById} from './job-query.ts';
import {integerOf, textOf} from './sql-row.ts';
import {placeholders, type SqlSession} from './sql-session.ts';

const rowsAtOnce = 500;
const openAtOnce = 1_000;
/** The first look comes after the start, whose time people notice. */
const firstMs = 3_000;
const busyMs = 20;
const quietMs = 15_000;
const failedMs = 60_000;

export type UpkeepStep = {
  /** Rows that got a number, or their time. */
  readonly healed: number;
  readonly sealedDay?: number;
  /** There may be more to do at once. */
  readonly hasMore: boolean;
};

/** How far the unfinished jobs, and the sealed days, have been gone through. */
export type UpkeepCursor = {afterId: number; afterDay: number};

export const fromTheBeginning = (): UpkeepCursor => ({afterId: 0, afterDay: -1});

/** One step. Rejects with `DatabaseAwayError`. */
export async function keepUp(
  session: SqlSession,
  nowMs: number,
  cursor: UpkeepCursor = fromTheBeginning(),
): Promise<UpkeepStep> {
  const healed =
    (await number(session, await looseIds(session))) ||
    (await timeEnds(session)) ||
    (await loosenMoved(session, cursor));
  if (healed > 0) return {healed, hasMore: true};
  const day = await sealableDay(session, nowMs);
  if (day === undefined) {
    await sumDays(session);
    const checked = await checkSealedDay(session, cursor.afterDay);
    cursor.afterDay = checked?.day ?? -1;
    return {healed: 0, hasMore: checked?.isOpened === true};
  }
  return (await sealDay(session, day))
    ? {healed: 0, sealedDay: day, hasMore: true}
    : {healed: 0, hasMore: false};
}

/** Repeats `keepUp` until it is stopped. A failure is told once in a row, and it goes on later. */
export function startUpkeep(
  session: SqlSession,
  clock: Clock,
  onFailure: (error: unknown) => void,
): {readonly stop: () => Promise<void>} {
  let isStopped = false;
  let hasFailed = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = clock.after(firstMs, run);
  const cursor = fromTheBeginning();

  function run(): void {
    running = keepUp(session, clock.now(), cursor).then(
      ({hasMore}) => {
        hasFailed = false;
        again(hasMore ? busyMs : quietMs);
      },
      (error: unknown) => {
        if (!hasFailed && !isStopped) onFailure(error);
        hasFailed = true;
        again(failedMs);
      },
    );
  }
  function again(afterMs: number): void {
    if (!isStopped) cancel = clock.after(afterMs, run);
  }

  return {
    stop() {
      isStopped = true;
      cancel();
      return running;
    },
  };
}

async function looseIds(session: SqlSession): Promise<readonly number[]> {
  const from = jobsBy(session.kind, 'idx_tenon_job_facet');
  const rows = await session.all(`select j.id from ${from} where j.facet is null limit ${rowsAtOnce}`);
  return rows.map(row => integerOf(row, 'id'));
}

/** In SQL alone, so that a row which changes meanwhile gets the number of what it is when it is written. */
async function number(session: SqlSession, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0;
  const {insertOrIgnore} = session.words;
  const marks = placeholders(ids.length);
  const names = facetColumns.join(', ');
  await session.run(
    `${insertOrIgnore} into ${facetTable} (${names}) select distinct ${names} from ${jobTable} where id in (${marks})`,
    ids,
  );
  const same = facetColumns.map(column => `f.${column} = j.${column}`).join(' and ');
  // Statuses as Linkis once wrote them, in other capitals, would be missed by ranges.
  const status = `case ${jobStatuses.map(name => `when lower(j.status) = '${name.toLowerCase()}' then '${name}'`).join(' ')} else 'Failed' end`;
  const facet = `(select f.id from ${facetTable} f where ${same})`;
  const took = 'case when j.is_open is null then j.cost_ms end';
  const {changes} = await session.run(
    `update ${jobsById(session.kind)} set status = ${status}, facet = ${facet}, took_ms = ${took}
     where j.id in (${marks}) and j.facet is null`,
    ids,
  );
  return changes;
}

/** Of jobs that a node of the version before has ended. */
async function timeEnds(session: SqlSession): Promise<number> {
  const from = jobsBy(session.kind, 'idx_tenon_job_took');
  const rows = await session.all(
    `select j.id from ${from} where j.is_open is null and j.took_ms is null limit ${rowsAtOnce}`,
  );
  const ids = rows.map(row => integerOf(row, 'id'));
  if (ids.length === 0) return 0;
  const {changes} = await session.run(
    `update ${jobsById(session.kind)} set took_ms = cost_ms
     where j.id in (${placeholders(ids.length)}) and j.is_open is null`,
    ids,
  );
  return changes;
}

/**
 * Unfinished jobs that a node of the version before took over from another host still have that host's number. Some of them
 * are looked at in each step, in order of their ids, over and over.
 */
async function loosenMoved(session: SqlSession, cursor: UpkeepCursor): Promise<number> {
  const from = jobsBy(session.kind, 'idx_tenon_job_took');
  const rows = await session.all(
    `select page.id, page.instance, f.instance as known from
      (select j.id, j.instance, j.facet from ${from}
       where j.is_open = 1 and j.took_ms is null and j.id > ? order by j.id limit ${openAtOnce}) page
      join ${facetTable} f on f.id = page.facet order by page.id`,
    [cursor.afterId],
  );
  const last = rows.at(-1);
  cursor.afterId = last === undefined ? 0 : integerOf(last, 'id');
  const ids = rows
    .filter(row => textOf(row, 'instance') !== textOf(row, 'known'))
    .map(row => integerOf(row, 'id'));
  if (ids.length === 0) return 0;
  const {changes} = await session.run(
    `update ${jobsById(session.kind)} set facet = null
     where j.id in (${placeholders(ids.length)}) and j.is_open = 1`,
    ids,
  );
  return changes;
}
