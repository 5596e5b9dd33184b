/** Where engines are started, how their loss is told, and what a bad link costs; engines in memory. */
import {setTimeout as wait} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import type {LocalEngineDriver} from '../../actors/ecm-port.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {eventually, followToEnd} from '../engines/engine-lab.ts';
import {launchOf, taskOf} from '../engines/launches.ts';
import {createMesh} from '../support/ecm-mesh.ts';
import {startEcmNode, type EcmNode} from '../support/ecm-node.ts';
import {createEngineWorld} from '../support/engine-world.ts';

const clock = systemClock;

function openWorld(t: ExecutionContext) {
  const mesh = createMesh();
  const world = createEngineWorld(clock);
  const nodes: EcmNode[] = [];
  t.teardown(async () => {
    for (const node of nodes) await node.die();
  });
  return {
    mesh,
    world,
    async node(
      instance: string,
      options: {
        driver?: LocalEngineDriver;
        enginesMax?: number;
        orphanIdleMs?: number;
        checkEveryMs?: number;
      } = {},
    ): Promise<EcmNode> {
      const incarnation = `inc-${instance}`;
      const started = await startEcmNode({
        mesh,
        instance,
        incarnation,
        clock,
        engineSearchMs: 400,
        ...options,
      });
      nodes.push(started);
      return started;
    },
  };
}

const launch = (engineId: string) => launchOf('shell', engineId);
test('an engine is started on the own node; on the next one with most room when that is full', async t => {
  const {world, node} = openWorld(t);
  const a = await node('a:1', {driver: world.driver('a'), enginesMax: 1});
  const b = await node('b:1', {driver: world.driver('b'), enginesMax: 5});
  const c = await node('c:1', {driver: world.driver('c'), enginesMax: 5});
  await c.engines.launch(launch('c-0'), 1000);
  await a.engines.launch(launch('a-1'), 1000);
  await a.engines.launch(launch('a-2'), 1000);
  t.deepEqual([await a.held(), await b.held(), await c.held()], [['a-1'], ['a-2'], ['c-0']]);
});

test('a launch that fails is tried once elsewhere; the second failure is told', async t => {
  const {world, node} = openWorld(t);
  const a = await node('a:1', {driver: world.driver('a')});
  const b = await node('b:1', {driver: world.driver('b')});
  world.failLaunches = 1;
  await a.engines.launch(launch('a-1'), 1000);
  t.deepEqual(await b.held(), ['a-1']);
  world.failLaunches = 2;
  await t.throwsAsync(a.engines.launch(launch('a-2'), 1000), {message: 'the engine did not start (planted)'});
  t.is(world.failLaunches, 0);
});

test('without any ECM in reach the failure says so, and can be retried', async t => {
  const {node} = openWorld(t);
  const a = await node('a:1');
  await t.throwsAsync(a.engines.launch(launch('a-1'), 1000), {code: 20950, message: /no ECM with room/});
});

test('a machine that is lost with its engine: the exit says so after the search, and commands are refused', async t => {
  const {mesh, world, node} = openWorld(t);
  const a = await node('a:1');
  await node('b:1', {driver: world.driver()});
  const engine = await a.engines.launch(launch('a-1'), 1000);
  await engine.execute(taskOf(JSON.stringify({lines: 10, durationMs: 5000})));
  mesh.cut('a:1', 'b:1');
  const unsettled = engine.confirm(1, 1);
  const waited = await Promise.race([
    engine.exited.then(() => 'exited'),
    new Promise(resolve => setTimeout(resolve, 800, 'waits')),
  ]);
  t.is(waited, 'waits', 'a cut link alone loses nothing');
  a.engines.nodeGone('inc-b:1');
  await t.throwsAsync(unsettled, {code: 20956});
  t.regex((await engine.exited).reason, /machine lost/);
  await t.throwsAsync(engine.execute(taskOf('')), {code: 20956});
  await engine.shutdown(0);
});

test('a link that loses messages and is cut again and again: every line once, in order', async t => {
  const {mesh, world, node} = openWorld(t);
  const a = await node('a:1');
  await node('b:1', {driver: world.driver()});
  const engine = await a.engines.launch(launch('a-1'), 1000);
  await engine.execute(taskOf(JSON.stringify({lines: 10_000, durationMs: 600})));
  let seen = 0;
  let lost = 0;
  mesh.lose = (message, from) => {
    const isOutput = from === 'b:1' && typeof message === 'object' && message !== null && 'events' in message;
    if (!isOutput) return false;
    seen += 1;
    if (seen % 3 !== 0) return false;
    lost += 1;
    return true;
  };
  const cuts = setInterval(() => {
    mesh.cut('a:1', 'b:1');
    setTimeout(() => mesh.heal('a:1', 'b:1'), 10);
  }, 70);
  const {log, end} = await followToEnd(engine);
  clearInterval(cuts);
  t.is(log, world.printed.get('1-1') ?? '');
  t.is(end.outcome, 'succeeded');
  t.true(lost > 0);
});

test('output that is lost to the last message, while the link stands, is noticed by the check', async t => {
  const {mesh, world, node} = openWorld(t);
  const a = await node('a:1', {checkEveryMs: 100});
  await node('b:1', {driver: world.driver()});
  const engine = await a.engines.launch(launch('a-1'), 1000);
  let lost = 0;
  mesh.lose = message => {
    const isOutput = typeof message === 'object' && message !== null && 'events' in message;
    if (isOutput) lost += 1;
    return isOutput;
  };
  await engine.execute(taskOf(JSON.stringify({lines: 100})));
  await wait(50);
  const followed = followToEnd(engine);
  await eventually('all of it is lost, in one message', () => (lost > 0 ? true : undefined));
  mesh.lose = () => false;
  t.is((await followed).log, world.printed.get('1-1') ?? '');
});

test('the owner is gone: an idle engine ends after its time, a busy one is kept, and the owner gets none again', async t => {
  const {world, node} = openWorld(t);
  const a = await node('a:1');
  const b = await node('b:1', {driver: world.driver(), orphanIdleMs: 50});
  await a.engines.launch(launch('idle'), 1000);
  const busy = await a.engines.launch(launch('busy'), 1000);
  await busy.execute(taskOf(JSON.stringify({lines: 10})));
  b.ecm?.tell({type: 'ownerGone', incarnation: 'inc-a:1'});
  await eventually('the idle one has ended', async () =>
    (await b.held()).join() === 'busy' ? true : undefined,
  );
  await t.throwsAsync(busy.confirm(1, 1), {message: /the lease of your node has lapsed/});
  const c = await node('c:1');
  const found = await c.engines.search('busy', 1, 1, 2);
  if (found.type !== 'attached') return t.fail(found.type);
  t.is((await followToEnd(found.handle)).log, world.printed.get('1-1') ?? '');
});

test('a finished task that nobody owns is kept until the job store knows nothing of it', async t => {
  const {world, node} = openWorld(t);
  const a = await node('a:1');
  const b = await node('b:1', {driver: world.driver()});
  const engine = await a.engines.launch(launch('done'), 1000);
  await engine.execute(taskOf(JSON.stringify({lines: 10})));
  await followToEnd(engine);
  b.ecm?.tell({type: 'taskUnknown', task: {taskID: 1, attempt: 1}});
  t.deepEqual(await b.held(), ['done'], 'it has an owner, who will confirm');
  engine.detach();
  await eventually('it is let go', async () => {
    b.ecm?.tell({type: 'taskUnknown', task: {taskID: 1, attempt: 1}});
    return (await b.held()).length === 0 ? true : undefined;
  });
  t.is(world.alive(), 0);
});

test('a launch whose answer never comes is told as failed, and what it may have started is ended', async t => {
  const {mesh, world, node} = openWorld(t);
  const a = await node('a:1', {checkEveryMs: 100});
  const b = await node('b:1', {driver: world.driver()});
  mesh.lose = (message, from) =>
    from === 'b:1' &&
    typeof message === 'object' &&
    message !== null &&
    JSON.stringify(message).includes('"pid"') &&
    !JSON.stringify(message).includes('enginesMax');
  await t.throwsAsync(a.engines.launch(launch('a-1'), 100), {code: 20950, message: /did not answer/});
  await eventually('it is ended', async () => (await b.held()).length === 0 || undefined);
  t.is(world.alive(), 0);
});
