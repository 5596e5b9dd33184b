import test from 'ava';
import fc from 'fast-check';
import {masked, sqlPieces, statementsOf, withoutComments} from '../../../actors/domain/sql-text.ts';

const strip = (sql: string): string | undefined => {
  const pieces = sqlPieces(sql);
  return pieces === undefined ? undefined : withoutComments(sql, pieces);
};

const strips = test.macro<[string, string | undefined]>({
  exec(t, sql, expected) {
    t.is(strip(sql), expected);
  },
  title: (title, sql) => title ?? `comments of ${JSON.stringify(sql)}`,
});

test(strips, 'select 1 -- one\nfrom t', 'select 1 \nfrom t');
test(strips, 'select/* a */1', 'select 1');
test(strips, '# whole line\nselect 1', '\nselect 1');
test(strips, '  # indented\nselect 1', '  \nselect 1');
test('a number sign within a line is an operator', strips, 'select a #> b', 'select a #> b');
test(strips, `select '-- no' , "/* no */", \`#no\` -- yes`, `select '-- no' , "/* no */", \`#no\` `);
test('a doubled quote stays inside its text', strips, `select 'it''s -- no' -- yes`, `select 'it''s -- no' `);
test('a backslash escapes a quote', strips, `select 'it\\'s -- no' -- yes`, `select 'it\\'s -- no' `);
test(
  'where that leaves a text open, the backslash was just one',
  strips,
  `select 'c:\\' -- yes`,
  `select 'c:\\' `,
);
test(
  'hints are code',
  strips,
  'select /*+ MAPJOIN(a) */ /*! STRAIGHT_JOIN */ 1 /* no */',
  'select /*+ MAPJOIN(a) */ /*! STRAIGHT_JOIN */ 1  ',
);
test(
  'dollar quotes hold texts',
  strips,
  'do $x$ begin -- inside\n end $x$ -- out',
  'do $x$ begin -- inside\n end $x$ ',
);
test('a lone dollar sign is part of a name', strips, 'select $$ -- a', 'select $$ ');
test('a text that is never closed', strips, "select 'x", undefined);
test('a comment that is never closed', strips, 'select /* x', undefined);

test('time grows with the text, not with its square', t => {
  const units = ["''", '()', ';', '/**/', '$a$', 'select 1;', "'\\"].map(unit =>
    unit.repeat(900_000 / unit.length),
  );
  const tags = Array.from({length: 90_000}, (_, index) => `$a${index}$`).join(' ');
  for (const sql of [...units, tags]) {
    const startedAt = performance.now();
    sqlPieces(sql);
    t.true(performance.now() - startedAt < 5000, sql.slice(0, 20));
  }
  t.is(sqlPieces(' '.repeat(1_000_001)), undefined);
});

test('pieces cover the text in order and without gaps', t => {
  const bit = fc.constantFrom(
    "'",
    '"',
    '`',
    '--',
    '/*',
    '*/',
    '\\',
    '\n',
    '#',
    '$$',
    '$a$',
    ';',
    'x',
    ' ',
    '(',
    ')',
  );
  fc.assert(
    fc.property(
      fc.array(bit, {maxLength: 40}).map(bits => bits.join('')),
      sql => {
        const pieces = sqlPieces(sql);
        if (pieces === undefined) return;
        t.is(pieces.map(({start, end}) => sql.slice(start, end)).join(''), sql);
        t.is(masked(sql, pieces).length, sql.length);
        const again = strip(withoutComments(sql, pieces));
        if (again !== undefined) t.false(again.length > sql.length);
      },
    ),
  );
});

test('statements end at semicolons that no backslash escapes', t => {
  const texts = (sql: string): string[] => statementsOf(sql).map(({start, end}) => sql.slice(start, end));
  t.deepEqual(texts('a;b\\;c;'), ['a', 'b\\;c', '']);
  t.deepEqual(texts(''), ['']);
});
