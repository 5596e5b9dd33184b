/** Reads a query's rows with the bare driver, and throws them away: what a SQL job is measured against. Answers rows a second. */
import {DatabaseSync} from 'node:sqlite';
import {DuckDBInstance} from '@duckdb/node-api';

export type DriverTask = {readonly kind: 'duckdb' | 'sqlite'; readonly sql: string};

const duckdb = await (await DuckDBInstance.create(':memory:')).connect();
const sqlite = new DatabaseSync(':memory:');

process.on('message', (task: DriverTask) => {
  void run(task).then(answer => process.send?.(answer));
});
process.on('disconnect', () => process.exit(0));

async function run({kind, sql}: DriverTask): Promise<number> {
  const startedMs = performance.now();
  const rows = kind === 'duckdb' ? await readDuckDb(sql) : readSqlite(sql);
  return (rows / (performance.now() - startedMs)) * 1000;
}

async function readDuckDb(sql: string): Promise<number> {
  const result = await duckdb.stream(sql);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return rows;
    rows += chunk.getRows().length;
  }
}

function readSqlite(sql: string): number {
  const statement = sqlite.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  let rows = 0;
  const iterator = statement.iterate();
  while (iterator.next().done !== true) rows += 1;
  return rows;
}
