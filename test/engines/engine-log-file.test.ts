/** Logs of engines as files: the end of a long spool, damage, and output that is made to look like records. */
import {mkdtemp, mkdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {crc32} from 'node:zlib';
import test, {type ExecutionContext} from 'ava';
import type {EngineLogRequest} from '../../actors/engine-governance.ts';
import {readEngineLog, readHostLogTail} from '../../engines/engine-log-file.ts';
import {firstLines, lastLines} from '../../engines/engine-log-page.ts';
import {recordType} from '../../engines/spool-record.ts';

const request: EngineLogRequest = {
  logType: 'stdout',
  fromLine: 1,
  pageSize: 100,
  lastRows: 0,
  enableTail: false,
};

function record(payload: Buffer | string, type: number = recordType.log): Buffer {
  const body = Buffer.concat([Buffer.from([type]), Buffer.from(payload)]);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(body.length - 1, 0);
  header.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([header, body]);
}

const opened = record('{"taskID":1,"attempt":1,"epoch":1}', recordType.opened);

async function engineWith(t: ExecutionContext, spool: readonly Buffer[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-log-'));
  t.teardown(() => rm(directory, {recursive: true}));
  await mkdir(join(directory, 'jobs/1-1'), {recursive: true});
  await writeFile(join(directory, 'host.log'), 'host\n');
  await writeFile(join(directory, 'jobs/1-1/spool'), Buffer.concat([opened, ...spool]));
  return directory;
}

const lines = (from: number, to: number): string =>
  Array.from({length: to - from + 1}, (_, index) => `${from + index}\n`).join('');

test('the end of a spool that is longer than what is looked at', async t => {
  const directory = await engineWith(
    t,
    Array.from({length: 80}, (_, block) => record(lines(block * 10_000 + 1, block * 10_000 + 10_000))),
  );
  const page = await readEngineLog('e', directory, {...request, lastRows: 3});
  t.deepEqual(page?.logs, ['799998', '799999', '800000']);
  const middle = await readEngineLog('e', directory, {...request, fromLine: 500_001, pageSize: 1});
  t.deepEqual(middle?.logs, ['500000']);
});

test('records inside of what a job printed are not taken for those of the spool', async t => {
  const fakes = Array.from({length: 30_000}, (_, index) => [
    record(`fake ${index}\n`),
    Buffer.alloc(60, 0),
  ]).flat();
  const directory = await engineWith(t, [record(Buffer.concat(fakes)), record('the end\n')]);
  const page = await readEngineLog('e', directory, {...request, lastRows: 10});
  t.deepEqual(page?.logs, ['the end']);
});

test('a record longer than what is looked at is found by looking further', async t => {
  const directory = await engineWith(t, [record(`${'x'.repeat(3 * 1024 * 1024)}\nshort\n`)]);
  const page = await readEngineLog('e', directory, {...request, lastRows: 2});
  t.is(page?.logs[1], 'short');
  t.is(page?.logs[0]?.length, 16 * 1024 + 1, 'a long line is cut, and shows that it is');
});

test('what stands before damage is shown', async t => {
  const bad = record('never seen\n');
  bad.writeUInt8(bad.readUInt8(10) ^ 1, 10);
  const directory = await engineWith(t, [record('one\n'), bad, record('two\n')]);
  t.deepEqual((await readEngineLog('e', directory, request))?.logs, ['host', 'one']);
  t.deepEqual((await readEngineLog('e', directory, {...request, lastRows: 9}))?.logs, ['host', 'one']);
});

test('a log that can not be counted through says so, and shows its end', async t => {
  const block = record(lines(1, 150_000));
  const directory = await engineWith(
    t,
    Array.from({length: 75}, () => block),
  );
  await t.throwsAsync(readEngineLog('e', directory, {...request, fromLine: 100_000_000}), {
    message: /goes on after line \d+.*ask for its last lines/,
  });
  t.deepEqual((await readEngineLog('e', directory, {...request, enableTail: true, pageSize: 1}))?.logs, [
    '150000',
  ]);
});

test('an engine without a directory has no log', async t => {
  t.is(await readEngineLog('e', join(tmpdir(), 'tenon-there-is-none'), request), undefined);
  t.is((await readHostLogTail('e', join(tmpdir(), 'tenon-there-is-none'))).length, 0);
});

test('pages of lines', t => {
  const text = Buffer.from('a\n\nbb\nc');
  t.deepEqual(lastLines({...request, lastRows: 99}, text), {logs: ['a', '', 'bb', 'c'], endLine: 4, rows: 4});
  t.deepEqual(lastLines({...request, fromLine: 2, pageSize: 2}, text).logs, ['', 'bb']);
  t.deepEqual(lastLines({...request, lastRows: 1}, Buffer.from('\n')).logs, ['']);
  t.deepEqual(lastLines({...request, lastRows: 1}, Buffer.alloc(0)), {logs: [], endLine: 0, rows: 0});
  const choice = firstLines({...request, fromLine: 2, pageSize: 2});
  t.false(choice.push(Buffer.from('a\nb\n')));
  t.true(choice.push(Buffer.from('c\nd\n')));
  t.deepEqual(choice.page(), {logs: ['b', 'c'], endLine: 3, rows: 2});
});
