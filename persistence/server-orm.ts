/** MikroORM for a MySQL or MariaDB server. The two need different drivers, so the server is asked first what it is. */
import {MikroORM} from '@mikro-orm/core';
import {Migrator} from '@mikro-orm/migrations';
import {MySqlDriver} from '@mikro-orm/mysql';
import type {ServerTarget} from './database-url.ts';
import {allEntities} from './entities/all-entities.ts';
import {migrationList} from './migrations/migration-list.ts';
import {migrationTable} from './migrations/migration-names.ts';

export type ServerKind = 'mysql' | 'mariadb';
export type ServerOrm = MikroORM<MySqlDriver>;
export type ServerPool = Awaited<ReturnType<ReturnType<MySqlDriver['getConnection']>['getNativeClient']>>;

const connectTimeoutMs = 3_000;
/** Shorter than the sessions' `wait_timeout`, so that it is we who close an idle connection. */
const idleTimeoutMs = 2_500;

/** Nothing is connected yet. */
export async function serverOrm(
  {host, port, user, password, database}: ServerTarget,
  kind: ServerKind,
  connectionsMax: number,
): Promise<ServerOrm> {
  return MikroORM.init<MySqlDriver>({
    driver: kind === 'mysql' ? MySqlDriver : (await import('@mikro-orm/mariadb')).MariaDbDriver,
    host,
    port,
    user,
    password,
    dbName: database,
    charset: 'utf8mb4',
    timezone: 'Z',
    entities: allEntities('server'),
    extensions: [Migrator],
    ensureDatabase: false,
    // It would print connection errors with all options of the connection.
    logger: () => undefined,
    pool: {max: connectionsMax},
    driverOptions: {
      connectTimeout: connectTimeoutMs,
      enableKeepAlive: true,
      maxIdle: Math.max(0, connectionsMax - 1),
      idleTimeout: idleTimeoutMs,
    },
    migrations: {
      tableName: migrationTable,
      migrationsList: migrationList('server'),
      snapshot: false,
      // DDL commits by itself on these servers.
      transactional: false,
      allOrNothing: false,
      disableForeignKeys: false,
      silent: true,
    },
  });
}

export const poolOf = (orm: ServerOrm): Promise<ServerPool> => orm.driver.getConnection().getNativeClient();
