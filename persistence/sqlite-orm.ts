/** MikroORM on one SQLite connection: for migrations and for looking at the schema. */
import {MikroORM} from '@mikro-orm/core';
import {Migrator} from '@mikro-orm/migrations';
import {SqliteDriver} from '@mikro-orm/sql';
import {allEntities} from './entities/all-entities.ts';
import {migrationList} from './migrations/migration-list.ts';
import {migrationTable} from './migrations/migration-names.ts';
import {sqliteDialect} from './sqlite-dialect.ts';
import type {SqliteConnection} from './sqlite-connection.ts';

export async function sqliteOrm(connection: SqliteConnection): Promise<MikroORM<SqliteDriver>> {
  const orm = await MikroORM.init<SqliteDriver>({
    driver: SqliteDriver,
    dbName: 'tenon',
    driverOptions: sqliteDialect(connection),
    entities: allEntities('sqlite'),
    extensions: [Migrator],
    ensureDatabase: false,
    migrations: {
      tableName: migrationTable,
      migrationsList: migrationList('sqlite'),
      snapshot: false,
      // The caller holds one transaction around all of them.
      transactional: false,
      allOrNothing: false,
      silent: true,
    },
  });
  await orm.connect();
  return orm;
}
