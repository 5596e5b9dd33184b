import {chmod, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {ClusterSecretError, readClusterSecret} from '../../cluster/cluster-secret.ts';

const text = 'k'.repeat(43) + '=';

async function fileWith(t: ExecutionContext, content: string | Buffer, mode = 0o600): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tenon-secret-'));
  t.teardown(() => rm(folder, {recursive: true}));
  const file = join(folder, 'secret');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

test('one newline at the end does not belong to the secret, another one does', async t => {
  t.is((await readClusterSecret(await fileWith(t, text))).toString(), text);
  t.is((await readClusterSecret(await fileWith(t, `${text}\n`))).toString(), text);
  t.is((await readClusterSecret(await fileWith(t, `${text}\r\n`))).toString(), text);
  t.is((await readClusterSecret(await fileWith(t, `${text}\n\n`))).toString(), `${text}\n`);
});

test('a secret may be any bytes', async t => {
  const bytes = Buffer.from(Array.from({length: 32}, (_, n) => 255 - n));
  t.deepEqual(await readClusterSecret(await fileWith(t, bytes, 0o400)), bytes);
});

const refused = test.macro<[string | Buffer, number, RegExp]>({
  async exec(t, content, mode, says) {
    const file = await fileWith(t, content, mode);
    const error = await t.throwsAsync(readClusterSecret(file), {instanceOf: ClusterSecretError});
    t.regex(error?.message ?? '', says);
    t.true(error?.message.includes(file));
    t.false(error?.message.includes('kkk'));
  },
  title: (what = '') => `refused: ${what}`,
});

test('31 bytes', refused, 'k'.repeat(31), 0o600, /31 bytes.*at least 32.*openssl rand/);
test('31 bytes and a newline', refused, `${'k'.repeat(31)}\n`, 0o600, /31 bytes/);
test('nothing', refused, '', 0o600, /0 bytes/);
test('more than a secret has', refused, 'k'.repeat(5000), 0o600, /5000 bytes/);
test('readable by the group', refused, text, 0o640, /mode 640.*chmod 600/);
test('readable by all', refused, text, 0o604, /mode 604/);
test('writable by others', refused, text, 0o602, /mode 602/);

test('a file that is not there, a folder and a link to a file that others may read are refused', async t => {
  const file = await fileWith(t, text, 0o644);
  await symlink(file, `${file}-link`);
  await t.throwsAsync(readClusterSecret(`${file}-missing`), {message: /can't be read \(ENOENT\)/});
  await t.throwsAsync(readClusterSecret(join(file, '..')), {message: /is no regular file/});
  await t.throwsAsync(readClusterSecret(`${file}-link`), {message: /mode 644/});
});
