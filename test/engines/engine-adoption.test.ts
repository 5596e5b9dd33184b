/** Engines outlive their owner: what a killed node leaves, its successor takes over; what nobody takes over, ends. */
import {mkdir, mkdtemp, open, readFile, readdir, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {execFileSync} from 'node:child_process';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {setTimeout as wait} from 'node:timers/promises';
import type {EngineHandle} from '../../actors/ports.ts';
import {engineDirectory, readEngineRecord} from '../../engines/engine-directory.ts';
import {isAlive} from '../../engines/process-identity.ts';
import {markedProcesses, sweepProcesses} from '../../engines/process-sweep.ts';
import {engineLab, eventually, followToEnd, runTask, type EngineLab} from './engine-lab.ts';
import {limits, taskOf} from './launches.ts';
import {sha256OfNumbers} from './numbered-lines.ts';
import {engineIn, startOwner} from './killable-owner.ts';

async function freshDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-adopt-'));
  t.teardown(async () => {
    const left = await engineIn(directory);
    if (left !== undefined) await sweepProcesses(left.mark, left.cgroup);
    await rm(directory, {recursive: true, force: true, maxRetries: 10});
  });
  return directory;
}

test.serial(
  'a node killed while its engine writes: the next one goes on where the log ends, without loss or repeat',
  async t => {
    const directory = await freshDirectory(t);
    const lines = 200_000;
    // Slow enough that the kills hit the middle of it.
    const code = `for part in 0 1 2 3 4 5 6 7 8 9; do seq $((part * ${lines / 10} + 1)) $(((part + 1) * ${lines / 10})); sleep 0.05; done`;
    const first = startOwner(directory, 'shell', code);
    const begun = await first.next();
    t.like(begun, {event: 'begun', adopted: false});
    const record = await engineIn(directory);
    t.truthy(record?.mark);
    await eventually('the log grows', async () =>
      (await stat(join(directory, 'log'))).size > 1000 ? true : undefined,
    );
    await first.kill();
    const second = startOwner(directory, 'shell', code);
    t.like(await second.next(), {event: 'begun', adopted: true});
    await eventually('it goes on', async () =>
      (await stat(join(directory, 'log'))).size > 200_000 ? true : undefined,
    );
    await second.kill();
    const third = startOwner(directory, 'shell', code);
    t.like(await third.next(), {event: 'begun', adopted: true});
    t.like(await third.next(), {event: 'ended', end: {outcome: 'succeeded'}, sha256: sha256OfNumbers(lines)});
    t.deepEqual(await third.next(), {event: 'gone'});
    t.deepEqual(await markedProcesses(record?.mark ?? ''), []);
    t.deepEqual(
      (await readdir(join(directory, 'engines'))).filter(name => name !== '.bytecode'),
      [],
    );
  },
);

/** As if the owning node had died: the engine keeps running, nobody is attached. */
async function orphan(
  lab: EngineLab,
  code: string,
  launch: Parameters<EngineLab['launch']>[1] = {},
): Promise<EngineHandle> {
  const engine = await lab.launch('shell', launch);
  await engine.execute(taskOf(code));
  engine.detach();
  return engine;
}

const recordOf = (lab: EngineLab, engine: EngineHandle) =>
  readEngineRecord(engineDirectory(join(lab.enginesDirectory, engine.engineId)));

test('a busy engine is adopted with its task, and its end is delivered to the new owner', async t => {
  const lab = await engineLab(t);
  const engine = await orphan(lab, 'echo before; sleep 0.3; echo after; echo result >&2');
  const [adopted, ...others] = await (await lab.successor()).adoptAll();
  t.deepEqual(others, []);
  if (adopted === undefined) return t.fail('nothing was adopted');
  t.like(adopted, {
    engineId: engine.engineId,
    pid: engine.pid,
    engineType: 'shell',
    user: 'alice',
    creator: 'IDE',
  });
  t.deepEqual(adopted.task, {taskID: 1, attempt: 1, epoch: 2});
  const {log, end} = await followToEnd(adopted);
  t.is(log, 'before\nafter\nresult\n');
  t.is(end.outcome, 'succeeded');
  t.is(await adopted.publishResults(1, 1, join(lab.directory, 'out')), 1);
  await adopted.confirm(1, 1);
  t.is((await runTask(adopted, 'echo more', {taskID: 2})).log, 'more\n');
  await adopted.shutdown(0);
  t.deepEqual(await adopted.exited, {reason: `process ${engine.pid} is gone`});
});

test('an idle engine is adopted without a task', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  await runTask(engine, 'kept = 42');
  engine.detach();
  const [adopted] = await (await lab.successor()).adoptAll();
  t.is(adopted?.task, undefined);
  t.is((await runTask(adopted ?? engine, 'print(kept)', {taskID: 2})).log, '42\n');
});

test('an engine that died unattended is adopted with its spool: events, then the exit', async t => {
  const lab = await engineLab(t);
  const engine = await orphan(lab, 'echo one; setsid sleep 300 & sleep 300');
  const spool = engineDirectory(join(lab.enginesDirectory, engine.engineId)).spool(1, 1);
  await eventually('the line is spooled', async () =>
    (await readFile(spool, 'utf8')).includes('one\n') ? true : undefined,
  );
  process.kill(engine.pid, 'SIGKILL');
  const [adopted] = await (await lab.successor()).adoptAll();
  if (adopted === undefined) return t.fail('nothing was adopted');
  const events: string[] = [];
  adopted.follow(1, 1, 0, async batch => {
    for (const event of batch)
      events.push(event.type === 'log' ? Buffer.from(event.lines).toString() : event.type);
  });
  t.deepEqual(await adopted.exited, {reason: `process ${engine.pid} is gone`});
  t.deepEqual(events, ['one\n']);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
  await t.throwsAsync(adopted.execute(taskOf('echo')), {name: 'EngineAwayError'});
  await adopted.confirm(1, 1);
  t.false((await readdir(lab.enginesDirectory)).includes(engine.engineId));
});

test('an engine that ended its job and left by itself has the end in its spool', async t => {
  const lab = await engineLab(t);
  const engine = await orphan(lab, 'echo done', {orphanIdleMs: 100});
  const record = await recordOf(lab, engine);
  await eventually('the engine has left', async () => (record && (await isAlive(record)) ? undefined : true));
  const [adopted] = await (await lab.successor()).adoptAll();
  if (adopted === undefined) return t.fail('nothing was adopted');
  const {log, end} = await followToEnd(adopted);
  t.is(log, 'done\n');
  t.is(end.outcome, 'succeeded');
  t.is(await adopted.publishResults(1, 1, join(lab.directory, 'out')), 1);
  await adopted.confirm(1, 1);
  await adopted.exited;
  t.deepEqual(await (await lab.successor()).adoptAll(), []);
});

test('an idle engine without an owner ends after its time, and the next node clears its directory away', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {orphanIdleMs: 100});
  const record = await recordOf(lab, engine);
  engine.detach();
  await eventually('the engine has left', async () => (record && (await isAlive(record)) ? undefined : true));
  t.deepEqual(await (await lab.successor()).adoptAll(), []);
  t.deepEqual(await readdir(lab.enginesDirectory), ['.bytecode']);
});

test('a busy engine without an owner ends its job after its time, and says so in the spool', async t => {
  const lab = await engineLab(t, {killGraceMs: 50});
  const engine = await orphan(lab, 'echo at work; setsid sleep 300 & sleep 300', {orphanBusyMs: 200});
  const record = await recordOf(lab, engine);
  await eventually('the engine has left', async () => (record && (await isAlive(record)) ? undefined : true));
  await lab.nobodyLeft(engine.engineId);
  const [adopted] = await (await lab.successor()).adoptAll();
  const {end, log} = await followToEnd(adopted ?? engine);
  t.is(log, 'at work\n');
  t.is(end.outcome, 'timedOut');
  t.regex(end.failure?.message ?? '', /No node has owned the job for 200 ms/);
});

test('an owner that comes back in time keeps the engine', async t => {
  const lab = await engineLab(t);
  const engine = await orphan(lab, 'sleep 9; echo survived', {orphanBusyMs: 8000});
  await wait(100);
  const [adopted] = await (await lab.successor()).adoptAll();
  t.is((await followToEnd(adopted ?? engine)).log, 'survived\n');
});

test('unattended, a job may spool up to the limit, then waits; an owner gets it going again', async t => {
  const lab = await engineLab(t, {unattendedBytesMax: 1_000_000});
  const engine = await orphan(lab, 'seq 1 1000000');
  const spool = engineDirectory(join(lab.enginesDirectory, engine.engineId)).spool(1, 1);
  const size = async (): Promise<number> => (await stat(spool)).size;
  await eventually('the limit is reached', async () => ((await size()) >= 1_000_000 ? true : undefined));
  await wait(200);
  t.true((await size()) < 2_000_000);
  const [adopted] = await (await lab.successor()).adoptAll();
  t.is((await followToEnd(adopted ?? engine, {keepsLog: false})).sha256, sha256OfNumbers(1_000_000));
});

for (const [damage, spoil] of [
  [
    'cut in the middle of its last record',
    async (spool: string) => truncate(spool, (await stat(spool)).size - 3),
  ],
  [
    'changed in its last record',
    async (spool: string) => {
      const file = await open(spool, 'r+');
      await file.write(Buffer.from('X'), 0, 1, (await stat(spool)).size - 2);
      await file.close();
    },
  ],
] as const) {
  test(`a spool that is ${damage}: what stands before is delivered, and the exit says what is lost`, async t => {
    const lab = await engineLab(t);
    const engine = await orphan(lab, 'echo first; sleep 0.2; echo second', {orphanIdleMs: 100});
    const record = await recordOf(lab, engine);
    await eventually('the engine has left', async () =>
      record && (await isAlive(record)) ? undefined : true,
    );
    await spoil(engineDirectory(join(lab.enginesDirectory, engine.engineId)).spool(1, 1));
    const [adopted] = await (await lab.successor()).adoptAll();
    if (adopted === undefined) return t.fail('nothing was adopted');
    const events: string[] = [];
    adopted.follow(1, 1, 0, async batch => {
      for (const event of batch)
        events.push(event.type === 'log' ? Buffer.from(event.lines).toString() : event.type);
    });
    t.regex((await adopted.exited).reason, /is gone; \d+ bytes at the end of its spool are damaged/);
    t.is(events.join(''), 'first\nsecond\n');
  });
}

test('a directory without engine.json is what a launch left that never came to be: it goes', async t => {
  const lab = await engineLab(t);
  await mkdir(join(lab.enginesDirectory, 'half'));
  t.deepEqual(await lab.driver.adoptAll(), []);
  t.false((await readdir(lab.enginesDirectory)).includes('half'));
});

test('a process that only has the pid of an engine is not taken for it, and not touched', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const path = join(lab.enginesDirectory, engine.engineId, 'engine.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await engine.shutdown(0);
  await engine.exited;
  await mkdir(join(lab.enginesDirectory, engine.engineId));
  await writeFile(path, JSON.stringify({...record, pid: process.pid}));
  t.deepEqual(await (await lab.successor()).adoptAll(), []);
  t.pass('we are still alive');
});

test('an engine whose secret is lost cannot be spoken to: it is ended, and its spool is read', async t => {
  const lab = await engineLab(t);
  const engine = await orphan(lab, 'echo one; sleep 300');
  const directory = engineDirectory(join(lab.enginesDirectory, engine.engineId));
  await eventually('the line is spooled', async () =>
    (await readFile(directory.spool(1, 1), 'utf8')).includes('one\n') ? true : undefined,
  );
  await rm(join(directory.path, 'secret'));
  const [adopted] = await (await lab.successor()).adoptAll();
  if (adopted === undefined) return t.fail('nothing was adopted');
  const lines: string[] = [];
  adopted.follow(1, 1, 0, async batch => {
    for (const event of batch) if (event.type === 'log') lines.push(Buffer.from(event.lines).toString());
  });
  await adopted.exited;
  t.deepEqual(lines, ['one\n']);
  await lab.nobodyLeft(engine.engineId);
});

const isRoot = process.getuid?.() === 0;

(isRoot ? test : test.skip)(
  'a full disk fails the job clearly, its end is recorded, and the engine can be used again',
  async t => {
    const disk = await mkdtemp(join(tmpdir(), 'tenon-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
    t.teardown(async () => {
      execFileSync('umount', ['-l', disk]);
      await rm(disk, {recursive: true});
    });
    const lab = await engineLab(t, {enginesDirectory: join(disk, 'engines')});
    const engine = await lab.driver.launch(
      {
        engineId: 'full',
        engineType: 'shell',
        user: 'u',
        creator: 'c',
        limits,
        orphanIdleMs: 1000,
        orphanBusyMs: 1000,
      },
      30_000,
    );
    t.teardown(() => engine.shutdown(0));
    const {end, log} = await runTask(engine, 'seq 1 1000000');
    t.is(end.outcome, 'failed');
    t.is(end.failure?.code, 50213);
    t.true(end.failure?.retryable);
    t.regex(end.failure?.message ?? '', /could not store the output.*No space left on device.*Free space/);
    t.true(log.startsWith('1\n2\n3\n'));
    t.is((await runTask(engine, 'echo fine', {taskID: 2})).log, 'fine\n');
  },
);
