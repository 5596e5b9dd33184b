/** G4: killed means dead, whatever the job did to get away; and the limits and time-outs that kill too. */
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {setTimeout as wait} from 'node:timers/promises';
import type {EngineHandle} from '../../actors/ports.ts';
import {engineDirectory, readEngineRecord} from '../../engines/engine-directory.ts';
import {engineLab, eventually, followToEnd, runTask, type Followed} from './engine-lab.ts';
import {limits, taskOf} from './launches.ts';

/** Starts `code`, kills it when its first log line has come, and follows it to its end. */
async function killOnceUp(
  engine: EngineHandle,
  code: string,
  graceMs: number,
): Promise<Followed & {tookMs: number}> {
  await engine.execute(taskOf(code));
  let killedAt = 0;
  const followed = await followToEnd(engine, {
    async onEvents(events) {
      if (killedAt === 0 && events.some(event => event.type === 'log')) {
        killedAt = performance.now();
        engine.kill(1, 1, graceMs, 'killed');
      }
    },
  });
  return {...followed, tookMs: performance.now() - killedAt};
}

/** Each sleeps under a name of its own, so that it can be found even without our mark. */
const escapes: Readonly<Record<string, string>> = {
  'a child in the background': 'sleep N &',
  'a child in a session of its own': 'setsid sleep N &',
  'a child that nohup protects': 'nohup sleep N >/dev/null 2>&1 &',
  'a grandchild whose parent is gone': '(sleep N & ) &',
  'a double-forked grandchild in its own session with a wiped environment':
    '(env -i setsid /bin/sh -c "sleep N & exit" &) ; true',
};

Object.entries(escapes).forEach(([name, line], index) => {
  test(`kill ends ${name}`, async t => {
    const seconds = 100_000 + process.pid * 10 + index;
    const lab = await engineLab(t);
    const engine = await lab.launch('shell');
    // The brackets keep grep from finding itself.
    const pattern = `^[${String(seconds).slice(0, 1)}]${String(seconds).slice(1)}$`;
    const code = `${line.replaceAll('N', String(seconds))}
      until grep -qsz '${pattern}' /proc/[0-9]*/cmdline; do sleep 0.01; done
      echo up; sleep 300`;
    const {end} = await killOnceUp(engine, code, 50);
    t.is(end.outcome, 'killed');
    const {signals = [], processesEnded = 0, pids = [], tookMs = -1} = end.receipt ?? {};
    t.is(signals[0], 'SIGTERM');
    // The script, what it started in the background, and the sleep it waits in.
    t.true(processesEnded >= 3, `${processesEnded} processes`);
    t.is(pids.length, processesEnded);
    for (const pid of pids) t.throws(() => process.kill(pid, 0), {code: 'ESRCH'});
    t.true(tookMs >= 0 && tookMs < 20_000, `${tookMs} ms`);
    t.deepEqual(await commandsWith(`sleep\0${seconds}`), []);
    t.true(end.engineIsReusable);
  });
});

async function commandsWith(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    if (command.includes(text)) found.push(`${name} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
}

test('a job that ignores TERM gets its grace, then KILL', async t => {
  const lab = await engineLab(t);
  const {end, tookMs} = await killOnceUp(
    await lab.launch('shell'),
    `trap '' TERM; echo up; while :; do sleep 0.1; done`,
    400,
  );
  t.is(end.outcome, 'killed');
  t.true(tookMs >= 400 && tookMs < 20_000, `${tookMs} ms`);
  t.deepEqual(end.receipt?.signals, ['SIGTERM', 'SIGKILL']);
  t.true((end.receipt?.tookMs ?? 0) >= 400);
});

test('a job that minds TERM may say goodbye, and is not waited for longer than it takes', async t => {
  const lab = await engineLab(t);
  const {log, tookMs, end} = await killOnceUp(
    await lab.launch('shell'),
    `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done`,
    30_000,
  );
  // The shell itself may add a word about the child that did not mind TERM.
  t.deepEqual(
    log.split('\n').filter(line => line !== 'Terminated'),
    ['up', 'bye', ''],
  );
  t.is(end.outcome, 'killed');
  t.true(tookMs < 10_000, `${tookMs} ms`);
  t.is(end.receipt?.signals[0], 'SIGTERM');
});

test('a stopped job is ended too', async t => {
  const lab = await engineLab(t);
  const {end} = await killOnceUp(await lab.launch('shell'), `echo up; kill -STOP $$; sleep 300`, 30_000);
  t.is(end.outcome, 'killed');
});

test('a receipt counts all processes, and names a hundred of them', async t => {
  const lab = await engineLab(t);
  const {end} = await killOnceUp(
    await lab.launch('shell'),
    `for n in $(seq 150); do sleep 1000 & done; echo up; wait`,
    0,
  );
  t.deepEqual(end.receipt?.signals, ['SIGKILL']);
  t.is(end.receipt?.processesEnded, 151);
  t.is(end.receipt?.pids.length, 100);
});

test('a job that forks all the time is caught', async t => {
  const lab = await engineLab(t);
  const {end} = await killOnceUp(
    await lab.launch('shell'),
    `trap '' TERM; echo up; while :; do (setsid sleep 1000 & sleep 0.02) ; done`,
    50,
  );
  t.is(end.outcome, 'killed');
});

test('kill twice, the second time with less patience', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf(`trap '' TERM; echo up; while :; do sleep 0.1; done`));
  const started = performance.now();
  const {end} = await followToEnd(engine, {
    async onEvents(events) {
      if (!events.some(event => event.type === 'log')) return;
      engine.kill(1, 1, 60_000, 'killed');
      engine.kill(1, 1, 100, 'killed');
    },
  });
  t.is(end.outcome, 'killed');
  t.true(performance.now() - started < 20_000);
});

test('a kill that comes after the end changes nothing', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('echo done'));
  const {end} = await followToEnd(engine);
  engine.kill(1, 1, 0, 'killed');
  await engine.confirm(1, 1);
  engine.kill(1, 1, 0, 'killed');
  t.is(end.outcome, 'succeeded');
  t.is(end.receipt, undefined);
  t.is((await runTask(engine, 'echo next', {taskID: 2})).log, 'next\n');
});

test('a job beyond its running time is ended as timed out, by the engine itself', async t => {
  const lab = await engineLab(t, {killGraceMs: 100});
  const engine = await lab.launch('shell');
  const {end} = await runTask(engine, 'sleep 300', {runningTimeoutMs: 200});
  t.is(end.outcome, 'timedOut');
  t.regex(end.failure?.message ?? '', /limit of 200 ms/);
  t.deepEqual(end.receipt?.signals, ['SIGTERM']);
  t.is(end.receipt?.processesEnded, end.receipt?.pids.length);
});

test('kill for a time-out ends as timed out', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('sleep 300'));
  engine.kill(1, 1, 0, 'timedOut');
  t.is((await followToEnd(engine)).end.outcome, 'timedOut');
});

test('a job with too many processes is ended with the limit and the number in the message', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {limits: {...limits, processesMax: 10}});
  const {end} = await runTask(engine, 'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 300 & done; wait');
  t.is(end.outcome, 'failed');
  t.regex(end.failure?.message ?? '', /has 1[0-9] processes; .* is 10 \(processesMax\)/);
  await lab.nobodyLeft(engine.engineId);
});

test('a job that takes too much memory is ended with both figures in the message', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python', {limits: {...limits, memoryBytesMax: 100 * 2 ** 20}});
  const {end} = await runTask(engine, 'data = b"x" * (200 << 20)\nimport time\ntime.sleep(300)');
  t.is(end.outcome, 'failed');
  t.regex(end.failure?.message ?? '', /uses [12]\d\d\.\d MiB of memory; .* 100\.0 MiB \(memoryBytesMax\)/);
});

test('a job that fills the disk is ended with both figures in the message', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell', {limits: {...limits, diskBytesMax: 20 * 2 ** 20}});
  const {end} = await runTask(
    engine,
    'for n in 1 2 3 4; do head -c 10000000 /dev/zero >file$n; done; sleep 300',
  );
  t.is(end.outcome, 'failed');
  t.regex(
    end.failure?.message ?? '',
    /hold [2345]\d\.\d MiB on disk; the limit is 20\.0 MiB \(diskBytesMax\)/,
  );
});

test('shutdown ends a busy engine: its job is killed, its events are delivered, then the exit', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf(`trap '' TERM; echo up; setsid sleep 300 & while :; do sleep 0.1; done`));
  const events: string[] = [];
  const up = Promise.withResolvers<void>();
  engine.follow(1, 1, 0, async batch => {
    for (const event of batch) events.push(event.type === 'ended' ? event.end.outcome : event.type);
    up.resolve();
  });
  await up.promise;
  await engine.shutdown(100);
  t.deepEqual(await lab.processesOf(engine.engineId), []);
  await engine.exited;
  t.deepEqual(events, ['log', 'killed']);
});

test('shutdown of an idle engine leaves no process, no directory and no socket', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('python');
  await runTask(engine, 'x = 1');
  await engine.shutdown(1000);
  t.deepEqual(await engine.exited, {reason: 'it exited with code 0'});
  t.deepEqual(await readdir(lab.enginesDirectory), ['.bytecode']);
  t.deepEqual(await readdir(lab.socketDirectory), []);
});

test('a host killed from outside takes its job along: events so far are delivered, then the exit is told', async t => {
  const lab = await engineLab(t);
  for (const [engineType, code] of [
    ['shell', 'echo one; setsid sleep 300 & sleep 300'],
    ['python', 'print("one")\nimport subprocess\nsubprocess.run(["sleep", "300"])'],
  ] as const) {
    const engine = await lab.launch(engineType);
    await engine.execute(taskOf(code));
    const events: string[] = [];
    engine.follow(1, 1, 0, async batch => {
      for (const event of batch)
        events.push(event.type === 'log' ? Buffer.from(event.lines).toString() : event.type);
      if (events.length === 1) process.kill(engine.pid, 'SIGKILL');
    });
    t.deepEqual(await engine.exited, {reason: 'it was ended by signal SIGKILL'});
    t.deepEqual(events, ['one\n']);
    t.deepEqual(await lab.processesOf(engine.engineId), []);
    await engine.confirm(1, 1);
    await eventually('the directory is gone', async () =>
      (await readdir(lab.enginesDirectory)).includes(engine.engineId) ? undefined : (true as const),
    );
  }
});

test('with a cgroup, not even a wiped environment survives a host that was killed from outside', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const record = await readEngineRecord(engineDirectory(join(lab.enginesDirectory, engine.engineId)));
  if (record?.cgroup === undefined) {
    t.log('no writable cgroup tree on this machine: nothing to see');
    return t.pass();
  }
  const seconds = 200_000 + process.pid;
  await engine.execute(taskOf(`env -i setsid sleep ${seconds} & sleep 0.2; echo up; sleep 300`));
  engine.follow(1, 1, 0, async () => void process.kill(engine.pid, 'SIGKILL'));
  await engine.exited;
  t.deepEqual(await commandsWith(`sleep\0${seconds}`), []);
  await t.throwsAsync(readdir(record.cgroup), {code: 'ENOENT'});
});

test('the engine serves its owner while a job floods it', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  await engine.execute(taskOf('echo up; exec yes flood'));
  let killed = false;
  const {end} = await followToEnd(engine, {
    keepsLog: false,
    async onEvents() {
      if (killed) return;
      killed = true;
      await wait(200);
      engine.kill(1, 1, 1000, 'killed');
    },
  });
  t.is(end.outcome, 'killed');
});
