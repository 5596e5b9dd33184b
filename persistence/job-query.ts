/** Turns a list's filter into conditions on `tenon_job`, whose indexes serve them. */
import type {JobFilter} from '../actors/ports.ts';
import {placeholders, type SqlValue} from './sql-session.ts';

export type Conditions = {readonly sql: string; readonly values: readonly SqlValue[]};

/** `j` is `tenon_job`. Always a complete condition, `1 = 1` for the empty filter. */
export function conditionsOf(filter: JobFilter): Conditions {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  const add = (sql: string, ...added: SqlValue[]): void => {
    parts.push(sql);
    values.push(...added);
  };
  const oneOf = (column: string, wanted: readonly SqlValue[]): void =>
    wanted.length === 0 ? add('1 = 0') : add(`${column} in (${placeholders(wanted.length)})`, ...wanted);
  // Not `like`, which ignores case in SQLite and has signs of its own.
  const startsWith = (column: string, text: string): void =>
    add(`substr(${column}, 1, ?) = ?`, [...text].length, text);

  if (filter.taskIDs !== undefined) oneOf('j.id', filter.taskIDs);
  if (filter.submitUser !== undefined) add('j.submit_user = ?', filter.submitUser);
  if (filter.executeUser !== undefined) add('j.execute_user = ?', filter.executeUser);
  if (filter.statuses !== undefined) oneOf('j.status', filter.statuses);
  if (filter.engineType !== undefined) add('j.engine_type = ?', filter.engineType);
  if (filter.creator !== undefined) add('j.creator = ?', filter.creator);
  if (filter.runType !== undefined) startsWith('j.code_type', filter.runType);
  if (filter.instance !== undefined) add('j.instance = ?', filter.instance.toLowerCase());
  if (filter.engineInstance !== undefined) startsWith('j.engine_instance', filter.engineInstance);
  if (filter.createdFromMs !== undefined) add('j.created_ms >= ?', filter.createdFromMs);
  if (filter.createdToMs !== undefined) add('j.created_ms <= ?', filter.createdToMs);
  if (filter.idFrom !== undefined) add('j.id >= ?', filter.idFrom);
  return {sql: parts.length === 0 ? '1 = 1' : parts.join(' and '), values};
}

/** The id breaks ties, so that pages neither repeat nor skip. */
export const orderOf = ({orderBy = 'newest'}: JobFilter, table: 'j' | 'page'): string =>
  orderBy === 'newest'
    ? `${table}.created_ms desc, ${table}.id desc`
    : `${table}.cost_ms desc, ${table}.id desc`;
