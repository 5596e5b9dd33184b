import {mkdir, mkdtemp, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {createHolderOf} from '../../actors/file-holder.ts';
import {startFilesService} from '../../actors/files-service.ts';
import {filesKey} from '../../actors/files-protocol.ts';
import {
  FileMissingError,
  FileNotAllowedError,
  type JobFiles,
  type TableExport,
} from '../../actors/job-files.ts';
import {clusterJobFiles, HostLostError} from '../../actors/remote-files.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {systemClock, type Clock} from '../../actors/runtime/clock.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {createJobFiles} from '../../persistence/files/job-files.ts';
import {ResultSetWriter} from '../../persistence/files/result-set-writer.ts';
import {manualClock} from '../support/manual-clock.ts';
import {createReceptionistHub} from '../support/receptionist-hub.ts';
import {storedJob} from '../support/stored-jobs.ts';

const holder = 'h:1';
const asker = 'g:1';

type Options = {readonly files?: JobFiles; readonly clock?: Clock; readonly streamsMax?: number};

/** Job 7's files lie on one node, and another one is asked for them. */
async function world(t: ExecutionContext, {files, clock = systemClock, streamsMax}: Options = {}) {
  const root = await mkdtemp(join(tmpdir(), 'tenon-files-'));
  t.teardown(() => rm(root, {recursive: true, force: true}));
  const [there, here] = [join(root, 'there'), join(root, 'here')];
  const resultLocation = join(there, 'results', '2024-05-01', 'IDE', 'ann', '7');
  const logPath = join(there, 'logs', '2024-05-01', 'IDE', 'ann', '7.log');
  for (const directory of [resultLocation, join(logPath, '..'), here])
    await mkdir(directory, {recursive: true});
  const job = storedJob({id: 7, resultLocation, logPath, instances: `${holder}#i#1`});
  const hub = createReceptionistHub();
  const system = startActorSystem({
    name: 'test',
    clock,
    random: seededRandom(1),
    log: {warn() {}, error() {}},
  });
  const faults: object[] = [];
  const stop = startFilesService({
    system,
    receptionist: hub.node(holder),
    files: files ?? createJobFiles({directory: there}),
    log: {error: fields => faults.push(fields)},
    ...(streamsMax !== undefined && {streamsMax}),
  });
  t.teardown(stop);
  const cluster = clusterJobFiles({
    local: createJobFiles({directory: here}),
    instance: asker,
    receptionist: hub.node(asker),
    holderOf: createHolderOf({get: async taskID => (taskID === 7 ? job : undefined)}),
    system,
  });
  return {there, here, resultLocation, logPath, hub, stop, faults, files: cluster};
}

async function writeTable(path: string, rowCount: number): Promise<void> {
  const writer = await ResultSetWriter.table(path, [
    {name: 'id', type: 'int'},
    {name: 'name', type: 'string'},
  ]);
  for (let row = 0; row < rowCount; row += 1)
    await writer.row([String(row), row % 7 === 0 ? null : `name ${row}`]);
  await writer.close();
}

async function bytesOf(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of bytes) blocks.push(block);
  return Buffer.concat(blocks);
}

const exportOptions: TableExport = {
  format: 'csv',
  separator: ',',
  quotesAll: false,
  keepsNewlines: false,
  nullValue: 'NULL',
  rowsMax: 0,
  maskedColumns: [],
  sheetName: 'result',
};

test('results on another node are listed, paged, exported and read as if they were here', async t => {
  const {files, there, resultLocation} = await world(t);
  const local = createJobFiles({directory: there});
  for (const number of [0, 2, 10]) await writeTable(join(resultLocation, `_${number}.dolphin`), 20_000);
  const path = join(resultLocation, '_2.dolphin');
  t.deepEqual(
    (await files.list(resultLocation))?.map(({name}) => name),
    ['_0.dolphin', '_2.dolphin', '_10.dolphin'],
  );
  t.deepEqual(await files.entry(path), await local.entry(path));
  const request = {page: 2, pageSize: 15_000, nullValue: {type: 'keep'}, maskedColumns: []} as const;
  const page = await files.resultPage(path, request);
  t.is(page.rows.length, 5000);
  t.deepEqual(page, await local.resultPage(path, request));
  const csv = await bytesOf(await files.exportTables([path, path], exportOptions));
  t.deepEqual(csv, await bytesOf(await local.exportTables([path, path], exportOptions)));
  t.true(csv.length > 600_000);
  const xlsx = await bytesOf(await files.exportTables([path], {...exportOptions, format: 'xlsx'}));
  t.is(xlsx.subarray(0, 2).toString(), 'PK');
  const {sizeBytes, bytes} = await files.read(path);
  const whole = await bytesOf(bytes);
  t.is(whole.length, sizeBytes);
  t.deepEqual(whole, await bytesOf((await local.read(path)).bytes));
});

test('what is not there or not allowed is refused by its own class', async t => {
  const {files, resultLocation, logPath} = await world(t);
  t.is(await files.list(join(resultLocation, 'none')), undefined);
  t.is(await files.entry(join(resultLocation, '_9.dolphin')), undefined);
  await t.throwsAsync(files.read(join(resultLocation, '_9.dolphin')), {instanceOf: FileMissingError});
  await symlink('/etc/passwd', join(resultLocation, 'link'));
  await t.throwsAsync(files.read(join(resultLocation, 'link')), {instanceOf: FileNotAllowedError});
  await writeFile(join(resultLocation, 'bad.dolphin'), 'nothing of the kind');
  await t.throwsAsync(
    files.resultPage(join(resultLocation, 'bad.dolphin'), {
      page: 1,
      pageSize: 1,
      nullValue: {type: 'keep'},
      maskedColumns: [],
    }),
    {name: 'ResultSetDamagedError', code: 80_106} as never,
  );
  await writeFile(logPath, 'a line\n');
  t.is((await bytesOf((await files.read(logPath)).bytes)).toString(), 'a line\n');
});

test('paths of no job, and of jobs of this node, are looked for here alone', async t => {
  const {files, here, hub} = await world(t);
  const path = join(here, 'logs', '8.log');
  await mkdir(join(path, '..'), {recursive: true});
  await writeFile(path, 'mine\n');
  t.is((await bytesOf((await files.read(path)).bytes)).toString(), 'mine\n');
  t.is(hub.arrived('read'), 0);
});

test('a holder that cannot be reached is named, also in the middle of a file', async t => {
  const clock = manualClock();
  const {files, hub, resultLocation} = await world(t, {clock});
  const path = join(resultLocation, 'big');
  await writeFile(path, Buffer.alloc(2_000_000, 'x'));
  const {bytes} = await files.read(path);
  const reader = bytes[Symbol.asyncIterator]();
  t.is((await reader.next()).value?.length, 256 * 1024);
  hub.cut(holder);
  await t.throwsAsync(reader.next(), {instanceOf: HostLostError, message: new RegExp(`${path} lies on h:1`)});
  for (const call of [
    files.list(path),
    files.entry(path),
    files.read(path),
    files.exportTables([path], exportOptions),
  ]) {
    await t.throwsAsync(call, {instanceOf: HostLostError, code: 20_961} as never);
  }
});

test('with a shared data directory a lost holder is not missed', async t => {
  const {hub, resultLocation, there} = await world(t);
  const path = join(resultLocation, 'small');
  await writeFile(path, 'shared');
  hub.cut(holder);
  const files = clusterJobFiles({
    local: createJobFiles({directory: there}),
    instance: asker,
    receptionist: hub.node(asker),
    holderOf: async () => holder,
    system: {ask: () => Promise.reject(new Error('nobody is asked'))},
  });
  t.is((await bytesOf((await files.read(path)).bytes)).toString(), 'shared');
});

/** A file without end, whose blocks are counted. */
function endless(): JobFiles & {readonly counts: {made: number; closed: number}} {
  const counts = {made: 0, closed: 0};
  async function* blocks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        counts.made += 1;
        yield new Uint8Array(1024 * 1024);
      }
    } finally {
      counts.closed += 1;
    }
  }
  const none = async (): Promise<never> => {
    throw new Error('not asked for');
  };
  return {
    counts,
    list: none,
    entry: none,
    resultPage: none,
    exportTables: async () => blocks(),
    read: async () => ({sizeBytes: 1e12, bytes: blocks()}),
  };
}

test('a large file is read no faster than it is taken, and closed when the reader leaves', async t => {
  const files = endless();
  const {hub, resultLocation, ...rest} = await world(t, {files});
  const {bytes} = await rest.files.read(join(resultLocation, 'big'));
  const reader = bytes[Symbol.asyncIterator]();
  let taken = 0;
  for (let piece = 0; piece < 100; piece += 1) {
    const {value} = await reader.next();
    taken += value?.length ?? 0;
    t.true((value?.length ?? 0) <= 256 * 1024);
    // A block of 1 MB is four pieces; not one is made ahead of being asked for.
    t.true(files.counts.made <= Math.ceil(taken / 1024 / 1024));
  }
  t.is(taken, 25 * 1024 * 1024);
  await reader.return?.();
  while (files.counts.closed === 0) await new Promise(resolve => void setImmediate(resolve));
  t.is(files.counts.made, 25);
  t.is(hub.arrived('close'), 1);
});

test('a lost piece is asked for again, and comes once', async t => {
  const clock = manualClock();
  const {files, hub, resultLocation} = await world(t, {clock});
  const path = join(resultLocation, 'numbers');
  const content = Buffer.from(Array.from({length: 100_000}, (_, index) => `${index}\n`).join(''));
  await writeFile(path, content);
  let lost = 0;
  hub.lose(message => {
    const isPiece = JSON.stringify(message).includes('"isLast"');
    if (isPiece) lost += 1;
    return isPiece && lost === 1;
  });
  const reading = files.read(path).then(({bytes}) => bytesOf(bytes));
  while (lost === 0) await new Promise(resolve => void setImmediate(resolve));
  clock.advance(30_000);
  t.deepEqual(await reading, content);
});

test('files on their way are bounded in number, and forgotten when nobody takes them', async t => {
  const clock = manualClock();
  const endlessFiles = endless();
  const {files, resultLocation, hub} = await world(t, {files: endlessFiles, clock, streamsMax: 2});
  const path = join(resultLocation, 'big');
  const [{bytes}] = [await files.read(path), await files.read(path)];
  await t.throwsAsync(files.read(path), {message: /serves 2 files for other nodes/});
  for (let minutes = 0; minutes < 11; minutes += 1) {
    clock.advance(60_000);
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => void setImmediate(resolve));
  }
  t.is(endlessFiles.counts.closed, 2);
  const reader = bytes[Symbol.asyncIterator]();
  await reader.next();
  await t.throwsAsync(reader.next(), {message: /Nothing is sent any more as stream 1/});
  t.is(typeof (await files.read(path)).sizeBytes, 'number');
  t.truthy(hub.node(asker).find(filesKey, holder));
});

test('a service that ends closes what it had open', async t => {
  const endlessFiles = endless();
  const {files, resultLocation, stop} = await world(t, {files: endlessFiles});
  await files.read(join(resultLocation, 'big'));
  await stop();
  while (endlessFiles.counts.closed === 0) await new Promise(resolve => void setImmediate(resolve));
  await t.throwsAsync(files.read(join(resultLocation, 'big')), {instanceOf: HostLostError});
});

test('a path leads to the node of its job, not to that of a number in a name', async t => {
  const rows = new Map([
    [7, storedJob({id: 7, logPath: '/d/logs/2024-05-01/IDE/12/7.log', instances: 'h7:1#i#1'})],
    [12, storedJob({id: 12, resultLocation: 'file:///d/results/IDE/ann/12', instances: 'h12:1#i#3'})],
  ]);
  const holderOf = createHolderOf({get: async taskID => rows.get(taskID)});
  t.is(await holderOf('/d/logs/2024-05-01/IDE/12/7.log'), 'h7:1');
  t.is(await holderOf('/d/results/IDE/ann/12/_7.dolphin'), 'h12:1');
  t.is(await holderOf('/d/results/IDE/ann/12'), 'h12:1');
  t.is(await holderOf('/d/results/IDE/ann/123'), undefined);
  t.is(await holderOf('/etc/passwd'), undefined);
});
