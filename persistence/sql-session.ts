/**
 * What the stores need of a database: statements with `?` for values. Two implementations, `sqlite-session.ts` and
 * `server-session.ts`. Rows are read by the functions of `sql-row.ts`, never cast.
 */
import {printTime} from './sql-time.ts';

export type SqlValue = string | number | null;

export type SqlRow = Readonly<Record<string, unknown>>;

export type SqlRun = {
  /** Rows inserted, deleted, or matched by an update. */
  readonly changes: number;
  /** Generated id of an insert; on a server also the argument of `last_insert_id(…)`. */
  readonly insertId: number;
};

export type SqlStatements = {
  readonly run: (sql: string, values?: readonly SqlValue[]) => Promise<SqlRun>;
  readonly all: (sql: string, values?: readonly SqlValue[]) => Promise<readonly SqlRow[]>;
};

/** Statements outside `transaction` commit one by one. All reject with `DatabaseAwayError` when the database is away. */
export type SqlSession = SqlStatements & {
  readonly kind: 'sqlite' | 'mysql' | 'mariadb';
  readonly words: SqlWords;
  /** All or nothing. Run again from its start when a lock was in the way, so it must change nothing but the database. */
  readonly transaction: <Result>(work: (inside: SqlStatements) => Promise<Result>) => Promise<Result>;
  /** Rejects unless the database answers and could be written. */
  readonly ping: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Where the dialects differ. */
export type SqlWords = {
  readonly insertOrIgnore: 'insert or ignore' | 'insert ignore';
  /** Now by the database's clock, as the seeds' time columns hold it. */
  readonly now: string;
  /** Milliseconds from a time column to the database's now. */
  readonly ageMs: (column: string) => string;
  readonly forUpdate: '' | ' for update';
  /** An epoch time in milliseconds as a value for a time column. */
  readonly time: (ms: number) => SqlValue;
};

export const sqliteWords: SqlWords = {
  insertOrIgnore: 'insert or ignore',
  now: "cast(unixepoch('subsec') * 1000 as integer)",
  ageMs: column => `cast(unixepoch('subsec') * 1000 as integer) - ${column}`,
  forUpdate: '',
  time: ms => ms,
};

export const serverWords: SqlWords = {
  insertOrIgnore: 'insert ignore',
  now: 'now()',
  ageMs: column => `timestampdiff(microsecond, ${column}, now(3)) div 1000`,
  forUpdate: ' for update',
  time: printTime,
};

/** `?, ?, ?`; for none `null`, since servers refuse an empty list, and nothing equals null. */
export const placeholders = (count: number): string => (count === 0 ? 'null' : '?, '.repeat(count - 1) + '?');

/** The row would exist twice by one of the table's keys; `key` is its name or columns as the database words it. */
export class DuplicateKeyError extends Error {
  override readonly name = 'DuplicateKeyError';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    super(`Duplicate key: ${key}.`, {cause});
    this.key = key;
  }
}
