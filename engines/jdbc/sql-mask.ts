/**
 * SQL text with everything that is not code blanked out, at the same length: what stands in quotes, dollar quotes and
 * comments. A statement can then be cut at its delimiters, which no dialect hides anywhere else.
 */
export type SqlDialect = {
  /** What quotes; a doubled quote stands for itself. */
  readonly quotes: Readonly<Record<string, string>>;
  /** Quotes in which a backslash takes the next character's meaning: all, those of `E'…'`, or none. */
  readonly backslash: 'always' | 'afterE' | 'never';
  readonly dollarQuotes: boolean;
  readonly hashComments: boolean;
  readonly nestedComments: boolean;
  /** MySQL: two dashes begin a comment only before a blank, so that `5--1` is a number. */
  readonly dashesNeedBlank: boolean;
};

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const opening = /['"`[$#]|--|\/\*/g;

/** Never throws: what is never closed reaches to the end, and the database will say so. */
export function maskSql(sql: string, dialect: SqlDialect): string {
  const parts: string[] = [];
  let done = 0;
  opening.lastIndex = 0;
  for (let found = opening.exec(sql); found !== null; found = opening.exec(sql)) {
    const {index} = found;
    const end = endOf(sql, index, found[0], dialect);
    if (end === undefined) continue;
    parts.push(sql.slice(done, index), blanked(sql.slice(index, end), isComment(sql, index)));
    done = end;
    opening.lastIndex = end;
  }
  return parts.join('') + sql.slice(done);
}

/** Comments become blanks, so that a statement of comments only is none; quoted text counts as code. */
const blanked = (text: string, isBlank: boolean): string => text.replaceAll(/[^\n]/g, isBlank ? ' ' : '_');

/** A hint is code: the database reads it. */
const isComment = (sql: string, at: number): boolean =>
  sql[at] === '#' ||
  sql.startsWith('--', at) ||
  (sql.startsWith('/*', at) && !/[!+]/.test(sql[at + 2] ?? ''));

/** Where what opens here ends; undefined if in this dialect nothing opens. */
function endOf(sql: string, at: number, open: string, dialect: SqlDialect): number | undefined {
  if (open === '--') {
    return dialect.dashesNeedBlank && /\S/.test(sql[at + 2] ?? ' ') ? undefined : lineEnd(sql, at);
  }
  if (open === '#') return dialect.hashComments ? lineEnd(sql, at) : undefined;
  if (open === '/*') return commentEnd(sql, at, dialect.nestedComments);
  if (open === '$') return dialect.dollarQuotes ? dollarEnd(sql, at) : undefined;
  const close = dialect.quotes[open];
  if (close === undefined) return undefined;
  const escapes =
    open !== '`' &&
    open !== '[' &&
    (dialect.backslash === 'always' ||
      (dialect.backslash === 'afterE' &&
        open === "'" &&
        /(?:^|\W)[eE]$/.test(sql.slice(Math.max(0, at - 2), at))));
  return quoteEnd(sql, at + 1, close, escapes);
}

/** A doubled quote ends one text and begins the next, which is the same to us as going on. */
function quoteEnd(sql: string, from: number, close: string, escapes: boolean): number {
  for (let at = from; at < sql.length; at += 1) {
    if (sql[at] === close) return at + 1;
    if (escapes && sql[at] === '\\') at += 1;
  }
  return sql.length;
}

function commentEnd(sql: string, from: number, nests: boolean): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from + 2;
  let depth = 1;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    if (mark[0] === '*/') depth -= 1;
    else if (nests) depth += 1;
    if (depth === 0) return mark.index + 2;
  }
  return sql.length;
}

/** A dollar sign inside a name, or without a tag, is none of ours: `a$b$c`, `$1`. */
function dollarEnd(sql: string, at: number): number | undefined {
  if (/[\w\u0080-\uffff$]/.test(sql[at - 1] ?? ' ')) return undefined;
  dollarTag.lastIndex = at;
  const tag = dollarTag.exec(sql)?.[0];
  if (tag === undefined) return undefined;
  const close = sql.indexOf(tag, at + tag.length);
  return close < 0 ? sql.length : close + tag.length;
}

function lineEnd(sql: string, from: number): number {
  const end = sql.indexOf('\n', from);
  return end < 0 ? sql.length : end;
}
