import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod, mkdir, readdir, realpath, stat, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {claimDataDirectory} from '../../persistence/data-directory.ts';
import {freshDirectory} from './database-fixture.ts';

test('a data directory is made, private to its user, with its absolute path', async t => {
  const parent = await freshDirectory(t);
  const {path, release} = await claimDataDirectory(join(parent, 'a', 'data'));
  t.teardown(release);
  t.is(path, await realpath(join(parent, 'a', 'data')));
  t.is((await stat(path)).mode & 0o777, 0o700);
});

test('a second claim is refused and names the process, whatever the path is called', async t => {
  const parent = await freshDirectory(t);
  const {release} = await claimDataDirectory(join(parent, 'data'));
  await symlink(join(parent, 'data'), join(parent, 'alias'));
  for (const name of ['data', 'alias']) {
    await t.throwsAsync(claimDataDirectory(join(parent, name)), {
      name: 'DataDirectoryInUseError',
      message: new RegExp(`process ${process.pid}`),
    });
  }
  release();
  release();
  const again = await claimDataDirectory(join(parent, 'alias'));
  again.release();
});

test('the directory is free at once when its process is killed', async t => {
  const parent = await freshDirectory(t);
  const program = fileURLToPath(new URL('./fixtures/claimer.ts', import.meta.url));
  const child = spawn(process.execPath, [program, parent], {stdio: ['ignore', 'pipe', 'inherit']});
  await once(child.stdout, 'data');
  await t.throwsAsync(claimDataDirectory(parent), {message: new RegExp(`process ${child.pid}`)});
  child.kill('SIGKILL');
  await once(child, 'exit');
  const {release} = await claimDataDirectory(parent);
  release();
});

test('nothing but the lock and its holder is left in it', async t => {
  const parent = await freshDirectory(t);
  const {release} = await claimDataDirectory(parent);
  t.deepEqual((await readdir(parent)).toSorted(), ['node.lock', 'node.pid']);
  release();
});

test('a path too long for the history is refused with the numbers', async t => {
  const long = join(await freshDirectory(t), 'd'.repeat(120));
  await t.throwsAsync(claimDataDirectory(long), {
    name: 'LogPathTooLongError',
    message: /log paths reach \d+ characters.*200/,
  });
});

test('a file in its place, or on the way to it, is named', async t => {
  const parent = await freshDirectory(t);
  await writeFile(join(parent, 'file'), '');
  await t.throwsAsync(claimDataDirectory(join(parent, 'file')), {
    name: 'DataDirectoryError',
    message: /is a file/,
  });
  await t.throwsAsync(claimDataDirectory(join(parent, 'file', 'data')), {
    name: 'DataDirectoryError',
    message: /file where a directory/,
  });
});

test('a place where nothing can be made is refused', async t => {
  await t.throwsAsync(claimDataDirectory('/proc/tenon'), {
    name: 'DataDirectoryError',
    message: /\/proc\/tenon/,
  });
});

// Root may write anywhere; CI runs as root on bare machines.
const asUser = process.getuid?.() === 0 ? test.skip : test;
asUser('a directory that may not be written is refused with the remedy (not as root)', async t => {
  const directory = join(await freshDirectory(t), 'data');
  await mkdir(directory);
  await chmod(directory, 0o500);
  await t.throwsAsync(claimDataDirectory(directory), {
    name: 'DataDirectoryError',
    message: /may not be written by this user/,
  });
});

test('a lock file that is no lock file is told', async t => {
  const parent = await freshDirectory(t);
  await writeFile(join(parent, 'node.lock'), 'x'.repeat(5000));
  await t.throwsAsync(claimDataDirectory(parent), {name: 'DataDirectoryError', message: /not a database/});
});
