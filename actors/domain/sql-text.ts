/**
 * Finds quotes, comments and statements in SQL without knowing its grammar, for the dialects of all engines: `'…'`, `"…"`,
 * backticks, `$tag$…$tag$`, `-- …`, a line that begins with `#`, and slash-star comments. Hints (slash-star and `+` or
 * `!`) count as code.
 */
export type SqlPiece = {
  readonly type: 'code' | 'quoted' | 'comment';
  readonly start: number;
  readonly end: number;
};

/** One statement between semicolons; `end` is where its semicolon stands, or the end of the text. */
export type SqlStatement = {readonly start: number; readonly end: number};

/** Longer text is data rather than statements, and cutting it up would hold up everybody else. */
export const sqlCharsMax = 1_000_000;

/**
 * The text cut into pieces, in order and without gaps. Whether a backslash escapes a quote depends on the dialect: tried
 * with, then without. Undefined if a quote or comment is never closed either way, or the text is too long.
 */
export const sqlPieces = (sql: string): readonly SqlPiece[] | undefined =>
  sql.length > sqlCharsMax ? undefined : (cut(sql, true) ?? cut(sql, false));

const dollarTag = /\$(?:[A-Za-z_]\w{0,62})?\$/g;

function cut(sql: string, backslashEscapes: boolean): SqlPiece[] | undefined {
  const pieces: SqlPiece[] = [];
  const openings = new RegExp(`['"\`]|--|/\\*|#|${dollarTag.source}`, 'g');
  // A tag without a partner is told at once, instead of by a search to the end for each.
  const lastTags = new Map([...sql.matchAll(dollarTag)].map(({0: tag, index}) => [tag, index]));
  let codeFrom = 0;
  for (let opening = openings.exec(sql); opening !== null; opening = openings.exec(sql)) {
    const [text] = opening;
    const hasPartner = (lastTags.get(text) ?? 0) > opening.index;
    const piece = pieceAt(sql, opening.index, text, backslashEscapes, hasPartner);
    if (piece === undefined) return undefined;
    if (piece.type === 'code') {
      openings.lastIndex = piece.end;
      continue;
    }
    if (piece.start > codeFrom) pieces.push({type: 'code', start: codeFrom, end: piece.start});
    pieces.push(piece);
    codeFrom = piece.end;
    openings.lastIndex = piece.end;
  }
  if (codeFrom < sql.length) pieces.push({type: 'code', start: codeFrom, end: sql.length});
  return pieces;
}

/** Undefined if it is never closed. */
function pieceAt(
  sql: string,
  start: number,
  opening: string,
  backslashEscapes: boolean,
  hasPartner: boolean,
): SqlPiece | undefined {
  switch (opening) {
    case '--':
      return {type: 'comment', start, end: lineEnd(sql, start)};
    case '#':
      return startsLine(sql, start)
        ? {type: 'comment', start, end: lineEnd(sql, start)}
        : {type: 'code', start, end: start + 1};
    case '/*': {
      const close = sql.indexOf('*/', start + 2);
      const isHint = sql[start + 2] === '+' || sql[start + 2] === '!';
      return close < 0 ? undefined : {type: isHint ? 'code' : 'comment', start, end: close + 2};
    }
    case "'":
    case '"':
    case '`': {
      const end = quoteEnd(sql, start, backslashEscapes && opening !== '`');
      return end === undefined ? undefined : {type: 'quoted', start, end};
    }
    default: {
      // A dollar sign without a partner is part of a name or a parameter.
      const close = hasPartner ? sql.indexOf(opening, start + opening.length) : -1;
      return close < 0
        ? {type: 'code', start, end: start + opening.length}
        : {type: 'quoted', start, end: close + opening.length};
    }
  }
}

/** A doubled quote ends one text and begins the next, which for us is the same as going on. */
function quoteEnd(sql: string, start: number, backslashEscapes: boolean): number | undefined {
  const quote = sql[start];
  for (let at = start + 1; at < sql.length; at += 1) {
    if (sql[at] === quote) return at + 1;
    if (backslashEscapes && sql[at] === '\\') at += 1;
  }
  return undefined;
}

const lineEnd = (sql: string, from: number): number => {
  const at = sql.indexOf('\n', from);
  return at < 0 ? sql.length : at;
};

function startsLine(sql: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (sql[before] === ' ' || sql[before] === '\t')) before -= 1;
  return before < 0 || sql[before] === '\n' || sql[before] === '\r';
}

/** The text without its comments; a comment between two words leaves a space. */
export const withoutComments = (sql: string, pieces: readonly SqlPiece[]): string =>
  pieces
    .map(({type, start, end}) => {
      if (type !== 'comment') return sql.slice(start, end);
      return sql.startsWith('/*', start) ? ' ' : '';
    })
    .join('');

/** Same length and same positions, but comments are blanks and quoted texts underscores. */
export const masked = (sql: string, pieces: readonly SqlPiece[]): string =>
  pieces
    .map(({type, start, end}) => {
      if (type === 'code') return sql.slice(start, end);
      return (type === 'comment' ? ' ' : '_').repeat(end - start);
    })
    .join('');

/** Splits masked text at semicolons that no backslash escapes. */
export function statementsOf(maskedSql: string): readonly SqlStatement[] {
  const statements: SqlStatement[] = [];
  let start = 0;
  for (let at = maskedSql.indexOf(';'); at >= 0; at = maskedSql.indexOf(';', at + 1)) {
    if (maskedSql[at - 1] === '\\') continue;
    statements.push({start, end: at});
    start = at + 1;
  }
  return [...statements, {start, end: maskedSql.length}];
}
