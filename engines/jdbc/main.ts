/** The `jdbc` engine: SQL on MySQL, MariaDB, PostgreSQL, SQLite and DuckDB (docs/sql.md). A program of its own, on the engine kit. */
import {join} from 'node:path';
import {systemClock} from '../../actors/runtime/clock.ts';
import {serveEngine} from '../kit/engine.ts';
import type {EngineFacts} from '../kit/task-context.ts';
import {createConnectionPool, type ConnectionPool} from './connection-pool.ts';
import {runSql} from './sql-task.ts';

/** `false` in the node's configuration keeps SQL of the embedded databases from files of its own choice. */
const filesKey = 'wds.linkis.jdbc.duckdb.external.access';

let pool: ConnectionPool | undefined;

await serveEngine({
  engineType: 'jdbc',
  // SQLite's own process ends with its connection.
  startsProcesses: false,
  async run(task, context) {
    pool ??= poolFor(context.engine);
    await runSql(task, context, {pool, clock: systemClock});
  },
  close: async () => pool?.close(),
});

function poolFor({limits, workDirectory, properties}: EngineFacts): ConnectionPool {
  return createConnectionPool({
    // The other half is for Node, rows on their way, and the drivers.
    memoryBytesMax: Math.floor(limits.memoryBytesMax / 2),
    temporaryDirectory: join(workDirectory, 'duckdb'),
    mayAccessFiles: properties[filesKey] !== 'false',
  });
}
