/**
 * Which rows are on a page of a list, and how many match, without reading more than a bounded part of a large history:
 *
 *   ids or one engine             their own keys
 *   nothing, or one user          the index by time; it holds the order
 *   statuses                      one range each, newest first, joined
 *   user, creator, engine type,   the numbers of the matching combinations (`tenon_job_facet`), then ranges of
 *   instance, tenant, run type    (facet, status, time): every entry that is read matches
 *
 * Rows that have no number yet (see `job-facets.ts`) are looked at by their own columns; while there are many of them, lists
 * go by those columns alone, right as ever, and slower.
 */
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import type {JobFilter} from '../actors/ports.ts';
import {jobTable} from './job-columns.ts';
import {
  countOf,
  facetJobs,
  hasFacets,
  looseCount,
  looseMax,
  totalMax,
  withoutIdleBounds,
} from './job-counts.ts';
import {facetTable} from './job-facets.ts';
import {
  boundsOf,
  conditionsOf,
  jobsBy,
  jobsById,
  orderOf,
  rangeConditionsOf,
  type Conditions,
  type ListIndex,
} from './job-query.ts';
import {integerOf} from './sql-row.ts';
import type {SqlSession} from './sql-session.ts';

export type Window = {readonly offset: number; readonly size: number};

/** `matching` is exact up to `totalMax`, and `totalMax + 1` beyond. */
export type FoundPage = {readonly ids: readonly number[]; readonly matching: number};

/** Ranges joined in one statement; SQLite takes at most 500 parts. */
const armsMax = 240;
const armRowsMax = 60_000;

type Query = Conditions;

export async function findPage(session: SqlSession, filter: JobFilter, window: Window): Promise<FoundPage> {
  const trimmed = await withoutIdleBounds(session, filter);
  const {taskIDs, engineInstance, orderBy = 'newest', statuses} = trimmed;
  if (taskIDs !== undefined || engineInstance !== undefined) return byColumns(session, trimmed, window);
  if (statuses?.length === 0) return {ids: [], matching: 0};
  const byFacet = hasFacets(trimmed);
  if (orderBy === 'longest' && (await hasUnhealedEnds(session))) return byColumns(session, trimmed, window);
  if (!byFacet) return byTimeOrStatus(session, trimmed, window);
  const loose = await looseCount(session);
  if (loose > looseMax) return byColumns(session, trimmed, window);
  return byFacets(session, trimmed, window, loose > 0);
}

/** Ended by a node of the version before, and not looked after yet. */
async function hasUnhealedEnds(session: SqlSession): Promise<boolean> {
  const from = jobsBy(session.kind, 'idx_tenon_job_took');
  const rows = await session.all(
    `select 1 from ${from} where j.is_open is null and j.took_ms is null limit 1`,
  );
  return rows.length > 0;
}

/** By the columns of `tenon_job`, and whatever index the database thinks best. */
async function byColumns(session: SqlSession, filter: JobFilter, window: Window): Promise<FoundPage> {
  const {sql, values} = conditionsOf(filter);
  const isOfEngine = filter.taskIDs === undefined && filter.engineInstance !== undefined;
  const from =
    filter.taskIDs !== undefined
      ? jobsById(session.kind)
      : isOfEngine
        ? jobsBy(session.kind, 'idx_tenon_job_engine')
        : `${jobTable} j`;
  return pageThenCount(
    session,
    {sql: `select j.id, j.created_ms, j.cost_ms from ${from} where ${sql}`, values},
    {sql: `select 1 from ${from} where ${sql} limit ${totalMax + 1}`, values},
    filter,
    window,
  );
}

async function byTimeOrStatus(session: SqlSession, filter: JobFilter, window: Window): Promise<FoundPage> {
  const {statuses, submitUser, orderBy} = filter;
  const {sql, values} = conditionsOf(filter);
  const index: ListIndex =
    statuses !== undefined
      ? 'idx_tenon_job_status'
      : submitUser !== undefined
        ? 'idx_tenon_job_submit_user'
        : 'idx_tenon_job_created';
  const from = jobsBy(session.kind, index);
  const count: Query = {sql: `select 1 from ${from} where ${sql} limit ${totalMax + 1}`, values};
  if (orderBy === 'longest') {
    const matching = await countOf(session, count);
    const ranges: Query = {sql: `select j.id, j.created_ms, j.cost_ms from ${from} where ${sql}`, values};
    return {ids: await longestIds(session, filter, ranges, matching, window), matching};
  }
  const needed = window.offset + window.size;
  if (statuses !== undefined && statuses.length * needed <= armRowsMax) {
    const bounds = boundsOf(filter);
    const arms = statuses.map((status): Query => ({
      sql: `select j.id, j.created_ms from ${from} where j.status = ? and ${bounds.sql}`,
      values: [status, ...bounds.values],
    }));
    return pageThenCount(session, newestOf(arms, needed), count, filter, window);
  }
  const rows: Query = {sql: `select j.id, j.created_ms from ${from} where ${sql}`, values};
  return pageThenCount(session, rows, count, filter, window);
}

async function byFacets(
  session: SqlSession,
  filter: JobFilter,
  window: Window,
  hasLoose: boolean,
): Promise<FoundPage> {
  const before = await lastFacet(session);
  const page = await byKnownFacets(session, filter, window, hasLoose);
  // A row may have got a combination's first number meanwhile, and been seen neither with it nor without.
  return (await lastFacet(session)) === before ? page : byKnownFacets(session, filter, window, true);
}

async function byKnownFacets(
  session: SqlSession,
  filter: JobFilter,
  window: Window,
  hasLoose: boolean,
): Promise<FoundPage> {
  const {from, matching: inFacets, facets} = await facetJobs(session, filter);
  const bounds = rangeConditionsOf(filter);
  const loose = hasLoose ? looseRows(session, filter) : undefined;
  const partsOf = (columns: string): readonly Query[] => [
    {
      sql: `select ${columns} from ${from} where ${inFacets.sql} and ${bounds.sql}`,
      values: [...inFacets.values, ...bounds.values],
    },
    ...(loose === undefined ? [] : [{sql: `select ${columns} ${loose.sql}`, values: loose.values}]),
  ];
  const rangesOf = (columns: string): Query => unionOf(partsOf(columns));
  const counted = unionOf(partsOf('1 as one').map((part, n) => limited(part, totalMax + 1, n)));
  const matching = Math.min(await countOf(session, counted), totalMax + 1);
  if (filter.orderBy === 'longest') {
    return {
      ids: await longestIds(session, filter, rangesOf('j.id, j.created_ms, j.cost_ms'), matching, window),
      matching,
    };
  }
  const needed = window.offset + window.size;
  const arms = facets === undefined ? [] : armsOf(session, filter, facets, filter.statuses ?? jobStatuses);
  const isMany = matching > totalMax;
  if (isMany && arms.length > 0 && arms.length <= armsMax && arms.length * needed <= armRowsMax) {
    const all =
      loose === undefined
        ? arms
        : [...arms, {sql: `select j.id, j.created_ms ${loose.sql}`, values: loose.values}];
    return {ids: await idsOf(session, newestOf(all, needed), filter, window), matching};
  }
  // One row in a hundred matches at least, so the newest are soon found in order of time.
  if (isMany && needed <= armRowsMax / 100) {
    const {sql, values} = conditionsOf(filter);
    const byTime = jobsBy(session.kind, 'idx_tenon_job_created');
    const scan: Query = {sql: `select j.id, j.created_ms from ${byTime} where ${sql}`, values};
    return {ids: await idsOf(session, scan, filter, window), matching};
  }
  return {ids: await idsOf(session, rangesOf('j.id, j.created_ms'), filter, window), matching};
}

const looseRows = (session: SqlSession, filter: JobFilter): Query => {
  const {sql, values} = conditionsOf(filter);
  return {
    sql: `from ${jobsBy(session.kind, 'idx_tenon_job_facet')} where j.facet is null and ${sql}`,
    values,
  };
};

function armsOf(
  session: SqlSession,
  filter: JobFilter,
  facets: readonly number[],
  statuses: readonly JobStatus[],
): readonly Query[] {
  const from = jobsBy(session.kind, 'idx_tenon_job_facet');
  const bounds = boundsOf(filter);
  return facets.flatMap(facet =>
    statuses.map((status): Query => ({
      sql: `select j.id, j.created_ms from ${from} where j.facet = ? and j.status = ? and ${bounds.sql}`,
      values: [facet, status, ...bounds.values],
    })),
  );
}

/** The newest of each, which the newest of all are among. */
const newestOf = (arms: readonly Query[], needed: number): Query =>
  unionOf(
    arms.map(({sql, values}, n) => ({
      sql: `select * from (${sql} order by j.created_ms desc, j.id desc limit ?) arm${n}`,
      values: [...values, needed],
    })),
  );

const unionOf = (queries: readonly Query[]): Query => ({
  sql: queries.map(({sql}) => sql).join(' union all '),
  values: queries.flatMap(({values}) => values),
});

const limited = ({sql, values}: Query, limit: number, n: number): Query => ({
  sql: `select * from (${sql} limit ${limit}) part${n}`,
  values,
});

/** A few are sorted; of many the longest come first in the index of ends, and those that still run are looked at apart. */
async function longestIds(
  session: SqlSession,
  filter: JobFilter,
  ranges: Query,
  matching: number,
  window: Window,
): Promise<readonly number[]> {
  if (matching <= totalMax) return idsOf(session, ranges, filter, window);
  const needed = window.offset + window.size;
  const {sql, values} = conditionsOf(filter);
  const from = jobsBy(session.kind, 'idx_tenon_job_took');
  const ended = `select j.id, j.cost_ms from ${from} where j.is_open is null and ${sql} order by j.took_ms desc, j.id desc limit ?`;
  const open = `select j.id, j.cost_ms from ${from} where j.is_open = 1 and ${sql} order by j.cost_ms desc, j.id desc limit ?`;
  const both: Query = {
    sql: `select * from (${ended}) ended union all select * from (${open}) open_ones`,
    values: [...values, needed, ...values, needed],
  };
  return idsOf(session, both, filter, window);
}

async function pageThenCount(
  session: SqlSession,
  rows: Query,
  count: Query,
  filter: JobFilter,
  window: Window,
): Promise<FoundPage> {
  const ids = await idsOf(session, rows, filter, window);
  const {offset, size} = window;
  const isLast = ids.length < size && (ids.length > 0 || offset === 0);
  const matching = isLast ? Math.min(offset + ids.length, totalMax + 1) : await countOf(session, count);
  return {ids, matching};
}

async function idsOf(
  session: SqlSession,
  {sql, values}: Query,
  filter: JobFilter,
  {offset, size}: Window,
): Promise<readonly number[]> {
  const rows = await session.all(
    `select page.id from (${sql}) page order by ${orderOf(filter, 'page')} limit ? offset ?`,
    [...values, size, offset],
  );
  return rows.map(row => integerOf(row, 'id'));
}

async function lastFacet(session: SqlSession): Promise<number> {
  const [row] = await session.all(`select max(id) as last from ${facetTable}`);
  return row === undefined ? 0 : integerOf(row, 'last');
}
