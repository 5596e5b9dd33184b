/** Engines whose owner, or whose ECM, dies: what the next one finds, and what the one before may still do. Real engines. */
import {createHash} from 'node:crypto';
import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import type {LocalEngine, LocalEngineDriver} from '../../actors/ecm-port.ts';
import {EngineAwayError} from '../../engines/engine-errors.ts';
import {engineDirectory} from '../../engines/engine-directory.ts';
import {engineLab, eventually, followToEnd, type EngineLab} from '../engines/engine-lab.ts';
import {launchOf, launchTimeoutMs, taskOf} from '../engines/launches.ts';
import {sha256OfNumbers} from '../engines/numbered-lines.ts';
import {createMesh, type Mesh} from '../support/ecm-mesh.ts';
import {startEcmNode, type EcmNode} from '../support/ecm-node.ts';

const clock = systemClock;
/** Writes 1 … 60,000 in pieces, for about a second. */
const numbersMax = 60_000;
const numbers = `for part in 0 1 2 3 4 5 6 7 8 9; do seq $((part * 6000 + 1)) $(((part + 1) * 6000)); sleep 0.1; done`;

type World = {
  readonly mesh: Mesh;
  readonly lab: EngineLab;
  /** The ECM's node. */
  readonly host: EcmNode;
  readonly entrance: (
    instance: string,
    incarnation: string,
    options?: {readonly checkEveryMs: number},
  ) => Promise<EcmNode>;
  readonly add: (node: EcmNode) => EcmNode;
};

async function openWorld(t: ExecutionContext): Promise<World> {
  const mesh = createMesh();
  const lab = await engineLab(t, {owner: 'inc-host'});
  const nodes: EcmNode[] = [];
  const add = (node: EcmNode): EcmNode => {
    nodes.push(node);
    return node;
  };
  t.teardown(async () => {
    for (const node of nodes) await node.die();
  });
  const host = add(
    await startEcmNode({mesh, instance: 'host:1', incarnation: 'inc-host', driver: lab.driver, clock}),
  );
  return {
    mesh,
    lab,
    host,
    add,
    entrance: async (instance, incarnation, options) =>
      add(await startEcmNode({mesh, instance, incarnation, clock, engineSearchMs: 3000, ...options})),
  };
}

test('the owner of a running job dies: the next one gets the whole log and the true end', async t => {
  const {entrance} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const second = await entrance('b:1', 'inc-b');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf(numbers));
  const begun = Promise.withResolvers<void>();
  engine.follow(1, 1, 0, async () => begun.resolve());
  await begun.promise;
  await first.die();
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  t.deepEqual(found.handle.task, {taskID: 1, attempt: 1, epoch: 2});
  const {sha256, end} = await followToEnd(found.handle, {keepsLog: false});
  t.is(sha256, sha256OfNumbers(numbersMax));
  t.is(end.outcome, 'succeeded');
  await found.handle.confirm(1, 1);
  await found.handle.shutdown(100);
  t.truthy((await found.handle.exited).reason);
});

test('an owner that was only paused is displaced: it hears nothing more, and nothing obeys it', async t => {
  const {entrance} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const second = await entrance('b:1', 'inc-b');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf('echo one; sleep 300'));
  let batches = 0;
  engine.follow(1, 1, 0, async () => void (batches += 1));
  await eventually('the first line', () => (batches > 0 ? true : undefined));
  t.deepEqual(
    await second.engines.search('e-1', 1, 1, 1, 0),
    {type: 'displaced'},
    'the epoch must be higher',
  );
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  const followed = followToEnd(found.handle);
  const before = batches;
  engine.kill(1, 1, 0, 'killed');
  await t.throwsAsync(engine.confirm(1, 1), {message: /obeys another owner/});
  await t.throwsAsync(engine.execute(taskOf('echo two', {taskID: 2})), {message: /obeys another owner/});
  await engine.shutdown(0);
  t.is(
    await Promise.race([
      followed.then(() => 'ended'),
      new Promise(resolve => setTimeout(resolve, 300, 'runs')),
    ]),
    'runs',
  );
  found.handle.kill(1, 1, 50, 'timedOut');
  t.is((await followed).end.outcome, 'timedOut');
  t.is(batches, before);
});

test('an attempt that was never begun is found so, and a late order for it is refused', async t => {
  const {entrance} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const second = await entrance('b:1', 'inc-b');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  t.deepEqual(await second.engines.search('e-1', 5, 1, 2), {type: 'neverBegun'});
  const absent = await second.engines.find('e-1', 5, 1, 2);
  t.is(absent?.task, undefined);
  await t.throwsAsync(async () => absent?.execute(taskOf('', {taskID: 5, epoch: 2})), {code: 20953});
  t.regex((await absent?.exited)?.reason ?? '', /was never given attempt 1 of job 5/);
  await t.throwsAsync(engine.execute(taskOf('echo late', {taskID: 5, epoch: 1})), {
    message: /obeys another owner/,
  });
  t.deepEqual(await second.engines.search('nobody', 5, 1, 2, 0), {type: 'notFound'});
});

test('an order that got lost between ECM and engine, with its owner dead, was never begun', async t => {
  const mesh = createMesh();
  const lab = await engineLab(t, {owner: 'inc-host'});
  const {launch} = lab.driver;
  const driver: LocalEngineDriver = {
    ...lab.driver,
    launch: async (...args) => withLostOrders(await launch.call(lab.driver, ...args)),
  };
  const host = await startEcmNode({mesh, instance: 'host:1', incarnation: 'inc-host', driver, clock});
  const first = await startEcmNode({mesh, instance: 'a:1', incarnation: 'inc-a', clock});
  const second = await startEcmNode({mesh, instance: 'b:1', incarnation: 'inc-b', clock});
  t.teardown(() => Promise.all([host.die(), second.die()]));
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await t.throwsAsync(engine.execute(taskOf('echo 1')), {message: /cannot be reached/});
  await first.die();
  t.deepEqual(await second.engines.search('e-1', 1, 1, 2), {type: 'neverBegun'});
  t.deepEqual(await second.engines.search('e-1', 1, 1, 3), {type: 'neverBegun'}, 'and stays so');
  const [held] = await host.list();
  t.is(held?.task, undefined);
  t.is(held?.owner, undefined, 'it waits for the next task, or for its end');
});

/** Its engine is never told to execute anything. */
const withLostOrders = (engine: LocalEngine): LocalEngine =>
  new Proxy(engine, {
    get(target, name) {
      if (name === 'execute') return () => Promise.reject(new EngineAwayError('e-1', 'planted'));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

test('the ECM is restarted while a job prints: its owner goes on where it was, without loss or repeat', async t => {
  const {mesh, lab, host, add, entrance} = await openWorld(t);
  const owner = await entrance('a:1', 'inc-a');
  const engine = await owner.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf(numbers));
  let batches = 0;
  const followed = followToEnd(engine, {
    keepsLog: false,
    async onEvents() {
      batches += 1;
    },
  });
  await eventually('some output', () => (batches > 1 ? true : undefined));
  t.deepEqual(await host.leave(), ['e-1']);
  await host.die();
  const driver = await lab.successor({owner: 'inc-host-2'});
  add(await startEcmNode({mesh, instance: 'host:1', incarnation: 'inc-host-2', driver, clock}));
  const {sha256, end} = await followed;
  t.is(sha256, sha256OfNumbers(numbersMax));
  t.is(end.outcome, 'succeeded');
  await engine.confirm(1, 1);
  await engine.shutdown(100);
  await engine.exited;
});

test('the node of an engine dies: a neighbour of its host adopts the engine, and the owner finds it there', async t => {
  const {mesh, lab, host, add, entrance} = await openWorld(t);
  const owner = await entrance('a:1', 'inc-a');
  const engine = await owner.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf(`${numbers}; echo result`));
  const followed = followToEnd(engine, {keepsLog: false});
  const neighbourDriver = await lab.successor({
    owner: 'inc-n',
    enginesDirectory: join(lab.directory, 'other'),
  });
  const neighbour = add(
    await startEcmNode({mesh, instance: 'n:1', incarnation: 'inc-n', driver: neighbourDriver, clock}),
  );
  // This process lives on, so it is the lease that says that its engines are free.
  await host.die();
  t.is(await neighbour.adoptFrom(lab.enginesDirectory), 0, 'a living process keeps what it has claimed');
  t.is(await neighbour.adoptFrom(lab.enginesDirectory, ['inc-host']), 1);
  owner.engines.nodeGone('inc-host');
  t.is((await followed).end.outcome, 'succeeded');
  t.is(await engine.publishResults(1, 1, join(lab.directory, 'published')), 1);
  await engine.confirm(1, 1);
  await engine.shutdown(100);
  await engine.exited;
});

test('the process of an engine is killed: its output comes first, then its exit', async t => {
  const {entrance} = await openWorld(t);
  const owner = await entrance('a:1', 'inc-a');
  const engine = await owner.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf('seq 1 20000; sleep 300'));
  let bytes = 0;
  engine.follow(1, 1, 0, async events => {
    for (const event of events) if (event.type === 'log') bytes += event.lines.length;
  });
  const all = Array.from({length: 20_000}, (_, index) => `${index + 1}\n`).join('').length;
  await eventually('output', () => (bytes === all ? true : undefined));
  process.kill(engine.pid, 'SIGKILL');
  t.regex((await engine.exited).reason, /signal SIGKILL/);
  t.is(bytes, all);
  const second = await entrance('b:1', 'inc-b');
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  let again = 0;
  found.handle.follow(1, 1, 0, async events => {
    for (const event of events) if (event.type === 'log') again += event.lines.length;
  });
  t.regex((await found.handle.exited).reason, /signal SIGKILL/);
  t.is(again, all, 'whoever takes it over afterwards reads the same, then hears of the exit');
  await found.handle.confirm(1, 1);
});

test('its owner gone, a job goes on far beyond what was on its way; the next owner gets all of it, and its exit', async t => {
  const {entrance, host, lab} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  const lines = 1_500_000;
  await engine.execute(taskOf(`seq 1 ${lines}; sleep 300`));
  // It takes nothing over, so that the job has to wait.
  const told = Promise.withResolvers<void>();
  engine.follow(1, 1, 0, () => {
    told.resolve();
    return new Promise(() => undefined);
  });
  await told.promise;
  host.ecm?.tell({type: 'ownerGone', incarnation: 'inc-a'});
  const spool = engineDirectory(join(lab.enginesDirectory, 'e-1')).spool(1, 1);
  const bytes = Array.from({length: lines}, (_, index) => String(index + 1).length + 1).reduce(
    (a, b) => a + b,
  );
  await eventually('all of it is in the spool', async () =>
    (await stat(spool)).size > bytes ? true : undefined,
  );
  process.kill(engine.pid, 'SIGKILL');
  const second = await entrance('b:1', 'inc-b');
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  const hash = createHash('sha256');
  found.handle.follow(1, 1, 0, async events => {
    for (const event of events) if (event.type === 'log') hash.update(event.lines);
  });
  t.regex((await found.handle.exited).reason, /signal SIGKILL/);
  t.is(hash.digest('hex'), sha256OfNumbers(lines));
  await found.handle.confirm(1, 1);
});

test('an engine is gone, its next owner slow: the exit comes behind the last of the output', async t => {
  const {entrance, host} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf('seq 1 400000'));
  await followToEnd(engine, {keepsLog: false});
  process.kill(engine.pid, 'SIGKILL');
  await engine.exited;
  host.ecm?.tell({type: 'ownerGone', incarnation: 'inc-a'});
  const second = await entrance('b:1', 'inc-b', {checkEveryMs: 20});
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  const hash = createHash('sha256');
  let isAll = false;
  found.handle.follow(1, 1, 0, async events => {
    await wait(100);
    for (const event of events) {
      if (event.type === 'log') hash.update(event.lines);
      isAll ||= event.type === 'ended';
    }
  });
  await found.handle.exited;
  t.true(isAll);
  t.is(hash.digest('hex'), sha256OfNumbers(400_000));
  await found.handle.confirm(1, 1);
});

test('a new owner’s epoch outlives the ECM: the owner before does not get the engine back through the next one', async t => {
  const {mesh, lab, host, add, entrance} = await openWorld(t);
  const first = await entrance('a:1', 'inc-a');
  const second = await entrance('b:1', 'inc-b');
  const engine = await first.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(taskOf('sleep 300'));
  // It hears nothing of its displacement.
  mesh.cut('a:1', 'host:1');
  const found = await second.engines.search('e-1', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  await second.die();
  await host.leave();
  await host.die();
  mesh.heal('a:1', 'host:1');
  const driver = await lab.successor({owner: 'inc-host-2'});
  const next = add(await startEcmNode({mesh, instance: 'host:1', incarnation: 'inc-host-2', driver, clock}));
  t.deepEqual(await next.held(), ['e-1']);
  await t.throwsAsync(engine.confirm(1, 1), {message: /obeys another owner: epoch 2/});
});
