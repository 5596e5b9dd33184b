/** What lists and statistics read from the counters of sealed days, and from the rows of the others. */
import {StatisticsTooBroadError} from '../actors/domain/history-errors.ts';
import {
  addFigures,
  causesOf,
  everyCause,
  noFigures,
  percentilesOf,
  type JobFigures,
} from '../actors/domain/job-figures.ts';
import {countOf as durationsIn} from '../actors/domain/histogram.ts';
import type {JobStatistics, StatisticsGroup, StatisticsQuery, StatisticsRow} from '../actors/job-history.ts';
import type {JobFilter} from '../actors/ports.ts';
import {statusOf} from './job-columns.ts';
import {
  addRow,
  dayMs,
  dayOf,
  everyDay,
  everyUser,
  facetsOf,
  figuresOf,
  jobsOf,
  type DayFacets,
} from './job-days.ts';
import {countMatching, totalMax} from './job-counts.ts';
import {conditionsOf} from './job-query.ts';
import {integerOf, optionalInteger} from './sql-row.ts';
import {placeholders, type SqlRow, type SqlSession, type SqlValue} from './sql-session.ts';

/** Counters that one question may read: some seconds' worth. */
const countersMax = 200_000;
/** Rows of days that are not sealed. */
const rowsMax = 100_000;
const unsealedCountMax = 20_000;

/**
 * About how many jobs match, of which there are more than a list counts: sealed days by their counters, later ones counted up
 * to a bound. Undefined for filters that the counters know nothing of, and while too little is sealed.
 */
export async function approximateTotalOf(
  session: SqlSession,
  filter: JobFilter,
): Promise<number | undefined> {
  const {taskIDs, executeUser, runType, instance, engineInstance, idFrom, ...known} = filter;
  if ([taskIDs, executeUser, runType, instance, engineInstance, idFrom].some(each => each !== undefined)) {
    return undefined;
  }
  const {sql, values} = counterConditions(known);
  const [days] = await session.all(
    'select min(day) as first_day, max(day) as last_day from tenon_job_sealed_day',
  );
  const last = days === undefined ? null : optionalInteger(days, 'last_day');
  if (days === undefined || last === null) return undefined;
  const fromDay = dayOf(Math.max(0, filter.createdFromMs ?? 0));
  const toDay = Math.min(last, dayOf(filter.createdToMs ?? Number.MAX_SAFE_INTEGER));
  const isEveryDay = fromDay <= integerOf(days, 'first_day') && toDay === last;
  const sealed =
    (isEveryDay ? await sumOf(session, `${sql} and d.day = ?`, [...values, everyDay]) : undefined) ??
    (await sumOf(session, `${sql} and d.day between ? and ?`, [...values, fromDay, toDay])) ??
    0;
  const unsealedFromMs = Math.max((last + 1) * dayMs, filter.createdFromMs ?? 0);
  const ofLatest = {...filter, createdFromMs: unsealedFromMs};
  const unsealed =
    (await countMatching(session, ofLatest, unsealedCountMax)) ??
    (await shareOfLatest(session, sealed, unsealedFromMs));
  // An older history that is still being counted, or one that is all of today: how many there are is not known yet.
  if (unsealed === unsealedCountMax && unsealed > sealed / 4) return undefined;
  return Math.max(sealed + unsealed, totalMax + 1);
}

/** Of the jobs that are not sealed yet as large a part as of those that are. */
async function shareOfLatest(session: SqlSession, sealed: number, fromMs: number): Promise<number> {
  const [all] = await session.all('select sum(jobs) as jobs from tenon_job_sealed_day');
  const latest = (await countMatching(session, {createdFromMs: fromMs}, unsealedCountMax)) ?? 0;
  const allSealed = all === undefined ? 0 : integerOf(all, 'jobs');
  return allSealed === 0 ? 0 : Math.round((latest * sealed) / allSealed);
}

/** Undefined of no counter. */
async function sumOf(
  session: SqlSession,
  condition: string,
  values: readonly SqlValue[],
): Promise<number | undefined> {
  const [row] = await session.all(
    `select sum(d.jobs) as jobs, count(*) as counters from tenon_job_day d where ${condition}`,
    values,
  );
  return row === undefined || integerOf(row, 'counters') === 0 ? undefined : integerOf(row, 'jobs');
}

/** Rejects with `StatisticsTooBroadError`. */
export async function statisticsOf(session: SqlSession, query: StatisticsQuery): Promise<JobStatistics> {
  const {fromMs, toMs, groupBy} = query;
  const total = noFigures();
  const groups = new Map<string, JobFigures>();
  const groupOf = (key: string): JobFigures => {
    const known = groups.get(key) ?? noFigures();
    groups.set(key, known);
    return known;
  };

  const firstDay = Math.ceil(fromMs / dayMs);
  const endDay = Math.floor(toMs / dayMs);
  const sealed = (
    await session.all('select day from tenon_job_sealed_day where day >= ? and day < ? order by day', [
      firstDay,
      endDay,
    ])
  ).map(row => integerOf(row, 'day'));
  for (const row of await counters(session, query, firstDay, endDay)) {
    const figures = figuresOf(row);
    addFigures(total, figures);
    addFigures(groupOf(keyOf(groupBy, facetsOf(row), row, integerOf(row, 'day') * dayMs)), figures);
  }

  let rowsLeft = rowsMax;
  let isPartial = false;
  // The newest first: if not all can be looked at, the oldest are left out.
  for (const [from, to] of gaps(fromMs, toMs, sealed).toReversed()) {
    if (rowsLeft <= 0) {
      isPartial ||= await hasJobs(session, query, from, to);
      continue;
    }
    const condition = {...conditionsOf(filterOf(query)), isOfUser: query.submitUser !== undefined};
    for await (const rows of jobsOf(session, from, to, condition)) {
      for (const row of rows) {
        addRow(total, row);
        addRow(groupOf(keyOf(groupBy, facetsOf(row), row, integerOf(row, 'created_ms'))), row);
      }
      rowsLeft -= rows.length;
      if (rowsLeft <= 0) {
        isPartial = true;
        break;
      }
    }
  }
  const keys = [...groups.keys()].toSorted();
  return {
    rows: keys.map(key => rowOf(key, groups.get(key) ?? noFigures())),
    total: rowOf('', total),
    isPartial,
  };
}

const filterOf = ({submitUser, tenant, engineType, creator}: StatisticsQuery): JobFilter => ({
  ...(submitUser === undefined ? {} : {submitUser}),
  ...(tenant === undefined ? {} : {tenant}),
  ...(engineType === undefined ? {} : {engineType}),
  ...(creator === undefined ? {} : {creator}),
});

type CounterFilter = Pick<JobFilter, 'submitUser' | 'tenant' | 'engineType' | 'creator' | 'statuses'>;

/** `d` is `tenon_job_day`. Without a user its rows for all users together are taken, unless users are what is asked for. */
function counterConditions(
  {submitUser, tenant, engineType, creator, statuses}: CounterFilter,
  isByUser = false,
): {readonly sql: string; readonly values: readonly SqlValue[]} {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  const add = (sql: string, ...added: readonly SqlValue[]): void => {
    parts.push(sql);
    values.push(...added);
  };
  if (submitUser === undefined && isByUser) add('d.submit_user <> ?', everyUser);
  else add('d.submit_user = ?', submitUser ?? everyUser);
  if (tenant !== undefined) add('d.tenant = ?', tenant);
  if (engineType !== undefined) add('d.engine_type = ?', engineType);
  if (creator !== undefined) add('d.creator = ?', creator);
  if (statuses !== undefined) add(`d.status in (${placeholders(statuses.length)})`, ...statuses);
  return {sql: parts.join(' and '), values};
}

async function counters(
  session: SqlSession,
  query: StatisticsQuery,
  firstDay: number,
  endDay: number,
): Promise<readonly SqlRow[]> {
  const {sql, values} = counterConditions(filterOf(query), query.groupBy === 'user');
  const rows = await session.all(
    `select d.* from tenon_job_day d where ${sql} and d.day >= ? and d.day < ? limit ${countersMax + 1}`,
    [...values, firstDay, endDay],
  );
  if (rows.length > countersMax) throw new StatisticsTooBroadError(countersMax);
  return rows;
}

/** The times between both that no sealed day covers, in order. */
function gaps(fromMs: number, toMs: number, sealed: readonly number[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  let at = fromMs;
  for (const day of sealed) {
    if (day * dayMs > at) found.push([at, day * dayMs]);
    at = (day + 1) * dayMs;
  }
  if (at < toMs) found.push([at, toMs]);
  return found;
}

async function hasJobs(
  session: SqlSession,
  query: StatisticsQuery,
  from: number,
  to: number,
): Promise<boolean> {
  const filter = {...filterOf(query), createdFromMs: from, createdToMs: to - 1};
  // Where that is not to be had cheaply, there may be some.
  return (await countMatching(session, filter, 1)) !== 0;
}

function keyOf(groupBy: StatisticsGroup, facets: DayFacets, row: SqlRow, atMs: number): string {
  switch (groupBy) {
    case 'tenant':
      return facets.tenant;
    case 'user':
      return facets.submitUser;
    case 'engineType':
      return facets.engineType;
    case 'creator':
      return facets.creator;
    case 'status':
      return statusOf(row);
    case 'day':
      return new Date(atMs).toISOString().slice(0, 10);
  }
}

const rowOf = (key: string, figures: JobFigures): StatisticsRow => ({
  key,
  jobs: figures.jobs,
  byStatus: figures.byStatus,
  duration: percentilesOf(figures.took),
  waiting: percentilesOf(figures.waits.get(everyCause)),
  waitingByCause: causesOf(figures).map(([cause, waits]) => ({
    cause,
    jobs: durationsIn(waits),
    ...percentilesOf(waits),
  })),
});
