/** Resources in use, as the console's pages read them. */
import test from 'ava';
import {engineView, load, resourceUse} from '../support/memory-engines.ts';
import {startManager} from '../support/manager-world.ts';

test('how full one’s quotas are is the contract’s example: texts with two digits', async t => {
  const {ask, engines} = await startManager(t);
  engines.live.delete('e-busy');
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/userresources');
  t.deepEqual(body, {
    method: null,
    status: 0,
    message: 'OK',
    data: {
      userResources: [
        {
          userCreator: '(alice,IDE)',
          percent: '0.10',
          engineTypes: [{engineType: '(shell,1)', percent: '0.10'}],
        },
      ],
    },
  });
});

test('each creator has its types, and the fullest counts', async t => {
  const {ask, engines} = await startManager(t);
  engines.live.set('e-app', engineView('e-app', {creator: 'app'}));
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/userresources', {});
  t.deepEqual(body.data['userResources'], [
    {
      userCreator: '(alice,IDE)',
      engineTypes: [
        {engineType: '(shell,1)', percent: '0.10'},
        {engineType: '(python,python3)', percent: '0.25'},
      ],
      percent: '0.25',
    },
    // No quota of it is known: it fills nothing.
    {userCreator: '(alice,app)', engineTypes: [{engineType: '(shell,1)', percent: '0.00'}], percent: '0.00'},
  ]);
});

test('the engines of a pair that was answered are never an empty list, and look like the contract’s example', async t => {
  const {ask, engines, idle} = await startManager(t);
  engines.live.set('e-idle', engineView('e-idle', {startedAt: Date.parse('2024-05-01T02:20:00Z')}));
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/applicationlist', {
    userCreator: '(alice,IDE)',
    engineType: '(shell,1)',
  });
  const amount = (gigabytes: number) => ({
    memory: gigabytes * 1_073_741_824,
    cores: gigabytes,
    instances: gigabytes,
    instance: gigabytes,
  });
  t.is(body.method, null);
  t.deepEqual(body.data, {
    applications: [
      {
        creator: 'IDE',
        applicationList: {
          usedResource: amount(1),
          maxResource: amount(10),
          minResource: amount(0),
          lockedResource: amount(0),
          engineInstances: [
            {
              creator: 'IDE',
              engineType: 'shell',
              instance: idle,
              label: 'shell-1',
              resource: {resourceType: 'LoadInstance', usedResource: amount(1)},
              status: 'Unlock',
              startTime: 'Wed May 01 02:20:00 GMT 2024',
              owner: 'alice',
            },
          ],
        },
      },
    ],
  });
  const all = await ask('alice', 'POST', 'linkisManager/rm/applicationlist', {userCreator: '(alice,IDE)'});
  const [application] = all.body.data['applications'] as {
    applicationList: {engineInstances: object[]; maxResource: object};
  }[];
  t.is(application?.applicationList.engineInstances.length, 2);
  t.deepEqual(application?.applicationList.maxResource, amount(14));
});

test('an engine that is starting counts as locked, not as used', async t => {
  const {ask, engines} = await startManager(t);
  engines.live.set('e-idle', engineView('e-idle', {status: 'Starting', pid: null}));
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/applicationlist', {
    userCreator: '(alice,IDE)',
    engineType: '(shell,1)',
  });
  const [application] = body.data['applications'] as {applicationList: object}[];
  t.like(application?.applicationList, {usedResource: {instance: 0}, lockedResource: {instance: 1}});
  const list = await ask('alice', 'POST', 'linkisManager/rm/engines');
  t.like((list.body.data['engines'] as object[])[0], {
    engineStatus: 'Starting',
    preUsedResource: {instance: 1},
  });
});

test('one’s own engines are listed flat, and the key is absent when there are none', async t => {
  const {ask, busy} = await startManager(t);
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/engines');
  t.deepEqual(Object.keys((body.data['engines'] as object[])[1] ?? {}), [
    'applicationName',
    'engineInstance',
    'creator',
    'engineType',
    'labels',
    'usedResource',
    'engineStatus',
  ]);
  t.like((body.data['engines'] as object[])[1], {
    applicationName: 'linkis-cg-engineconn',
    engineInstance: busy,
    engineStatus: 'Busy',
  });
  t.deepEqual((await ask('root', 'POST', 'linkisManager/rm/engines')).body.data, {});
});

test('administrators page through what everybody has in use', async t => {
  const {ask, engines} = await startManager(t);
  const list = async (query = '') =>
    (await ask('root', 'GET', `linkisManager/rm/allUserResource?${query}`)).body.data as {
      resources: Record<string, unknown>[];
      total: number;
    };
  const all = await list();
  t.is(all.total, 3);
  t.deepEqual(
    all.resources.map(({id, username, engineTypeWithVersion, loadResourceStatus}) => [
      id,
      username,
      engineTypeWithVersion,
      loadResourceStatus,
    ]),
    [
      [1, 'alice', 'python-python3', 'normal'],
      [2, 'alice', 'shell-1', 'normal'],
      [3, 'bob', 'shell-1', 'critical'],
    ],
  );
  t.like(all.resources[1], {
    creator: 'IDE',
    resourceType: 'LoadInstance',
    maxResource: {instance: 10},
    usedResource: {instance: 1},
    leftResource: {instance: 9},
  });
  t.is((await list('username=bob')).total, 1);
  t.is((await list('engineType=shell')).total, 2);
  const second = await list('size=2&page=2');
  t.deepEqual([second.total, second.resources.length, second.resources[0]?.['id']], [3, 1, 3]);
  engines.uses.push(resourceUse({user: 'carl', used: load(8.5, 1, 1)}));
  t.is((await list('username=carl')).resources[0]?.['loadResourceStatus'], 'warn');
});

test('refusals have Linkis’ numbers', async t => {
  const {ask} = await startManager(t);
  t.regex((await ask('alice', 'GET', 'linkisManager/rm/allUserResource')).body.message, /120010/);
  t.regex((await ask('alice', 'DELETE', 'linkisManager/rm/resetResource')).body.message, /120011/);
  t.is(
    (await ask('alice', 'GET', 'linkisManager/reset-resource')).body.message,
    'Only Admin Can Use Reset Resource (重置资源仅管理员使用)',
  );
});

test('a reset changes nothing, answers as Linkis, and is noted', async t => {
  const {ask, engines, audit} = await startManager(t);
  const before = JSON.stringify(engines.uses);
  t.is((await ask('root', 'DELETE', 'linkisManager/rm/resetResource?resourceId=2')).body.message, 'success');
  t.is((await ask('root', 'GET', 'linkisManager/reset-resource?username=alice')).body.status, 0);
  t.is(JSON.stringify(engines.uses), before);
  t.deepEqual(
    audit.rows.filter(({action}) => action === 'resourcesReset').map(({target}) => target),
    ['2', 'alice'],
  );
});

test('there are no queues, and what asks for one gets an empty one', async t => {
  const {ask} = await startManager(t);
  t.deepEqual((await ask('alice', 'POST', 'linkisManager/rm/queues')).body.data, {queues: []});
  const {body} = await ask('alice', 'POST', 'linkisManager/rm/queueresources', {
    queuename: 'default',
    clustername: 'x',
    clustertype: 'Yarn',
  });
  t.deepEqual(Object.keys(body.data).toSorted(), ['queueInfo', 'userResources']);
  t.like(body.data['queueInfo'], {
    maxResources: {memory: 0, cores: 0},
    usedPercentage: {memory: 0, cores: 0},
    maxApps: 0,
  });
  const batch = await ask('alice', 'POST', 'linkisManager/rm/batchqueueresources', {queueNames: ['a', 'b']});
  t.deepEqual(Object.keys(batch.body.data['queueInfos'] as object), ['a', 'b']);
  const none = await ask('alice', 'POST', 'linkisManager/rm/batchqueueresources', {});
  t.is(none.body.message, 'queueNames parameter is required');
});

test('whether there is room is told by the quota and by the hosts', async t => {
  const {ask, engines} = await startManager(t);
  const predict = async (query: string) =>
    (await ask('alice', 'GET', `linkisManager/task-prediction?creator=IDE&${query}`)).body;
  t.like((await predict('engineType=shell-1&tenant=blue')).data, {
    tenant: 'blue',
    userResource: {instance: 9},
    ecmResource: {instance: 49},
    yarnResource: null,
    checkResult: true,
  });
  engines.uses.splice(0, 1, resourceUse({used: load(10, 10, 10)}));
  t.false((await predict('engineType=shell')).data['checkResult']);
  t.true((await predict('engineType=python')).data['checkResult']);
  t.like((await predict('engineType=spark')).data, {ecmResource: null, checkResult: false});
  for (const host of engines.hosts.values()) engines.hosts.set(host.instance, {...host, health: 'UnHealthy'});
  t.false((await predict('engineType=python')).data['checkResult']);
  t.is((await predict('')).status, 1);
});

test('engine types and versions are those of the installation', async t => {
  const {ask} = await startManager(t);
  const get = async (path: string) => (await ask('root', 'GET', `engineplugin/${path}`)).body;
  t.is((await get('list')).method, null);
  t.like((await get('list?ecType=py')).data, {
    totalPage: 1,
    queryList: [{engineConnType: 'python', version: 'python3'}],
  });
  t.deepEqual((await get('getTypeList')).data, {typeList: ['shell', 'python']});
  t.deepEqual((await get('getTypeVersionList/python')).data, {queryList: ['python3']});
  t.deepEqual((await get('getTypeVersionList/spark')).data, {queryList: []});
  t.is(((await get('getVersionList?ecType=shell')).data['versionList'] as object[]).length, 1);
  t.regex((await get('refreshAll')).message, /not uploaded, changed or removed here/);
});
