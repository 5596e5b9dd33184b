/**
 * SQLite in a process of its own, a child of the engine: one step of a query can take minutes in which nothing else of
 * its process runs, and only a signal ends it. SQLite repairs the file when it is opened next.
 */
import {DatabaseSync, type StatementSync, type SQLOutputValue} from 'node:sqlite';
import type {CellValue, ColumnDefinition} from '../kit/task-context.ts';
import type {SqliteReply, SqliteRequest} from './sqlite-messages.ts';

const batchRows = 1000;
const busyTimeoutMs = 5000;

let database: DatabaseSync | undefined;
let rows: Iterator<Record<string, SQLOutputValue>> | undefined;

// The engine is gone, or does not want this connection any more.
process.on('disconnect', () => process.exit(0));
process.on('message', (message: unknown) => {
  try {
    answer(message as SqliteRequest);
  } catch (error) {
    rows = undefined;
    say({type: 'failed', message: error instanceof Error ? error.message : String(error)});
  }
});

function answer(request: SqliteRequest): void {
  switch (request.type) {
    case 'open':
      database = new DatabaseSync(request.file, {timeout: busyTimeoutMs});
      // Opening reads nothing; this does.
      database.prepare('pragma schema_version').get();
      return say({type: 'opened'});
    case 'query':
      return query(request.sql);
    case 'more':
      return sendRows();
    case 'stop':
      rows?.return?.();
      rows = undefined;
      return say({type: 'done', affected: undefined});
    case 'rollback': {
      const wasOpen = database?.isTransaction === true;
      if (wasOpen) database?.exec('rollback');
      return say({type: 'rolledBack', wasOpen});
    }
  }
}

function query(sql: string): void {
  if (database === undefined) throw new Error('no database is open');
  const statement = database.prepare(sql);
  const columns = statement.columns();
  if (columns.length === 0) {
    const {changes} = statement.run();
    const counts = /^\s*(?:insert|update|delete|replace)\b/i.test(sql);
    return say({type: 'done', affected: counts ? Number(changes) : undefined});
  }
  statement.setReadBigInts(true);
  // An array a row: two columns may have the same name.
  statement.setReturnArrays(true);
  rows = statement.iterate();
  const first = nextRows();
  say({type: 'columns', columns: columnsOf(columns, first), rows: first.map(row => row.map(cellOf))});
}

function sendRows(): void {
  const found = nextRows();
  if (found.length > 0) return say({type: 'rows', rows: found.map(row => row.map(cellOf))});
  rows = undefined;
  say({type: 'done', affected: undefined});
}

function nextRows(): (readonly SQLOutputValue[])[] {
  const found: (readonly SQLOutputValue[])[] = [];
  while (rows !== undefined && found.length < batchRows) {
    const next = rows.next();
    if (next.done === true) break;
    // With `setReturnArrays` they are arrays, whatever the types of Node say.
    if (Array.isArray(next.value)) found.push(next.value);
  }
  return found;
}

/** SQLite's columns promise no type: what is declared counts, else what the first rows hold. */
function columnsOf(
  columns: ReturnType<StatementSync['columns']>,
  first: readonly (readonly SQLOutputValue[])[],
): ColumnDefinition[] {
  return columns.map(({name, type}, column) => {
    const value = first.map(row => row[column]).find(found => found !== null);
    return {name, type: typeNameOf(type ?? '', value)};
  });
}

/** The rules of SQLite's type affinity, with Linkis' names. */
function typeNameOf(declared: string, value: SQLOutputValue | undefined): string {
  const type = declared.toUpperCase();
  if (type.includes('BOOL')) return 'int';
  if (type.includes('INT')) return 'bigint';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'string';
  if (type.includes('BLOB')) return 'binary';
  if (/REAL|FLOA|DOUB/.test(type)) return 'double';
  if (/DEC|NUMERIC/.test(type)) return 'decimal';
  if (type !== '') return 'string';
  if (typeof value === 'bigint') return 'bigint';
  if (typeof value === 'number') return 'double';
  return value instanceof Uint8Array ? 'binary' : 'string';
}

const cellOf = (value: SQLOutputValue): CellValue =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;

function say(reply: SqliteReply): void {
  process.send?.(reply);
}
