/** SQL on the databases that need no server: DuckDB in the engine, SQLite beside it. */
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {eventually, followToEnd} from './engine-lab.ts';
import {taskOf} from './launches.ts';
import {sqlLab, tableOf} from './jdbc-lab.ts';

const url = 'wds.linkis.jdbc.connect.url';
const limit = 'wds.linkis.jdbc.default.limit';

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tenon-sql-'));
  t.teardown(() => rm(path, {recursive: true, force: true}));
  return path;
}

test('DuckDB works without a setting: one result set a statement, affected rows in the log, state from task to task', async t => {
  const {sql} = await sqlLab(t);
  const {end, results, log, progress} = await sql(
    "create table t (n int, s varchar);\ninsert into t values (1, 'ü'), (2, null);\nselect * from t order by n;\nselect count(*) as c from t",
  );
  t.is(end.outcome, 'succeeded', end.failure?.message);
  t.is(end.resultCount, 2);
  t.deepEqual(tableOf(results[0]), {
    columns: ['n int', 's string'],
    rows: [
      ['1', 'ü'],
      ['2', null],
    ],
  });
  t.deepEqual(tableOf(results[1]), {columns: ['c bigint'], rows: [['2']]});
  t.regex(log, /INFO Statement 2 of 4 \(INSERT\): 2 rows affected, \d+ ms\./);
  t.regex(log, /INFO Statement 3 of 4 \(SELECT\): 2 rows, \d+ ms\./);
  t.is(progress.at(-1), 1);
  t.deepEqual(tableOf((await sql('select s from t where n = 1')).results[0]).rows, [['ü']]);
});

test('DuckDB’s types have Linkis’ names, and values are exact', async t => {
  const {sql} = await sqlLab(t);
  const {results, end} = await sql(`select true as a, 1::tinyint as b, 9007199254740993 as c,
    170141183460469231731687303715884105727::hugeint as d, 1.10::decimal(5,2) as e, 0.1::float as f, 1e300 as g,
    date '2024-02-29' as h, timestamp '2024-02-29 12:00:00.5' as i, '\\xAA\\x01'::blob as j, [1, 2] as k, {'x': 'y'} as l,
    null as m, time '10:00:00' as n`);
  t.is(end.failure, undefined);
  const {columns, rows} = tableOf(results[0]);
  t.deepEqual(columns, [
    'a boolean',
    'b short',
    'c bigint',
    'd decimal',
    'e decimal(5,2)',
    'f float',
    'g double',
    'h date',
    'i timestamp',
    'j binary',
    'k array',
    'l struct',
    'm int',
    'n string',
  ]);
  t.deepEqual(rows, [
    [
      'true',
      '1',
      '9007199254740993',
      '170141183460469231731687303715884105727',
      '1.10',
      '0.1',
      '1e+300',
      '2024-02-29',
      '2024-02-29 12:00:00.5',
      'aa01',
      '[1, 2]',
      "{'x': 'y'}",
      null,
      '10:00:00',
    ],
  ]);
});

test('the statement that fails is told with number, line and the database’s words; those before it stay', async t => {
  const {sql} = await sqlLab(t);
  const {end, results} = await sql('select 1 as one;\n\nselec 2;\nselect 3');
  t.is(end.outcome, 'failed');
  t.is(end.failure?.code, 26014);
  t.regex(
    end.failure?.message ?? '',
    /^Statement 2 of 3 \(line 3\) failed: .*syntax error at or near "selec"/,
  );
  t.is(results.length, 1);
  t.true(end.engineIsReusable);
  t.is((await sql('-- nothing')).end.failure?.code, 26018);
});

test('results are cut by rows and by bytes, and the log says so', async t => {
  const {sql} = await sqlLab(t);
  const many = 'select i from range(20000) r(i)';
  const byDefault = await sql(many);
  t.is(tableOf(byDefault.results[0]).rows.length, 5000);
  t.regex(
    byDefault.log,
    /WARN The result set was cut after 5000 rows \(wds\.linkis\.jdbc\.default\.limit\); there are more/,
  );
  t.is(tableOf((await sql(`${many} limit 10`, {[limit]: '10'})).results[0]).rows.length, 10);
  const exact = await sql('select i from range(10) r(i)', {[limit]: 10});
  t.notRegex(exact.log, /was cut/);
  const whole = await sql(`${many}; select 1 as after`, {[limit]: '0'});
  t.is(tableOf(whole.results[0]).rows.length, 20_000);
  t.deepEqual(tableOf(whole.results[1]).rows, [['1']]);
  const byBytes = await sql(many, {[limit]: '0', 'wds.linkis.jdbc.result.max.bytes': 1000});
  t.regex(byBytes.log, /WARN The result set was cut after \d+ bytes/);
  t.true(tableOf(byBytes.results[0]).rows.length < 5000);
});

for (const [what, code, params] of [
  [
    'DuckDB',
    'select 1 as a; select count(*) from range(100000000) a, range(1000000) b where (a.range * b.range) % 7 = 3',
    {},
  ],
  [
    'SQLite',
    'select 1 as a; with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000000000) select count(*) from c',
    {[url]: 'jdbc:sqlite::memory:'},
  ],
] as const) {
  test(`a kill interrupts ${what} in the middle of a statement, and the engine goes on`, async t => {
    const {engine, sql, lab} = await sqlLab(t);
    await engine.execute(taskOf(code, {taskID: 100, codeType: 'sql', runtimeParams: params}));
    const followed = followToEnd(engine, {taskID: 100});
    const spool = join(lab.enginesDirectory, engine.engineId, 'jobs/100-1/spool');
    await eventually('the first statement', async () =>
      (await readFile(spool, 'latin1')).includes('Statement 1 of 2') ? true : undefined,
    );
    const before = performance.now();
    engine.kill(100, 1, 5000, 'killed');
    const {end} = await followed;
    t.true(performance.now() - before < 3000);
    t.deepEqual(
      [end.outcome, end.failure?.code, end.engineIsReusable, end.resultCount],
      ['killed', 50215, true, 1],
    );
    t.deepEqual(await lab.processesOf(engine.engineId), [], 'no process of SQLite is left');
    await engine.confirm(100, 1);
    t.is((await sql('select 2 as b', params)).end.outcome, 'succeeded');
  });
}

test('a statement that takes too long is cancelled and fails by its own code', async t => {
  const {sql} = await sqlLab(t);
  const {end} = await sql(
    'select count(*) from range(100000000) a, range(1000000) b where (a.range * b.range) % 7 = 3',
    {
      'wds.linkis.jdbc.query.timeout': 1,
    },
  );
  t.is(end.failure?.code, 26016);
  t.regex(end.failure?.message ?? '', /Statement 1 of 1 ran longer than 1 s and was cancelled/);
});

test('SQLite: a file, its types, a trigger, and what it keeps', async t => {
  const {sql} = await sqlLab(t);
  const params = {[url]: `jdbc:sqlite:${await folder(t)}/a b.db`};
  const {end, log} = await sql(
    `create table t (n integer, s text, r real, b blob);
     create table seen (n);
     create trigger tr after insert on t begin insert into seen values (new.n); insert into seen values (-new.n); end;
     insert into t values (9007199254740993, 'it''s; ü', 1.5, x'00ff'), (null, null, null, null);`,
    params,
  );
  t.is(end.failure, undefined);
  t.regex(log, /Statement 4 of 4 \(INSERT\): 2 rows affected/);
  const {results} = await sql(
    'select *, 1 + 1, n as n from t; select count(*) as c from seen; select 1 as x where 0',
    params,
  );
  t.deepEqual(tableOf(results[0]), {
    columns: ['n bigint', 's string', 'r double', 'b binary', '1 + 1 bigint', 'n bigint'],
    rows: [
      ['9007199254740993', "it's; ü", '1.5', '00ff', '2', '9007199254740993'],
      [null, null, null, null, '2', null],
    ],
  });
  t.deepEqual(tableOf(results[1]).rows, [['4']]);
  t.deepEqual(tableOf(results[2]), {columns: ['x string'], rows: []});
});

test('files without a path are in the engine’s working directory', async t => {
  const {sql, lab, engine} = await sqlLab(t);
  await sql('create table t (n)', {[url]: 'jdbc:sqlite:mine.db'});
  await sql("copy (select 1 as n) to 'mine.csv'");
  await sql('create table t (n int)', {[url]: 'jdbc:duckdb:mine.duckdb'});
  const names = await readdir(join(lab.enginesDirectory, engine.engineId, 'work'));
  t.deepEqual(names.filter(name => /^mine\.\w+$/.test(name)).toSorted(), [
    'mine.csv',
    'mine.db',
    'mine.duckdb',
  ]);
});

test('a DuckDB file is free for other engines between two jobs', async t => {
  const one = await sqlLab(t);
  const other = await sqlLab(t);
  const params = {[url]: `jdbc:duckdb:${await folder(t)}/shared.duckdb`};
  t.is((await one.sql('create table t as select 1 as n', params)).end.failure, undefined);
  t.is((await other.sql('insert into t values (2)', params)).end.failure, undefined);
  t.deepEqual(tableOf((await one.sql('select count(*) as c from t', params)).results[0]).rows, [['2']]);
});

test('SQLite: many rows come in batches, cut or whole', async t => {
  const {sql} = await sqlLab(t);
  const params = {[url]: 'jdbc:sqlite::memory:'};
  const numbers =
    'with recursive c(x) as (select 1 union all select x + 1 from c where x < 30000) select x from c';
  const cut = await sql(`${numbers}; select 'next' as n`, params);
  t.is(tableOf(cut.results[0]).rows.length, 5000);
  t.deepEqual(tableOf(cut.results[1]).rows, [['next']]);
  const whole = tableOf((await sql(numbers, {...params, [limit]: 0})).results[0]).rows;
  t.is(whole.length, 30_000);
  t.deepEqual(whole.at(-1), ['30000']);
});

test('a transaction that a task leaves open is rolled back, and the log says so', async t => {
  const {sql} = await sqlLab(t);
  for (const params of [{}, {[url]: 'jdbc:sqlite::memory:'}]) {
    await sql('create table k (n int)', params);
    const {log, end} = await sql('begin; insert into k values (1)', params);
    t.is(end.outcome, 'succeeded');
    t.regex(log, /WARN A transaction was left open; it was rolled back/);
    t.deepEqual(tableOf((await sql('select count(*) as c from k', params)).results[0]).rows, [['0']]);
    await sql('begin; insert into k values (1); commit', params);
    t.deepEqual(tableOf((await sql('select count(*) as c from k', params)).results[0]).rows, [['1']]);
  }
});

test('a file that is no database, and a server that is not there, are told with their place', async t => {
  const {sql} = await sqlLab(t);
  const path = join(await folder(t), 'none.db');
  await writeFile(path, 'this is no database, and long enough to be taken for one '.repeat(30));
  for (const [given, place] of [
    [`jdbc:sqlite:${path}`, /SQLite file .*none\.db could not be connected to: file is not a database/],
    [
      `jdbc:duckdb:${path}`,
      /DuckDB file .*none\.db could not be connected to: .*not a valid DuckDB database/,
    ],
    ['jdbc:mysql://127.0.0.1:1/x', /MySQL at 127\.0\.0\.1:1 could not be connected to: .*ECONNREFUSED/],
    [
      'jdbc:postgresql://127.0.0.1:1/x',
      /PostgreSQL at 127\.0\.0\.1:1 could not be connected to: .*ECONNREFUSED/,
    ],
  ] as const) {
    const {end} = await sql('select 1', {[url]: given, 'wds.linkis.jdbc.password': 'hush-hush'});
    t.is(end.failure?.code, 26013);
    t.regex(end.failure?.message ?? '', place);
  }
});

test('a password is in no file of the engine’s directory', async t => {
  const {engine, lab} = await sqlLab(t);
  const runtimeParams = {[url]: 'jdbc:mysql://127.0.0.1:1/x', 'wds.linkis.jdbc.password': 'hush-hush'};
  await engine.execute(taskOf('select 1', {codeType: 'sql', runtimeParams}));
  await followToEnd(engine);
  const directory = join(lab.enginesDirectory, engine.engineId);
  const files = await readdir(directory, {recursive: true, withFileTypes: true});
  for (const file of files.filter(entry => entry.isFile())) {
    t.false((await readFile(join(file.parentPath, file.name), 'latin1')).includes('hush-hush'), file.name);
  }
  t.true(files.length > 4);
});
