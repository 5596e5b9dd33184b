/** MySQL and MariaDB, through `mysql2`: rows come as the texts that the server sends, and the socket is paused while nobody takes them. */
import {createConnection, type Connection, type FieldPacket, type ResultSetHeader} from 'mysql2';
import type {CellValue, ColumnDefinition} from '../kit/task-context.ts';
import {placeOf, type ServerSettings} from './connection-settings.ts';
import {ConnectFailedError} from './jdbc-errors.ts';
import {QueryInbox} from './mysql-inbox.ts';
import {hidden} from './secret-text.ts';
import {tlsOptions} from './server-tls.ts';
import type {SqlAnswer, SqlConnection} from './sql-connection.ts';

const connectTimeoutMs = 10_000;
const aliveTimeoutMs = 3000;
const batchRows = 2000;

/** By the number of MySQL's type; what is not here is a string. */
const typeNames: Readonly<Record<number, string>> = {
  0: 'decimal',
  1: 'short',
  2: 'short',
  3: 'int',
  4: 'float',
  5: 'double',
  7: 'timestamp',
  8: 'bigint',
  9: 'int',
  10: 'date',
  12: 'timestamp',
  13: 'int',
  16: 'binary',
  246: 'decimal',
};
const byteTypes = new Set([249, 250, 251, 252, 253, 254]);
const binaryCharset = 63;
/** A flag of the server's status. */
const inTransaction = 1;

/** Rejects with `ConnectFailedError`. */
export async function openMysql(settings: ServerSettings): Promise<SqlConnection> {
  const connection = await connect(settings);
  let isBroken = false;
  let running: QueryInbox | undefined;
  connection.on('error', () => {
    isBroken = true;
  });
  connection.on('end', () => {
    isBroken = true;
  });
  const cancel = async (): Promise<void> => {
    // On a connection of its own: this one is busy with what is to be cancelled.
    const second = await connect(settings);
    second.on('error', () => undefined);
    try {
      await told(second, `kill query ${connection.threadId}`);
    } finally {
      second.destroy();
    }
  };
  return {
    query(sql) {
      running = new QueryInbox(connection, connection.query({sql, rowsAsArray: true}));
      return answers(running, cancel);
    },
    cancel,
    async rollback() {
      try {
        // Changes nothing, and its answer tells the state.
        if (((await told(connection, 'do 0')) & inTransaction) === 0) return false;
        await told(connection, 'rollback');
        return true;
      } catch {
        // Broken, and so is the transaction; `isBroken` tells.
        return false;
      }
    },
    async isAlive() {
      const {promise, resolve} = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => resolve(false), aliveTimeoutMs);
      // Nothing at all is given where all is well, whatever the types say.
      connection.ping((error?: unknown) => resolve(error === null || error === undefined));
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
      }
    },
    isBroken: () => isBroken,
    onNotice: () => undefined,
    async close() {
      isBroken = true;
      connection.destroy();
      // The driver says nothing to what is running then.
      running?.fail(new Error('the connection was given up'));
    },
  };
}

async function connect(settings: ServerSettings): Promise<Connection> {
  const {host, port, database, user, password, tls} = settings;
  const ssl = tlsOptions(tls);
  const connection = createConnection({
    host,
    port,
    user,
    password,
    ...(database === '' ? {} : {database}),
    ...(ssl === undefined ? {} : {ssl}),
    connectTimeout: connectTimeoutMs,
    charset: 'utf8mb4',
    // No statement may read a file of the engine's host.
    flags: ['-LOCAL_FILES'],
    rowsAsArray: true,
    // Nothing goes through a float or a date of JavaScript that would not come back the same.
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
  });
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  connection.once('connect', () => resolve());
  connection.once('error', reject);
  try {
    await promise;
    return connection;
  } catch (cause) {
    connection.destroy();
    const why = messageOf(cause);
    throw new ConnectFailedError(placeOf(settings), hidden(why, password));
  }
}

/** A refused connection has several causes, and no words of its own. */
function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(messageOf).join(', ');
  return cause instanceof Error ? cause.message : String(cause);
}

/** A statement without rows; resolves to the server's status. */
function told(connection: Connection, sql: string): Promise<number> {
  const {promise, resolve, reject} = Promise.withResolvers<number>();
  connection.query<ResultSetHeader>(sql, (error, header) => {
    if (error !== null) reject(error);
    else resolve(header.serverStatus ?? 0);
  });
  return promise;
}

async function* answers(inbox: QueryInbox, cancel: () => Promise<void>): AsyncGenerator<SqlAnswer> {
  let isOver = false;
  try {
    for (;;) {
      const said = await inbox.peek();
      if (said.type === 'failed') throw said.error;
      inbox.take();
      if (said.type === 'end') break;
      if (said.type === 'header') yield {type: 'done', affected: said.affected};
      if (said.type === 'fields') {
        yield {type: 'rows', columns: said.fields.map(columnOf), batches: batches(inbox)};
      }
    }
    isOver = true;
  } finally {
    // What the server still has for us would be taken for the answer to the next statement.
    if (!isOver) await drained(inbox, cancel);
    inbox.close();
  }
}

async function* batches(inbox: QueryInbox): AsyncGenerator<readonly (readonly CellValue[])[]> {
  while ((await inbox.peek()).type === 'row') yield inbox.rows(batchRows).map(row => row.map(cellOf));
}

/** Left early: the server is told to stop, and what is on its way is thrown away. */
async function drained(inbox: QueryInbox, cancel: () => Promise<void>): Promise<void> {
  const first = await Promise.race([inbox.peek(), Promise.resolve(undefined)]);
  if (first?.type === 'failed' || first?.type === 'end') return;
  await cancel();
  for (;;) {
    const said = await inbox.peek();
    inbox.take();
    if (said.type === 'failed' || said.type === 'end') return;
  }
}

function columnOf({name, columnType = 0, characterSet}: FieldPacket): ColumnDefinition {
  const isBinary = byteTypes.has(columnType) && characterSet === binaryCharset;
  return {name, type: isBinary ? 'binary' : (typeNames[columnType] ?? 'string')};
}

/** Bytes in hexadecimal digits; places and vectors as JSON. */
function cellOf(value: unknown): CellValue {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return JSON.stringify(value);
}
