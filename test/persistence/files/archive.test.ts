/** The archive: what was kept is whole and readable, and no row goes that is not kept. */
import {existsSync} from 'node:fs';
import {chmod, mkdir, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import test from 'ava';
import {removeKept} from '../../../actors/job-archive.ts';
import {sweep} from '../../../actors/retention-sweep.ts';
import type {ArchivedJob} from '../../../actors/job-history.ts';
import {createJobRemains} from '../../../persistence/files/job-remains.ts';
import {archivedJobs, archiveFiles, createJobArchive} from '../../../persistence/files/archive.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {storedJob} from '../../support/stored-jobs.ts';
import {freshDatabaseAt, freshDirectory} from '../database-fixture.ts';
import {at, insert, update} from '../job-store-world.ts';

const clock = manualClock(Date.parse('2026-05-03T01:00:00Z'));
const job = (id: number): ArchivedJob => ({
  ...storedJob({id, executionCode: `echo "ü\n${id}"`}),
  details: [],
});
const never = new AbortController().signal;

async function taskIDs(directory: string): Promise<number[]> {
  const ids: number[] = [];
  for (const {path} of await archiveFiles(directory)) {
    for await (const found of archivedJobs(path)) ids.push((found['row'] as {id: number}).id);
  }
  return ids;
}

test('jobs are kept whole, a line each, in a file that is theirs alone', async t => {
  const directory = await freshDirectory(t);
  const archive = createJobArchive({directory, clock});
  const jobs = [job(3), job(1), job(7)];
  await archive.keepJobs(jobs);
  const [file, ...others] = await archiveFiles(directory);
  t.deepEqual(others, []);
  t.is(file?.path, join(directory, 'archive', 'history', '2026-05-03', '3-7.jsonl.gz'));
  t.is((await stat(file?.path ?? '')).mode & 0o777, 0o600);
  const lines: unknown[] = [];
  for await (const line of archivedJobs(file?.path ?? '')) lines.push(line);
  t.deepEqual(lines, jobs);
});

test('a name that is taken is never written over, and what a crash left half written does not harm', async t => {
  const directory = await freshDirectory(t);
  const archive = createJobArchive({directory, clock});
  await archive.keepJobs([job(1), job(2)]);
  const place = join(directory, 'archive', 'history', '2026-05-03');
  await writeFile(join(place, '1-2.jsonl.gz.writing'), 'half');
  await archive.keepJobs([job(1), job(9), job(2)]);
  t.deepEqual((await readdir(place)).toSorted(), ['1-2.2.jsonl.gz', '1-2.jsonl.gz']);
  t.deepEqual(await taskIDs(directory), [1, 9, 2, 1, 2]);
});

test('logs and results are kept under their old paths', async t => {
  const directory = await freshDirectory(t);
  const archive = createJobArchive({directory, clock});
  const results = join(directory, 'results', '2026-05-01', 'IDE', 'alice', '5');
  await mkdir(results, {recursive: true});
  await writeFile(join(results, '_0.dolphin'), 'a result');
  await archive.keepFiles('results', results);
  await archive.keepFiles('logs', join(directory, 'logs', '2026-05-01', 'IDE', 'alice', '5.log'));
  const kept = join(directory, 'archive', 'results', '2026-05-01', 'IDE', 'alice', '5', '_0.dolphin.gz');
  t.is(gunzipSync(await readFile(kept)).toString(), 'a result');
  t.false(existsSync(join(directory, 'archive', 'logs')), 'a log that is not there is not kept');
});

test('every row that retention removes is in the archive, and none that it leaves', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const {jobs, history} = database;
  await jobs.commit(
    Array.from({length: 60}, (_, index) => insert({id: index + 1, createdTime: at, updatedTime: at})),
  );
  await jobs.commit(
    Array.from({length: 50}, (_, index) =>
      update(index + 1, ['Inited'], {status: 'Succeed', updatedTime: at + index}),
    ),
  );
  const archiving = {archive: createJobArchive({directory, clock}), history, keepsFiles: false};
  t.is(await removeKept(archiving, at + 40, 15, never), 15);
  t.is(await removeKept(archiving, at + 40, 1000, never), 25);
  t.is(await removeKept(archiving, at + 40, 1000, never), 0);
  t.deepEqual(
    (await taskIDs(directory)).toSorted((a, b) => a - b),
    Array.from({length: 40}, (_, index) => index + 1),
  );
  t.is((await jobs.list({}, {number: 1, size: 1})).total, 20);
});

test('what can’t be kept is not removed', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const {jobs, history} = database;
  await jobs.commit([insert({id: 1, status: 'Succeed'})]);
  // A file stands where the archive's directory should be: root may write anywhere else.
  await writeFile(join(directory, 'archive'), 'in the way');
  await chmod(join(directory, 'archive'), 0o400);
  const archiving = {archive: createJobArchive({directory, clock}), history, keepsFiles: false};
  await t.throwsAsync(removeKept(archiving, at + 1, 10, never), {
    name: 'ArchiveError',
    message: /archive.*Nothing was removed/,
  });
  t.is((await jobs.get(1))?.row.id, 1);
});

test('a node that died between keeping and removing keeps its rows twice, and removes them then', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const {jobs, history} = database;
  await jobs.commit([insert({id: 1, status: 'Succeed'}), insert({id: 2, status: 'Failed'})]);
  const archive = createJobArchive({directory, clock});
  const dying = {...history, removeDue: () => Promise.reject(new Error('killed'))};
  await t.throwsAsync(removeKept({archive, history: dying, keepsFiles: false}, at + 1, 10, never), {
    message: 'killed',
  });
  t.is((await jobs.list({}, {number: 1, size: 1})).total, 2);
  t.is(await removeKept({archive, history, keepsFiles: false}, at + 1, 10, never), 2);
  t.deepEqual(await taskIDs(directory), [1, 2, 1, 2]);
});

test('a sweep keeps a log before it removes it, and leaves what it could not keep', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  await database.jobs.commit([1, 2].map(id => insert({id, status: 'Succeed'})));
  const place = join(directory, 'logs', '2023-11-14', 'IDE', 'alice');
  await mkdir(place, {recursive: true});
  for (const id of [1, 2]) await writeFile(join(place, `${id}.log`), `log of ${id}\n`);
  const remains = createJobRemains({directory, logs: {remove: path => rm(path)}});
  const archive = createJobArchive({directory, clock});
  const archiving = {archive, history: database.history, keepsFiles: true};
  const later = Date.now() + 1000;
  // A directory of that name is in the way of the second.
  const kept = join(directory, 'archive', 'logs', '2023-11-14', 'IDE', 'alice');
  await mkdir(join(kept, '2.log.gz.writing'), {recursive: true});
  const swept = await sweep('logs', later, 10, {store: database.jobs, remains, archiving}, never);
  t.like(swept, {removed: 1, failed: 1});
  t.regex(swept.firstFailure ?? '', /2\.log\.gz could not be written/);
  t.is(gunzipSync(await readFile(join(kept, '1.log.gz'))).toString(), 'log of 1\n');
  t.deepEqual([existsSync(join(place, '1.log')), existsSync(join(place, '2.log'))], [false, true]);
  t.like(await sweep('history', later, 10, {store: database.jobs, remains, archiving}, never), {removed: 2});
  t.deepEqual(await taskIDs(directory), [1, 2]);
});
