import {appendFile, mkdtemp, readFile, rm, stat, writeFile, mkdir} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {OutboxFullError} from '../../../actors/outbox.ts';
import type {JobUpdate} from '../../../actors/ports.ts';
import {openOutbox} from '../../../persistence/outbox/outbox-file.ts';

const update = (id: number): JobUpdate => ({
  type: 'update',
  id,
  owner: 'o#i#1',
  from: ['Running'],
  set: {status: 'Succeed', updatedTime: id},
});

async function place(t: ExecutionContext, options: {outboxBytesMax?: number; reserveBytes?: number} = {}) {
  const directory = join(await mkdtemp(join(tmpdir(), 'tenon-outbox-')), 'outbox');
  await mkdir(directory);
  t.teardown(() => rm(join(directory, '..'), {recursive: true, force: true}));
  const warnings: string[] = [];
  const open = () =>
    openOutbox({
      directory,
      outboxBytesMax: options.outboxBytesMax ?? 1_000_000,
      reserveBytes: options.reserveBytes ?? 0,
      log: {warn: (_fields, text) => warnings.push(text)},
    });
  return {directory, open, warnings, file: join(directory, 'outbox.jsonl')};
}

test('what was appended is there for the next process, oldest first', async t => {
  const {open} = await place(t);
  const outbox = await open();
  await outbox.append([update(1), update(2)]);
  await outbox.append([update(3)]);
  t.deepEqual(await (await open()).pending(), [update(1), update(2), update(3)]);
});

test('a record that a crash left half written is cut, and the next one is whole', async t => {
  const {open, file, warnings} = await place(t);
  await (await open()).append([update(1)]);
  await appendFile(file, '00000000 {"type":"upd');
  const outbox = await open();
  await outbox.append([update(2)]);
  t.deepEqual(await (await open()).pending(), [update(1), update(2)]);
  t.is(warnings.length, 1);
});

test('a damaged record is kept aside and said, and the others are kept', async t => {
  const {open, file, warnings} = await place(t);
  await (await open()).append([update(1), update(2), update(3)]);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"id":2', '"id":9'));
  const outbox = await open();
  t.deepEqual(await outbox.pending(), [update(1), update(3)]);
  t.regex(await readFile(`${file}.damaged`, 'utf8'), /"id":9/);
  t.regex(warnings.join(), /damaged/);
});

test('a full outbox says so with its bound, and keeps what it has', async t => {
  const {open} = await place(t, {outboxBytesMax: 200});
  const outbox = await open();
  await outbox.append([update(1)]);
  await t.throwsAsync(outbox.append([update(2), update(3)]), {instanceOf: OutboxFullError, message: /200/});
  t.deepEqual(await (await open()).pending(), [update(1)]);
});

test('clearing leaves nothing to replay', async t => {
  const {open} = await place(t);
  const outbox = await open();
  await outbox.append([update(1)]);
  await outbox.clear();
  await outbox.append([update(2)]);
  t.deepEqual(await (await open()).pending(), [update(2)]);
});

test('the reserve takes its whole size on disk', async t => {
  const {open, directory} = await place(t, {reserveBytes: 100_000});
  await open();
  const {size, blocks} = await stat(join(directory, 'reserve'));
  t.is(size, 100_000);
  t.true(blocks * 512 >= 100_000);
});
