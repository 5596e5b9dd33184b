/** What the host says of real engines: what they use, what they printed, and that they can be ended whoever has them. */
import {mkdir, readFile, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import type {HostView} from '../../actors/ecm-port.ts';
import type {EngineLogRequest, EngineMetrics} from '../../actors/engine-governance.ts';
import type {ProcessEngineDriver} from '../../engines/process-driver.ts';
import {engineLab, eventually, followToEnd, runTask} from './engine-lab.ts';
import {taskOf} from './launches.ts';

const request: EngineLogRequest = {
  logType: 'stdout',
  fromLine: 1,
  pageSize: 100,
  lastRows: 0,
  enableTail: false,
};

function viewOf({host}: ProcessEngineDriver): HostView {
  if (host === undefined) throw new Error('the driver has no view of its host');
  return host;
}

const burner = `import sys
held = bytearray(200 * 1024 * 1024)
for at in range(0, len(held), 4096): held[at] = 1
print("up", flush=True)
while True: pass`;

test('a grandchild that holds memory and burns a processor is seen with its engine, and no more when it is gone', async t => {
  const lab = await engineLab(t, {measureEveryMs: 200});
  const view = viewOf(lab.driver);
  const engine = await lab.launch('shell');
  const quiet = await view.measure(engine.engineId);
  t.true(quiet !== undefined && quiet.rssBytes > 1024 * 1024 && quiet.rssBytes < 100 * 1024 * 1024);
  await writeFile(join(lab.directory, 'burner.py'), burner);
  // In a session of its own, below a shell that is gone: only the tree of the host leads to it.
  await engine.execute(
    taskOf(`(setsid ${process.env['PYTHON'] ?? 'python3'} ${join(lab.directory, 'burner.py')} &); sleep 300`),
  );
  const busy = await eventually('the burner is measured', (): EngineMetrics | undefined => {
    const metrics = view.metrics(engine.engineId);
    return metrics !== undefined && metrics.rssBytes > 200 * 1024 * 1024 && metrics.cpuShare > 0.2
      ? metrics
      : undefined;
  });
  t.true(busy.cpuShare < 3, `${busy.cpuShare}`);
  t.true(busy.processes >= 3, `${busy.processes}`);
  engine.kill(1, 1, 0, 'killed');
  await followToEnd(engine);
  const after = await eventually('it is gone from the figures', async () => {
    const metrics = await view.measure(engine.engineId);
    return metrics !== undefined && metrics.rssBytes < 100 * 1024 * 1024 ? metrics : undefined;
  });
  t.true(after.cpuMs >= busy.cpuMs, 'what it had used stays counted');
  const [usage] = view.usage().byType;
  t.is(usage?.engineType, 'shell');
  t.true((usage?.cpuMs ?? 0) >= busy.cpuMs);
  t.true(view.usage().scanMs > 0);
});

test('bytes written by a job and the room its files take are counted', async t => {
  const lab = await engineLab(t, {measureEveryMs: 100});
  const view = viewOf(lab.driver);
  const engine = await lab.launch('shell');
  await engine.execute(
    taskOf('dd if=/dev/zero of=filler bs=1M count=20 conv=fsync 2>/dev/null; echo done; sleep 300'),
  );
  const all = 20 * 1024 * 1024;
  const figures = async () => (await view.measure(engine.engineId)) ?? {diskBytes: 0, writtenBytes: 0};
  await eventually('20 MB on disk', async () => ((await figures()).diskBytes >= all ? true : undefined));
  // Bytes are counted when they go to the disk, which may be after they show in the file; in memory they never do.
  await eventually('20 MB written', async () =>
    (await figures()).writtenBytes >= all ? true : undefined,
  ).catch(() => undefined);
  const {writtenBytes} = await figures();
  t.true(writtenBytes >= all || writtenBytes === 0, `${writtenBytes} bytes written`);
});

test('without an engine nothing is looked at, and what is unknown has no figures', async t => {
  const lab = await engineLab(t, {measureEveryMs: 20});
  const view = viewOf(lab.driver);
  t.is(await view.measure('nobody'), undefined);
  t.is(view.metrics('nobody'), undefined);
  t.is(view.usage().scanMs, 0);
  const engine = await lab.launch('shell');
  await eventually('the first look', () => view.metrics(engine.engineId));
  await engine.shutdown(0);
  await engine.exited;
  t.is(
    await eventually('no figures', () => (view.metrics(engine.engineId) === undefined ? true : undefined)),
    true,
  );
});

test('an engine can be ended whoever uses it: its job is killed, all of it, and the receipt says so', async t => {
  const lab = await engineLab(t);
  const view = viewOf(lab.driver);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('trap "" TERM; (setsid sleep 300 &); echo up; while :; do sleep 0.1; done'));
  const followed = followToEnd(engine);
  await eventually('it runs', async () =>
    (await lab.processesOf(engine.engineId)).length >= 3 ? true : undefined,
  );
  const receipt = await view.terminate(engine.engineId, 300);
  t.is((await followed).end.outcome, 'killed');
  await lab.nobodyLeft(engine.engineId);
  t.deepEqual(receipt?.signals, ['SIGTERM', 'SIGKILL']);
  t.true((receipt?.processesEnded ?? 0) >= 3);
  t.true(receipt?.pids.includes(engine.pid));
  t.true((receipt?.tookMs ?? 0) >= 300);
  t.is(await view.terminate('nobody', 0), undefined);
});

test('an idle engine that is ended needed no signal, or only to its helpers', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const receipt = await viewOf(lab.driver).terminate(engine.engineId, 5000);
  t.true((receipt?.tookMs ?? Infinity) < 5000);
  t.false(receipt?.signals.includes('SIGKILL'));
  t.true(receipt?.pids.includes(engine.pid));
});

test('its log is what its process and its newest task printed, from the beginning or the end, by keywords', async t => {
  const lab = await engineLab(t);
  const view = viewOf(lab.driver);
  const engine = await lab.launch('shell');
  const directory = join(lab.enginesDirectory, engine.engineId);
  await writeFile(join(directory, 'host.log'), 'host said this\n', {flag: 'a'});
  await runTask(engine, 'echo an earlier task', {taskID: 1});
  await engine.execute(taskOf('for n in $(seq 1 2000); do echo "line $n"; done; echo the end', {taskID: 2}));
  await followToEnd(engine, {taskID: 2});
  const log = (more: Partial<EngineLogRequest>) => view.engineLog(engine.engineId, {...request, ...more});

  const first = await log({pageSize: 3});
  t.deepEqual(first?.logs, ['host said this', 'line 1', 'line 2']);
  t.is(first?.endLine, 3);
  t.is(first?.rows, 3);
  t.is(first?.logPath, join(directory, 'jobs/2-1/spool'));
  t.deepEqual((await log({fromLine: 1001, pageSize: 2}))?.logs, ['line 1000', 'line 1001']);
  t.deepEqual((await log({fromLine: 9999}))?.logs, []);
  t.is((await log({fromLine: 9999}))?.endLine, 2002);
  t.deepEqual((await log({lastRows: 2}))?.logs, ['line 2000', 'the end']);
  t.deepEqual((await log({enableTail: true, fromLine: 3, pageSize: 2}))?.logs, ['line 1998', 'line 1999']);
  t.is((await log({lastRows: 99_999}))?.rows, 2002);
  t.deepEqual((await log({onlyKeywords: ['line 7', 'the end'], ignoreKeywords: ['9'], pageSize: 4}))?.logs, [
    'line 7',
    'line 70',
    'line 71',
    'line 72',
  ]);
  t.deepEqual((await log({logType: 'gc'}))?.logs, []);

  // Two pipes: which of them is read first is not said.
  await engine.confirm(2, 1);
  await engine.execute(taskOf('echo fine; echo oops >&2', {taskID: 3}));
  await followToEnd(engine, {taskID: 3});
  t.deepEqual((await log({lastRows: 2}))?.logs.toSorted(), ['fine', 'oops']);
  t.deepEqual((await log({logType: 'stderr', lastRows: 2}))?.logs.toSorted(), ['fine', 'oops']);
  t.is(await view.engineLog('nobody', request), undefined);
});

test('the end of a long log is found without reading all of it, beside output that looks like records', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  // Zero bytes all over, and one thing that is a whole record by itself.
  const fake = String.raw`\\000\\000\\000\\001\\346\\336\\200\\354\\002x`;
  await engine.execute(
    taskOf(`head -c 100000 /dev/zero; echo; seq 1 700000; printf '${fake}\\n'; echo the end`, {taskID: 2}),
  );
  await followToEnd(engine, {taskID: 2, keepsLog: false});
  const page = await viewOf(lab.driver).engineLog(engine.engineId, {...request, lastRows: 3});
  t.is(page?.logs.at(-1), 'the end');
  t.is(page?.logs.at(0), '700000');
});

test('a link in the place of a log leads nowhere', async t => {
  const lab = await engineLab(t);
  const view = viewOf(lab.driver);
  const secret = join(lab.directory, 'secret-of-another');
  await writeFile(secret, 'not for you\n');
  const engine = await lab.launch('shell');
  const directory = join(lab.enginesDirectory, engine.engineId);
  const hostLog = join(directory, 'host.log');
  await rename(hostLog, `${hostLog}.old`);
  await symlink(secret, hostLog);
  await t.throwsAsync(view.engineLog(engine.engineId, request), {
    message: /host.log is not a file of the engine/,
  });
  await rm(hostLog);
  await mkdir(hostLog);
  await t.throwsAsync(view.engineLog(engine.engineId, request), {message: /is not a file of the engine/});
  await rm(hostLog, {recursive: true});
  await rename(`${hostLog}.old`, hostLog);
  // The way to the file is a link, not the file.
  await mkdir(join(lab.directory, 'elsewhere/9-1'), {recursive: true});
  await writeFile(join(lab.directory, 'elsewhere/9-1/spool'), await readFile(secret));
  await rename(join(directory, 'jobs'), join(directory, 'jobs.old')).catch(() => undefined);
  await symlink(join(lab.directory, 'elsewhere'), join(directory, 'jobs'));
  await t.throwsAsync(view.engineLog(engine.engineId, request), {
    message: /spool is not a file of the engine/,
  });
  t.is(((await t.throwsAsync(view.engineLog(engine.engineId, request))) as {code?: number}).code, 11110);
});

test('an engine that has ended can still be read for a while', async t => {
  const lab = await engineLab(t);
  const view = viewOf(lab.driver);
  const engine = await lab.launch('shell');
  await writeFile(join(lab.enginesDirectory, engine.engineId, 'host.log'), 'last words\n', {flag: 'a'});
  await engine.shutdown(0);
  await engine.exited;
  const page = await eventually('its log is kept', () => view.engineLog(engine.engineId, request));
  t.deepEqual(page.logs, ['last words']);
});

test('what an engine was started with is known to whoever adopts it', async t => {
  const lab = await engineLab(t);
  const reserved = {memoryBytes: 1024, cores: 1, instances: 1};
  const engine = await lab.launch('shell', {tenant: 'red', version: '1', reserved, fence: 7});
  engine.detach();
  const next = await lab.successor();
  const [adopted] = await next.adoptAll();
  t.like(adopted?.origin, {tenant: 'red', version: '1', reserved, fence: 7});
  t.true((adopted?.origin?.startedAt ?? 0) > 0);
  t.true(((await viewOf(next).measure(engine.engineId))?.processes ?? 0) >= 1);
});

test('the host knows its memory, its processors and its disk', async t => {
  const lab = await engineLab(t);
  const load = await viewOf(lab.driver).hostLoad();
  t.true(load.memoryBytesTotal > 64 * 1024 * 1024);
  t.true(load.memoryBytesFree > 0 && load.memoryBytesFree <= load.memoryBytesTotal);
  t.true(load.cpuCount > 0);
  t.true(load.cpuShare >= 0 && load.cpuShare <= 1);
  t.true(load.diskBytesFree > 0);
});
