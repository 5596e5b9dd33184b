/**
 * Counters per day and facets (`tenon_job_day`). A day is sealed once, when it is over and all its jobs have ended: then
 * nothing in it changes any more, so that keeping counters costs submissions nothing. Who takes a job out of a sealed day
 * opens it again.
 */
import {addFigures, addJob, everyCause, noFigures, type JobFigures} from '../actors/domain/job-figures.ts';
import {countOf, parseHistogram, printHistogram} from '../actors/domain/histogram.ts';
import {isTerminal, jobStatuses} from '../actors/domain/job.ts';
import {isRecord} from '../actors/domain/job-params.ts';
import {parseCauses} from '../actors/domain/metrics-waits.ts';
import {jobTable, statusOf} from './job-columns.ts';
import {jobsBy} from './job-query.ts';
import {integerOf, optionalInteger, textOf} from './sql-row.ts';
import {
  placeholders,
  type SqlRow,
  type SqlSession,
  type SqlStatements,
  type SqlValue,
} from './sql-session.ts';

export const dayMs = 86_400_000;
/** As a user in the counters: all of them together. Nobody is called so. */
export const everyUser = '*';
/** As a day: the sums over all sealed days. */
export const everyDay = -1;
/** Rows read in one statement; others' turns come in between. */
export const jobsAtOnce = 5_000;
const insertedAtOnce = 50;
/** A job may be committed a little after the time it says; other nodes' clocks may be a little off. */
const sealDelayMs = 3_600_000;
const waitsBytesMax = 60_000;

export const dayOf = (ms: number): number => Math.floor(ms / dayMs);

/** A combination of facets, and its figures of one day. */
export type DayFigures = {readonly facets: DayFacets; readonly figures: JobFigures};

export type DayFacets = {
  readonly submitUser: string;
  readonly tenant: string;
  readonly engineType: string;
  readonly creator: string;
};

export const figureColumns =
  'j.id, j.created_ms, j.submit_user, j.tenant, j.engine_type, j.creator, j.status, j.cost_ms, j.queued_ms, j.launch_ms, j.waits';

export const facetsOf = (row: SqlRow): DayFacets => ({
  submitUser: textOf(row, 'submit_user'),
  tenant: textOf(row, 'tenant'),
  engineType: textOf(row, 'engine_type'),
  creator: textOf(row, 'creator'),
});

export function addRow(figures: JobFigures, row: SqlRow): void {
  const waits = textOf(row, 'waits');
  addJob(figures, {
    status: statusOf(row),
    tookMs: integerOf(row, 'cost_ms'),
    queuedMs: optionalInteger(row, 'queued_ms'),
    launchMs: optionalInteger(row, 'launch_ms'),
    causes: waits === '' ? {} : parseCauses(waits),
  });
}

/** The rows of a time, in its order, some thousand at a time; `condition` may narrow them. */
export async function* jobsOf(
  session: Pick<SqlSession, 'all' | 'kind'>,
  fromMs: number,
  toMs: number,
  condition: {readonly sql: string; readonly values: readonly SqlValue[]; readonly isOfUser: boolean},
): AsyncGenerator<readonly SqlRow[]> {
  const from = jobsBy(
    session.kind,
    condition.isOfUser ? 'idx_tenon_job_submit_user' : 'idx_tenon_job_created',
  );
  let afterMs = fromMs;
  let afterId = -1;
  for (;;) {
    const rows = await session.all(
      `select ${figureColumns} from ${from}
       where j.created_ms >= ? and j.created_ms < ? and not (j.created_ms = ? and j.id <= ?) and ${condition.sql}
       order by j.created_ms, j.id limit ${jobsAtOnce}`,
      [afterMs, toMs, afterMs, afterId, ...condition.values],
    );
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < jobsAtOnce) return;
    afterMs = integerOf(last, 'created_ms');
    afterId = integerOf(last, 'id');
  }
}

/** The earliest day that can be sealed and is not; undefined when there is none now. */
export async function sealableDay(session: SqlSession, nowMs: number): Promise<number | undefined> {
  const endMs = (dayOf(nowMs - sealDelayMs) - 1) * dayMs + dayMs;
  const sealed = new Set(
    (await session.all('select day from tenon_job_sealed_day')).map(row => integerOf(row, 'day')),
  );
  // Rows of no time at all, that somebody else wrote, are in no day.
  for (let fromMs = 1; ;) {
    const [row] = await session.all(
      `select min(created_ms) as at from ${jobTable} where created_ms >= ? and created_ms < ?`,
      [fromMs, endMs],
    );
    const at = row === undefined ? null : optionalInteger(row, 'at');
    if (at === null) return undefined;
    let day = dayOf(at);
    if (!sealed.has(day) && !(await hasOpenJobs(session, day))) return day;
    // Past days that are sealed there is no need to ask again.
    do day += 1;
    while (sealed.has(day));
    fromMs = day * dayMs;
  }
}

const openStatuses = jobStatuses.filter(status => !isTerminal(status));

async function hasOpenJobs(session: SqlSession, day: number): Promise<boolean> {
  const from = jobsBy(session.kind, 'idx_tenon_job_status');
  const rows = await session.all(
    `select 1 from ${from} where j.status in (${placeholders(openStatuses.length)}) and j.created_ms >= ? and j.created_ms < ? limit 1`,
    [...openStatuses, day * dayMs, (day + 1) * dayMs],
  );
  return rows.length > 0;
}

/** Counts a day's jobs and writes the counters down; false when the day changed meanwhile, or somebody else was faster. */
export async function sealDay(session: SqlSession, day: number): Promise<boolean> {
  const {counters, jobs} = await countDay(session, day);
  const byTime = jobsBy(session.kind, 'idx_tenon_job_created');
  const {insertOrIgnore} = session.words;
  return session.transaction(async inside => {
    const [now] = await inside.all(
      `select count(*) as jobs from ${byTime} where j.created_ms >= ? and j.created_ms < ?`,
      [day * dayMs, (day + 1) * dayMs],
    );
    if (now === undefined || integerOf(now, 'jobs') !== jobs) return false;
    const {changes} = await inside.run(
      `${insertOrIgnore} into tenon_job_sealed_day (day, jobs) values (?, ?)`,
      [day, jobs],
    );
    if (changes === 0) return false;
    await inside.run('delete from tenon_job_day where day in (?, ?)', [day, everyDay]);
    for (let at = 0; at < counters.length; at += insertedAtOnce) {
      const some = counters.slice(at, at + insertedAtOnce);
      await inside.run(
        `insert into tenon_job_day
          (day, submit_user, tenant, engine_type, creator, status, jobs, took, waits)
          values ${some.map(() => '(?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ')}`,
        some.flatMap(each => [day, ...each]),
      );
    }
    return true;
  });
}

async function countDay(
  session: SqlSession,
  day: number,
): Promise<{counters: readonly SqlValue[][]; jobs: number}> {
  const figures = new Map<string, DayFigures>();
  let jobs = 0;
  const add = (facets: DayFacets, row: SqlRow): void => {
    const key = JSON.stringify([facets, statusOf(row)]);
    const known = figures.get(key) ?? {facets, figures: noFigures()};
    figures.set(key, known);
    addRow(known.figures, row);
  };
  const every = {sql: '1 = 1', values: [], isOfUser: false};
  for await (const rows of jobsOf(session, day * dayMs, (day + 1) * dayMs, every)) {
    for (const row of rows) {
      const facets = facetsOf(row);
      add(facets, row);
      add({...facets, submitUser: everyUser}, row);
    }
    jobs += rows.length;
  }
  const counters = [...figures.values()].map(({facets, figures: counted}) => [
    facets.submitUser,
    facets.tenant,
    facets.engineType,
    facets.creator,
    jobStatuses.find(status => counted.byStatus[status] > 0) ?? 'Failed',
    counted.jobs,
    printHistogram(counted.took),
    printWaits(counted),
  ]);
  return {counters, jobs};
}

function printWaits({waits}: JobFigures): string {
  const texts: Record<string, string> = {};
  let bytes = 2;
  const every = waits.get(everyCause);
  const causes = [...waits]
    .filter(([cause]) => cause !== everyCause)
    .toSorted(([, a], [, b]) => countOf(b) - countOf(a));
  for (const [cause, histogram] of every === undefined ? causes : [[everyCause, every] as const, ...causes]) {
    const text = printHistogram(histogram);
    bytes += cause.length + text.length + 6;
    if (bytes > waitsBytesMax) break;
    texts[cause] = text;
  }
  return JSON.stringify(texts);
}

/** A row of `tenon_job_day` as figures. */
export function figuresOf(row: SqlRow): JobFigures {
  const figures = noFigures();
  figures.jobs = integerOf(row, 'jobs');
  figures.byStatus[statusOf(row)] += figures.jobs;
  addFigures(figures, {...noFigures(), took: parseHistogram(textOf(row, 'took'))});
  const waits: unknown = JSON.parse(textOf(row, 'waits'));
  if (isRecord(waits)) {
    for (const [cause, text] of Object.entries(waits)) {
      if (typeof text === 'string') figures.waits.set(cause, parseHistogram(text));
    }
  }
  return figures;
}

/** The days' counters no longer hold: jobs of theirs were removed, or turned up. */
export async function openDays(inside: Pick<SqlStatements, 'run'>, days: ReadonlySet<number>): Promise<void> {
  if (days.size === 0) return;
  const marks = placeholders(days.size);
  await inside.run(`delete from tenon_job_sealed_day where day in (${marks})`, [...days]);
  await inside.run(`delete from tenon_job_day where day in (${marks}, ?)`, [...days, everyDay]);
}

/** Adds the counters of all sealed days up, without times, unless that was done; true when there was something to do. */
export async function sumDays(session: SqlSession): Promise<boolean> {
  const isDone = await session.all(
    `select 1 from tenon_job_day where day = ${everyDay}
     union all select 1 from (select case when count(*) = 0 then 1 end as none from tenon_job_sealed_day) s where s.none = 1
     limit 1`,
  );
  if (isDone.length > 0) return false;
  await session.run(
    `${session.words.insertOrIgnore} into tenon_job_day
      (day, submit_user, tenant, engine_type, creator, status, jobs, took, waits)
      select ${everyDay}, submit_user, tenant, engine_type, creator, status, sum(jobs), '', '{}'
      from tenon_job_day where day >= 0 group by submit_user, tenant, engine_type, creator, status`,
  );
  return true;
}

/**
 * Looks whether the next sealed day after `afterDay` still has as many jobs as were counted, and opens it if not: somebody
 * wrote or removed some who knows nothing of days. Resolves to that day; undefined after the last.
 */
export async function checkSealedDay(
  session: SqlSession,
  afterDay: number,
): Promise<{readonly day: number; readonly isOpened: boolean} | undefined> {
  const [next] = await session.all(
    'select day, jobs from tenon_job_sealed_day where day > ? order by day limit 1',
    [afterDay],
  );
  if (next === undefined) return undefined;
  const day = integerOf(next, 'day');
  const [now] = await session.all(
    `select count(*) as jobs from ${jobsBy(session.kind, 'idx_tenon_job_created')} where j.created_ms >= ? and j.created_ms < ?`,
    [day * dayMs, (day + 1) * dayMs],
  );
  if (now !== undefined && integerOf(now, 'jobs') === integerOf(next, 'jobs')) return {day, isOpened: false};
  await session.transaction(inside => openDays(inside, new Set([day])));
  return {day, isOpened: true};
}
