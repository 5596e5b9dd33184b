/** Hosts that are forked are what hosts that are started directly are; and whatever happens to who forks them, engines start. */
import {mkdtemp, readdir, readFile, readlink, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {cleanExit} from '../../engines/engine-launch.ts';
import {isAlive, signalProcess} from '../../engines/process-identity.ts';
import {markedProcesses, markVariable, sweepProcesses} from '../../engines/process-sweep.ts';
import {engineDirectory, readEngineRecord} from '../../engines/engine-directory.ts';
import {engineLab, eventually, followToEnd, runTask, type EngineLab} from './engine-lab.ts';
import {taskOf} from './launches.ts';
import {engineIn, startOwner} from './killable-owner.ts';

const statusOf = async (pid: number): Promise<string[]> => {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1');
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
};
const parentOf = async (pid: number): Promise<number> => Number((await statusOf(pid))[1]);

/** By its byte code folder, which is that of this lab alone. Engines it forked have the same command line. */
async function serversOf({enginesDirectory}: Pick<EngineLab, 'enginesDirectory'>): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => '');
    const place = await readlink(`/proc/${name}/cwd`).catch(() => '');
    if (command.includes(enginesDirectory) && command.includes('fork_server') && place === '/')
      found.push(Number(name));
  }
  return found;
}

test('a forked host carries its mark, leads a session of its own and inherits nothing else', async t => {
  const lab = await engineLab(t);
  const engines = [await lab.launch('shell'), await lab.launch('python'), await lab.launch('shell')];
  const marks = new Set<string>();
  for (const engine of engines) {
    const {engineId, pid} = engine;
    const record = await readEngineRecord(engineDirectory(`${lab.enginesDirectory}/${engineId}`));
    const mark = record?.mark ?? '';
    marks.add(mark);
    t.true((await markedProcesses(mark)).includes(pid), 'found by its mark in /proc');
    const [, , group, session] = await statusOf(pid);
    t.deepEqual([Number(group), Number(session)], [pid, pid]);
    const isPython = engineId.startsWith('python');
    const {log} = await runTask(
      engine,
      isPython ? 'import os\nfor n in os.environ: print(n)' : 'env | cut -d= -f1',
    );
    // A run that measures coverage hands its variable to every child, whatever it is asked to.
    t.deepEqual(
      log
        .split('\n')
        .filter(name => /TENON_(?!TASK_ID|ENGINE_ID|ENGINE_MARK)|NODE(?!_V8_COVERAGE)|AVA/.test(name)),
      [],
    );
    const open = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(open.map(fd => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
    t.is(targets.filter(target => target.endsWith('/host.log')).length, 2);
    t.false(targets.some(target => target.endsWith('.py')));
  }
  t.is(marks.size, 3);
  const [server] = await serversOf(lab);
  t.deepEqual(await Promise.all(engines.map(({pid}) => parentOf(pid))), [server, server, server]);
  // It carries nobody's mark: sweeping one engine must not end it.
  const environment = await readFile(`/proc/${server}/environ`, 'latin1');
  t.false([...marks].some(mark => environment.includes(`${markVariable}=${mark}`)));
});

test('the end of a forked host is told as that of a child', async t => {
  const lab = await engineLab(t);
  const polite = await lab.launch('shell');
  await polite.shutdown(1000);
  t.deepEqual(await polite.exited, {reason: cleanExit});
  const killed = await lab.launch('shell');
  process.kill(killed.pid, 'SIGKILL');
  t.deepEqual(await killed.exited, {reason: 'it was ended by signal SIGKILL'});
});

test('engines outlive what forked them, and the next one is forked by another', async t => {
  const lab = await engineLab(t);
  const first = await lab.launch('shell');
  await first.execute(taskOf('echo one; sleep 0.5; echo two'));
  const [server = 0] = await serversOf(lab);
  process.kill(server, 'SIGKILL');
  t.is((await followToEnd(first)).log, 'one\ntwo\n');
  await first.confirm(1, 1);
  const second = await lab.launch('shell');
  t.is((await runTask(second, 'echo three')).log, 'three\n');
  const [next = 0] = await serversOf(lab);
  t.not(next, server);
  t.is(await parentOf(second.pid), next);
  await first.shutdown(0);
  t.deepEqual(await first.exited, {reason: `process ${first.pid} is gone`});
});

test('what forks engines and does not answer is ended, and the engine started without it', async t => {
  const lab = await engineLab(t);
  await lab.launch('shell');
  const [server = 0] = await serversOf(lab);
  process.kill(server, 'SIGSTOP');
  const engine = await lab.launch('shell');
  t.is((await runTask(engine, 'echo here')).log, 'here\n');
  t.is(await parentOf(engine.pid), process.pid);
  t.regex(lab.logged(), /starts without it.*nothing came of a fork in 5000 ms/);
  await eventually('the server is gone', async () => !(await serversOf(lab)).includes(server));
});

test('many engines at once, all different', async t => {
  const lab = await engineLab(t);
  const engines = await Promise.all(Array.from({length: 12}, () => lab.launch('shell')));
  t.is(new Set(engines.map(({pid}) => pid)).size, 12);
  const logs = await Promise.all(
    engines.map(async engine => (await runTask(engine, 'echo $TENON_ENGINE_ID')).log),
  );
  t.deepEqual(
    logs,
    engines.map(({engineId}) => `${engineId}\n`),
  );
});

test('what forks engines ends with its node, however that ends, and the engine goes on', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-forked-'));
  t.teardown(() => rm(directory, {recursive: true, force: true, maxRetries: 10}));
  const owner = startOwner(directory, 'shell', 'echo up; sleep 300');
  await owner.next();
  const record = await engineIn(directory);
  if (record === undefined) return t.fail();
  t.teardown(async () => {
    await signalProcess(record, 'SIGKILL');
    await sweepProcesses(record.mark, record.cgroup);
  });
  const lab = {enginesDirectory: join(directory, 'engines')};
  t.is((await serversOf(lab)).length, 1);
  await owner.kill();
  await eventually('the server is gone', async () => (await serversOf(lab)).length === 0);
  t.true(await isAlive(record));
  t.is((await readFile(`/proc/${record.pid}/comm`, 'utf8')).trim(), 'tenon-shell');
});
