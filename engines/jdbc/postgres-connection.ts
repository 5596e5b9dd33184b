/** PostgreSQL, through `pg`: rows come by a cursor, as the texts that the server prints. */
import {Client} from 'pg';
import Cursor from 'pg-cursor';
import type {CellValue} from '../kit/task-context.ts';
import {placeOf, type ServerSettings} from './connection-settings.ts';
import {ConnectFailedError} from './jdbc-errors.ts';
import {hidden} from './secret-text.ts';
import {tlsOptions} from './server-tls.ts';
import type {SqlAnswer, SqlConnection} from './sql-connection.ts';

const connectTimeoutMs = 10_000;
const aliveTimeoutMs = 3000;
const batchRows = 2000;

/** By OID; what is not here is a string. */
const typeNames: Readonly<Record<number, string>> = {
  16: 'boolean',
  17: 'binary',
  20: 'bigint',
  21: 'short',
  23: 'int',
  26: 'bigint',
  700: 'float',
  701: 'double',
  1082: 'date',
  1114: 'timestamp',
  1184: 'timestamp',
  1700: 'decimal',
};
const noTransaction = '25P01';
const booleanOid = 16;
const byteaOid = 17;
const asText = (text: string): string => text;

/** Rejects with `ConnectFailedError`. */
export async function openPostgres(settings: ServerSettings): Promise<SqlConnection> {
  const client = clientFor(settings);
  let isBroken = false;
  const ended = Promise.withResolvers<void>();
  let notice: (text: string) => void = () => undefined;
  client.on('error', () => {
    isBroken = true;
  });
  client.on('end', () => {
    isBroken = true;
    ended.resolve();
  });
  client.on('notice', ({message}) => notice(message ?? ''));
  await connect(client, settings);
  const {rows: pids} = await client.query<{pid: number}>('select pg_backend_pid() as pid');
  const pid = pids[0]?.pid ?? 0;

  return {
    async *query(sql): AsyncGenerator<SqlAnswer> {
      const cursor = client.query(
        new Cursor<CellValue[]>(sql, [], {rowMode: 'array', types: {getTypeParser: () => asText}}),
      );
      // One that is closed on a connection that ends meanwhile never calls back.
      const leave = (): Promise<void> => Promise.race([closed(cursor), ended.promise]);
      let isDone = false;
      try {
        const first = await read(cursor);
        const columns = first.fields.map(({name, dataTypeID}) => ({
          name,
          type: typeNames[dataTypeID] ?? 'string',
        }));
        if (columns.length === 0) {
          isDone = true;
          yield first.rowCount === null ? {type: 'done'} : {type: 'done', affected: first.rowCount};
          return;
        }
        yield {type: 'rows', columns, batches: batches(cursor, first, leave)};
        isDone = true;
      } catch (error) {
        isBroken ||= isLeaving(error);
        throw error;
      } finally {
        if (!isDone && !isBroken) await leave();
      }
    },
    async cancel() {
      // On a connection of its own: this one is busy with what is to be cancelled.
      const second = clientFor(settings);
      second.on('error', () => undefined);
      await connect(second, settings);
      try {
        await second.query('select pg_cancel_backend($1)', [pid]);
      } finally {
        await second.end();
      }
    },
    async rollback() {
      // The server says by a notice that there was nothing to roll back.
      let wasOpen = true;
      const listener = ({code}: {readonly code?: string | undefined}): void => {
        if (code === noTransaction) wasOpen = false;
      };
      const former = notice;
      notice = () => undefined;
      client.on('notice', listener);
      try {
        await client.query('rollback');
      } catch {
        // Broken, and so is the transaction; `isBroken` tells.
        return false;
      } finally {
        client.off('notice', listener);
        notice = former;
      }
      return wasOpen;
    },
    isAlive: () => answersIn(client, aliveTimeoutMs),
    isBroken: () => isBroken,
    onNotice(listen) {
      notice = listen;
    },
    async close() {
      isBroken = true;
      await Promise.race([client.end().catch(() => undefined), ended.promise]);
    },
  };
}

function clientFor({host, port, database, user, password, tls}: ServerSettings): Client {
  const ssl = tlsOptions(tls);
  return new Client({
    host,
    port,
    ...(database === '' ? {} : {database}),
    ...(user === '' ? {} : {user}),
    // A function, also for none: otherwise the driver would look for one in files of whoever runs the engine.
    password: () => password,
    ssl: ssl ?? false,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'tenon-jdbc',
    keepAlive: true,
  });
}

async function connect(client: Client, settings: ServerSettings): Promise<void> {
  try {
    await client.connect();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectFailedError(placeOf(settings), hidden(why, settings.password));
  }
}

type Page = {
  readonly rows: readonly CellValue[][];
  readonly fields: readonly {readonly name: string; readonly dataTypeID: number}[];
  /** Null until the statement is complete, and for those that count nothing. */
  readonly rowCount: number | null;
};

function read(cursor: Cursor<CellValue[]>): Promise<Page> {
  const {promise, resolve, reject} = Promise.withResolvers<Page>();
  cursor.read(batchRows, (error, rows, result) => {
    if (error !== undefined && error !== null) reject(error);
    else resolve({rows, fields: result?.fields ?? [], rowCount: counted(result?.command, result?.rowCount)});
  });
  return promise;
}

const counted = (command: string | undefined, count: number | null | undefined): number | null =>
  /^(?:INSERT|UPDATE|DELETE|MERGE|COPY|MOVE)$/.test(command ?? '') ? (count ?? null) : null;

async function* batches(
  cursor: Cursor<CellValue[]>,
  first: Page,
  leave: () => Promise<void>,
): AsyncGenerator<readonly (readonly CellValue[])[]> {
  const cells = first.fields.map(({dataTypeID}) => cellOf(dataTypeID));
  const isPlain = cells.every(cell => cell === undefined);
  let page = first;
  let isDone = false;
  try {
    while (page.rows.length > 0) {
      yield isPlain
        ? page.rows
        : page.rows.map(row => row.map((value, column) => cells[column]?.(value) ?? value));
      page = await read(cursor);
    }
    isDone = true;
  } finally {
    if (!isDone) await leave();
  }
}

/** Undefined: as the server prints it. */
function cellOf(oid: number): ((value: CellValue) => CellValue) | undefined {
  if (oid === booleanOid) return value => (value === 't' ? 'true' : value === 'f' ? 'false' : value);
  if (oid === byteaOid) return value => (typeof value === 'string' ? value.replace(/^\\x/, '') : value);
  return undefined;
}

/** The server ends this connection, or all. */
const isLeaving = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^57P0[1-5]$|^08/.test(String(error.code));

function closed(cursor: Cursor<CellValue[]>): Promise<void> {
  const {promise, resolve} = Promise.withResolvers<void>();
  cursor.close(() => resolve());
  return promise;
}

async function answersIn(client: Client, timeoutMs: number): Promise<boolean> {
  const {promise, resolve} = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  client.query('select 1').then(
    () => resolve(true),
    () => resolve(false),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
