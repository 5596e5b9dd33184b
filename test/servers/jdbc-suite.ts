/** SQL jobs on a real server: what is the same for all of them. */
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {eventually, followToEnd} from '../engines/engine-lab.ts';
import {taskOf} from '../engines/launches.ts';
import {sqlLab, tableOf, type SqlLab} from '../engines/jdbc-lab.ts';
import {startTcpProxy} from '../support/tcp-proxy.ts';
import {startSqlServer, type SqlServer, type SqlServerName} from './sql-server.ts';

export type ServerDialect = {
  readonly scheme: string;
  readonly database: string;
  /** Runs for minutes. */
  readonly longQuery: string;
  /** A row where `longQuery` runs, none where it does not. */
  readonly processList: string;
  /** Ends these connections. */
  readonly killOthers: (rows: readonly (readonly (string | null)[])[]) => string;
  /** The number of this connection, and those of all others. */
  readonly connection: string;
  readonly others: string;
  readonly values: {
    readonly sql: string;
    readonly columns: readonly string[];
    readonly row: readonly (string | null)[];
  };
  readonly manyRows: string;
  /** Statements of which one holds a delimiter where it is none; the rows of the last. */
  readonly routine: {readonly code: string; readonly rows: readonly (readonly (string | null)[])[]};
};

const limit = 'wds.linkis.jdbc.default.limit';

export function jdbcSuite(name: SqlServerName, dialect: ServerDialect): void {
  const server = startSqlServer(name);
  if ('absent' in server) {
    test.skip(`${name}: ${server.absent}`, () => undefined);
    return;
  }
  test.after.always(() => server.remove());
  const params = paramsOf(server, dialect);
  const plain = (lab: SqlLab, code: string, more: Readonly<Record<string, unknown>> = {}) =>
    lab.sql(code, {...params, ...more});

  test.serial(
    `${name}: result sets, affected rows, types, nulls, and statements that hold delimiters`,
    async t => {
      const lab = await sqlLab(t);
      const {end, results, log} = await plain(
        lab,
        `create temporary table k (n int, s varchar(20)); insert into k values (1, 'a;b'), (2, null); select * from k order by n; ${dialect.values.sql}`,
      );
      t.is(end.failure, undefined);
      t.deepEqual(tableOf(results[0]).rows, [
        ['1', 'a;b'],
        ['2', null],
      ]);
      t.deepEqual(tableOf(results[1]), {columns: dialect.values.columns, rows: [dialect.values.row]});
      t.regex(log, /Statement 2 of 4 \(INSERT\): 2 rows affected/);
      const routine = await plain(lab, dialect.routine.code);
      t.is(routine.end.failure, undefined);
      t.deepEqual(tableOf(routine.results.at(-1)).rows, dialect.routine.rows);
    },
  );

  test.serial(
    `${name}: a kill ends the statement in the server, and the connection serves the next task`,
    async t => {
      const lab = await sqlLab(t);
      const observer = await sqlLab(t);
      const running = async (): Promise<boolean> =>
        tableOf((await plain(observer, dialect.processList)).results[0]).rows.length > 0;
      const before = tableOf((await plain(lab, dialect.connection)).results[0]).rows;
      await lab.engine.execute(
        taskOf(`select 1 as a; ${dialect.longQuery}`, {taskID: 100, codeType: 'sql', runtimeParams: params}),
      );
      const followed = followToEnd(lab.engine, {taskID: 100});
      await eventually('the statement in the server', async () => ((await running()) ? true : undefined));
      const startMs = performance.now();
      lab.engine.kill(100, 1, 5000, 'killed');
      const {end} = await followed;
      t.deepEqual([end.outcome, end.engineIsReusable, end.resultCount], ['killed', true, 1]);
      t.true(performance.now() - startMs < 3000);
      await eventually('nothing in the server', async () => ((await running()) ? undefined : true));
      await lab.engine.confirm(100, 1);
      t.deepEqual(
        tableOf((await plain(lab, dialect.connection)).results[0]).rows,
        before,
        'the same connection',
      );
    },
  );

  test.serial(
    `${name}: many rows are streamed, cut early or whole, and the connection stays in step`,
    async t => {
      const lab = await sqlLab(t);
      const cut = await plain(lab, `${dialect.manyRows}; select 'next' as n`);
      t.is(cut.end.failure, undefined);
      t.is(tableOf(cut.results[0]).rows.length, 5000);
      t.deepEqual(tableOf(cut.results[1]).rows, [['next']]);
      const whole = await plain(lab, `${dialect.manyRows}; select 'next' as n`, {[limit]: 0});
      t.is(tableOf(whole.results[0]).rows.length, 100_000);
      t.deepEqual(tableOf(whole.results[1]).rows, [['next']]);
    },
  );

  test.serial(
    `${name}: a connection that was cut is replaced before the next task; one that is cut in a task is told`,
    async t => {
      const lab = await sqlLab(t);
      const other = await sqlLab(t);
      await plain(lab, 'select 1 as a');
      const killOthers = async (): Promise<void> => {
        const listed = tableOf((await plain(other, dialect.others)).results[0]).rows;
        if (listed.length > 0) await plain(other, dialect.killOthers(listed));
      };
      await killOthers();
      const next = await plain(lab, 'select 2 as b');
      t.is(next.end.failure, undefined);
      t.regex(next.log, /WARN The connection to .* was lost since the last task; a new one is opened/);
      await lab.engine.execute(
        taskOf(dialect.longQuery, {taskID: 100, codeType: 'sql', runtimeParams: params}),
      );
      const followed = followToEnd(lab.engine, {taskID: 100});
      await eventually('the statement in the server', async () =>
        tableOf((await plain(other, dialect.processList)).results[0]).rows.length > 0 ? true : undefined,
      );
      await killOthers();
      const {end} = await followed;
      t.is(end.failure?.code, 26015, end.failure?.message);
      await lab.engine.confirm(100, 1);
      t.is((await plain(lab, 'select 3 as c')).end.outcome, 'succeeded');
    },
  );

  test.serial(`${name}: a server that falls silent holds up a job no longer than two time-outs`, async t => {
    const lab = await sqlLab(t);
    const observer = await sqlLab(t);
    const proxy = await startTcpProxy({targetPort: server.port});
    t.teardown(() => proxy.close());
    const throughProxy = {
      ...params,
      'wds.linkis.jdbc.connect.url': `jdbc:${dialect.scheme}://127.0.0.1:${proxy.port}/${dialect.database}`,
      'wds.linkis.jdbc.query.timeout': 3,
    };
    const startMs = performance.now();
    const ran = lab.sql(dialect.longQuery, throughProxy);
    await eventually('the statement in the server', async () =>
      tableOf((await plain(observer, dialect.processList)).results[0]).rows.length > 0 ? true : undefined,
    );
    proxy.blackhole('both');
    const {end, log} = await ran;
    t.is(end.failure?.code, 26016, end.failure?.message);
    t.regex(log, /WARN The statement could not be cancelled in the database: /);
    t.true(performance.now() - startMs < 45_000);
    proxy.pass();
    t.is((await lab.sql('select 1 as a', throughProxy)).end.failure, undefined);
  });

  test.serial(
    `${name}: an open transaction is rolled back; a wrong password is refused; no file holds a password`,
    async t => {
      const lab = await sqlLab(t);
      await plain(lab, 'drop table if exists left_open; create table left_open (n int)');
      const open = await plain(lab, 'begin; insert into left_open values (1)');
      t.is(open.end.failure, undefined);
      t.regex(open.log, /WARN A transaction was left open; it was rolled back/);
      const counted = await plain(lab, 'select count(*) as c from left_open');
      t.deepEqual(tableOf(counted.results[0]).rows, [['0']]);
      t.notRegex(counted.log, /transaction/);
      const wrong = await plain(lab, 'select 1', {'wds.linkis.jdbc.password': 'wrong-hush'});
      t.is(wrong.end.failure?.code, 26013);
      t.notRegex(wrong.end.failure?.message ?? '', /wrong-hush/);
      const failed = await plain(lab, `select '${server.password}' from no_such_table`);
      t.is(failed.end.failure?.code, 26014);
      const directory = join(lab.lab.enginesDirectory, lab.engine.engineId);
      const files = await readdir(directory, {recursive: true, withFileTypes: true});
      for (const file of files.filter(entry => entry.isFile())) {
        t.false(
          (await readFile(join(file.parentPath, file.name), 'latin1')).includes(server.password),
          file.name,
        );
      }
    },
  );
}

function paramsOf(
  {host, port, user, password}: SqlServer,
  {scheme, database}: ServerDialect,
): Readonly<Record<string, unknown>> {
  return {
    'wds.linkis.jdbc.connect.url': `jdbc:${scheme}://${host}:${port}/${database}`,
    'wds.linkis.jdbc.username': user,
    'wds.linkis.jdbc.password': password,
  };
}
