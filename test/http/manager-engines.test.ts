/** Engines through Linkis' manager calls: the shapes its clients read, and what ends and changes. */
import test from 'ava';
import {engineView} from '../support/memory-engines.ts';
import {startManager, type ManagerWorld} from '../support/manager-world.ts';

const ec = 'linkis-cg-engineconn';
const ecm = 'linkis-cg-engineconnmanager';
const host = 'host-02.example.com:9102';

const noted = ({audit}: ManagerWorld) =>
  audit.rows
    .filter(({action}) => !action.startsWith('login'))
    .map(({action, user, target, outcome}) => [action, user, target, outcome]);

test('one’s own engines are nodes with the keys of Linkis', async t => {
  const {ask, busy} = await startManager(t);
  const {body} = await ask('alice', 'GET', 'linkisManager/listUserEngines');
  t.is(body.method, '/api/linkisManager/listUserEngines');
  const engines = body.data['engines'] as Record<string, unknown>[];
  t.is(engines.length, 2);
  t.deepEqual(Object.keys(engines[1] ?? {}).toSorted(), [
    'ecMetrics',
    'emnode',
    'identifier',
    'labels',
    'lock',
    'mark',
    'nodeDescription',
    'nodeHealthyInfo',
    'nodeOverLoadInfo',
    'nodeResource',
    'nodeStatus',
    'nodeTaskInfo',
    'owner',
    'params',
    'score',
    'serviceInstance',
    'startTime',
    'ticketId',
    'updateTime',
  ]);
  t.like(engines[1], {
    nodeStatus: 'Busy',
    owner: 'alice',
    ticketId: 'e-busy',
    startTime: 1_714_530_000_000,
    serviceInstance: {
      applicationName: ec,
      instance: busy,
      registryTimestamp: 0,
      mappingPorts: null,
      mappingHost: null,
    },
    nodeResource: {
      resourceType: 'LoadInstance',
      usedResource: {memory: 1_073_741_824, cores: 1, instances: 1, instance: 1},
    },
    nodeHealthyInfo: {nodeHealthy: 'Healthy', msg: ''},
  });
  const [label] = (engines[1]?.['labels'] ?? []) as object[];
  t.like(label, {
    labelKey: 'engineType',
    stringValue: 'python-python3',
    feature: 'CORE',
    featureKey: 'feature',
    empty: false,
    engineType: 'python',
    version: 'python3',
  });
});

test('the engines of a host are what its page reads, filtered as it asks', async t => {
  const world = await startManager(t);
  const list = async (more: object = {}) => {
    const {body} = await world.ask('root', 'POST', 'linkisManager/listEMEngines', {
      em: {serviceInstance: {applicationName: ecm, instance: host}},
      ...more,
    });
    return body.data['engines'] as Record<string, unknown>[];
  };
  const all = await list();
  t.deepEqual(
    all.map(({instance}) => instance),
    [world.idle, world.busy, world.bobs],
  );
  t.like(all[1], {
    emInstance: host,
    applicationName: ec,
    nodeStatus: 'Busy',
    nodeHealthy: 'Healthy',
    engineType: 'python',
    owner: 'alice',
    runningTasks: 1,
    usedMemory: 5_000_000,
    usedResource: {memory: 1_073_741_824, cores: 1, instances: 1, instance: 1},
    startTime: 1_714_530_000_000,
  });
  const owners = async (more: object) => (await list(more)).map(({owner}) => owner);
  t.deepEqual(await owners({owner: 'bob'}), ['bob']);
  t.deepEqual(await owners({nodeStatus: 'Busy'}), ['alice']);
  t.deepEqual(await owners({engineType: 'shell'}), ['alice', 'bob']);
  t.deepEqual(await owners({emInstance: 'e-bob'}), ['bob']);
  t.deepEqual(await owners({nodeStatus: '', engineType: null}), ['alice', 'alice', 'bob']);
  t.deepEqual(await list({em: {serviceInstance: {instance: 'host-03.example.com:9102'}}}), []);
  const unknown = await world.ask('root', 'POST', 'linkisManager/listEMEngines', {em: {nonsense: 1}});
  t.is(unknown.status, 400);
});

test('the names of the statuses are Linkis’', async t => {
  const {ask} = await startManager(t);
  const {body} = await ask('alice', 'GET', 'linkisManager/listAllNodeHealthyStatus');
  t.deepEqual(body.data['nodeStatus'], [
    'Starting',
    'Unlock',
    'Locked',
    'Idle',
    'Busy',
    'Running',
    'ShuttingDown',
    'Failed',
    'Success',
  ]);
});

test('an engine ends by the instance that the list showed, and the receipt tells what was done', async t => {
  const world = await startManager(t);
  const {body: list} = await world.ask('alice', 'GET', 'linkisManager/listUserEngines');
  const [first] = list.data['engines'] as {serviceInstance: {instance: string}}[];
  const {body} = await world.ask('alice', 'POST', 'linkisManager/killEngineConn', {
    applicationName: ec,
    instance: first?.serviceInstance.instance,
  });
  t.is(body.message, 'Kill engineConn succeed.');
  t.like((body.data['ended'] as object[])[0], {
    engineId: 'e-idle',
    receipt: {signals: ['SIGTERM', 'SIGKILL'], processesEnded: 2},
  });
  t.deepEqual(world.engines.ended, ['e-idle']);
  t.deepEqual(noted(world), [['engineKilled', 'alice', 'engine:e-idle', 'done']]);
  const row = world.audit.rows.at(-1);
  t.is(row?.before, '{"status":"Unlock"}');
  t.like(JSON.parse(row?.after ?? ''), {processesEnded: 2});
});

test('ending what ended before is no failure; what can’t be reached is one', async t => {
  const world = await startManager(t);
  const kill = async (instance: string) =>
    (await world.ask('alice', 'POST', 'linkisManager/killEngineConn', {applicationName: ec, instance})).body;
  t.is((await kill(`${host}_e-gone`)).status, 0);
  t.deepEqual(world.engines.ended, []);
  world.engines.live.delete('e-idle');
  const away = await kill(world.idle);
  t.is(away.status, 1);
  t.regex(away.message, /210003.*e-idle can't be reached/);
  const {body} = await world.ask('root', 'POST', 'linkisManager/rm/enginekill', [{engineInstance: 'x:1'}]);
  t.is(body.status, 0);
});

test('bodies that name nothing are refused with 21001', async t => {
  const {ask} = await startManager(t);
  for (const [body, parameter] of [
    [{applicationName: ' ', instance: 'x'}, 'applicationName'],
    [{applicationName: ec}, 'instance'],
    [{}, 'applicationName'],
    [{applicationName: ec, instance: null}, 'instance'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const {body: answer} = await ask('alice', 'POST', 'linkisManager/killEngineConn', body);
    t.is(
      answer.message,
      `error code(错误码): 21001, error message(错误信息): ${parameter} cannot be null(请求参数${parameter}不能为空).`,
    );
  }
  t.is((await ask('alice', 'POST', 'linkisManager/rm/enginekill', {not: 'a list'})).status, 400);
  t.is((await ask('alice', 'POST', 'linkisManager/rm/enginekill', [{engineInstance: ''}])).status, 400);
});

test('engines that are killed without waiting end all the same', async t => {
  const world = await startManager(t);
  const {body} = await world.ask('root', 'POST', 'linkisManager/rm/enginekillAsyn', {
    instances: [world.idle, world.bobs],
  });
  t.is(body.status, 0);
  while (world.engines.ended.length < 2) {
    // oxlint-disable-next-line no-await-in-loop
    await new Promise(resolve => {
      setImmediate(resolve);
    });
  }
  t.deepEqual(world.engines.ended.toSorted(), ['e-bob', 'e-idle']);
  for (const instances of [undefined, null, []]) {
    // oxlint-disable-next-line no-await-in-loop
    const none = await world.ask('root', 'POST', 'linkisManager/rm/enginekillAsyn', {instances});
    t.is(
      none.body.message,
      'instances is null in the parameters of the request(请求参数中【instances】为空)',
    );
  }
  const alice = await world.ask('alice', 'POST', 'linkisManager/rm/enginekillAsyn', {instances: ['x']});
  t.is(alice.body.message, 'User:alice has no permission to asyn kill engines.');
});

test('the idle engines of a host end, those at work stay', async t => {
  const {ask, engines} = await startManager(t);
  engines.live.set('e-far', engineView('e-far', {ecm: 'host-03.example.com:9102'}));
  const {body} = await ask('root', 'POST', 'linkisManager/rm/killUnlockEngineByEM', {instance: host});
  t.deepEqual(body.data['result'], {killEngineNum: 2, memory: 3 * 1_073_741_824, cores: 3});
  t.deepEqual(engines.ended.toSorted(), ['e-bob', 'e-idle']);
  t.deepEqual([...engines.live.keys()], ['e-busy', 'e-far']);
});

test('an engine that got work since it was listed is not ended as idle', async t => {
  const {ask, engines} = await startManager(t);
  const {engines: list} = engines;
  Object.assign(engines, {
    async engines() {
      const before = await list();
      for (const [id, engine] of engines.live) engines.live.set(id, {...engine, status: 'Busy'});
      return before;
    },
  });
  const {body} = await ask('root', 'POST', 'linkisManager/rm/killUnlockEngineByEM', {instance: host});
  t.deepEqual(body.data['result'], {killEngineNum: 0, memory: 0, cores: 0});
  t.deepEqual(engines.ended, []);
});

for (const [creator, engineType, ended] of [
  ['IDE', 'shell', ['e-idle']],
  ['IDE', 'shell-1', ['e-idle']],
  ['IDE', '', ['e-idle']],
  ['*', 'shell-1', ['e-idle']],
  ['IDE', 'shell-2', []],
  ['other', 'shell', []],
  ['IDE', 'python-python3', []],
] as const) {
  test(`changed settings of ${creator} and '${engineType}' end ${ended.join(', ') || 'nothing'} of alice’s`, async t => {
    const {ask, engines} = await startManager(t);
    const {body} = await ask('alice', 'POST', 'linkisManager/rm/killEngineByCreatorEngineType', {
      creator,
      engineType,
    });
    t.is(body.status, 0);
    t.deepEqual(engines.ended, [...ended]);
  });
}

test('health changes as the console sends it, with all labels and an empty word for no change', async t => {
  const world = await startManager(t);
  const {body: list} = await world.ask('root', 'POST', 'linkisManager/listEMEngines', {});
  const row = (list.data['engines'] as {instance: string; labels: object[]}[])[0];
  const modify = (more: object) =>
    world.ask('root', 'PUT', 'linkisManager/modifyEngineInfo', {
      applicationName: ec,
      instance: row?.instance,
      emStatus: 'Unlock',
      labels: row?.labels,
      ...more,
    });
  t.is(
    (await modify({nodeHealthy: ''})).body.message,
    'success to update engine information(更新引擎信息成功)',
  );
  t.is(world.engines.live.get('e-idle')?.health, 'Healthy');
  t.is((await modify({nodeHealthy: 'UnHealthy'})).body.status, 0);
  t.is(world.engines.live.get('e-idle')?.health, 'UnHealthy');
  t.deepEqual(noted(world).at(-1), ['engineChanged', 'root', 'engine:e-idle', 'done']);
  t.regex((await modify({nodeHealthy: 'WARN'})).body.message, /210003.*Healthy or UnHealthy/);
  t.regex(
    (await modify({labels: [...(row?.labels ?? []), {labelKey: 'engineType', stringValue: 'shell-1'}]})).body
      .message,
    /210003.*include repeat label/,
  );
  t.regex(
    (await modify({labels: [{labelKey: 'tenant', stringValue: 'red'}]})).body.message,
    /20682.*tenant of an engine can't become red/,
  );
  t.regex((await modify({instance: 'x:1'})).body.message, /20680/);
});

test('several engines become unhealthy at once, or none if one is not there', async t => {
  const {ask, engines, idle, bobs} = await startManager(t);
  const batch = (...instances: readonly string[]) =>
    ask('root', 'POST', 'linkisManager/batchSetEngineToUnHealthy', {
      instances: instances.map(instance => ({applicationName: ec, instance, engineType: 'shell'})),
    });
  t.is((await batch(idle, 'x:1')).body.status, 1);
  t.is(engines.live.get('e-idle')?.health, 'Healthy');
  const {body} = await batch(idle, bobs);
  t.is(body.message, 'success to update engine information(批量更新引擎健康信息成功)');
  t.deepEqual(
    ['e-idle', 'e-bob', 'e-busy'].map(id => engines.live.get(id)?.health),
    ['UnHealthy', 'UnHealthy', 'Healthy'],
  );
});

test('one engine is told live, with its metrics, or from its record', async t => {
  const {ask, busy} = await startManager(t);
  const get = async (body: object) =>
    (await ask('alice', 'POST', 'linkisManager/getEngineConn', {applicationName: ec, ...body})).body.data;
  const live = await get({instance: busy});
  t.like(live['engine'], {nodeStatus: 'Busy', ticketId: 'e-busy'});
  t.like(JSON.parse(String(live['ecMetrics'])), {rssBytes: 5_000_000, jobCount: 3, taskID: 7});
  const ended = await get({instance: 'unknown:1', ticketId: 'e-gone'});
  t.like(ended['engine'], {nodeStatus: 'Success', ticketId: 'e-gone', owner: 'alice', releaseTimes: 1});
});

test('calls that only read leave no row in the audit', async t => {
  const world = await startManager(t);
  for (const [path, body] of [
    ['linkisManager/listEMEngines', {}],
    ['linkisManager/getEngineConn', {applicationName: ec, instance: world.idle}],
    ['linkisManager/rm/userresources', undefined],
    ['linkisManager/rm/engines', undefined],
    ['linkisManager/rm/queues', {}],
    ['linkisManager/rm/applicationlist', {userCreator: '(root,IDE)'}],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await world.ask('root', 'POST', path, body)).body.status, 0, path);
  }
  t.deepEqual(noted(world), []);
});

test('without engines on this node there are no such calls', async t => {
  const {ask} = await startManager(t, {engines: undefined as never});
  t.is((await ask('root', 'GET', 'linkisManager/listUserEngines')).status, 404);
});

test('our own list tells all there is to know, and ends engines with a receipt', async t => {
  const world = await startManager(t);
  const {body} = await world.ask('root', 'GET', 'engines/list');
  t.deepEqual(
    (body.data['engines'] as object[])[1],
    JSON.parse(JSON.stringify(world.engines.live.get('e-busy'))) as object,
  );
  t.is(typeof body.data['at'], 'number');
  const killed = await world.ask('root', 'POST', 'engines/kill', {engine: 'e-busy'});
  t.like(killed.body.data, {
    engineId: 'e-busy',
    instance: world.busy,
    receipt: {processesEnded: 2, tookMs: 12, returned: {instances: 1}},
  });
  t.is(world.audit.rows.at(-1)?.before, '{"status":"Busy","taskID":7}');
  t.is((await world.ask('root', 'POST', 'engines/kill', {engine: 'e-busy'})).body.status, 1);
});
