/** A `SqlSession` over a connection of MikroORM, for what a contract asks beside the store it tests. */
import type {MikroORM} from '@mikro-orm/core';
import type {MySqlDriver} from '@mikro-orm/mysql';
import {
  serverWords,
  type SqlRow,
  type SqlRun,
  type SqlSession,
  type SqlStatements,
} from '../../persistence/sql-session.ts';

type Transaction = Parameters<ReturnType<MySqlDriver['getConnection']>['execute']>[3];

export function sessionOf(orm: MikroORM<MySqlDriver>, kind: 'mysql' | 'mariadb'): SqlSession {
  const connection = orm.driver.getConnection();
  const statements = (transaction?: Transaction): SqlStatements => ({
    all: (sql, values = []) => connection.execute<SqlRow[]>(sql, [...values], 'all', transaction),
    async run(sql, values = []) {
      const {affectedRows, insertId} = await connection.execute<{affectedRows: number; insertId: number}>(
        sql,
        [...values],
        'run',
        transaction,
      );
      const run: SqlRun = {changes: affectedRows, insertId: Number(insertId ?? 0)};
      return run;
    },
  });
  return {
    ...statements(),
    kind,
    words: serverWords,
    transaction: work => connection.transactional(transaction => work(statements(transaction))),
    ping: async () => undefined,
    close: async () => undefined,
  };
}
