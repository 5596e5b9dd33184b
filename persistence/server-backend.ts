/**
 * Opens a database on a MySQL or MariaDB server: looks what it is, whether it can hold any text, brings its schema up to
 * date under a lock, and gives a session over a pool.
 */
import {LinkisError} from '../actors/domain/errors.ts';
import type {Backend, BackendLog} from './backend.ts';
import {BackupNotOfferedError} from './backup.ts';
import type {BusyRetry} from './busy-retry.ts';
import {printTarget, type ServerTarget} from './database-url.ts';
import {historyTable} from './job-columns.ts';
import {facetBook} from './job-facets.ts';
import {migrateServer} from './server-migration.ts';
import {poolOf, serverOrm, type ServerKind} from './server-orm.ts';
import {commitToServer} from './server-job-commit.ts';
import {ServerSession} from './server-session.ts';
import {integerOf, textOf} from './sql-row.ts';

const connectionsMax = 10;
/** A submission may have 5 MB, and escaping can double it. */
const packetBytesMin = 12 * 1024 * 1024;

/** A database whose text columns can't hold every character. */
export class DatabaseCharsetError extends LinkisError {
  override readonly name = 'DatabaseCharsetError';
  readonly code = 20068;

  constructor(server: string, what: string, charset: string, remedy: string) {
    super(`${server}: ${what} has the character set ${charset}, which can't hold every character. ${remedy}`);
  }
}

export async function openServer(target: ServerTarget, retry: BusyRetry, log: BackendLog): Promise<Backend> {
  const server = printTarget(target);
  const kind = await kindOf(target, retry);
  const orm = await serverOrm(target, kind, connectionsMax);
  const session = new ServerSession({
    kind,
    pool: await poolOf(orm),
    connectionsMax,
    server,
    retry,
    statementTimeoutMs: retry.waitMsMax,
    close: () => orm.close(true),
  });
  try {
    await checkServer(session, target, log);
    await migrateServer(target, kind, session, log);
    await checkHistoryCharset(session, server);
  } catch (error) {
    await session.close();
    throw error;
  }
  const facets = facetBook(session);
  return {
    session,
    commit: writes => commitToServer(session, facets, writes),
    backUp: () => Promise.reject(new BackupNotOfferedError(server)),
  };
}

/** Rejects with `DatabaseAwayError` if the server can't be reached. */
async function kindOf(target: ServerTarget, retry: BusyRetry): Promise<ServerKind> {
  const orm = await serverOrm(target, 'mysql', 1);
  const session = new ServerSession({
    kind: 'mysql',
    pool: await poolOf(orm),
    connectionsMax: 1,
    server: printTarget(target),
    retry,
    statementTimeoutMs: retry.waitMsMax,
    close: () => orm.close(true),
  });
  try {
    const [row] = await session.all('select version() as version');
    return row !== undefined && /mariadb/i.test(textOf(row, 'version')) ? 'mariadb' : 'mysql';
  } finally {
    await session.close();
  }
}

async function checkServer(session: ServerSession, target: ServerTarget, log: BackendLog): Promise<void> {
  const server = printTarget(target);
  const [row] = await session.all(
    `select default_character_set_name as charset, @@max_allowed_packet as packet_bytes
     from information_schema.schemata where schema_name = ?`,
    [target.database],
  );
  if (row === undefined) return;
  const charset = textOf(row, 'charset');
  if (charset !== 'utf8mb4') {
    const remedy = `Run: alter database \`${target.database}\` character set utf8mb4; then start again.`;
    throw new DatabaseCharsetError(server, 'the database', charset, remedy);
  }
  const packetBytes = integerOf(row, 'packet_bytes');
  if (packetBytes < packetBytesMin) {
    log(
      'warn',
      `${server} has max_allowed_packet ${packetBytes}: submissions of 5 MB need ${packetBytesMin}.`,
    );
  }
}

/** The seed's DDL names no character set, so an older table may have another than its database has today. */
async function checkHistoryCharset(session: ServerSession, server: string): Promise<void> {
  const [row] = await session.all(
    `select column_name as name, character_set_name as charset from information_schema.columns
     where table_schema = database() and table_name = ? and character_set_name <> 'utf8mb4' limit 1`,
    [historyTable],
  );
  if (row === undefined) return;
  const remedy = `Run: alter table ${historyTable} convert to character set utf8mb4; then start again.`;
  throw new DatabaseCharsetError(
    server,
    `${historyTable}.${textOf(row, 'name')}`,
    textOf(row, 'charset'),
    remedy,
  );
}
