import {mkdir, mkdtemp, readFile, rename, rm, stat, symlink, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import * as fc from 'fast-check';
import {manualClock} from '../../support/manual-clock.ts';
import {systemClock} from '../../../actors/runtime/clock.ts';
import type {LogStore} from '../../../actors/ports.ts';
import {
  createLogStore,
  type FileLogStore,
  type LogStoreOptions,
} from '../../../persistence/files/log-store.ts';
import {
  LogBacklogError,
  LogWriteError,
  LogWriterClosedError,
  PartialLineError,
} from '../../../persistence/files/log-error.ts';

type World = {readonly logs: FileLogStore; readonly path: string; readonly directory: string};

async function setUp(t: ExecutionContext, options: Partial<LogStoreOptions> = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-log-'));
  const logs = createLogStore({clock: systemClock, ...options});
  t.teardown(async () => {
    await logs.close();
    await rm(directory, {recursive: true, force: true});
  });
  return {logs, directory, path: join(directory, 'logs', 'IDE', 'ann', '7.log')};
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Reads the whole log in pieces, and checks that each goes on where the one before ended. */
async function readAll(logs: LogStore, path: string, linesMax = 100, bytesMax = 1000): Promise<string> {
  let text = '';
  for (let line = 0; ;) {
    const chunk = await logs.read(path, line, linesMax, bytesMax);
    if (chunk.lineCount === 0) return text;
    if (chunk.fromLine !== line) throw new Error(`asked for line ${line}, got ${chunk.fromLine}`);
    text += textOf(chunk.bytes);
    line += chunk.lineCount;
  }
}

const numbered = (from: number, count: number): string =>
  Array.from({length: count}, (_, n) => `line ${from + n}\n`).join('');

test('a log that is not there is empty', async t => {
  const {logs, path} = await setUp(t);
  t.deepEqual(await logs.position(path), {lines: 0, bytes: 0, spoolOffset: 0});
  t.like(await logs.read(path, 5, 10, 1000), {fromLine: 5, lineCount: 0});
});

test('lines can be read from any line while the log is being written, and after it was closed', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  await writer.append(Buffer.from(numbered(0, 3000)), 10);
  for (const from of [0, 1, 1023, 1024, 1025, 2047, 2048, 2999]) {
    t.is(textOf((await logs.read(path, from, 2, 1000)).bytes), numbered(from, Math.min(2, 3000 - from)));
  }
  await writer.append(Buffer.from('more\n'), 11);
  t.deepEqual(writer.position(), {lines: 3001, bytes: numbered(0, 3000).length + 5, spoolOffset: 11});
  await writer.close();
  t.is(textOf((await logs.read(path, 3000, 10, 1000)).bytes), 'more\n');
  const other = createLogStore({clock: systemClock});
  t.teardown(other.close);
  t.is(await readAll(other, path), `${numbered(0, 3000)}more\n`);
});

test('both bounds of a read hold, and a line longer than the bytes asked for still comes whole', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  const long = `${'x'.repeat(100_000)}\n`;
  await writer.append(Buffer.from(`a\nbb\n${long}c\n`), 1);
  t.is(textOf((await logs.read(path, 0, 10, 4)).bytes), 'a\n');
  t.is(textOf((await logs.read(path, 0, 10, 5)).bytes), 'a\nbb\n');
  t.is(textOf((await logs.read(path, 0, 1, 1000)).bytes), 'a\n');
  t.true(textOf((await logs.read(path, 2, 10, 10)).bytes) === long);
  t.is((await logs.read(path, 0, 0, 1000)).lineCount, 0);
});

test('a writer goes on where the one before ended, at the spool offset of the same spool only', async t => {
  const {logs, path} = await setUp(t);
  const first = await logs.open(path, '7-1');
  await first.append(Buffer.from('a\n'), 100);
  await first.close();
  t.is((await logs.open(path, '7-1')).position().spoolOffset, 100);
  const retry = await logs.open(path, '7-2');
  t.deepEqual(retry.position(), {lines: 1, bytes: 2, spoolOffset: 0});
  await retry.append(Buffer.from('b\n'), 5);
  t.is((await logs.open(path, '7-2')).position().spoolOffset, 5);
  t.is(await readAll(logs, path), 'a\nb\n');
});

test('a spool offset can advance without lines', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  await writer.append(new Uint8Array(0), 33);
  const again = await logs.open(path, 'spool');
  t.deepEqual(again.position(), {lines: 0, bytes: 0, spoolOffset: 33});
});

test('a second writer ends the first, whose appends are refused', async t => {
  const {logs, path} = await setUp(t);
  const first = await logs.open(path, 'spool');
  const pending = first.append(Buffer.from('a\n'), 1);
  const second = await logs.open(path, 'spool');
  await pending;
  t.is(second.position().spoolOffset, 1);
  await t.throwsAsync(first.append(Buffer.from('b\n'), 2), {instanceOf: LogWriterClosedError});
});

test('half a line is refused', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  await t.throwsAsync(writer.append(Buffer.from('a\nb'), 1), {instanceOf: PartialLineError});
});

test('a log from another program, without an index, can be read', async t => {
  const {logs, directory} = await setUp(t);
  const path = join(directory, 'foreign.log');
  await writeFile(path, `${numbered(0, 2500)}half`);
  t.is((await logs.position(path)).lines, 2500);
  t.is(textOf((await logs.read(path, 2499, 10, 100)).bytes), 'line 2499\n');
  await writeFile(path, numbered(0, 2501));
  t.is((await logs.position(path)).lines, 2501);
});

test('a disk that refuses is said so, with the path, and names no line as written', async t => {
  const {logs, directory} = await setUp(t);
  await writeFile(join(directory, 'file'), '');
  const error = await t.throwsAsync(logs.open(join(directory, 'file', '7.log'), 'spool'), {
    instanceOf: LogWriteError,
  });
  t.regex(error.message, /file\/7\.log/);
});

test('a batch that a full disk refused is not visible, and goes to the same place when there is room', async t => {
  // With one open file at a time, each use opens the path again.
  const {logs, path} = await setUp(t, {openFilesMax: 1});
  for (const full of [path, `${path}.idx`]) {
    const writer = await logs.open(path, 'spool');
    await writer.append(Buffer.from('before\n'), 1);
    await rename(full, `${full}.kept`);
    await symlink('/dev/full', full);
    const refused = await t.throwsAsync(writer.append(Buffer.from('lost\n'), 2), {instanceOf: LogWriteError});
    t.regex(refused.message, /ENOSPC.*Free space/);
    await t.throwsAsync(writer.append(Buffer.from('lost\n'), 2), {instanceOf: LogWriteError});
    t.is(writer.position().spoolOffset, 1);
    await rename(`${full}.kept`, full);
    t.is(await readAll(logs, path), 'before\n');
    await writer.append(Buffer.from('after\n'), 3);
    t.is(await readAll(logs, path), 'before\nafter\n');
    t.deepEqual((await logs.open(path, 'spool')).position(), {lines: 2, bytes: 13, spoolOffset: 3});
    await logs.remove(path);
  }
});

test('what comes after a refused batch is refused with it: no hole is written', async t => {
  const {logs, path} = await setUp(t, {openFilesMax: 1});
  const writer = await logs.open(path, 'spool');
  await symlink('/dev/full', path);
  const results = await Promise.allSettled([1, 2, 3].map(async n => writer.append(Buffer.from(`${n}\n`), n)));
  t.deepEqual(
    results.map(({status}) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  t.is(writer.position().lines, 0);
});

test('files that nobody uses are closed after a while', async t => {
  const clock = manualClock();
  const {logs, path} = await setUp(t, {clock, openFileIdleMs: 1000});
  const writer = await logs.open(path, 'spool');
  await writer.append(Buffer.from('a\n'), 1);
  t.is(logs.metrics().openFiles, 2);
  clock.advance(3000);
  t.is(logs.metrics().openFiles, 0);
  t.is(clock.pending, 0);
  await writer.append(Buffer.from('b\n'), 2);
  t.is(await readAll(logs, path), 'a\nb\n');
});

test('more than the backlog allows is refused while it waits', async t => {
  const {logs, path} = await setUp(t, {backlogBytesMax: 1000});
  const writer = await logs.open(path, 'spool');
  const line = Buffer.from(`${'x'.repeat(599)}\n`);
  const first = writer.append(line, 1);
  const second = writer.append(line, 2);
  await t.throwsAsync(writer.append(line, 3), {instanceOf: LogBacklogError});
  await Promise.all([first, second]);
  await writer.append(line, 3);
  t.is(writer.position().lines, 3);
});

test("directories are the owner's alone, and so are the files", async t => {
  const {logs, path, directory} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  await writer.append(Buffer.from('a\n'), 1);
  await writer.sync();
  t.is((await stat(join(directory, 'logs', 'IDE'))).mode & 0o777, 0o700);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.is((await stat(`${path}.idx`)).mode & 0o777, 0o600);
});

test('many logs share few open files', async t => {
  const {logs, directory} = await setUp(t, {openFilesMax: 4});
  const paths = Array.from({length: 50}, (_, n) => join(directory, `${n}.log`));
  await Promise.all(
    paths.map(async (path, n) => {
      const writer = await logs.open(path, 'spool');
      await writer.append(Buffer.from(`${n}\n`), 1);
      await writer.append(Buffer.from(`${n}!\n`), 2);
      await writer.sync();
    }),
  );
  t.true(logs.metrics().openFiles <= 4);
  const texts = await Promise.all(paths.map(path => readAll(logs, path)));
  t.deepEqual(
    texts,
    paths.map((_, n) => `${n}\n${n}!\n`),
  );
});

test('the index of a million lines in tiny batches takes 48 bytes for 1,024 lines', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  const appends: Promise<void>[] = [];
  for (let line = 0; line < 20_000; line++) appends.push(writer.append(Buffer.from(`${line}\n`), line));
  await Promise.all(appends);
  const {size} = await stat(`${path}.idx`);
  t.is(size, 256 + Math.floor(20_000 / 1024) * 48);
  t.deepEqual((await logs.position(path)).lines, 20_000);
});

test('a removed log is empty, and can be begun anew', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  await writer.append(Buffer.from('a\n'), 1);
  await writer.close();
  t.is(await readAll(logs, path), 'a\n');
  await logs.remove(path);
  t.is((await logs.position(path)).lines, 0);
  const again = await logs.open(path, 'spool');
  await again.append(Buffer.from('b\n'), 1);
  t.is(await readAll(logs, path), 'b\n');
});

/** What happens between two runs of a node: the process died, or the power went and took what was not synced. */
type Crash = {readonly log: number; readonly index: number; readonly tornSlots: number};
type Step =
  | {readonly type: 'append'; readonly lines: readonly number[]}
  | {readonly type: 'sync'}
  /** Another attempt of the job begins, whose engine has another spool. */
  | {readonly type: 'retry'}
  | {readonly type: 'crash'; readonly crash: Crash};

/** Often nothing or everything, else anything between. */
const anyShare = fc.oneof(
  fc.constantFrom(0, 1, 1),
  fc.integer({min: 0, max: 1000}).map(share => share / 1000),
);

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      // Lengths of lines; some batches pass several marks.
      lines: fc.oneof(
        fc.array(fc.nat(40), {maxLength: 20}),
        fc
          .tuple(fc.nat(3), fc.integer({min: 1, max: 3000}))
          .map(([length, count]) => Array<number>(count).fill(length)),
      ),
    }),
  },
  {weight: 1, arbitrary: fc.constant({type: 'sync' as const})},
  {weight: 1, arbitrary: fc.constant({type: 'retry' as const})},
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      crash: fc.record({log: anyShare, index: anyShare, tornSlots: fc.nat(3)}),
    }),
  },
);

test('whatever is lost after the last sync, readers see every line of each spool exactly once, in order', async t => {
  t.timeout(120_000);
  const {directory} = await setUp(t);
  let story = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, {minLength: 1, maxLength: 15}), async steps => {
      const path = join(directory, `story-${story++}`, '7.log');
      await mkdir(join(path, '..'));
      /** What the log holds of earlier attempts, synced, their spools gone. */
      let before = Buffer.alloc(0);
      /** What the engine wrote in this attempt, whole, as its spool keeps it until the job's end. */
      let spool = Buffer.alloc(0);
      let attempt = 1;
      let line = 0;
      let synced = {log: 0, index: 0};
      let logs = createLogStore({clock: systemClock});
      let writer = await logs.open(path, 'attempt-1');
      const sync = async (): Promise<void> => {
        await writer.sync();
        synced = {log: await sizeOf(path), index: await sizeOf(`${path}.idx`)};
      };
      try {
        for (const step of steps) {
          if (step.type === 'append') {
            const text = step.lines.map(length => `${attempt} ${line++} ${'.'.repeat(length)}\n`).join('');
            spool = Buffer.concat([spool, Buffer.from(text)]);
            await writer.append(spool.subarray(writer.position().spoolOffset), spool.length);
          } else if (step.type === 'sync') {
            await sync();
          } else if (step.type === 'retry') {
            await sync();
            before = Buffer.concat([before, spool]);
            spool = Buffer.alloc(0);
            writer = await logs.open(path, `attempt-${++attempt}`);
            t.deepEqual(writer.position().bytes, before.length);
            t.is(writer.position().spoolOffset, 0);
          } else {
            await logs.close();
            await damage(path, synced, step.crash);
            logs = createLogStore({clock: systemClock});
            writer = await logs.open(path, `attempt-${attempt}`);
            const {bytes, spoolOffset} = writer.position();
            t.is(bytes, before.length + spoolOffset);
            // Without an index the log is begun anew only at the first append.
            if (bytes > 0) t.is(await sizeOf(path), bytes);
            await writer.append(spool.subarray(spoolOffset), spool.length);
            t.true((await readFile(path)).equals(Buffer.concat([before, spool])));
          }
        }
        const expected = Buffer.concat([before, spool]).toString();
        t.true((await readAll(logs, path, 700, 5000)) === expected);
        await readHereAndThere(t, path, expected);
      } finally {
        await logs.close();
      }
    }),
    {numRuns: 300},
  );
});

/** By a reader that starts with the files alone, at lines that no read before has led to. */
async function readHereAndThere(t: ExecutionContext, path: string, expected: string): Promise<void> {
  const reader = createLogStore({clock: systemClock});
  const lines = expected.split('\n').slice(0, -1);
  for (let line = lines.length - 1; line >= 0; line -= 397) {
    const {bytes} = await reader.read(path, line, 1, 1000);
    t.is(textOf(bytes), `${lines[line]}\n`);
  }
  await reader.close();
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => ({size: 0}))).size;

async function damage(path: string, synced: {log: number; index: number}, crash: Crash): Promise<void> {
  const log = await sizeOf(path);
  const index = await sizeOf(`${path}.idx`);
  if (log > 0) await truncate(path, synced.log + Math.floor((log - synced.log) * crash.log));
  await truncate(`${path}.idx`, synced.index + Math.floor((index - synced.index) * crash.index));
  if (log === synced.log && index === synced.index) return;
  // Slots are written in place, and without a sync between them both may be on their way to the disk.
  const bytes = await readFile(`${path}.idx`);
  for (const [number, offset] of [64, 112].entries()) {
    const isTorn = (crash.tornSlots >> number) % 2 === 1;
    if (isTorn && bytes.length > offset + 20) bytes.fill(0xee, offset + 8, offset + 20);
  }
  await writeFile(`${path}.idx`, bytes);
}

test('a torn index record costs one batch, not the log', async t => {
  const {logs, path} = await setUp(t);
  const writer = await logs.open(path, 'spool');
  for (let batch = 1; batch <= 5; batch++) await writer.append(Buffer.from(`${batch}\n`), batch);
  await logs.close();
  const index = await readFile(`${path}.idx`);
  const newest = index.readDoubleLE(64) > index.readDoubleLE(112) ? 64 : 112;
  index.fill(0, newest, newest + 8);
  await writeFile(`${path}.idx`, index);
  t.deepEqual((await logs.open(path, 'spool')).position(), {lines: 4, bytes: 8, spoolOffset: 4});
});
