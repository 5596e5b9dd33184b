/**
 * Cuts code into statements. The cutting is dbgate-query-splitter's, which knows delimiters and MySQL's `DELIMITER`; it
 * sees the code with quotes and comments masked (`sql-mask.ts`), since those it reads less exactly than each database.
 */
import {defaultSplitterOptions, splitQuery} from 'dbgate-query-splitter';
import {maskSql, type SqlDialect} from './sql-mask.ts';
import type {ConnectionSettings} from './connection-settings.ts';

export type SqlStatement = {
  readonly text: string;
  /** Of its first character, from 1. */
  readonly line: number;
  /** Its first word, in capitals: safe to show, whatever the statement holds. */
  readonly verb: string;
};

const both = {"'": "'", '"': '"'};

const dialects: Readonly<Record<ConnectionSettings['kind'], SqlDialect>> = {
  mysql: {
    quotes: {...both, '`': '`'},
    backslash: 'always',
    dollarQuotes: false,
    hashComments: true,
    nestedComments: false,
    dashesNeedBlank: true,
  },
  postgres: {
    quotes: both,
    backslash: 'afterE',
    dollarQuotes: true,
    hashComments: false,
    nestedComments: true,
    dashesNeedBlank: false,
  },
  duckdb: {
    quotes: both,
    backslash: 'afterE',
    dollarQuotes: true,
    hashComments: false,
    nestedComments: true,
    dashesNeedBlank: false,
  },
  sqlite: {
    quotes: {...both, '`': '`', '[': ']'},
    backslash: 'never',
    dollarQuotes: false,
    hashComments: false,
    nestedComments: false,
    dashesNeedBlank: false,
  },
};

/** What begins here ends only at an `end` that stands alone between delimiters, as SQLite's own shell has it. */
const compound: Readonly<Record<ConnectionSettings['kind'], RegExp | undefined>> = {
  mysql: undefined,
  postgres: /^create\s+(?:or\s+replace\s+)?(?:function|procedure)\b[^;]*\bbegin\s+atomic\b/i,
  duckdb: undefined,
  sqlite: /^create\s+(?:temp\s+|temporary\s+)?trigger\b/i,
};

type Piece = {readonly start: number; readonly end: number};

export function splitStatements(sql: string, kind: ConnectionSettings['kind']): readonly SqlStatement[] {
  const mask = maskSql(sql, dialects[kind]);
  const pieces = splitQuery(mask, {
    ...defaultSplitterOptions,
    // Nothing quotes in what it sees.
    stringsBegins: [],
    stringsEnds: {},
    stringEscapes: {},
    doubleDashComments: false,
    multilineComments: false,
    allowCustomDelimiter: kind === 'mysql',
    returnRichInfo: true,
  }).flatMap(pieceOf);
  let line = 1;
  let counted = 0;
  return joined(pieces, mask, compound[kind]).map(({start, end}) => {
    // A comment before it is not where it begins.
    const from = start + (/^\s*/.exec(mask.slice(start, end))?.[0].length ?? 0);
    line += lineFeeds(sql, counted, from);
    counted = from;
    const verb = /^[A-Za-z]{1,20}/.exec(mask.slice(from, end))?.[0].toUpperCase() ?? 'SQL';
    return {text: sql.slice(from, end), line, verb};
  });
}

function pieceOf(item: ReturnType<typeof splitQuery>[number]): Piece[] {
  if (typeof item === 'string' || item.text.trim() === '') return [];
  const start = (item.trimStart ?? item.start)?.position;
  const end = (item.trimEnd ?? item.end)?.position;
  return start === undefined || end === undefined ? [] : [{start, end}];
}

function joined(pieces: readonly Piece[], mask: string, begins: RegExp | undefined): readonly Piece[] {
  if (begins === undefined) return pieces;
  const whole: Piece[] = [];
  let open: Piece | undefined;
  for (const piece of pieces) {
    const text = mask.slice(piece.start, piece.end);
    if (open !== undefined) open = {start: open.start, end: piece.end};
    else if (begins.test(text)) open = piece;
    else whole.push(piece);
    if (open !== undefined && /^end$/i.test(text)) {
      whole.push(open);
      open = undefined;
    }
  }
  return open === undefined ? whole : [...whole, open];
}

function lineFeeds(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
