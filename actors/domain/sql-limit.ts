/**
 * Gives every `select` without a row limit one, and lowers limits that are too high (Linkis: `SQLExplain`). Only the end
 * of a statement outside parentheses counts, so a sub-query's limit is none; `limit a, b` and `limit a offset b` are
 * understood, and what has another kind of end (`fetch first`, `for update`, `into`) is left alone.
 */
import {masked, sqlPieces, statementsOf, type SqlPiece} from './sql-text.ts';

export type LimitedSql = {
  readonly sql: string;
  /** Statements that got a limit, and that had too high a one. */
  readonly added: number;
  readonly lowered: number;
};

type Edit = {readonly start: number; readonly end: number; readonly text: string};

/** More digits than this are more rows than any limit allows. */
const countDigitsMax = 15;

const noLimitComment = /^--\s*set\s+ide\.engine\.no\.limit\.allow\s*=\s*true\s*;?\s*$/i;

/** Undefined for text that `sqlPieces` does not cut: the engine shall say what is wrong with it. */
export function limitRows(sql: string, rowsMax: number): LimitedSql | undefined {
  const pieces = sqlPieces(sql);
  if (pieces === undefined) return undefined;
  if (pieces.some(piece => allowsNoLimit(sql, piece))) return {sql, added: 0, lowered: 0};
  const mask = masked(sql, pieces);
  const edits = statementsOf(mask).flatMap(({start, end}) => editOf(mask, start, end, rowsMax));
  const added = edits.filter(({start, end}) => start === end).length;
  return {sql: applied(sql, edits), added, lowered: edits.length - added};
}

const allowsNoLimit = (sql: string, {type, start, end}: SqlPiece): boolean =>
  type === 'comment' && noLimitComment.test(sql.slice(start, end));

function editOf(mask: string, start: number, end: number, rowsMax: number): Edit[] {
  const statement = mask.slice(start, end);
  if (!/^[\s(]*select\b/i.test(statement)) return [];
  const outside = outsideParentheses(statement);
  if (outside === undefined) return [];
  const count = limitCount(outside);
  if (count !== undefined) {
    const {index, text} = count;
    if (text.length <= countDigitsMax && Number(text) <= rowsMax) return [];
    return [{start: start + index, end: start + index + text.length, text: String(rowsMax)}];
  }
  if (/\b(?:limit|fetch|for|into|lock)\b/i.test(outside)) return [];
  const at = start + statement.trimEnd().length;
  return [{start: at, end: at, text: ` limit ${rowsMax}`}];
}

/** Where the number of rows stands, if the statement ends in a limit. */
function limitCount(outside: string): {readonly index: number; readonly text: string} | undefined {
  const tail = outside.trimEnd();
  const match =
    /\blimit\s+\d+\s*,\s*(?<count>\d+)$/di.exec(tail) ??
    /\blimit\s+(?<count>\d+)(?:\s+offset\s+\d+(?:\s+rows?)?)?$/di.exec(tail);
  const [index] = match?.indices?.groups?.['count'] ?? [];
  const text = match?.groups?.['count'];
  return index === undefined || text === undefined ? undefined : {index, text};
}

/** Same length, with blanks for whatever stands in parentheses, and for these; undefined if one is not closed. */
function outsideParentheses(statement: string): string | undefined {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < statement.length; at += 1) {
    const char = statement.charCodeAt(at);
    if (char === openParenthesis) {
      if (depth === 0) {
        parts.push(statement.slice(from, at));
        from = at;
      }
      depth += 1;
    } else if (char === closeParenthesis && depth > 0) {
      depth -= 1;
      if (depth === 0) {
        parts.push(' '.repeat(at + 1 - from));
        from = at + 1;
      }
    }
  }
  return depth === 0 ? parts.join('') + statement.slice(from) : undefined;
}

const openParenthesis = 40;
const closeParenthesis = 41;

function applied(sql: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const {start, end, text} of edits) {
    parts.push(sql.slice(done, start), text);
    done = end;
  }
  return parts.join('') + sql.slice(done);
}
