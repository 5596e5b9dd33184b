/** How code is cut into statements, in each dialect. */
import test from 'ava';
import fc from 'fast-check';
import {splitStatements} from '../../engines/jdbc/statement-split.ts';

type Kind = Parameters<typeof splitStatements>[1];

const cuts = test.macro<[Kind, string, readonly string[]]>({
  exec(t, kind, sql, expected) {
    t.deepEqual(
      splitStatements(sql, kind).map(({text}) => text),
      expected,
    );
  },
  title: (_, kind, sql) => `${kind}: ${JSON.stringify(sql)}`,
});

const kinds: readonly Kind[] = ['mysql', 'postgres', 'sqlite', 'duckdb'];
for (const kind of kinds) {
  test(cuts, kind, "select ';' ; select 'it''s;'", ["select ';'", "select 'it''s;'"]);
  test(cuts, kind, '  -- nothing;\n ; /* ; */ ;;', []);
  test(cuts, kind, 'select 1 -- a; b\n+ 1; select 2', ['select 1 -- a; b\n+ 1', 'select 2']);
  test(cuts, kind, '/* a; */ select 1', ['select 1']);
  test(cuts, kind, 'begin; insert into t values (1); commit', [
    'begin',
    'insert into t values (1)',
    'commit',
  ]);
  test(cuts, kind, "select 'never closed; select 2", ["select 'never closed; select 2"]);
}
test(cuts, 'mysql', "select 'a\\'; b'; select `c;d`", ["select 'a\\'; b'", 'select `c;d`']);
test(cuts, 'mysql', '# c; d\nselect 1; select 5--1; select 6', ['select 1', 'select 5--1', 'select 6']);
test(cuts, 'mysql', 'delimiter //\ncreate procedure p() begin select 1; end//\ndelimiter ;\nselect 3', [
  'create procedure p() begin select 1; end',
  'select 3',
]);
test(cuts, 'mysql', 'select /*! straight_join; */ 1; select 2', [
  'select /*! straight_join; */ 1',
  'select 2',
]);
test(cuts, 'postgres', "select E'a\\'; b'; select 'a\\'; select 2", [
  "select E'a\\'; b'",
  "select 'a\\'",
  'select 2',
]);
test(cuts, 'postgres', 'do $x$ begin a; end $x$; select a$b, $$;$$; select $1', [
  'do $x$ begin a; end $x$',
  'select a$b, $$;$$',
  'select $1',
]);
test(cuts, 'postgres', '/* a /* ; */ b; */ select 1; select 2', ['select 1', 'select 2']);
test(cuts, 'postgres', 'create function f() returns int begin atomic select 1; select 2; end; select 9', [
  'create function f() returns int begin atomic select 1; select 2; end',
  'select 9',
]);
test(
  cuts,
  'sqlite',
  'create temp trigger a after insert on t begin update t set a = 1; select 2; end; select [a;b]',
  ['create temp trigger a after insert on t begin update t set a = 1; select 2; end', 'select [a;b]'],
);

test('line and verb are those of the statement, not of the comment before it', t => {
  t.deepEqual(
    splitStatements('select 1;\n\n-- why\n  with a as (select 2)\nselect * from a', 'duckdb').map(
      ({line, verb}) => [line, verb],
    ),
    [
      [1, 'SELECT'],
      [4, 'WITH'],
    ],
  );
});

test('whatever the text, cutting it neither throws nor invents nor takes long', t => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '`',
    ';',
    '$$',
    '$a$',
    '--',
    '/*',
    '*/',
    '\n',
    '\\',
    'E',
    'a',
    ' ',
    '#',
    '[',
    'delimiter //\n',
    '//',
  );
  fc.assert(
    fc.property(fc.array(piece, {maxLength: 60}), fc.constantFrom(...kinds), (pieces, kind) => {
      const sql = pieces.join('');
      for (const {text} of splitStatements(sql, kind)) t.true(sql.includes(text));
    }),
  );
  const before = performance.now();
  t.is(splitStatements('insert into t values (1);\n'.repeat(20_000), 'mysql').length, 20_000);
  t.true(performance.now() - before < 5000);
});
