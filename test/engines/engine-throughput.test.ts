/** A million lines from one job to its consumer: whole, in order, at speed, in bounded memory. Figures are printed. */
import {readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {setTimeout as wait} from 'node:timers/promises';
import {engineDirectory} from '../../engines/engine-directory.ts';
import {engineLab, eventually, followToEnd} from './engine-lab.ts';
import {taskOf} from './launches.ts';
import {sha256OfNumbers} from './numbered-lines.ts';

const lines = 1_000_000;
/** The goal is 600,000; a machine that runs other things beside the tests gets some slack. */
const linesPerSecondMin = 300_000;

async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

for (const [engineType, code] of [
  ['shell', `seq 1 ${lines}`],
  ['python', `for n in range(1, ${lines + 1}): print(n)`],
] as const) {
  test.serial(
    `a million lines of a ${engineType} job arrive with equal hash, fast, and the host stays small`,
    async t => {
      const lab = await engineLab(t);
      const engine = await lab.launch(engineType);
      await engine.execute(taskOf('x = 1', {taskID: 1}));
      await followToEnd(engine, {taskID: 1});
      await engine.confirm(1, 1);
      const before = await peakBytes(engine.pid);
      const started = performance.now();
      await engine.execute(taskOf(code, {taskID: 2}));
      const {sha256, end} = await followToEnd(engine, {taskID: 2, keepsLog: false});
      const linesPerSecond = lines / ((performance.now() - started) / 1000);
      const grown = (await peakBytes(engine.pid)) - before;
      t.log(
        `${engineType}: ${Math.round(linesPerSecond).toLocaleString('en')} lines/s, host grew by ${(grown / 2 ** 20).toFixed(1)} MiB`,
      );
      t.is(end.outcome, 'succeeded');
      t.is(sha256, sha256OfNumbers(lines));
      t.true(linesPerSecond > linesPerSecondMin, `${linesPerSecond} lines/s`);
      t.true(grown < 30 * 2 ** 20, `host grew by ${grown} bytes`);
    },
  );
}

test.serial('lines that a job writes one by one arrive whole too', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const started = performance.now();
  await engine.execute(taskOf('n=0; while [ $n -lt 200000 ]; do n=$((n+1)); echo $n; done'));
  const {sha256} = await followToEnd(engine, {keepsLog: false});
  t.log(
    `sh loop of echo: ${Math.round(200_000 / ((performance.now() - started) / 1000)).toLocaleString('en')} lines/s`,
  );
  t.is(sha256, sha256OfNumbers(200_000));
});

test.serial('a slow consumer slows the job: the spool is never more than the window ahead of it', async t => {
  const windowBytes = 512 * 1024;
  const lab = await engineLab(t, {windowBytes});
  const engine = await lab.launch('shell');
  await engine.execute(taskOf(`seq 1 ${lines}`));
  const spool = engineDirectory(join(lab.enginesDirectory, engine.engineId)).spool(1, 1);
  let ahead = 0;
  let largestBatch = 0;
  let delivered = 0;
  const {sha256} = await followToEnd(engine, {
    keepsLog: false,
    async onEvents(events) {
      await wait(5);
      const size = await stat(spool).then(found => found.size);
      ahead = Math.max(ahead, size - delivered);
      let bytes = 0;
      for (const event of events) bytes += event.type === 'log' ? event.lines.length : 0;
      largestBatch = Math.max(largestBatch, bytes);
      delivered = events.at(-1)?.offset ?? delivered;
    },
  });
  t.is(sha256, sha256OfNumbers(lines));
  // Beyond the window: what one look at two full pipes may bring.
  t.true(ahead < windowBytes + 2 * 1024 * 1024, `${ahead} bytes ahead`);
  t.true(largestBatch <= windowBytes + 1024 * 1024, `a batch of ${largestBatch} bytes`);
});

test.serial('a line that is longer than the window still arrives', async t => {
  const lab = await engineLab(t, {windowBytes: 64 * 1024});
  const engine = await lab.launch('shell');
  await engine.execute(taskOf(`for n in 1 2 3; do head -c 900000 /dev/zero | tr '\\0' $n; echo; done`));
  const {log} = await followToEnd(engine);
  t.deepEqual(
    log.split('\n').map(line => line.length),
    [900_000, 900_000, 900_000, 0],
  );
});

test.serial('a consumer that stands still stops the job, and goes on with it later', async t => {
  const lab = await engineLab(t, {windowBytes: 256 * 1024});
  const engine = await lab.launch('shell');
  await engine.execute(taskOf(`seq 1 ${lines}`));
  const spool = engineDirectory(join(lab.enginesDirectory, engine.engineId)).spool(1, 1);
  const gate = Promise.withResolvers<void>();
  const followed = followToEnd(engine, {keepsLog: false, onEvents: () => gate.promise});
  let last = -1;
  const stood = await eventually('the spool stands still', async () => {
    await wait(200);
    const {size} = await stat(spool);
    const isStill = size === last;
    last = size;
    return isStill ? size : undefined;
  });
  t.true(stood < 2 * 2 ** 20, `${stood} bytes`);
  gate.resolve();
  t.is((await followed).sha256, sha256OfNumbers(lines));
});

test.serial('a consumer that fails gets the same events again until it takes them', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('seq 1 1000'));
  let failures = 0;
  const {sha256} = await followToEnd(engine, {
    async onEvents() {
      if (failures++ < 3) throw new Error('the disk was full for a moment');
    },
  });
  t.is(sha256, sha256OfNumbers(1000));
  t.is(failures > 3, true);
});
