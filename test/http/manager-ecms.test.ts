/** Engine managers, the logs of their engines, and engines that were. */
import test from 'ava';
import {startRoutingFacade} from '../support/routing-world.ts';
import {createMemoryEngines, ecmView, engineView} from '../support/memory-engines.ts';
import {createdAt, startManager} from '../support/manager-world.ts';

const ec = 'linkis-cg-engineconn';
const ecm = 'linkis-cg-engineconnmanager';
const host = 'host-02.example.com:9102';

test('the list of engine managers is the contract’s example', async t => {
  const {ask} = await startManager(t);
  const {body} = await ask('root', 'GET', 'linkisManager/listAllEMs?instance=host-02');
  const load = (memory: number, cores: number, instances: number) => ({
    memory,
    cores,
    instances,
    instance: instances,
  });
  const [node, ...more] = body.data['EMs'] as Record<string, unknown>[];
  t.deepEqual(more, []);
  const {labels, ...rest} = node ?? {};
  t.deepEqual(rest, {
    applicationName: ecm,
    instance: host,
    resourceType: 'LoadInstance',
    maxResource: load(107_374_182_400, 50, 50),
    minResource: load(0, 0, 0),
    usedResource: load(1_073_741_824, 1, 1),
    lockedResource: load(0, 0, 0),
    expectedResource: load(0, 0, 0),
    leftResource: load(106_300_440_576, 49, 49),
    owner: 'tenon',
    runningTasks: null,
    pendingTasks: null,
    succeedTasks: null,
    failedTasks: null,
    maxMemory: 134_217_728_000,
    usedMemory: 64_424_509_440,
    systemCPUUsed: 0.12,
    systemLeftMemory: 69_793_218_560,
    nodeHealthy: 'Healthy',
    msg: '',
    startTime: 1_714_520_000_000,
    description: null,
  });
  t.deepEqual((labels as object[])[0], {
    labelKey: 'emInstance',
    feature: 'OPTIONAL',
    featureKey: 'feature',
    empty: false,
    stringValue: `${ecm}-${host}`,
    modifiable: false,
    serviceName: ecm,
    instance: host,
    serviceInstance: {
      applicationName: ecm,
      instance: host,
      registryTimestamp: 0,
      mappingPorts: null,
      mappingHost: null,
    },
  });
  t.like((labels as object[])[1], {labelKey: 'tenant', stringValue: 'blue', modifiable: true});
});

test('engine managers are filtered, and in the order of their instances', async t => {
  const {ask} = await startManager(t);
  const list = async (query: string) =>
    ((await ask('root', 'GET', `linkisManager/listAllEMs?${query}`)).body.data['EMs'] as object[]).length;
  t.is(await list(''), 2);
  t.is(await list('tenantLabel=blu'), 1);
  t.is(await list('nodeHealthy=Healthy&owner='), 2);
  t.is(await list('nodeHealthy=WARN'), 0);
  t.is(await list('instance=host-03'), 1);
});

test('health, description and labels change, labels by way of the routing; the instance’s own label comes back unused', async t => {
  const engines = createMemoryEngines([], [ecmView({instance: 'b:9104', labels: {route: 'et1'}})]);
  const {facade, store} = await startRoutingFacade(t, {engines});
  const {cookie} = await facade.as('root');
  const put = async (body: object) => {
    const response = await fetch(`${facade.url}/api/rest_j/v1/linkisManager/modifyEMInfo`, {
      method: 'PUT',
      headers: {cookie, 'content-type': 'application/json'},
      body: JSON.stringify({applicationName: ecm, instance: 'b:9104', ...body}),
    });
    return (await response.json()) as {status: number; message: string};
  };
  t.like(
    await put({
      emStatus: 'UnHealthy',
      description: 'disk swapped',
      labels: [
        {labelKey: 'emInstance', stringValue: `${ecm}-b:9104`},
        {labelKey: 'route', stringValue: 'et2'},
      ],
    }),
    {status: 0, message: 'success'},
  );
  t.like(engines.hosts.get('b:9104'), {health: 'UnHealthy', description: 'disk swapped'});
  t.deepEqual(await store.labelsOf('b:9104'), {route: 'et2'});
  t.is((await put({emStatus: ''})).status, 0);
  t.deepEqual(await store.labelsOf('b:9104'), {route: 'et2'});
  for (const [body, message] of [
    [{emStatus: 'Sick'}, /210003.*emStatus must be one of/],
    [{instance: 'x:1'}, /20681.*no engine manager x:1/],
    [{emStatus: 'Healthy', labels: [{labelKey: 'route', stringValue: 'a-b'}]}, /25002/],
    [
      {
        labels: [
          {labelKey: 'route', stringValue: 'a'},
          {labelKey: 'route', stringValue: 'b'},
        ],
      },
      /210003.*include repeat labels/,
    ],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    t.regex((await put(body)).message, message);
  }
  t.is(engines.hosts.get('b:9104')?.health, 'UnHealthy');
});

test('the names of health are Linkis’, whether they are asked for as editable or not', async t => {
  const {ask} = await startManager(t);
  for (const query of ['?onlyEditable=true', '']) {
    // oxlint-disable-next-line no-await-in-loop
    const {body} = await ask('alice', 'GET', `linkisManager/listAllECMHealthyStatus${query}`);
    t.deepEqual(body.data['nodeHealthy'], [
      'Healthy',
      'UnHealthy',
      'WARN',
      'StockAvailable',
      'StockUnavailable',
    ]);
  }
});

test('a page of a log is what the console asks for, counted from 0 or from 1', async t => {
  const {ask, engines, idle} = await startManager(t);
  const open = async (parameters: object) =>
    (
      await ask('alice', 'POST', 'linkisManager/openEngineLog', {
        applicationName: ec,
        instance: idle,
        emInstance: 'somewhere:else',
        parameters,
      })
    ).body;
  const first = await open({logType: 'stdout', fromLine: 0, pageSize: 3, enableTail: false});
  t.deepEqual(first.data, {
    result: {logPath: '/engines/e-idle/stdout', logs: ['line 1', 'line 2', 'line 3'], endLine: 3, rows: 3},
    errorMsg: '',
    isError: false,
  });
  t.is(engines.logRequests[0]?.ecm, host);
  t.like(engines.logRequests[0]?.request, {fromLine: 1, enableTail: false});
  await open({logType: 'stdout', lastRows: '9000', ignoreKeywords: 'DEBUG, TRACE', onlyKeywords: ['x']});
  t.deepEqual(engines.logRequests[1]?.request, {
    logType: 'stdout',
    fromLine: 1,
    pageSize: 100,
    lastRows: 5000,
    enableTail: true,
    ignoreKeywords: ['DEBUG', 'TRACE'],
    onlyKeywords: ['x'],
  });
  t.regex((await open({logType: 'secrets'})).message, /210003.*logType must be one of stdout/);
  t.regex((await open({logType: 'stdout', fromLine: -1})).message, /210003.*fromLine must be a whole number/);
  t.regex(
    (await open({logType: 'gc'})).message,
    /ECM node :\[[^\]]+\]  does not exist, Unable to open engine log/,
  );
});

test('an administrator reads the log of an engine without a record, by its directory and host; and that is noted', async t => {
  const {ask, engines, audit} = await startManager(t);
  engines.logs.set('e-lost/stdout', ['found']);
  const {body} = await ask('root', 'POST', 'linkisManager/openEngineLog', {
    applicationName: ec,
    instance: 'x:1',
    emInstance: host,
    parameters: {logType: 'stdout', logDirSuffix: 'e-lost'},
  });
  t.like(body.data['result'], {logs: ['found']});
  t.like(audit.rows.at(-1), {action: 'readAsAdministrator', target: 'engine:e-lost', user: 'root'});
});

test('a download is the whole log as a file, page after page', async t => {
  const {ask, engines, idle} = await startManager(t);
  const query = `instance=${encodeURIComponent(idle)}&logDirSuffix=e-idle&logType=stdout`;
  const {headers, text} = await ask(
    'alice',
    'GET',
    `engineconnManager/downloadEngineLog?emInstance=${host}&${query}`,
  );
  t.is(text, Array.from({length: 12_000}, (_, n) => `line ${n + 1}\n`).join(''));
  t.is(engines.logRequests.length, 3);
  t.is(headers.get('content-disposition'), 'attachment;filename=host-02.example.com_9102_e-idle_stdout.txt');
  const none = await ask(
    'alice',
    'GET',
    'engineconnManager/downloadEngineLog?logDirSuffix=e-idle&logType=gc',
  );
  t.is(none.body.status, 1);
  t.is((await ask('alice', 'GET', 'engineconnManager/downloadEngineLog?logType=stdout')).body.status, 1);
});

test('the log operation of an engine manager is offered, and says that others are not', async t => {
  const {ask} = await startManager(t);
  const run = async (parameters: object, who: 'alice' | 'bob' = 'alice') =>
    (
      await ask(who, 'POST', 'linkisManager/executeECMOperation', {
        applicationName: ecm,
        instance: host,
        parameters,
      })
    ).body;
  const log = {__operator_name__: 'engineConnLog', logType: 'stdout', pageSize: 2, logDirSuffix: 'e-idle'};
  t.like(await run(log), {data: {result: {rows: 2}, isError: false}});
  t.like(await run(log, 'bob'), {status: 0, data: {result: {}, isError: true}});
  t.regex((await run({__operator_name__: 'rm -rf'})).message, /210003.*is not offered/);
});

test('the record of an engine has Linkis’ keys; its resources are texts', async t => {
  const {ask} = await startManager(t);
  const {body} = await ask('alice', 'GET', 'linkisManager/ecinfo/get?ticketid=e-gone');
  t.is(body.method, '/api/linkisManager/ecinfo/get');
  t.deepEqual(body.data['ecResourceInfoRecord'], {
    id: 1,
    createUser: 'alice',
    labelValue: 'alice-IDE,shell-1',
    ticketId: 'e-gone',
    serviceInstance: `${host}_e-gone`,
    ecmInstance: host,
    requestTimes: 1,
    usedTimes: 1,
    releaseTimes: 1,
    usedTime: createdAt + 1000,
    createTime: createdAt,
    releaseTime: createdAt + 60_000,
    logDirSuffix: 'e-gone',
    status: 'Success',
    usedResource: '{"cores":1,"instance":1,"memory":1073741824}',
    requestResource: '{"cores":1,"instance":1,"memory":1073741824}',
    releasedResource: '{"cores":1,"instance":1,"memory":1073741824}',
    metrics: null,
  });
  const none = await ask('alice', 'GET', 'linkisManager/ecinfo/get?ticketid=nobody');
  t.is(none.body.message, 'tickedId not exist:nobody');
});

test('the list of engines that were is one’s own, an administrator’s is everybody’s or one user’s', async t => {
  const {ask} = await startManager(t);
  const list = async (who: 'alice' | 'root', query = '') => {
    const {body} = await ask(
      who,
      'GET',
      `linkisManager/ecinfo/ecrHistoryList?startDate=2024-04-30%2000:00:00&${query}`,
    );
    const engines = body.data['engineList'] as {ticketId: string}[];
    return [engines.map(({ticketId}) => ticketId), body.data['totalPage']];
  };
  t.deepEqual(await list('alice'), [['e-idle', 'e-gone'], 2]);
  t.deepEqual(await list('alice', 'creator=bob'), [['e-idle', 'e-gone'], 2]);
  t.deepEqual(await list('root'), [['e-idle', 'e-bobs-gone', 'e-gone'], 3]);
  t.deepEqual(await list('root', 'creator=bob'), [['e-bobs-gone'], 1]);
  t.deepEqual(await list('root', 'status=Success&pageNow=2&pageSize=1'), [['e-gone'], 2]);
  t.deepEqual(await list('root', `instance=${encodeURIComponent(`${host}_e-gone`)}`), [['e-gone'], 1]);
  t.deepEqual(await list('root', 'engineType=python'), [[], 0]);
  t.deepEqual(await list('root', 'engineType=shell-1&endDate=2024-04-30%2012:00:00'), [[], 0]);
  const today = await ask('alice', 'GET', 'linkisManager/ecinfo/ecrHistoryList');
  t.deepEqual(today.body.data, {engineList: [], totalPage: 0});
  const bad = await ask('root', 'GET', 'linkisManager/ecinfo/ecrHistoryList?creator=a%20b');
  t.regex(bad.body.message, /Invalid creator : a b/);
  t.regex(
    (await ask('root', 'GET', 'linkisManager/ecinfo/ecrHistoryList?startDate=yesterday')).body.message,
    /Invalid startDate : yesterday/,
  );
});

test('an element of the list has resources as objects', async t => {
  const {ask} = await startManager(t);
  const {body} = await ask(
    'root',
    'GET',
    'linkisManager/ecinfo/ecrHistoryList?startDate=2024-04-30%2000:00:00&creator=bob',
  );
  t.like((body.data['engineList'] as object[])[0], {
    createUser: 'bob',
    usedResource: {cores: 1, instance: 1, memory: 1_073_741_824},
    releasedResource: {cores: 1, instance: 1, memory: 1_073_741_824},
    engineType: 'shell',
    status: 'Success',
  });
});

test('a record is deleted with or without the brace, not while the engine lives, and that is noted', async t => {
  const {ask, records, audit} = await startManager(t);
  const live = await ask('alice', 'DELETE', 'linkisManager/ecinfo/delete/e-idle%7D');
  t.regex(live.body.message, /20683.*e-idle still runs/);
  const {body} = await ask('alice', 'DELETE', 'linkisManager/ecinfo/delete/e-gone}');
  t.like(body.data['ecResourceInfoRecord'], {ticketId: 'e-gone'});
  t.is(await records.find('e-gone'), undefined);
  t.like(audit.rows.at(-1), {action: 'engineRecordDeleted', target: 'engine:e-gone', outcome: 'done'});
  t.is((await ask('root', 'DELETE', 'linkisManager/ecinfo/delete/e-bobs-gone')).body.status, 0);
});

test('administrators list records by several filters', async t => {
  const {ask} = await startManager(t);
  const list = async (body: object) =>
    (await ask('root', 'POST', 'linkisManager/ecinfo/ecList', body)).body.data['ecList'] as object[];
  t.is((await list({creators: ['alice'], statuss: ['Success']})).length, 1);
  t.is((await list({engineTypes: ['shell'], creators: []})).length, 3);
  t.is((await list({ecInstances: ['x:1']})).length, 0);
});

test('an engine view without a record still has its log', async t => {
  const {ask, engines} = await startManager(t);
  engines.live.set('e-new', engineView('e-new'));
  engines.logs.set('e-new/stdout', ['hello']);
  const {body} = await ask('alice', 'GET', 'engines/log?engine=e-new&last=1');
  t.like(body.data, {logs: ['hello'], rows: 1});
});
