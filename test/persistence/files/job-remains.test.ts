import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {jobPaths} from '../../../actors/checks/job-paths.ts';
import type {RemainsKind} from '../../../actors/job-remains.ts';
import {systemClock} from '../../../actors/runtime/clock.ts';
import {createJobRemains} from '../../../persistence/files/job-remains.ts';
import {createLogStore} from '../../../persistence/files/log-store.ts';

const noon = (day: string): number => Date.parse(`${day}T12:00:00Z`);

async function world(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-remains-'));
  const logs = createLogStore({clock: systemClock});
  t.teardown(async () => {
    await logs.close();
    await rm(directory, {recursive: true, force: true});
  });
  const remains = createJobRemains({directory, logs});
  return {
    directory,
    logs,
    remains,
    /** A job's log of 3 lines and one result file of 1,000 bytes, where the node puts them. */
    async add(taskID: number, day: string, creator = 'IDE') {
      const paths = jobPaths(directory, {creator, executeUser: 'alice', taskID}, noon(day), 'UTC');
      const writer = await logs.open(paths.logPath, `${taskID}-1`);
      await writer.append(Buffer.from('a\nb\nc\n'), 0);
      await writer.close();
      await mkdir(paths.resultLocation, {recursive: true});
      await writeFile(join(paths.resultLocation, '_0.dolphin'), Buffer.alloc(1000));
      return paths;
    },
    async list(kind: RemainsKind, day: string): Promise<number[]> {
      const found: number[] = [];
      for await (const batch of remains.list(kind, noon(day))) found.push(...batch.map(({taskID}) => taskID));
      return found;
    },
  };
}

test('logs and results are found day by day, in order of their numbers, and no later day is looked at', async t => {
  const {add, list} = await world(t);
  for (const [taskID, day] of [
    [10, '2026-05-02'],
    [9, '2026-05-02'],
    [11, '2026-05-01'],
    [1, '2026-05-04'],
    [12, '2026-05-03'],
  ] as const) {
    await add(taskID, day);
  }
  for (const kind of ['logs', 'results'] as const) {
    // Where the zone is 14 hours ahead, the next day has begun.
    t.deepEqual(await list(kind, '2026-05-02'), [11, 9, 10, 12]);
    t.deepEqual(await list(kind, '2026-04-29'), []);
  }
});

test('removing a log frees its bytes, and readers find no line', async t => {
  const {add, logs, remains, directory, list} = await world(t);
  const {logPath, resultLocation} = await add(7, '2026-05-01');
  t.is((await logs.position(logPath)).lines, 3);
  const files = await readdir(dirname(logPath));
  t.true((await remains.remove('logs', logPath)) >= 6);
  t.true(files.length > 0 && !existsSync(join(directory, 'logs', '2026-05-01')), 'empty directories go too');
  t.true(existsSync(join(directory, 'logs')), 'the area stays');
  t.is((await logs.read(logPath, 0, 10, 1000)).lineCount, 0);
  t.true(existsSync(join(resultLocation, '_0.dolphin')));
  t.deepEqual(await list('logs', '2026-05-01'), []);
  t.is(await remains.remove('logs', logPath), 0, 'once more is no mistake');
});

test('removing results takes their directory with all that is in it, and leaves others', async t => {
  const {add, remains} = await world(t);
  const mine = await add(7, '2026-05-01');
  const other = await add(8, '2026-05-01');
  await mkdir(join(mine.resultLocation, 'deep', 'er'), {recursive: true});
  await writeFile(join(mine.resultLocation, 'deep', 'er', 'file'), Buffer.alloc(24));
  t.is(await remains.remove('results', mine.resultLocation), 1024);
  t.false(existsSync(mine.resultLocation));
  t.true(existsSync(join(other.resultLocation, '_0.dolphin')));
});

test('links are not followed, whoever made them, and foreign names are left alone', async t => {
  const {add, remains, list, directory} = await world(t);
  const outside = await mkdtemp(join(tmpdir(), 'tenon-outside-'));
  t.teardown(() => rm(outside, {recursive: true, force: true}));
  await mkdir(join(outside, '5'));
  await writeFile(join(outside, '5', 'precious'), 'x');
  const {resultLocation, logPath} = await add(7, '2026-05-01');
  await symlink(outside, join(dirname(dirname(resultLocation)), 'mallory'));
  await symlink(outside, join(directory, 'results', '2026-05-02'));
  await symlink(join(outside, '5'), join(dirname(resultLocation), '6'));
  await symlink(join(outside, '5'), join(resultLocation, 'inner'));
  await writeFile(join(dirname(logPath), 'notes.txt'), 'x');
  await mkdir(join(directory, 'logs', 'kept'));
  t.deepEqual(await list('results', '2026-05-10'), [7]);
  t.deepEqual(await list('logs', '2026-05-10'), [7]);
  await remains.remove('results', resultLocation);
  t.true(existsSync(join(outside, '5', 'precious')));
  await remains.remove('logs', logPath);
  t.true(existsSync(join(dirname(logPath), 'notes.txt')));
});

test('a data directory without any job has nothing to remove', async t => {
  const {list} = await world(t);
  t.deepEqual(await list('logs', '2026-05-01'), []);
});
