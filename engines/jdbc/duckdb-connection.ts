/** DuckDB inside the engine's process; its queries run on threads of its own, and are interrupted there. */
import {mkdirSync} from 'node:fs';
import {DuckDBInstance, ResultReturnType, type DuckDBDataChunk, type DuckDBResult} from '@duckdb/node-api';
import type {CellValue} from '../kit/task-context.ts';
import {placeOf} from './connection-settings.ts';
import {cellOf, typeNameOf, type CellOf} from './duckdb-values.ts';
import {ConnectFailedError} from './jdbc-errors.ts';
import type {EmbeddedOptions, SqlAnswer, SqlConnection} from './sql-connection.ts';

/** Rejects with `ConnectFailedError`. */
export async function openDuckDb(
  file: string,
  {memoryBytesMax, temporaryDirectory, mayAccessFiles}: EmbeddedOptions,
): Promise<SqlConnection> {
  mkdirSync(temporaryDirectory, {recursive: true, mode: 0o700});
  let instance: DuckDBInstance;
  try {
    instance = await DuckDBInstance.create(file, {
      memory_limit: `${Math.floor(memoryBytesMax / 1024 / 1024)}MiB`,
      temp_directory: temporaryDirectory,
      enable_external_access: String(mayAccessFiles),
    });
  } catch (cause) {
    throw new ConnectFailedError(placeOf({kind: 'duckdb', file}), messageOf(cause), cause);
  }
  const connection = await instance.connect();
  return {
    async *query(sql) {
      const result = await connection.stream(sql);
      if (result.returnType === ResultReturnType.QUERY_RESULT)
        yield rowsOf(result, () => connection.interrupt());
      else yield await doneOf(result);
    },
    cancel: async () => connection.interrupt(),
    async rollback() {
      try {
        await connection.run('rollback');
        return true;
      } catch {
        // No transaction is open.
        return false;
      }
    },
    isAlive: () => Promise.resolve(true),
    isBroken: () => false,
    onNotice: () => undefined,
    async close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

function rowsOf(result: DuckDBResult, stop: () => void): SqlAnswer {
  const types = result.columnTypes();
  const names = result.columnNames();
  const columns = types.map((type, column) => ({name: names[column] ?? '', type: typeNameOf(type)}));
  const cells = types.map(cellOf);
  async function* batches(): AsyncGenerator<readonly (readonly CellValue[])[]> {
    let chunk: Promise<DuckDBDataChunk | null> | undefined = result.fetchChunk();
    try {
      for (;;) {
        const here: DuckDBDataChunk | null = await chunk;
        chunk = undefined;
        if (here === null || here.rowCount === 0) return;
        // DuckDB finds the next rows while these are written.
        chunk = result.fetchChunk();
        // Whoever takes it gets the error; until then it is nobody's.
        chunk.catch(() => undefined);
        yield rowsIn(here, cells);
      }
    } finally {
      if (chunk !== undefined) {
        stop();
        await chunk.catch(() => undefined);
      }
    }
  }
  return {type: 'rows', columns, batches: batches()};
}

function rowsIn(chunk: DuckDBDataChunk, cells: readonly CellOf[]): CellValue[][] {
  const rows: CellValue[][] = [];
  // Asking for it leaves JavaScript each time.
  const {rowCount} = chunk;
  for (const [column, cell] of cells.entries()) {
    const vector = chunk.getColumnVector(column);
    for (let row = 0; row < rowCount; row += 1) {
      const value = cell(vector.getItem(row));
      if (column === 0) rows.push([value]);
      else rows[row]?.push(value);
    }
  }
  return rows;
}

async function doneOf(result: DuckDBResult): Promise<SqlAnswer> {
  if (result.returnType !== ResultReturnType.CHANGED_ROWS) {
    await result.fetchAllChunks();
    return {type: 'done'};
  }
  const [rows] = await result.getRows();
  return {type: 'done', affected: Number(rows?.[0] ?? 0)};
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
