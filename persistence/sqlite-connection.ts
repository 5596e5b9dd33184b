/**
 * One connection of `node:sqlite`, set up for truth: WAL, and a commit is on disk before it is answered (synchronous
 * FULL; NORMAL loses acknowledged rows at power loss). Lock waits are kept to 25 ms and repeated by the caller, since
 * SQLite waits by blocking the thread. Statements are prepared once.
 */
import {backup, DatabaseSync, type StatementSync} from 'node:sqlite';
import type {SqlRow, SqlRun, SqlValue} from './sql-session.ts';

const busyTimeoutMs = 25;
const statementsMax = 256;
/** As many as an SQLite file may have and the call takes. */
const allPages = 2 ** 31 - 1;

export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Makes the file if need be. Throws what `node:sqlite` throws. */
  constructor(file: string) {
    this.#database = new DatabaseSync(file, {timeout: busyTimeoutMs, enableForeignKeyConstraints: true});
    this.#database.exec('pragma synchronous = full');
  }

  /** Kept in the file, so one call is enough; it needs the file for itself for a moment. */
  useWriteAheadLog(): void {
    this.#database.exec('pragma journal_mode = wal');
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction;
  }

  run(sql: string, values: readonly SqlValue[]): SqlRun {
    const {changes, lastInsertRowid} = this.#prepare(sql).run(...values);
    return {changes: Number(changes), insertId: Number(lastInsertRowid)};
  }

  all(sql: string, values: readonly SqlValue[]): readonly SqlRow[] {
    return this.#prepare(sql).all(...values);
  }

  /** One or several statements without values. */
  execute(sql: string): void {
    this.#database.exec(sql);
  }

  /** Whether a statement answers with rows. */
  returnsRows(sql: string): boolean {
    return this.#prepare(sql).columns().length > 0;
  }

  /**
   * Copies the whole database into a new file, in one go and off this thread. Nothing may use this connection meanwhile:
   * SQLite's steps and a statement of ours would read each other's errors.
   */
  async copyTo(file: string): Promise<void> {
    await backup(this.#database, file, {rate: allPages});
  }

  rollBackIfOpen(): void {
    if (this.#database.isTransaction) this.#database.exec('rollback');
  }

  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size >= statementsMax) {
      const oldest = this.#statements.keys().next();
      if (oldest.done !== true) this.#statements.delete(oldest.value);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}
