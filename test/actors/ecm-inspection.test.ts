/** What a manager or an administrator on another node gets from an ECM, with real engines, over a mesh. */
import {appendFile} from 'node:fs/promises';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {EngineLogRequest, EngineMetrics, KillReceipt} from '../../actors/engine-governance.ts';
import type {EcmMessage} from '../../actors/ecm-messages.ts';
import type {EcmCommand, EcmListing, EcmReply, EngineUsage} from '../../actors/ecm-protocol.ts';
import {ecmKey} from '../../actors/ecm-service-key.ts';
import {decideEcm, emptyEcm} from '../../actors/ecm-state.ts';
import type {LocalEngine} from '../../actors/ecm-port.ts';
import type {EngineLogPage} from '../../actors/engine-governance.ts';
import {systemClock as clock} from '../../actors/runtime/clock.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {engineLab, eventually, followToEnd} from '../engines/engine-lab.ts';
import {launchOf, launchTimeoutMs, taskOf} from '../engines/launches.ts';
import {createMesh} from '../support/ecm-mesh.ts';
import {startEcmNode} from '../support/ecm-node.ts';
import {createEngineWorld} from '../support/engine-world.ts';

const request: EngineLogRequest = {
  logType: 'stdout',
  fromLine: 1,
  pageSize: 100,
  lastRows: 0,
  enableTail: false,
};

/** An ECM on `b`, and somebody on `a` who asks it. */
async function world(t: ExecutionContext) {
  const mesh = createMesh();
  const lab = await engineLab(t, {owner: 'inc-b', measureEveryMs: 200});
  const b = await startEcmNode({mesh, instance: 'b:1', incarnation: 'inc-b', driver: lab.driver, clock});
  const a = await startEcmNode({mesh, instance: 'a:1', incarnation: 'inc-a', clock});
  t.teardown(async () => {
    await a.die();
    await b.die();
  });
  const ecm = mesh.join('manager').find(ecmKey, 'b:1');
  if (ecm === undefined) throw new Error('no ECM within reach');
  async function ask<Value>(make: (replyTo: Ref<EcmReply<Value>>) => EcmCommand): Promise<Value> {
    const reply = await a.system.ask<EcmCommand, EcmReply<Value>>(ecm as Ref<EcmCommand>, make, 30_000);
    if (!reply.ok) throw Object.assign(new Error(reply.failure.message), {code: reply.failure.code});
    return reply.value;
  }
  const reserved = {memoryBytes: 1024, cores: 0.5, instances: 1};
  return {
    lab,
    ecm: b.ecm as Ref<EcmMessage>,
    engines: a.engines,
    ask,
    reserved,
    launch: (engineId: string) =>
      a.engines.launch(
        {...launchOf('shell', engineId), tenant: 'red', version: '1', reserved, fence: 3},
        launchTimeoutMs,
      ),
  };
}

const codeIs = (code: number) => ({message: /./, code}) as never;

test('a listing says what the engines are, have and use, and what the host gives', async t => {
  const {ask, launch, reserved} = await world(t);
  const engine = await launch('e-1');
  await engine.execute(taskOf('sleep 300'));
  const listing = await eventually('its figures are listed', async () => {
    const found = await ask<EcmListing>(replyTo => ({type: 'list', replyTo}));
    return found.engines[0]?.metrics === undefined ? undefined : found;
  });
  t.like(listing.engines[0], {engineId: 'e-1', tenant: 'red', version: '1', reserved, jobCount: 1});
  t.true((listing.engines[0]?.startedAt ?? 0) > 0);
  t.true((listing.engines[0]?.metrics?.processes ?? 0) >= 2);
  t.deepEqual(listing.reserved, reserved);
  t.is(listing.health, 'Healthy');
  t.is(listing.capacity?.instances, 10);
  await engine.shutdown(0);
});

test('an engine that another node owns is ended with its job; its owner learns of both, and what was reserved is free', async t => {
  const {ask, launch, reserved} = await world(t);
  const engine = await launch('e-1');
  await engine.execute(taskOf('(setsid sleep 300 &); echo up; sleep 300'));
  const followed = followToEnd(engine);
  await eventually('it runs', async () => {
    const figures = await ask<EngineMetrics>(replyTo => ({
      type: 'getEngineMetrics',
      engineId: 'e-1',
      replyTo,
    }));
    return figures.processes >= 4 ? figures : undefined;
  });
  const receipt = await ask<KillReceipt>(replyTo => ({
    type: 'terminateEngineConnection',
    engineId: 'e-1',
    graceMs: 2000,
    replyTo,
  }));
  t.is((await followed).end.outcome, 'killed');
  await engine.confirm(1, 1);
  t.truthy((await engine.exited).reason);
  t.deepEqual(receipt.returned, reserved);
  t.true(receipt.processesEnded >= 4, `${receipt.processesEnded}`);
  t.is(receipt.signals[0], 'SIGTERM');
  const listing = await ask<EcmListing>(replyTo => ({type: 'list', replyTo}));
  t.deepEqual(listing.reserved, {memoryBytes: 0, cores: 0, instances: 0});
  await t.throwsAsync(
    ask<KillReceipt>(replyTo => ({type: 'terminateEngineConnection', engineId: 'e-1', graceMs: 0, replyTo})),
    codeIs(20956),
  );
});

test('a manager that is out of date ends nothing; an engine nobody knows is said to be so', async t => {
  const {ask, launch} = await world(t);
  const engine = await launch('e-1');
  const end = (engineId: string, fence: number) =>
    ask<KillReceipt>(replyTo => ({type: 'terminateEngineConnection', engineId, graceMs: 0, fence, replyTo}));
  await t.throwsAsync(end('e-1', 2), codeIs(20982));
  await t.throwsAsync(end('nobody', 3), codeIs(20951));
  await engine.execute(taskOf('echo still here'));
  t.is((await followToEnd(engine)).log, 'still here\n');
  await engine.confirm(1, 1);
  await engine.shutdown(0);
});

test('figures of one engine, now, and of all', async t => {
  const {ask, launch, reserved} = await world(t);
  const one = await launch('e-1');
  const other = await launch('e-2');
  const metrics = await ask<EngineMetrics>(replyTo => ({type: 'getEngineMetrics', engineId: 'e-1', replyTo}));
  t.true(metrics.rssBytes > 1024 * 1024);
  t.true(metrics.processes >= 1);
  const all = await ask<readonly EngineUsage[]>(replyTo => ({type: 'reportEngineResourceUsage', replyTo}));
  t.deepEqual(all.map(({engineId}) => engineId).toSorted(), ['e-1', 'e-2']);
  t.deepEqual(all[0]?.reserved, reserved);
  const [only] = await ask<readonly EngineUsage[]>(replyTo => ({
    type: 'reportEngineResourceUsage',
    engineId: 'e-1',
    replyTo,
  }));
  t.is(only?.engineId, 'e-1');
  t.truthy(only?.metrics);
  await t.throwsAsync(
    ask<EngineMetrics>(replyTo => ({type: 'getEngineMetrics', engineId: 'nobody', replyTo})),
    codeIs(20951),
  );
  await Promise.all([one.shutdown(0), other.shutdown(0)]);
});

test('the log of an engine, while it lives and after; of none there is none', async t => {
  const {ask, launch, lab} = await world(t);
  const engine = await launch('e-1');
  const log = (engineId: string, more: Partial<EngineLogRequest> = {}) =>
    ask<EngineLogPage>(replyTo => ({type: 'engineLog', engineId, request: {...request, ...more}, replyTo}));
  await appendFile(join(lab.enginesDirectory, 'e-1/host.log'), 'by the host\n');
  await engine.execute(taskOf('echo by the job'));
  await followToEnd(engine);
  t.deepEqual((await log('e-1')).logs, ['by the host', 'by the job']);
  await engine.confirm(1, 1);
  await engine.shutdown(0);
  await engine.exited;
  t.deepEqual((await log('e-1', {lastRows: 5})).logs, ['by the host']);
  await t.throwsAsync(log('nobody'), codeIs(20951));
});

test('a node that was taken out gets no engine; whoever wants one waits until it is back', async t => {
  const {ask, launch} = await world(t);
  const set = (health: 'Healthy' | 'UnHealthy') =>
    ask<void>(replyTo => ({type: 'setHealth', health, description: 'moved to another rack', replyTo}));
  await set('UnHealthy');
  const listing = await ask<EcmListing>(replyTo => ({type: 'list', replyTo}));
  t.is(listing.health, 'UnHealthy');
  t.is(listing.description, 'moved to another rack');
  t.regex(listing.healthReason ?? '', /administrator.*another rack/);
  let isThere = false;
  const launching = launch('e-1').then(engine => {
    isThere = true;
    return engine;
  });
  const {count} = await eventually('it was asked for', async () => {
    const {engines} = await ask<EcmListing>(replyTo => ({type: 'list', replyTo}));
    return {count: engines.length};
  });
  t.is(count, 0);
  t.false(isThere);
  await set('Healthy');
  await (await launching).shutdown(0);
});

test('an engine goes where a host is fit, also from a node whose own is not', async t => {
  const mesh = createMesh();
  const nodeOf = (instance: string) =>
    startEcmNode({
      mesh,
      instance,
      incarnation: `inc-${instance}`,
      driver: createEngineWorld(clock).driver(),
      clock,
    });
  const [a, b] = await Promise.all([nodeOf('a:1'), nodeOf('b:1')]);
  t.teardown(() => Promise.all([a.die(), b.die()]));
  a.ecm?.tell({type: 'setHealth', health: 'UnHealthy', replyTo: {path: '/x', uid: 1, tell: () => true}});
  await a.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await a.engines.launch(launchOf('shell', 'e-2'), launchTimeoutMs);
  t.deepEqual(await a.held(), []);
  t.deepEqual(await b.held(), ['e-1', 'e-2']);
});

test('an engine that is still being started is ended as soon as it is there, or its failure is the answer', t => {
  const ref = {path: '/somebody', uid: 1, tell: () => true};
  let state = emptyEcm({
    self: {instance: 'b:1', incarnation: 'inc-b'},
    engineTypes: ['shell'],
    enginesMax: 2,
    orphanIdleMs: 1,
    orphanBusyMs: 1,
    shutdownGraceMs: 1,
  });
  const tell = (message: EcmMessage) => {
    const decision = decideEcm(state, message);
    ({state} = decision);
    return decision.effects;
  };
  const holder = {incarnation: 'inc-a', grip: 1};
  tell({type: 'adopted', engines: [], order: {type: 'adoptOwn'}});
  for (const engineId of ['e', 'f']) {
    tell({
      type: 'launch',
      engineId,
      launch: launchOf('shell', engineId),
      timeoutMs: 1,
      holder,
      owner: ref,
      replyTo: ref,
    });
    t.deepEqual(tell({type: 'terminateEngineConnection', engineId, graceMs: 7, replyTo: ref}), []);
  }
  const effects = tell({type: 'launched', engineId: 'e', engine: {engineId: 'e'} as LocalEngine});
  t.deepEqual(
    effects.map(({type}) => type),
    ['watch', 'report', 'terminate'],
  );
  const failure = {code: 1, message: '', retryable: true};
  t.is(tell({type: 'launchFailed', engineId: 'f', failure}).length, 2);
});

const valid: Readonly<Record<string, unknown>> = {
  terminateEngineConnection: {engineId: 'e', graceMs: 1},
  getEngineMetrics: {engineId: 'e'},
  reportEngineResourceUsage: {},
  engineLog: {engineId: 'e', request},
  setHealth: {health: 'WARN'},
};
const refused: readonly (readonly [string, object])[] = [
  ['terminateEngineConnection', {engineId: '../e'}],
  ['terminateEngineConnection', {graceMs: -1}],
  ['terminateEngineConnection', {fence: 'x'}],
  ['getEngineMetrics', {engineId: ''}],
  ['reportEngineResourceUsage', {engineId: 'a/b'}],
  ['engineLog', {engineId: '..'}],
  ['engineLog', {request: {...request, logType: '../../etc/passwd'}}],
  ['engineLog', {request: {...request, fromLine: -1}}],
  ['engineLog', {request: {...request, onlyKeywords: Array.from({length: 21}, () => 'x')}}],
  ['engineLog', {request: {...request, ignoreKeywords: ['x'.repeat(257)]}}],
  ['setHealth', {health: 'Fine'}],
  ['setHealth', {description: 'x'.repeat(1001)}],
];

test('only well-formed commands are taken from another node', t => {
  const replyTo = {path: '/x', uid: 1, tell: () => true};
  for (const [type, fields] of Object.entries(valid)) {
    t.true(ecmKey.accepts({type, replyTo, ...(fields as object)}), type);
    t.false(ecmKey.accepts({type, ...(fields as object)}), `${type} without anybody to answer to`);
  }
  for (const [type, wrong] of refused) {
    t.false(
      ecmKey.accepts({type, replyTo, ...(valid[type] as object), ...wrong}),
      `${type} ${JSON.stringify(wrong)}`,
    );
  }
});
