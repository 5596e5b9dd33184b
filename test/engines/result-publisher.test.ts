/** Result sets leave the engine whole, once, and onto other file systems too. */
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import {access, mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {publishResultFiles} from '../../engines/result-publisher.ts';

async function place(t: ExecutionContext, parent = tmpdir()): Promise<string> {
  const path = await mkdtemp(join(parent, 'tenon-results-'));
  t.teardown(() => rm(path, {recursive: true, force: true}));
  return path;
}

test('result sets are moved into a folder that is made for them, and counted', async t => {
  const from = await place(t);
  const to = join(await place(t), 'a', 'b');
  await writeFile(join(from, '_0.dolphin'), 'zero');
  await writeFile(join(from, '_10.dolphin'), 'ten');
  t.is(await publishResultFiles(from, to), 11);
  t.is(await readFile(join(to, '_10.dolphin'), 'utf8'), 'ten');
  t.deepEqual(await readdir(from), []);
});

test('half-written and foreign files stay where they are', async t => {
  const from = await place(t);
  const to = join(await place(t), 'out');
  await writeFile(join(from, '_0.dolphin.part'), 'half');
  await writeFile(join(from, 'notes'), 'mine');
  t.is(await publishResultFiles(from, to), 0);
  await t.throwsAsync(access(to));
});

test('a second call after an interruption moves the rest and counts all', async t => {
  const from = await place(t);
  const to = await place(t);
  await writeFile(join(to, '_0.dolphin'), 'moved before');
  await writeFile(join(from, '_1.dolphin'), 'not yet');
  t.is(await publishResultFiles(from, to), 2);
  t.is(await publishResultFiles(from, to), 2);
});

test('no results at all are no results', async t => {
  const from = join(await place(t), 'never made');
  t.is(await publishResultFiles(from, join(await place(t), 'out')), 0);
});

const otherFileSystem = '/dev/shm';
const hasOther = existsSync(otherFileSystem);

(hasOther ? test : test.skip)(
  'onto another file system they are copied, whole before they have their name',
  async t => {
    const from = await place(t);
    const to = await place(t, otherFileSystem);
    await mkdir(join(to, 'out'));
    const content = 'x'.repeat(1_000_000);
    await writeFile(join(from, '_0.dolphin'), content);
    t.is(await publishResultFiles(from, join(to, 'out')), 1);
    t.is(await readFile(join(to, 'out', '_0.dolphin'), 'utf8'), content);
    t.deepEqual(await readdir(join(to, 'out')), ['_0.dolphin']);
    t.deepEqual(await readdir(from), []);
  },
);

test('very many files are moved a few at a time, and no more than a job may have', async t => {
  const from = await place(t);
  const to = join(await place(t), 'out');
  for (let number = 0; number < 3000; number += 1) writeFileSync(join(from, `_${number}.dolphin`), '');
  await writeFile(join(from, '_10000.dolphin'), 'one too many');
  await writeFile(join(from, '_999999999999.dolphin'), 'far too many');
  let openMax = 0;
  const timer = setInterval(() => {
    openMax = Math.max(openMax, readdirSync('/proc/self/fd').length);
  }, 5);
  const before = readdirSync('/proc/self/fd').length;
  t.is(await publishResultFiles(from, to), 3000);
  clearInterval(timer);
  t.true(openMax - before < 100, `${openMax - before} descriptors`);
  t.deepEqual(await readdir(from).then(names => names.length), 2);
});
