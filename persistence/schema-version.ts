/** Whether a database has every migration of this build, asked without loading MikroORM. */
import {isCurrent, migrationTable} from './migrations/migration-names.ts';
import {textOf} from './sql-row.ts';
import type {SqlSession} from './sql-session.ts';

export async function isSqliteSchemaCurrent(session: Pick<SqlSession, 'all'>): Promise<boolean> {
  const tables = await session.all("select 1 from sqlite_master where type = 'table' and name = ?", [migrationTable]);
  if (tables.length === 0) return false;
  const rows = await session.all(`select name from ${migrationTable}`);
  return isCurrent(rows.map(row => textOf(row, 'name')));
}
