import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {DatabaseAwayError, type JobUpdate, type JobWrite} from '../../actors/ports.ts';
import {sqliteOrm} from '../../persistence/sqlite-orm.ts';
import {SqliteConnection} from '../../persistence/sqlite-connection.ts';
import {toSqliteFailure} from '../../persistence/sqlite-failure.ts';
import {storedJob} from '../support/stored-jobs.ts';
import {freshDatabase, freshDatabaseAt, freshDirectory, openFixture} from './database-fixture.ts';
import {openInProcesses} from './opener-processes.ts';

const insert = (row: Parameters<typeof storedJob>[0]): JobWrite => ({type: 'insert', ...storedJob(row)});
const end = (id: number): JobUpdate => ({
  type: 'update',
  id,
  owner: 'o#i#1',
  from: ['Inited'],
  set: {status: 'Failed', updatedTime: 1_700_000_000_001},
});
const totalOf = async (database: Awaited<ReturnType<typeof freshDatabase>>): Promise<number> =>
  (await database.jobs.list({}, {number: 1, size: 1})).total;

test('a database is made where its URL says, and is found again', async t => {
  const dataDirectory = await freshDirectory(t);
  const first = await openFixture(t, {dataDirectory});
  await first.jobs.commit([insert({id: 7})]);
  await first.close();
  t.true((await stat(join(dataDirectory, 'tenon.db'))).isFile());
  const second = await openFixture(t, {dataDirectory});
  t.deepEqual(await second.jobs.get(7), storedJob({id: 7}));
  t.is(second.kind, 'sqlite');
  await t.notThrowsAsync(second.ping());
});

test('a closed database says that it is closed', async t => {
  const database = await freshDatabase(t);
  await database.close();
  await t.throwsAsync(database.ping(), {instanceOf: DatabaseAwayError, message: /closed/});
});

test('the schema that the migrations make has no difference to the entities', async t => {
  const dataDirectory = await freshDirectory(t);
  await (await openFixture(t, {dataDirectory})).close();
  const connection = new SqliteConnection(join(dataDirectory, 'tenon.db'));
  const orm = await sqliteOrm(connection);
  t.teardown(() => connection.close());
  t.teardown(() => orm.close());
  t.is(await orm.schema.getUpdateSchemaSQL({wrap: false, dropTables: false}), '');
});

test('three processes that start at once on a new file all come up', async t => {
  const dataDirectory = await freshDirectory(t);
  const firsts = await openInProcesses(3, 'sqlite:shared.db', dataDirectory, 25);
  t.is(new Set(firsts).size, 3);
  const database = await openFixture(t, {dataDirectory, url: 'sqlite:shared.db'});
  t.is(await totalOf(database), 75);
});

test('what was acknowledged is there after the process was killed', async t => {
  const dataDirectory = await freshDirectory(t);
  const program = fileURLToPath(new URL('./fixtures/committer.ts', import.meta.url));
  const child = spawn(process.execPath, [program, dataDirectory], {stdio: ['ignore', 'pipe', 'inherit']});
  const acknowledged: number[] = [];
  for await (const line of createInterface({input: child.stdout})) {
    acknowledged.push(Number(line));
    if (acknowledged.length === 40) child.kill('SIGKILL');
  }
  const {jobs} = await openFixture(t, {dataDirectory});
  for (const id of acknowledged) t.is((await jobs.get(id))?.row.id, id);
});

test('while another process holds the lock, commits wait, reads go on, and it counts as away in the end', async t => {
  const {database, directory} = await freshDatabaseAt(t, {commitTimeoutMs: 3000});
  await database.jobs.commit([insert({id: 1})]);
  const other = new DatabaseSync(join(directory, 'tenon.db'));
  t.teardown(() => other.isOpen && other.close());
  other.exec('begin immediate');
  const late = database.jobs.commit([insert({id: 2})]);
  t.is((await database.jobs.get(1))?.row.id, 1);
  const away = await t.throwsAsync(late, {instanceOf: DatabaseAwayError, message: /lock/});
  t.true(away.isUndone, 'it never began, also as told across the thread');
  const patient = database.jobs.commit([insert({id: 3})]);
  other.exec('commit');
  t.deepEqual(await patient, [{type: 'written'}]);
  t.is(await database.jobs.get(2), undefined);
});

test('two nodes on one file write side by side, and one of them wins each job', async t => {
  const {database: one, directory} = await freshDatabaseAt(t);
  const two = await openFixture(t, {dataDirectory: directory});
  const ids = Array.from({length: 200}, (_, index) => index + 1);
  await one.jobs.commit(ids.map(id => insert({id})));
  const take = (owner: string) =>
    ids.map((id): JobUpdate => ({
      type: 'update',
      id,
      owner: 'o#i#1',
      from: ['Inited'],
      set: {instances: owner, updatedTime: 1_700_000_000_002},
    }));
  const chunks = Array.from({length: 20}, (_, index) => [index * 10, index * 10 + 10] as const);
  const [first, second] = await Promise.all(
    [[one, 'a#1#2'] as const, [two, 'b#2#2'] as const].map(async ([{jobs}, owner]) =>
      (await Promise.all(chunks.map(([from, to]) => jobs.commit(take(owner).slice(from, to))))).flat(),
    ),
  );
  for (const index of ids.keys()) {
    t.is([first, second].filter(outcomes => outcomes?.[index]?.type === 'written').length, 1);
    t.is([first, second].filter(outcomes => outcomes?.[index]?.type === 'displaced').length, 1);
  }
});

test('a file that is no database is told, and is left alone', async t => {
  const dataDirectory = await freshDirectory(t);
  const file = join(dataDirectory, 'tenon.db');
  await writeFile(file, 'not a database at all, but long enough to be looked at by SQLite'.repeat(40));
  await t.throwsAsync(openFixture(t, {dataDirectory}), {
    instanceOf: DatabaseAwayError,
    message: /tenon\.db.*not an SQLite database/,
  });
  t.regex(await readFile(file, 'utf8'), /^not a database at all/);
});

test('a directory that is not there is told', async t => {
  const dataDirectory = join(await freshDirectory(t), 'missing');
  await t.throwsAsync(openFixture(t, {dataDirectory}), {
    instanceOf: DatabaseAwayError,
    message: /check that the directory exists/,
  });
  await mkdir(dataDirectory);
  await t.notThrowsAsync(openFixture(t, {dataDirectory}));
});

test('a disk that takes no more makes commits fail as away, and loses nothing that was acknowledged', async t => {
  const dataDirectory = await freshDirectory(t);
  await (await openFixture(t, {dataDirectory})).close();
  const program = fileURLToPath(new URL('./fixtures/committer.ts', import.meta.url));
  // A limit on the size of files stands in for the disk: it needs no rights.
  const child = spawn(
    'bash',
    ['-c', 'ulimit -f 1024; exec "$0" "$@"', process.execPath, program, dataDirectory, '20000'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const acknowledged: number[] = [];
  for await (const line of createInterface({input: child.stdout})) acknowledged.push(Number(line));
  if (child.exitCode === null) await once(child, 'exit');
  t.regex(said.join(''), /DatabaseAwayError: The database .* can't be used, /);
  t.true(acknowledged.length > 0);
  const {jobs} = await openFixture(t, {dataDirectory});
  for (const id of acknowledged) t.is((await jobs.get(id))?.row.id, id);
});

test('a full disk is called a full disk', t => {
  const database = new DatabaseSync(':memory:');
  database.exec('create table x (y); pragma max_page_count = 3');
  const error = t.throws(() => database.prepare('insert into x values (zeroblob(100000))').run());
  t.regex(
    String(toSqliteFailure(error, 'f.db')),
    /DatabaseAwayError: The database f\.db can't be used, the disk is full/,
  );
  database.close();
});

test('texts beyond 60,000 bytes stand whole in their own table, and cut at a character in their column', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const executionCode = `a${'日'.repeat(30_000)}`;
  await database.jobs.commit([
    insert({id: 1, executionCode}),
    insert({id: 2, executionCode: 'b'.repeat(60_000)}),
  ]);
  const file = new DatabaseSync(join(directory, 'tenon.db'), {readOnly: true});
  t.teardown(() => file.close());
  const column = 'select id, length(cast(execution_code as blob)) as bytes, execution_code as code';
  const rows = file.prepare(`${column} from linkis_ps_job_history_group_history order by id`).all();
  t.deepEqual(
    rows.map(({bytes}) => bytes),
    [59_998, 60_000],
  );
  t.true(executionCode.startsWith(String(rows[0]?.['code'])));
  t.deepEqual(
    file
      .prepare('select job_id as id, kind from tenon_job_text')
      .all()
      .map(row => ({...row})),
    [{id: 1, kind: 'code'}],
  );
});

test('a row that somebody inserted by hand is found, and can be updated', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const file = new DatabaseSync(join(directory, 'tenon.db'));
  file.exec(
    `insert into linkis_ps_job_history_group_history (id, submit_user, status, instances) values (5, 'carol', 'Inited', 'o#i#1')`,
  );
  file.close();
  t.like(await database.jobs.get(5), {row: {submitUser: 'carol', executionCode: ''}, facts: {priority: 100}});
  t.deepEqual(await database.jobs.commit([end(5)]), [{type: 'written'}]);
  t.is((await database.jobs.list({submitUser: 'carol'}, {number: 1, size: 1})).total, 1);
  t.true((await database.jobs.reserveIds(1)).first > 5);
});

test('a copy made while jobs are written holds everything acknowledged before it', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  let nextId = 1;
  let isOver = false;
  const writing = (async () => {
    for (; !isOver; nextId += 50) {
      await database.jobs.commit(Array.from({length: 50}, (_, index) => insert({id: nextId + index})));
    }
  })();
  while (nextId < 500) await database.ping();
  const before = nextId - 50;
  await database.backup(join(directory, 'copy.db'));
  isOver = true;
  await writing;
  const copy = await openFixture(t, {dataDirectory: directory, url: 'sqlite:copy.db'});
  t.is((await copy.jobs.get(before))?.row.id, before);
  const {total} = await copy.jobs.list({}, {number: 1, size: 1});
  t.is((await copy.jobs.countByStatus({})).Inited, total, 'whole');
});

test('a copy never replaces a file', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  await writeFile(join(directory, 'mine'), 'mine');
  await t.throwsAsync(database.backup(join(directory, 'mine')), {
    name: 'BackupFailedError',
    message: /there is a file of that name/,
  });
  t.is(await readFile(join(directory, 'mine'), 'utf8'), 'mine');
  await t.throwsAsync(database.backup(join(directory, 'no', 'copy')), {name: 'BackupFailedError'});
});

test('lists, recovery and keys use their indexes', async t => {
  const {directory} = await freshDatabaseAt(t);
  const file = new DatabaseSync(join(directory, 'tenon.db'), {readOnly: true});
  t.teardown(() => file.close());
  const planOf = (sql: string): string =>
    file
      .prepare(`explain query plan ${sql}`)
      .all()
      .map(({detail}) => String(detail))
      .join('; ');
  const list = (condition: string): string =>
    `select j.id from tenon_job j where ${condition} order by j.created_ms desc, j.id desc limit 20`;
  t.is(
    planOf(list("j.submit_user = 'a'")),
    'SEARCH j USING COVERING INDEX idx_tenon_job_submit_user (submit_user=?)',
  );
  t.is(
    planOf(list("j.status in ('Failed')")),
    'SEARCH j USING COVERING INDEX idx_tenon_job_status (status=?)',
  );
  t.is(planOf(list('1 = 1')), 'SCAN j USING COVERING INDEX idx_tenon_job_created');
  t.is(
    planOf(
      'select j.id from tenon_job j where j.is_open = 1 and j.took_ms is null and j.id > 5 order by j.id limit 10',
    ),
    'SEARCH j USING COVERING INDEX idx_tenon_job_took (is_open=? AND took_ms=? AND rowid>?)',
  );
  t.regex(
    planOf("select 1 from tenon_job j where j.submit_user = 'a' and j.idempotency_key = 'k'"),
    /uniq_tenon_job_idempotency \(submit_user=\? AND idempotency_key=\?\)/,
  );
});

test('a database whose file was taken away is noticed', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  await rm(join(directory, 'tenon.db'));
  await t.throwsAsync(database.ping(), {instanceOf: DatabaseAwayError, message: /no longer where it was/});
  await t.throwsAsync(database.jobs.commit([insert({id: 1})]), {instanceOf: DatabaseAwayError});
});
