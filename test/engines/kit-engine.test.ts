/** Engines on the kit, launched by the real driver: output, results, ends, owners that come and go. */
import {spawnSync} from 'node:child_process';
import {readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import type {EngineHandle} from '../../actors/ports.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {engineDirectory, readEngineRecord, readSecret} from '../../engines/engine-directory.ts';
import type {EngineDriverOptions} from '../../engines/process-driver.ts';
import {attachEngine} from '../../engines/engine-link.ts';
import {engineLab, eventually, followToEnd, runForResults, runTask, type EngineLab} from './engine-lab.ts';
import {limits, taskOf} from './launches.ts';
import {sha256OfNumbers} from './numbered-lines.ts';

const program = fileURLToPath(new URL('fixtures/kit-engine.ts', import.meta.url));

const kitLab = (t: ExecutionContext, options: Partial<EngineDriverOptions> = {}): Promise<EngineLab> =>
  engineLab(t, {...options, programs: {kit: [process.execPath, program]}});

const directoryOf = (lab: EngineLab, engine: EngineHandle) =>
  engineDirectory(join(lab.enginesDirectory, engine.engineId));

const recordOf = (payload: string): string => String(Buffer.byteLength(payload)).padStart(10, '0') + payload;

const isGone = (pid: number): Promise<unknown> =>
  eventually(`process ${pid} gone`, () => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true as const;
    }
  });

test('lines, levels, facts, and variables that stay from task to task', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const first = await runTask(engine, 'print hé\nlog two\\nlines\nfacts', {
    taskID: 1,
    runtimeParams: {a: 1},
    environment: {B: 'c'},
  });
  t.is(first.end.outcome, 'succeeded');
  const [print, log, facts = ''] = first.log.split('\n');
  t.is(print, 'hé');
  t.regex(log ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN two\\nlines$/);
  t.deepEqual(JSON.parse(facts), {
    runtimeParams: {a: 1},
    environment: {B: 'c'},
    user: 'alice',
    tasksBefore: 1,
  });
  const second = await runTask(engine, 'facts', {taskID: 2});
  t.regex(second.log, /"tasksBefore":2/);
  await engine.shutdown(0);
  t.is((await engine.exited).reason, 'it exited with code 0');
});

test('100,000 lines arrive in order, also at an owner that reads slowly', async t => {
  const lab = await kitLab(t, {windowBytes: 64 * 1024, unattendedBytesMax: 64 * 1024});
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('lines 100000'));
  const spool = directoryOf(lab, engine).spool(1, 1);
  let aheadMax = 0;
  const {sha256, end} = await followToEnd(engine, {
    keepsLog: false,
    async onEvents(events) {
      await new Promise(resolve => setTimeout(resolve, 2));
      aheadMax = Math.max(aheadMax, (await stat(spool)).size - (events.at(-1)?.offset ?? 0));
    },
  });
  t.is(end.outcome, 'succeeded');
  t.is(sha256, sha256OfNumbers(100_000));
  t.true(aheadMax < 200 * 1024, `the spool was ${aheadMax} bytes ahead`);
});

test('a long line comes in pieces between characters, after a line that says so', async t => {
  const lab = await kitLab(t, {lineBytesMax: 1000});
  const engine = await lab.launch('kit');
  const {log} = await runTask(engine, `print ${'é'.repeat(1200)}`);
  const [warning = '', ...pieces] = log.trimEnd().split('\n');
  t.regex(warning, /WARN A line below is longer than 1000 bytes/);
  t.is(pieces.join(''), 'é'.repeat(1200));
  t.deepEqual(
    pieces.map(piece => Buffer.byteLength(piece)),
    [1000, 1000, 400],
  );
});

test('result sets are Linkis’ format, numbered, whole ones only', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {end, results} = await runForResults(lab, engine, 'table 2\ntext\ntable 0', {taskID: 1});
  t.is(end.resultCount, 3);
  const head = '00000000141,3,11,1,6,11,nintLINKIS_NULLtstringLINKIS_NULL';
  const first = '00000000041,3,1ü1';
  const second = '00000000051,11,2LINKIS_NULL';
  t.is(results[0], `dolphin0000000002${[head, first, second].map(recordOf).join('')}`);
  t.is(results[1], 'dolphin00000000010000000004NULL0000000003one0000000003two');
  const failed = await runForResults(lab, engine, 'table 3.0\ntable 5\nfail 4711', {taskID: 2});
  t.deepEqual(failed.end.failure, {code: 4711, message: 'as told', retryable: true});
  t.is(failed.results.length, 1, 'the table that was closed');
});

test('progress arrives, the last one always', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {progress} = await runTask(engine, 'progress 0.1\nprogress 0.2\nprogress 0.3\nprogress 7');
  t.is(progress[0], 0.1);
  t.is(progress.at(-1), 1);
});

test('what run throws is the failure; the engine serves the next task', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {end} = await runTask(engine, 'throw', {taskID: 1});
  t.deepEqual(end, {
    outcome: 'failed',
    failure: {code: 50219, message: 'plain', retryable: false},
    resultCount: 0,
    engineIsReusable: true,
  });
  t.is((await runTask(engine, 'print x', {taskID: 2})).end.outcome, 'succeeded');
});

test('an error outside of run ends the task as a fault of the engine', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('crash\nsleep 60000'));
  const {end} = await followToEnd(engine);
  t.is(end.failure?.code, 50218);
  t.regex(end.failure?.message ?? '', /outside of run.*host\.log/);
  t.false(end.engineIsReusable);
});

test('a kill aborts the signal, and the engine is kept', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('print in it\ntable 5\nsleep 60000'));
  const followed = followToEnd(engine);
  engine.kill(1, 1, 5000, 'killed');
  const {end} = await followed;
  t.deepEqual(
    [end.outcome, end.failure?.code, end.engineIsReusable, end.resultCount],
    ['killed', 50215, true, 0],
  );
  await engine.confirm(1, 1);
  t.is((await runTask(engine, 'print x', {taskID: 2})).log, 'x\n');
});

test('code that does not hear a kill ends with its engine, and the end says so', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('deaf 60000'));
  const followed = followToEnd(engine);
  engine.kill(1, 1, 100, 'killed');
  const {end, log} = await followed;
  t.deepEqual([end.outcome, end.engineIsReusable], ['killed', false]);
  t.regex(log, /did not stop within 100 ms/);
  await isGone(engine.pid);
  await engine.confirm(1, 1);
});

test('the running time-out ends a task as timed out', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {end} = await runTask(engine, 'sleep 60000', {runningTimeoutMs: 100});
  t.deepEqual([end.outcome, end.failure?.code], ['timedOut', 50214]);
});

test('processes that a task leaves are ended before its end is told', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  const {end, log} = await runTask(engine, 'child 600', {taskID: 1});
  t.is(end.outcome, 'succeeded');
  t.regex(log, /WARN The job has ended but left 1 process/);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
  await engine.execute(taskOf('child 600\nsleep 60000', {taskID: 2}));
  await eventually('the child', async () =>
    (await lab.processesOf(engine.engineId)).length > 0 ? true : undefined,
  );
  const followed = followToEnd(engine, {taskID: 2});
  engine.kill(2, 1, 5000, 'killed');
  t.is((await followed).end.outcome, 'killed');
  t.deepEqual(await lab.processesOf(engine.engineId), []);
});

test('a task beyond the memory of its engine fails with the numbers, and its engine serves no other', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit', {limits: {...limits, memoryBytesMax: 200 * 1024 * 1024}});
  await engine.execute(taskOf('eat 300\nsleep 60000'));
  const {end} = await followToEnd(engine);
  t.is(end.failure?.code, 50210);
  t.regex(end.failure?.message ?? '', /uses \d+\.\d MiB of memory; the limit of its engine is 200\.0 MiB/);
  t.false(end.engineIsReusable);
});

test('a successor adopts a running task, goes on at its offset, and the former owner is displaced', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('print one\nsleep 1500\nprint two', {taskID: 3}));
  engine.detach();
  const [adopted] = await (await lab.successor()).adoptAll();
  t.deepEqual(adopted?.task, {taskID: 3, attempt: 1, epoch: 2});
  if (adopted === undefined) return;
  const {log, end} = await followToEnd(adopted, {taskID: 3});
  t.is(log, 'one\ntwo\n');
  t.is(end.outcome, 'succeeded');
  t.is(await readFile(join(directoryOf(lab, engine).jobDirectory(3, 1), 'epoch'), 'utf8'), '2\n');
  await adopted.confirm(3, 1);
  await adopted.shutdown(0);
});

test('an idle engine without an owner leaves; one that waits for its first owner does not at once', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit', {orphanIdleMs: 50});
  engine.detach();
  await isGone(engine.pid);
  t.pass();
});

test('a busy engine that nobody owns ends its job as timed out, and its spool can be read', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit', {orphanBusyMs: 50});
  await engine.execute(taskOf('print here\nsleep 60000'));
  engine.detach();
  await isGone(engine.pid);
  const [adopted] = await (await lab.successor()).adoptAll();
  if (adopted === undefined) return t.fail('no engine was found');
  const {end, log} = await followToEnd(adopted);
  t.is(log, 'here\n');
  t.is(end.outcome, 'timedOut');
  t.regex(end.failure?.message ?? '', /No node has owned the job for 50 ms/);
  await adopted.confirm(1, 1);
});

test('who does not know the secret, or comes with an old epoch, is refused', async t => {
  const lab = await kitLab(t);
  const engine = await lab.launch('kit');
  await engine.execute(taskOf('sleep 60000', {epoch: 5}));
  const directory = directoryOf(lab, engine);
  const record = await readEngineRecord(directory);
  const attach = (secret: Uint8Array, epoch: number) =>
    attachEngine({
      engineId: engine.engineId,
      socketPath: record?.socketPath ?? '',
      secret,
      claim: {owner: 'other', epoch},
      attachTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      clock: systemClock,
      onData: () => undefined,
    });
  await t.throwsAsync(attach(Buffer.alloc(32), 9), {message: /wrongSecret|proof of the secret is wrong/});
  await t.throwsAsync(attach(await readSecret(directory), 4), {name: 'StaleEpochError'});
  const other = await attach(await readSecret(directory), 5);
  await t.throwsAsync(other.request('dance', {}), {message: /unknownRequest/});
  await t.throwsAsync(other.request('confirm', {taskID: 1, attempt: 1}), {message: /notEnded/});
  await t.throwsAsync(other.request('execute', {...taskOf('x', {taskID: 2, epoch: 5})}), {message: /busy/});
  await t.throwsAsync(other.request('follow', {taskID: 1, attempt: 1, from: 999_999}), {
    message: /badOffset/,
  });
  await t.throwsAsync(other.request('execute', {taskID: -1}), {message: /badTask/});
  other.close();
});

test('a launch that is not for it, or that nobody made, is refused with words', async t => {
  const lab = await engineLab(t, {programs: {other: [process.execPath, program]}});
  await t.throwsAsync(lab.launch('other'), {message: /an engine of type kit, not other/});
  const alone = spawnSync(process.execPath, [program], {input: '', encoding: 'utf8'});
  t.is(alone.status, 1);
  t.regex(alone.stderr, /the launch line is not JSON; an engine is launched by a node/);
});
