/** How many jobs match a filter, by the indexes that lists go by; see `job-pages.ts`. */
import {jobStatuses} from '../actors/domain/job.ts';
import type {JobFilter} from '../actors/ports.ts';
import {jobTable} from './job-columns.ts';
import {facetTable} from './job-facets.ts';
import {
  conditionsOf,
  facetConditionsOf,
  jobsBy,
  jobsOfFacets,
  rangeConditionsOf,
  type Conditions,
} from './job-query.ts';
import {integerOf} from './sql-row.ts';
import {placeholders, type SqlRow, type SqlSession} from './sql-session.ts';

/** An exact count of a large history takes seconds; what people read stops mattering long before. */
export const totalMax = 10_000;
/** More rows without a number than these, and lists do not go by numbers. */
export const looseMax = 5_000;

/** A user alone has an index of their own. */
export const hasFacets = ({
  submitUser,
  executeUser,
  engineType,
  creator,
  tenant,
  runType,
  instance,
  statuses,
}: JobFilter): boolean =>
  [executeUser, engineType, creator, tenant, runType, instance].some(facet => facet !== undefined) ||
  (submitUser !== undefined && statuses !== undefined);

/** Lists come with "from the beginning" and "until now", which exclude nothing, and would cost ranges. */
export async function withoutIdleBounds(session: SqlSession, filter: JobFilter): Promise<JobFilter> {
  const {createdFromMs, createdToMs, ...rest} = filter;
  const from = createdFromMs !== undefined && createdFromMs > 0 ? {createdFromMs} : {};
  if (createdToMs === undefined) return {...rest, ...from};
  const [row] = await session.all(`select max(created_ms) as newest from ${jobTable}`);
  const isIdle = row !== undefined && integerOf(row, 'newest') <= createdToMs;
  return {...rest, ...from, ...(isIdle ? {} : {createdToMs})};
}

export async function looseCount(session: SqlSession): Promise<number> {
  const from = jobsBy(session.kind, 'idx_tenon_job_facet');
  return countOf(session, {
    sql: `select 1 from ${from} where j.facet is null limit ${looseMax + 1}`,
    values: [],
  });
}

export async function countOf(session: SqlSession, {sql, values}: Conditions): Promise<number> {
  const [row] = await session.all(`select count(*) as matching from (${sql}) matching_rows`, values);
  return row === undefined ? 0 : integerOf(row, 'matching');
}

/** Rows of `status` and `total`. */
export async function countStatuses(session: SqlSession, filter: JobFilter): Promise<readonly SqlRow[]> {
  const trimmed = await withoutIdleBounds(session, filter);
  const {taskIDs, engineInstance} = trimmed;
  const group = 'group by j.status';
  const isByFacet = trimmed.submitUser !== undefined || hasFacets(trimmed);
  const isByColumns = taskIDs !== undefined || engineInstance !== undefined;
  if (isByColumns || (isByFacet && (await looseCount(session)) > 0)) {
    const {sql, values} = conditionsOf(trimmed);
    return session.all(
      `select j.status as status, count(*) as total from ${jobTable} j where ${sql} ${group}`,
      values,
    );
  }
  const bounds = rangeConditionsOf(trimmed);
  const wanted = facetConditionsOf(trimmed);
  const [from, sql, values] = isByFacet
    ? [jobsOfFacets(session.kind), `${wanted.sql} and ${bounds.sql}`, [...wanted.values, ...bounds.values]]
    : [jobsBy(session.kind, 'idx_tenon_job_status'), bounds.sql, bounds.values];
  return session.all(
    `select j.status as status, count(*) as total from ${from} where ${sql} ${group}`,
    values,
  );
}

/** Numbers of facets in a statement; more are looked up inside it. */
const inlineFacetsMax = 1_000;

export type FacetJobs = {
  /** `tenon_job j`, and what it is joined to. */
  readonly from: string;
  readonly matching: Conditions;
  /** Undefined when they are too many: then a server reads all their jobs, whatever the time asked for. */
  readonly facets: readonly number[] | undefined;
};

/** The jobs whose combination of facets matches. Numbers that stand in the statement become ranges up to the time. */
export async function facetJobs(session: SqlSession, filter: JobFilter): Promise<FacetJobs> {
  const wanted = facetConditionsOf(filter);
  const found = await session.all(
    `select f.id from ${facetTable} f where ${wanted.sql} limit ${inlineFacetsMax + 1}`,
    wanted.values,
  );
  if (found.length > inlineFacetsMax) {
    return {from: jobsOfFacets(session.kind), matching: wanted, facets: undefined};
  }
  const facets = found.map(row => integerOf(row, 'id'));
  const from = jobsBy(session.kind, 'idx_tenon_job_facet');
  return {from, matching: {sql: `j.facet in (${placeholders(facets.length)})`, values: facets}, facets};
}

/** Each costs a server 10 µs and more. */
const countedRangesMax = 500;

/** How many match, up to `countMax`; undefined when finding out would mean looking at many combinations. */
export async function countMatching(
  session: SqlSession,
  filter: JobFilter,
  countMax: number,
): Promise<number | undefined> {
  const trimmed = await withoutIdleBounds(session, filter);
  const byFacet = trimmed.submitUser !== undefined || hasFacets(trimmed);
  if (trimmed.taskIDs !== undefined || trimmed.engineInstance !== undefined) return undefined;
  if (!byFacet) {
    const index = trimmed.statuses === undefined ? 'idx_tenon_job_created' : 'idx_tenon_job_status';
    const {sql, values} = conditionsOf(trimmed);
    return countOf(session, {
      sql: `select 1 from ${jobsBy(session.kind, index)} where ${sql} limit ${countMax}`,
      values,
    });
  }
  if ((await looseCount(session)) > 0) {
    const {sql, values} = conditionsOf(trimmed);
    return countOf(session, {sql: `select 1 from ${jobTable} j where ${sql} limit ${countMax}`, values});
  }
  const {from, matching, facets} = await facetJobs(session, trimmed);
  const ranges = (facets?.length ?? Infinity) * (trimmed.statuses?.length ?? jobStatuses.length);
  if (ranges > countedRangesMax) return undefined;
  const bounds = rangeConditionsOf(trimmed);
  return countOf(session, {
    sql: `select 1 from ${from} where ${matching.sql} and ${bounds.sql} limit ${countMax}`,
    values: [...matching.values, ...bounds.values],
  });
}
