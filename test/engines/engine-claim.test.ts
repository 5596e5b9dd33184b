/** Which process of a host has an engine: claims of one process, a race of several, and of nodes that die. */
import {spawn} from 'node:child_process';
import {mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {claimEngine, thisHolder, type ClaimHolder} from '../../engines/engine-claim.ts';
import {engineDirectory, readEngineRecord} from '../../engines/engine-directory.ts';
import {readBootId, startTimeOf} from '../../engines/process-identity.ts';
import {sweepProcesses} from '../../engines/process-sweep.ts';
import {engineLab, followToEnd} from './engine-lab.ts';
import {launchOf, launchTimeoutMs} from './launches.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tenon-claim-'));
  t.teardown(() => rm(path, {recursive: true, force: true, maxRetries: 10}));
  return path;
}

/** Another process, which does nothing. */
async function somebody(t: ExecutionContext, incarnation: string) {
  const child = spawn('sleep', ['300']);
  t.teardown(() => child.kill('SIGKILL'));
  const pid = child.pid ?? 0;
  const holder: ClaimHolder = {
    incarnation,
    pid,
    startTime: (await startTimeOf(pid)) ?? 0,
    bootId: await readBootId(),
  };
  return {
    holder,
    async die() {
      const gone = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

test('a claim holds while its process lives; then anybody may have the engine', async t => {
  const directory = await folder(t);
  const us = await thisHolder('us');
  const them = await somebody(t, 'them');
  const theirs = await claimEngine(directory, them.holder);
  t.true(await theirs?.isHeld());
  t.is(await claimEngine(directory, us), undefined);
  await them.die();
  const ours = await claimEngine(directory, us);
  t.true(await ours?.isHeld());
  t.false(await theirs?.isHeld());
  t.true(await (await claimEngine(directory, us))?.isHeld(), 'what is ours is ours again');
});

test('a released claim keeps its number: whoever looked before loses to whoever claims next', async t => {
  const directory = await folder(t);
  const them = await somebody(t, 'them');
  const ours = await claimEngine(directory, await thisHolder('us'));
  ours?.release();
  ours?.release();
  t.false(await ours?.isHeld());
  t.true(await (await claimEngine(directory, them.holder))?.isHeld());
  t.deepEqual((await readdir(directory)).toSorted(), ['claim-1', 'claim-2']);
});

test('an incarnation that is dead by its lease has no claims, though its process exists; it learns so', async t => {
  const directory = await folder(t);
  const them = await somebody(t, 'paused');
  const theirs = await claimEngine(directory, them.holder);
  const us = await thisHolder('us');
  t.is(await claimEngine(directory, us, incarnation => incarnation === 'other'), undefined);
  t.true(await (await claimEngine(directory, us, incarnation => incarnation === 'paused'))?.isHeld());
  t.false(await theirs?.isHeld());
  t.is(await claimEngine(directory, them.holder), undefined);
});

test('a pid that another process has by now, a claim of another boot and a torn one hold nothing', async t => {
  const us = await thisHolder('us');
  const base = {...us, incarnation: 'them'};
  for (const content of [
    JSON.stringify({...base, startTime: us.startTime + 1}),
    JSON.stringify({...base, bootId: 'another'}),
    '{"incarnation": "th',
  ]) {
    const directory = await folder(t);
    await writeFile(join(directory, 'claim-7'), content);
    t.truthy(await claimEngine(directory, us), content);
    t.deepEqual((await readdir(directory)).toSorted(), ['claim-7', 'claim-8']);
  }
});

test('a directory that is gone can not be claimed, and is not made', async t => {
  const directory = join(await folder(t), 'gone');
  t.is(await claimEngine(directory, await thisHolder('us')), undefined);
});

/** A node in a process of its own; `order` answers with what it got. */
function startNode(t: ExecutionContext, incarnation: string, directory: string, sockets: string) {
  const program = fileURLToPath(new URL('fixtures/claiming-node.ts', import.meta.url));
  const child = spawn(process.execPath, [program, incarnation, directory, sockets], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({input: child.stdout})[Symbol.asyncIterator]();
  const next = async (): Promise<readonly string[]> => {
    const {value, done} = await lines.next();
    if (done === true) throw new Error(`node ${incarnation} has ended`);
    return JSON.parse(value) as readonly string[];
  };
  return {
    next,
    order(line: string): Promise<readonly string[]> {
      child.stdin.write(`${line}\n`);
      return next();
    },
    async kill(): Promise<void> {
      const gone = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

test('three processes race for 200 engines: each engine is won by exactly one', async t => {
  const root = await folder(t);
  const engines = join(root, 'engines');
  const names = Array.from({length: 200}, (_, index) => `e-${index}`);
  const dead = {...(await thisHolder('dead')), pid: 2 ** 22 + 1};
  for (const name of names) {
    await mkdir(join(engines, name), {recursive: true});
    await writeFile(join(engines, name, 'claim-1'), JSON.stringify(dead));
  }
  const nodes = ['a', 'b', 'c'].map(name => startNode(t, name, join(root, name), join(root, 's')));
  await Promise.all(nodes.map(node => node.next()));
  const won = await Promise.all(nodes.map(node => node.order(`claim ${engines} ${Date.now() + 200}`)));
  t.deepEqual(won.flat().toSorted(), names.toSorted());
  t.log(`won: ${won.map(({length}) => length).join(', ')}`);
});

/** A node `first` with one engine at work, and beside it `neighbour`, which is the lab. */
async function besideNode(t: ExecutionContext) {
  const lab = await engineLab(t, {owner: 'neighbour'});
  const home = join(lab.directory, 'home');
  const engines = join(home, 'engines');
  const first = startNode(t, 'first', home, lab.socketDirectory);
  await first.next();
  t.deepEqual(await first.order('launch e-1'), ['e-1']);
  t.teardown(async () => {
    const left = await readEngineRecord(engineDirectory(join(engines, 'e-1')));
    if (left !== undefined) await sweepProcesses(left.mark, left.cgroup);
  });
  return {lab, home, engines, first};
}

test('an engine that a neighbour has adopted comes home when that neighbour is dead by its lease, though its process lives', async t => {
  const {lab, home, engines, first} = await besideNode(t);
  await first.kill();
  const [adopted] = await lab.driver.adoptFrom(engines, () => false);
  const second = startNode(t, 'second', home, lab.socketDirectory);
  await second.next();
  t.deepEqual(await second.order('own'), [], 'the neighbour has it');
  t.deepEqual(await second.order('own neighbour'), ['e-1']);
  await adopted?.lost;
});

test('a neighbour adopts the engines of a dead node; that node, started again, leaves them alone until they are free', async t => {
  const {lab, home, engines, first} = await besideNode(t);
  t.deepEqual(await lab.driver.adoptFrom(engines, () => false), [], 'its node lives');
  await first.kill();
  const [adopted] = await lab.driver.adoptFrom(engines, () => false);
  if (adopted === undefined) return t.fail('nothing was adopted');
  t.deepEqual(adopted.task, {taskID: 1, attempt: 1, epoch: 1}, 'the ECM is no new owner of the task');
  const second = startNode(t, 'second', home, lab.socketDirectory);
  await second.next();
  t.deepEqual(await second.order('own'), []);
  t.deepEqual(await second.order('own somebody-else'), []);
  const followed = followToEnd(adopted);
  adopted.kill(1, 1, 50, 'killed');
  t.like(await followed, {log: 'begun\n', end: {outcome: 'killed'}});
  t.deepEqual(await lab.driver.adoptOwn(), [], 'what we have, we do not adopt twice');
  t.deepEqual(await lab.driver.adoptFrom(engines, () => false), []);
  adopted.detach();
  t.deepEqual(await second.order('own'), ['e-1']);
});

test('an owner that is paused while a neighbour takes its engine gives way when it wakes', async t => {
  const lab = await engineLab(t, {owner: 'paused'});
  const engine = await lab.launch('shell');
  const neighbour = await lab.successor({owner: 'neighbour', enginesDirectory: join(lab.directory, 'other')});
  t.deepEqual(await neighbour.adoptFrom(lab.enginesDirectory, () => false), []);
  const [adopted] = await neighbour.adoptFrom(lab.enginesDirectory, incarnation => incarnation === 'paused');
  t.is(adopted?.engineId, engine.engineId);
  await (await lab.driver.launch(launchOf('shell', 'other'), launchTimeoutMs)).shutdown(0);
  await t.throwsAsync(engine.execute({...emptyTask}), {code: 50221});
  await adopted?.shutdown(0);
  await adopted?.exited;
});

test('a handle whose claim another process has by now leaves the engine alone, also when it dies', async t => {
  const lab = await engineLab(t);
  const engine = await lab.driver.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  const directory = join(lab.enginesDirectory, 'e-1');
  const them = await somebody(t, 'them');
  await writeFile(join(directory, 'claim-2'), JSON.stringify(them.holder));
  process.kill(engine.pid, 'SIGKILL');
  await engine.lost;
  t.true((await readdir(directory)).includes('engine.json'), 'what is left of it is not ours to remove');
});

const emptyTask = {
  taskID: 1,
  attempt: 1,
  epoch: 1,
  code: 'echo never',
  codeType: 'shell',
  runtimeParams: {},
  environment: {},
};
