/**
 * SQL on MySQL and MariaDB, over MikroORM's connection pool. Every session has strict mode, UTC and short limits: a client
 * that is paused inside a transaction loses its locks after 5 s, not after the server's default of 8 hours. Every
 * statement has a deadline; a connection that missed one is thrown away, since nobody knows what state it is in.
 */
import {DatabaseAwayError} from '../actors/ports.ts';
import type {BusyRetry} from './busy-retry.ts';
import {isConflict, isFatal, toServerFailure} from './server-failure.ts';
import type {ServerPool} from './server-orm.ts';
import {Slots} from './slots.ts';
import {
  serverWords,
  type SqlRow,
  type SqlRun,
  type SqlSession,
  type SqlStatements,
  type SqlValue,
} from './sql-session.ts';

type Connection = Parameters<Parameters<ServerPool['getConnection']>[0]>[1];
type Result = {readonly rows: readonly SqlRow[]; readonly run: SqlRun};

export type ServerSessionOptions = {
  readonly kind: 'mysql' | 'mariadb';
  readonly pool: ServerPool;
  readonly connectionsMax: number;
  /** How people see the server. */
  readonly server: string;
  readonly retry: BusyRetry;
  readonly statementTimeoutMs: number;
  readonly close: () => Promise<void>;
};

const conflictAttemptsMax = 6;
const conflictPauseMs = 15;

/** The first things said on each connection. Without strict mode, values would be cut silently. */
export const sessionSettings = [
  "set session sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  "set session time_zone = '+00:00'",
  'set session wait_timeout = 5, session innodb_lock_wait_timeout = 3',
  // Repeatable read would also lock the gaps between rows, and writers of different jobs would meet there.
  'set session transaction isolation level read committed',
] as const;

export class ServerSession implements SqlSession {
  readonly kind: 'mysql' | 'mariadb';
  readonly words = serverWords;
  readonly #options: ServerSessionOptions;
  readonly #slots: Slots;

  constructor(options: ServerSessionOptions) {
    this.kind = options.kind;
    this.#options = options;
    this.#slots = new Slots(options.connectionsMax, options.retry.clock);
    options.pool.on('connection', connection => {
      for (const setting of sessionSettings) {
        // A connection without them must not be used; what was asked on it fails and is asked again.
        connection.query(setting, error => {
          if (error !== null) connection.destroy();
        });
      }
    });
  }

  async all(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    const read = (): Promise<Result> => this.#connected(connection => this.#query(connection, sql, values));
    try {
      return (await read()).rows;
    } catch (error) {
      // The server may have closed an idle connection just now. Reading again does no harm.
      if (!isFatal(error)) throw this.#failure(error);
      return (await read().catch(again => Promise.reject(this.#failure(again)))).rows;
    }
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<SqlRun> {
    return this.#repeatConflicts(async () => {
      const {run} = await this.#connected(connection => this.#query(connection, sql, values));
      return run;
    });
  }

  transaction<Value>(work: (inside: SqlStatements) => Promise<Value>): Promise<Value> {
    return this.#repeatConflicts(() =>
      this.#connected(async connection => {
        const inside: SqlStatements = {
          all: async (sql, values = []) => (await this.#query(connection, sql, values)).rows,
          run: async (sql, values = []) => (await this.#query(connection, sql, values)).run,
        };
        await this.#query(connection, 'start transaction', []);
        try {
          const value = await work(inside);
          await this.#query(connection, 'commit', []);
          return value;
        } catch (error) {
          if (!isFatal(error)) await this.#query(connection, 'rollback', []);
          throw error;
        }
      }),
    );
  }

  async ping(): Promise<void> {
    await this.all('select 1');
  }

  close(): Promise<void> {
    return this.#options.close();
  }

  async #connected<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value> {
    const {server, statementTimeoutMs} = this.#options;
    // Own turns instead of the pool's queue, which forgets who waits when a connection dies.
    const giveBack = await this.#slots.take(statementTimeoutMs);
    if (giveBack === undefined) {
      throw new DatabaseAwayError(
        `All connections to ${server} have been busy for ${statementTimeoutMs} ms.`,
      );
    }
    try {
      const connection = await this.#connect();
      try {
        const value = await work(connection);
        connection.release();
        return value;
      } catch (error) {
        if (isFatal(error)) connection.destroy();
        else connection.release();
        throw error;
      }
    } finally {
      giveBack();
    }
  }

  #connect(): Promise<Connection> {
    const {pool} = this.#options;
    return new Promise((resolve, reject) => {
      pool.getConnection((error, connection) => {
        if (error === null) resolve(connection);
        else reject(error);
      });
    });
  }

  #query(connection: Connection, sql: string, values: readonly SqlValue[]): Promise<Result> {
    const {statementTimeoutMs} = this.#options;
    return new Promise((resolve, reject) => {
      connection.query({sql, values: [...values], timeout: statementTimeoutMs}, (error, answer: unknown) => {
        if (error === null) resolve(toResult(answer));
        else reject(error);
      });
    });
  }

  /** Deadlocks, lost lock waits, and Galera's refused commits: the statement was undone, or its outcome is unknown. */
  async #repeatConflicts<Value>(work: () => Promise<Value>): Promise<Value> {
    const {clock, random} = this.#options.retry;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isConflict(error) || attempt === conflictAttemptsMax) throw this.#failure(error);
      }
      await new Promise<void>(resolve => {
        clock.after(conflictPauseMs * attempt * (0.5 + random.next()), resolve);
      });
    }
  }

  #failure(error: unknown): unknown {
    return toServerFailure(error, this.#options.server);
  }
}

function toResult(answer: unknown): Result {
  if (Array.isArray(answer)) return {rows: answer, run: {changes: 0, insertId: 0}};
  if (typeof answer !== 'object' || answer === null) return {rows: [], run: {changes: 0, insertId: 0}};
  const changes = 'affectedRows' in answer ? Number(answer.affectedRows) : 0;
  const insertId = 'insertId' in answer ? Number(answer.insertId) : 0;
  return {rows: [], run: {changes, insertId}};
}
