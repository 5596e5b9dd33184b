import test from 'ava';
import fc from 'fast-check';
import {limitRows} from '../../../actors/domain/sql-limit.ts';

const becomes = test.macro<[string, string]>({
  exec(t, sql, expected) {
    t.is(limitRows(sql, 5000)?.sql, expected);
  },
  title: (title, sql) => title ?? JSON.stringify(sql),
});

const stays = test.macro<[string]>({
  exec(t, sql) {
    t.deepEqual(limitRows(sql, 5000), {sql, added: 0, lowered: 0});
  },
  title: (title, sql) => `${title ?? 'not changed:'} ${JSON.stringify(sql)}`,
});

test(becomes, 'select * from t', 'select * from t limit 5000');
test(becomes, '  SELECT\n*\nfrom t ;\n', '  SELECT\n*\nfrom t limit 5000 ;\n');
test(
  becomes,
  'select 1; insert into t select 2; select 3',
  'select 1 limit 5000; insert into t select 2; select 3 limit 5000',
);
test(becomes, 'select * from t limit 10000', 'select * from t limit 5000');
test(becomes, 'select * from t limit 999999999999999999999999', 'select * from t limit 5000');
test(becomes, 'select * from t limit 10000 offset 20000', 'select * from t limit 5000 offset 20000');
test(becomes, 'select * from t offset 20000 limit 10000', 'select * from t offset 20000 limit 5000');
test(becomes, 'select * from t limit 20000, 10000', 'select * from t limit 20000, 5000');
test(
  'a limit of a sub-query is none',
  becomes,
  'select * from (select * from t limit 9)',
  'select * from (select * from t limit 9) limit 5000',
);
test(
  'the limit goes before a comment at the end',
  becomes,
  'select 1 -- all; of it\n',
  'select 1 limit 5000 -- all; of it\n',
);
test('a semicolon in a text ends nothing', becomes, `select ';' , "a;b"`, `select ';' , "a;b" limit 5000`);
test(
  'a comment with the word limit is none',
  becomes,
  'select 1 /* limit 5 */',
  'select 1 limit 5000 /* limit 5 */',
);
test('a text with the word limit is none', becomes, "select 'limit 5'", "select 'limit 5' limit 5000");
test(
  'a column that only begins so',
  becomes,
  'select limit_a, limits from t',
  'select limit_a, limits from t limit 5000',
);
test(
  'a query in parentheses',
  becomes,
  '(select 1) union (select 2)',
  '(select 1) union (select 2) limit 5000',
);

for (const sql of [
  'select * from t limit 5',
  'select * from t limit 5000',
  'select * from t limit 5 offset 10000',
  'select * from t limit 10000, 5;',
  'select * from t limit 5 -- few',
  'select * from t limit all',
  'select (1 from t',
  'select * from t fetch first 5 rows only',
  'select * from t for update',
  "select * into outfile 'x' from t",
  'with a as (select 1) select * from a',
  'insert into t select * from s',
  'show tables; selection',
  'create function f() as $$ select 1; select 2; $$',
  'select * from t; --set ide.engine.no.limit.allow=true',
  '-- set ide.engine.no.limit.allow = true\nselect * from t',
  '',
  ' ; ;',
]) {
  test(stays, sql);
}

test('the way out is a comment, not a text', t => {
  t.is(limitRows("select '--set ide.engine.no.limit.allow=true'", 5)?.added, 1);
});

test('code with an open quote is left to the engine', t => {
  t.is(limitRows("select 'x", 5000), undefined);
});

test('what was limited once is not limited again', t => {
  const bit = fc.constantFrom(
    'select ',
    '* ',
    'from t ',
    'limit 9 ',
    'limit 9999 ',
    ', 7 ',
    'offset 3 ',
    '(',
    ')',
    ';',
    '-- c\n',
    "'s' ",
    'union ',
    '\n',
  );
  fc.assert(
    fc.property(
      fc.array(bit, {maxLength: 20}).map(bits => bits.join('')),
      sql => {
        const once = limitRows(sql, 5000);
        if (once === undefined) return;
        t.deepEqual(limitRows(once.sql, 5000), {sql: once.sql, added: 0, lowered: 0});
      },
    ),
    {numRuns: 500},
  );
});
