/**
 * Brings a server's schema up to date under a named lock: of several nodes that start at once, one migrates, and the
 * others find the work done. Lock and migrations share one connection, a pool of one, with the server's own time-outs.
 */
import {LinkisError} from '../actors/domain/errors.ts';
import type {BackendLog} from './backend.ts';
import {printTarget, type ServerTarget} from './database-url.ts';
import {isCurrent, migrationTable} from './migrations/migration-names.ts';
import {toServerFailure} from './server-failure.ts';
import {serverOrm, type ServerKind} from './server-orm.ts';
import {integerOf, textOf} from './sql-row.ts';
import type {SqlRow, SqlSession} from './sql-session.ts';

const lockWaitS = 60;

/** Another node has been changing the schema for too long. */
export class MigrationLockError extends LinkisError {
  override readonly name = 'MigrationLockError';
  readonly code = 20070;
  override readonly retryable = true;

  constructor(server: string) {
    super(
      `Another node has been changing the schema of ${server} for more than ${lockWaitS} s. Wait for it, then start again.`,
    );
  }
}

export async function migrateServer(
  target: ServerTarget,
  kind: ServerKind,
  session: Pick<SqlSession, 'all'>,
  log: BackendLog,
): Promise<void> {
  if (await isSchemaCurrent(session)) return;
  const server = printTarget(target);
  log('info', `Bringing the schema of ${server} up to date.`);
  const orm = await serverOrm(target, kind, 1);
  const execute = (sql: string, values: unknown[]): Promise<SqlRow[]> =>
    orm.driver.getConnection().execute(sql, values);
  // The lock's name is the server's, not the database's.
  const lock = `tenon-migration:${target.database}`.slice(0, 64);
  try {
    await orm.connect();
    const [taken] = await execute('select get_lock(?, ?) as taken', [lock, lockWaitS]);
    if (taken === undefined || integerOf(taken, 'taken') !== 1) throw new MigrationLockError(server);
    await orm.migrator.up();
    await execute('select release_lock(?)', [lock]);
  } catch (error) {
    throw toServerFailure(error, server);
  } finally {
    await orm.close(true);
  }
}

async function isSchemaCurrent(session: Pick<SqlSession, 'all'>): Promise<boolean> {
  const tables = await session.all(
    'select 1 from information_schema.tables where table_schema = database() and table_name = ?',
    [migrationTable],
  );
  if (tables.length === 0) return false;
  const rows = await session.all(`select name from ${migrationTable}`);
  return isCurrent(rows.map(row => textOf(row, 'name')));
}
