/**
 * Brings an SQLite file's schema up to date, under the file's exclusive lock: of several processes that start at once,
 * one migrates, and the others find the work done. All of it is one transaction.
 */
import {retryBusy, type BusyRetry} from './busy-retry.ts';
import {SqliteConnection} from './sqlite-connection.ts';
import {isBusy} from './sqlite-failure.ts';
import {sqliteOrm} from './sqlite-orm.ts';

const lockWaitMsMax = 60_000;

export async function migrateSqlite(file: string, retry: Omit<BusyRetry, 'waitMsMax'>): Promise<void> {
  const connection = new SqliteConnection(file);
  try {
    const orm = await sqliteOrm(connection);
    await retryBusy({...retry, waitMsMax: lockWaitMsMax}, isBusy, () =>
      connection.execute('begin exclusive'),
    );
    await orm.migrator.up();
    connection.execute('commit');
    await orm.close();
  } finally {
    connection.rollBackIfOpen();
    connection.close();
  }
}
