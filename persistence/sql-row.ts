/** Reads values from rows: what a driver returns is unknown until it has been looked at. */
import type {SqlRow} from './sql-session.ts';
import {parseTime} from './sql-time.ts';

/** Null counts as empty. Throws `RangeError` for what is neither text nor number. */
export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new RangeError(`${column} holds a ${typeof value}, not text.`);
}

export const optionalText = (row: SqlRow, column: string): string | null =>
  row[column] === null || row[column] === undefined ? null : textOf(row, column);

/** Servers give large integers as digits. Null counts as 0. */
export function integerOf(row: SqlRow, column: string): number {
  const number = Number(row[column] ?? 0);
  if (!Number.isSafeInteger(number))
    throw new RangeError(`${column} holds ${String(row[column])}, not a safe integer.`);
  return number;
}

export const optionalInteger = (row: SqlRow, column: string): number | null =>
  row[column] === null || row[column] === undefined ? null : integerOf(row, column);

/**
 * A time column in epoch milliseconds: SQLite has integers, servers give text (see `sql-time.ts`). Null counts as 0.
 */
export function timeOf(row: SqlRow, column: string): number {
  const value = row[column];
  if (value === null || value === undefined) return 0;
  if (typeof value === 'number') return value;
  const text = textOf(row, column);
  const time = parseTime(text);
  if (Number.isNaN(time)) throw new RangeError(`${column} holds ${text}, not a time.`);
  return time;
}
