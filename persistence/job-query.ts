/** Turns a list's filter into conditions on `tenon_job` and on `tenon_job_facet`, whose indexes serve them. */
import {jobStatuses} from '../actors/domain/job.ts';
import type {JobFilter} from '../actors/ports.ts';
import {placeholders, type SqlSession, type SqlValue} from './sql-session.ts';

export type Conditions = {readonly sql: string; readonly values: readonly SqlValue[]};

/** No text that goes on with a sign sorts after one that goes on with this. */
const lastSign = '\u{10ffff}';

type Terms = {
  readonly add: (sql: string, ...values: readonly SqlValue[]) => void;
  readonly oneOf: (column: string, wanted: readonly SqlValue[]) => void;
  readonly all: () => Conditions;
};

function terms(): Terms {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  const add: Terms['add'] = (sql, ...added) => {
    parts.push(sql);
    values.push(...added);
  };
  return {
    add,
    oneOf: (column, wanted) =>
      wanted.length === 0 ? add('1 = 0') : add(`${column} in (${placeholders(wanted.length)})`, ...wanted),
    all: () => ({sql: parts.length === 0 ? '1 = 1' : parts.join(' and '), values}),
  };
}

/** `j` is `tenon_job`. Always a complete condition, `1 = 1` for the empty filter. */
export function conditionsOf(filter: JobFilter): Conditions {
  const {add, oneOf, all} = terms();
  if (filter.taskIDs !== undefined) oneOf('j.id', filter.taskIDs);
  addFacets('j', filter, add);
  if (filter.statuses !== undefined) oneOf('j.status', filter.statuses);
  if (filter.engineInstance !== undefined) {
    // As a range, so that its index serves it; `like` ignores case in SQLite and has signs of its own.
    add(
      'j.engine_instance >= ? and j.engine_instance < ?',
      filter.engineInstance,
      `${filter.engineInstance}${lastSign}`,
    );
    startsWith('j.engine_instance', filter.engineInstance, add);
  }
  addBounds(filter, add);
  return all();
}

/** `f` is `tenon_job_facet`. */
export function facetConditionsOf(filter: JobFilter): Conditions {
  const {add, all} = terms();
  addFacets('f', filter, add);
  return all();
}

/**
 * What the index of facets itself decides, besides the facet: statuses and time. Between statuses and time no range may be
 * open, so with a time all statuses are named.
 */
export function rangeConditionsOf(filter: JobFilter): Conditions {
  const {add, oneOf, all} = terms();
  const hasTime = filter.createdFromMs !== undefined || filter.createdToMs !== undefined;
  const statuses = filter.statuses ?? (hasTime ? jobStatuses : undefined);
  if (statuses !== undefined) oneOf('j.status', statuses);
  addBounds(filter, add);
  return all();
}

/** Time and the first id, which every index of lists holds. */
export function boundsOf(filter: JobFilter): Conditions {
  const {add, all} = terms();
  addBounds(filter, add);
  return all();
}

function addFacets(table: 'j' | 'f', filter: JobFilter, add: Terms['add']): void {
  if (filter.submitUser !== undefined) add(`${table}.submit_user = ?`, filter.submitUser);
  if (filter.executeUser !== undefined) add(`${table}.execute_user = ?`, filter.executeUser);
  if (filter.engineType !== undefined) add(`${table}.engine_type = ?`, filter.engineType);
  if (filter.creator !== undefined) add(`${table}.creator = ?`, filter.creator);
  if (filter.tenant !== undefined) add(`${table}.tenant = ?`, filter.tenant);
  if (filter.runType !== undefined) startsWith(`${table}.code_type`, filter.runType, add);
  if (filter.instance !== undefined) add(`${table}.instance = ?`, filter.instance.toLowerCase());
}

function addBounds(filter: JobFilter, add: Terms['add']): void {
  if (filter.createdFromMs !== undefined) add('j.created_ms >= ?', filter.createdFromMs);
  if (filter.createdToMs !== undefined) add('j.created_ms <= ?', filter.createdToMs);
  if (filter.idFrom !== undefined) add('j.id >= ?', filter.idFrom);
}

const startsWith = (column: string, text: string, add: Terms['add']): void =>
  add(`substr(${column}, 1, ?) = ?`, [...text].length, text);

export type ListIndex =
  | 'idx_tenon_job_created'
  | 'idx_tenon_job_submit_user'
  | 'idx_tenon_job_status'
  | 'idx_tenon_job_facet'
  | 'idx_tenon_job_took'
  | 'idx_tenon_job_engine';

/** `tenon_job j`, read by that index: which one is best is known here, and no planner's guess. */
export const jobsBy = (kind: SqlSession['kind'], index: ListIndex): string =>
  kind === 'sqlite' ? `tenon_job j indexed by ${index}` : `tenon_job j force index (${index})`;

/**
 * `tenon_job_facet f` and the jobs `j` of each of its rows, in this order: the other way round every job would be read. A join
 * and no `in (select …)`, which servers turn round as they like.
 */
export const jobsOfFacets = (kind: SqlSession['kind']): string =>
  `tenon_job_facet f ${kind === 'sqlite' ? 'cross join' : 'straight_join'} ${jobsBy(kind, 'idx_tenon_job_facet')} on j.facet = f.id`;

/** `tenon_job j`, read by ids alone: of an index that most rows share, a planner may think better than it is. */
export const jobsById = (kind: SqlSession['kind']): string =>
  kind === 'sqlite' ? 'tenon_job as j not indexed' : 'tenon_job j force index (primary)';

/** The id breaks ties, so that pages neither repeat nor skip. */
export const orderOf = ({orderBy = 'newest'}: JobFilter, table: 'j' | 'page'): string =>
  orderBy === 'newest'
    ? `${table}.created_ms desc, ${table}.id desc`
    : `${table}.cost_ms desc, ${table}.id desc`;
