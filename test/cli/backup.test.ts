/** `tenon backup` on a real database that somebody else has open, and what a node finds that starts on the copy. */
import {mkdtempSync, readdirSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {copyFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {exitCodes} from '../../cli/exit-code.ts';
import {idsSkipped} from '../../persistence/database-copy.ts';
import {freshDatabaseAt, openFixture} from '../persistence/database-fixture.ts';
import {runClient} from '../support/client-run.ts';
import {storedJob} from '../support/stored-jobs.ts';

function freshDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-backup-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  return directory;
}

const backUp = (data: string, file: string, ...more: readonly string[]) =>
  runClient('', ['backup', file, '--data', data, ...more], {environment: {}});

test('a copy made while jobs are written is whole, and a node that starts on it goes on from there', async t => {
  const copies = freshDirectory(t);
  const {database, directory: data} = await freshDatabaseAt(t);
  const {first} = await database.jobs.reserveIds(100);
  const add = async (id: number): Promise<void> => {
    await database.jobs.commit([{type: 'insert', ...storedJob({id, executionCode: 'x'.repeat(50_000)})}]);
  };
  await add(first);
  let isWriting = true;
  let written = 1;
  const writing = (async () => {
    // One after the other, as long as the copy takes, and at least some.
    for (let n = 1; n < 100 && (isWriting || n < 10); n += 1, written += 1) await add(first + n);
  })();
  const file = join(copies, 'tenon.copy');
  const {code, stdout, stderr} = await backUp(data, file);
  isWriting = false;
  await writing;
  t.deepEqual([code, stderr], [exitCodes.ok, '']);
  t.regex(stdout, /tenon\.db is copied to .*tenon\.copy \(\d+ bytes\)/);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(copies), ['tenon.copy'], 'nothing else is left');
  t.is((await database.jobs.list({}, {number: 1, size: 1})).total, written, 'the node went on writing');
  const {first: next} = await database.jobs.reserveIds(1);
  await database.close();

  // The documented restore.
  await rm(join(data, 'tenon.db-wal'), {force: true});
  await rm(join(data, 'tenon.db-shm'), {force: true});
  await copyFile(file, join(data, 'tenon.db'));
  const restored = await openFixture(t, {dataDirectory: data});
  t.is((await restored.jobs.get(first))?.row.executionCode.length, 50_000);
  const {first: again} = await restored.jobs.reserveIds(1);
  t.true(again > next, 'ids that were given out after the copy do not come again');
  t.true(again <= next + idsSkipped);
});

test('a copy says in JSON where it is', async t => {
  const {directory: data} = await freshDatabaseAt(t);
  const file = join(data, 'copy.db');
  const {stdout} = await backUp(data, file, '--json');
  t.deepEqual(JSON.parse(stdout), {file, bytes: statSync(file).size});
});

test('a file that is there stays as it is', async t => {
  const {directory: data} = await freshDatabaseAt(t);
  const file = join(data, 'mine');
  writeFileSync(file, 'precious');
  const {code, stderr} = await backUp(data, file);
  t.is(code, exitCodes.refused);
  t.regex(stderr, /there is a file of that name/);
  t.is(statSync(file).size, 8);
});

test('what can not be copied is refused in words, and nothing is made', async t => {
  const empty = freshDirectory(t);
  const missing = await backUp(empty, join(empty, 'copy'));
  t.is(missing.code, exitCodes.usage);
  t.regex(missing.stderr, /There is no database .*tenon\.db/);
  const {directory: data} = await freshDatabaseAt(t);
  const server = await backUp(data, join(data, 'copy'), '--database', 'mysql://u:p@localhost/tenon');
  t.is(server.code, exitCodes.refused);
  t.regex(server.stderr, /mysqldump/);
  const nowhere = await backUp(data, join(data, 'no', 'such', 'place'));
  t.is(nowhere.code, exitCodes.refused);
  t.regex(nowhere.stderr, /could not be copied to .*ENOENT/);
  writeFileSync(
    join(data, 'other.db'),
    'this is no database, but a text that is long enough to be read as one',
  );
  const damaged = await backUp(data, join(data, 'copy'), '--database', 'sqlite:other.db');
  t.is(damaged.code, exitCodes.refused);
  t.regex(damaged.stderr, /not a database/);
  t.false(readdirSync(data).some(name => name.startsWith('copy')));
});
