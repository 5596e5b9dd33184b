/** Kysely's, and so MikroORM's, way to `node:sqlite`: over a connection that we set up, with its prepared statements. */
import {SqliteDialect} from 'kysely';
import type {SqlRow, SqlValue} from './sql-session.ts';
import type {SqliteConnection} from './sqlite-connection.ts';

/** The connection stays its owner's: closing the ORM does not close it. */
export const sqliteDialect = (connection: SqliteConnection): SqliteDialect =>
  new SqliteDialect({
    database: {
      prepare: sql => ({
        reader: connection.returnsRows(sql),
        all: values => [...connection.all(sql, values.map(toSqlValue))],
        run: values => {
          const {changes, insertId} = connection.run(sql, values.map(toSqlValue));
          return {changes, lastInsertRowid: insertId};
        },
        *iterate(values): IterableIterator<SqlRow> {
          yield* connection.all(sql, values.map(toSqlValue));
        },
      }),
      close: () => undefined,
    },
  });

function toSqlValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.getTime();
  throw new TypeError(`SQLite is given a ${typeof value}, which no column of ours holds.`);
}
