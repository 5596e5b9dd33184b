/** A connection to a database, as a SQL task sees it: one implementation for each kind, loaded when it is first wanted. */
import type {CellValue, ColumnDefinition} from '../kit/task-context.ts';
import type {ConnectionSettings} from './connection-settings.ts';

/** What a statement answers; a statement may answer several times, such as a `CALL`. */
export type SqlAnswer =
  | {
      readonly type: 'rows';
      readonly columns: readonly ColumnDefinition[];
      /** To be read to its end, or left: leaving it stops the statement in the database. */
      readonly batches: AsyncIterable<readonly (readonly CellValue[])[]>;
    }
  /** `affected` undefined: the database does not say. */
  | {readonly type: 'done'; readonly affected?: number};

export type SqlConnection = {
  /** One statement. Rejects with the database's error. Each answer is read before the next is asked for. */
  readonly query: (sql: string) => AsyncIterable<SqlAnswer>;
  /** Stops the running statement in the database itself; its query then rejects. Rejects if that can't be reached. */
  readonly cancel: () => Promise<void>;
  /** Ends a transaction that a task has left open; true if there was one. */
  readonly rollback: () => Promise<boolean>;
  /** Whether it still answers; asked before a task that comes later. */
  readonly isAlive: () => Promise<boolean>;
  /** True once it is known to be broken. */
  readonly isBroken: () => boolean;
  /** Notices of the database for the task's log. */
  readonly onNotice: (listen: (text: string) => void) => void;
  /** Never rejects. A query that runs does. */
  readonly close: () => Promise<void>;
};

export type EmbeddedOptions = {
  /** What an embedded database may take. */
  readonly memoryBytesMax: number;
  /** Absolute; for what does not fit into memory. */
  readonly temporaryDirectory: string;
  /** False: SQL may not read or write files of its own choice. */
  readonly mayAccessFiles: boolean;
};

/** Rejects with `ConnectFailedError`. */
export async function openConnection(
  settings: ConnectionSettings,
  embedded: EmbeddedOptions,
): Promise<SqlConnection> {
  switch (settings.kind) {
    case 'duckdb':
      return (await import('./duckdb-connection.ts')).openDuckDb(settings.file, embedded);
    case 'sqlite':
      return (await import('./sqlite-connection.ts')).openSqlite(settings.file);
    case 'mysql':
      return (await import('./mysql-connection.ts')).openMysql(settings);
    case 'postgres':
      return (await import('./postgres-connection.ts')).openPostgres(settings);
  }
}
