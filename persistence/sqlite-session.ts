/**
 * SQL on the embedded database. One connection writes, one reads: in WAL a reader is never in a writer's way, so a
 * history query sees the last commit while the next one is being made. Writes begin `immediate`: a transaction that read
 * first and writes later would have to fail when somebody else wrote in between.
 */
import {statSync} from 'node:fs';
import {DatabaseAwayError} from '../actors/ports.ts';
import {retryBusy, type BusyRetry} from './busy-retry.ts';
import {
  sqliteWords,
  type SqlRow,
  type SqlRun,
  type SqlSession,
  type SqlStatements,
  type SqlValue,
} from './sql-session.ts';
import {SqliteConnection} from './sqlite-connection.ts';
import {isBusy, toSqliteFailure} from './sqlite-failure.ts';

/** A write that needs no waiting in between: faster than `transaction` by what a promise costs for each statement. */
export type SqliteWriter = Pick<SqliteConnection, 'run' | 'all'>;

export class SqliteSession implements SqlSession {
  readonly kind = 'sqlite';
  readonly words = sqliteWords;
  readonly #file: string;
  readonly #retry: BusyRetry;
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #inode: number;
  /** Settles when the writing connection is free. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(file: string, retry: BusyRetry, writer: SqliteConnection, reader: SqliteConnection) {
    this.#file = file;
    this.#retry = retry;
    this.#writer = writer;
    this.#reader = reader;
    this.#inode = statSync(file).ino;
  }

  /** Rejects with `DatabaseAwayError`, which says what is wrong with the file. */
  static async open(file: string, retry: BusyRetry): Promise<SqliteSession> {
    const open = (): SqliteConnection => {
      const connection = new SqliteConnection(file);
      try {
        connection.useWriteAheadLog();
        return connection;
      } catch (error) {
        connection.close();
        throw error;
      }
    };
    try {
      const writer = await retryBusy(retry, isBusy, open);
      const reader = await retryBusy(retry, isBusy, open);
      return new SqliteSession(file, retry, writer, reader);
    } catch (error) {
      throw toSqliteFailure(error, file);
    }
  }

  /** Reads what is committed. */
  all(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#attempt(() => this.#reader.all(sql, values));
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<SqlRun> {
    return this.#inTurn(() =>
      this.#attempt(() => {
        this.#assertInPlace();
        return this.#writer.run(sql, values);
      }),
    );
  }

  transaction<Result>(work: (inside: SqlStatements) => Promise<Result>): Promise<Result> {
    const inside: SqlStatements = {
      // Not `async`: a failing statement must reject, and so must one that is called after the end.
      all: (sql, values = []) => this.#attemptOnce(() => this.#writer.all(sql, values)),
      run: (sql, values = []) => this.#attemptOnce(() => this.#writer.run(sql, values)),
    };
    return this.#inTurn(async () => {
      await this.#attempt(() => this.#begin());
      try {
        const result = await work(inside);
        this.#writer.run('commit', []);
        return result;
      } catch (error) {
        this.#writer.rollBackIfOpen();
        throw toSqliteFailure(error, this.#file);
      }
    });
  }

  /** One transaction without a pause in it. `work` is repeated from its start when a lock was in the way. */
  write<Result>(work: (writer: SqliteWriter) => Result): Promise<Result> {
    return this.#inTurn(() =>
      this.#attempt(() => {
        this.#begin();
        try {
          const result = work(this.#writer);
          this.#writer.run('commit', []);
          return result;
        } catch (error) {
          this.#writer.rollBackIfOpen();
          throw error;
        }
      }),
    );
  }

  /** Copies the database into `file`, which must not exist, while work goes on. Rejects with `BackupFailedError`. */
  async backUp(file: string): Promise<void> {
    const {copyDatabase} = await import('./database-copy.ts');
    await copyDatabase(this.#file, file);
  }

  async ping(): Promise<void> {
    await this.#attempt(() => {
      this.#assertInPlace();
      this.#reader.all('select 1', []);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turn;
    this.#reader.close();
    this.#writer.close();
  }

  #begin(): void {
    this.#assertInPlace();
    this.#writer.run('begin immediate', []);
  }

  /** A file that was removed or replaced could still be written, and everything acknowledged would be gone at the end. */
  #assertInPlace(): void {
    if (statSync(this.#file, {throwIfNoEntry: false})?.ino === this.#inode) return;
    throw new DatabaseAwayError(
      `The database ${this.#file} is no longer where it was: its file was removed or replaced. Put it back, or restart.`,
    );
  }

  async #attempt<Result>(action: () => Result): Promise<Result> {
    if (this.#isClosed) throw new DatabaseAwayError('The database is closed.');
    try {
      return await retryBusy(this.#retry, isBusy, action);
    } catch (error) {
      throw toSqliteFailure(error, this.#file);
    }
  }

  async #attemptOnce<Result>(action: () => Result): Promise<Result> {
    try {
      return action();
    } catch (error) {
      throw toSqliteFailure(error, this.#file);
    }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
