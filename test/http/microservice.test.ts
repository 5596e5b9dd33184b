/** `microservice/*`, with the router and its labels behind it. */
import test from 'ava';
import {startFacade, type FacadeWorld} from '../support/facade-world.ts';
import {startRoutingFacade} from '../support/routing-world.ts';

async function put(world: FacadeWorld, name: string, body: unknown) {
  const {cookie} = await world.as(name);
  const response = await fetch(`${world.url}/api/rest_j/v1/microservice/instanceLabel`, {
    method: 'PUT',
    headers: {'content-type': 'application/json', cookie},
    body: JSON.stringify(body),
  });
  return {status: response.status, body: (await response.json()) as Record<string, unknown>};
}

test('administrators see all instances with their labels, in the form of the console', async t => {
  const {facade} = await startRoutingFacade(t);
  const root = await facade.as('root');
  const {body} = await root.get('/api/rest_j/v1/microservice/allInstance');
  t.is(body.method, null);
  const instances = body.data['instances'] as Record<string, unknown>[];
  t.deepEqual(
    instances.map(({instance, applicationName}) => [instance, applicationName]),
    [
      ['a:9104', 'linkis-cg-entrance'],
      ['b:9104', 'linkis-cg-entrance'],
      ['c:9104', 'linkis-mg-gateway'],
    ],
  );
  t.deepEqual(instances[1], {
    id: 2,
    updateTime: 1,
    createTime: 1,
    applicationName: 'linkis-cg-entrance',
    instance: 'b:9104',
    labels: [
      {
        id: 1,
        labelKey: 'route',
        stringValue: 'et1',
        labelValueSize: 1,
        modifiable: true,
        feature: 'OPTIONAL',
        featureKey: 'feature',
        empty: false,
        updateTime: 1,
        createTime: 1,
      },
    ],
  });
});

test('others neither see instances nor set labels, and are told so with 14100', async t => {
  const {facade, store} = await startRoutingFacade(t);
  const alice = await facade.as('alice');
  const {status, body} = await alice.get('/api/rest_j/v1/microservice/allInstance');
  t.is(status, 400);
  t.regex(body.message, /14100.*Only admin can view all instances.*The user \[alice\] is not admin\.$/);
  const refused = await put(facade, 'alice', {applicationName: 'x', instance: 'a:9104', labels: []});
  t.regex(String(refused.body['message']), /14100.*Only admin can modify instance label/);
  t.deepEqual(await store.labelsOf('a:9104'), {});
});

test('labels that are set are in force when the answer comes; the mark offline and foreign keys stay out of it', async t => {
  const {facade, router, store, announced} = await startRoutingFacade(t);
  await store.register({instance: 'b:9104', name: 'linkis-cg-entrance'}, {offline: 'true'});
  const labels = [
    {labelKey: 'route', stringValue: 'et2'},
    {labelKey: 'weight', stringValue: '30'},
    {labelKey: 'secret', stringValue: 'dropped'},
  ];
  const {status, body} = await put(facade, 'root', {
    applicationName: 'linkis-cg-entrance',
    instance: 'b:9104',
    labels,
  });
  t.is(status, 200);
  t.like(body, {method: null, status: 0, message: 'success'});
  t.deepEqual(await store.labelsOf('b:9104'), {offline: 'true', route: 'et2', weight: '30'});
  t.deepEqual(router.current().members.find(({instance}) => instance === 'b:9104')?.labels, {
    offline: 'true',
    route: 'et2',
    weight: '30',
  });
  t.is(announced(), 1);
  t.true(facade.logged.some(line => line['action'] === 'labelsChanged' && line['instance'] === 'b:9104'));
});

for (const [why, labels, message] of [
  ['a route with a dash', [{labelKey: 'route', stringValue: 'a-b'}], /25002.*route=a-b.*no "-"/],
  ['a blank route', [{labelKey: 'route', stringValue: ' '}], /25008.*The label route has no value/],
  ['a userCreator of one part', [{labelKey: 'userCreator', stringValue: 'alice'}], /25002.*user-creator/],
  ['a weight over 100', [{labelKey: 'weight', stringValue: '101'}], /25002.*0 to 100/],
  [
    'a key twice',
    [
      {labelKey: 'route', stringValue: 'a'},
      {labelKey: 'route', stringValue: 'b'},
    ],
    /14100.*include repeat label/,
  ],
] as const) {
  test(`${why} is refused, and nothing changes`, async t => {
    const {facade, store} = await startRoutingFacade(t);
    const {status, body} = await put(facade, 'root', {
      applicationName: 'linkis-cg-entrance',
      instance: 'b:9104',
      labels,
    });
    t.is(status, 400);
    t.regex(String(body['message']), message);
    t.deepEqual(await store.labelsOf('b:9104'), {route: 'et1'});
  });
}

test('an instance that is not there is named, and none is made', async t => {
  const {facade, store} = await startRoutingFacade(t);
  const body = {applicationName: 'linkis-cg-entrance', instance: 'd:9104', labels: []};
  t.regex(
    String((await put(facade, 'root', body)).body['message']),
    /20937.*no instance d:9104.*a:9104, b:9104, c:9104/,
  );
  t.is((await store.instances()).length, 3);
  for (const [missing, text] of [
    [{instance: ''}, 'instance cannot be empty(实例名不能为空'],
    [{applicationName: ' '}, 'instance cannot be empty(实例类型不能为空'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await put(facade, 'root', {...body, ...missing})).body['message'], text);
  }
});

test('while the database is away labels are neither read nor set, and the answer says so', async t => {
  const {facade, store} = await startRoutingFacade(t);
  const root = await facade.as('root');
  store.isAway = true;
  const {body, headers} = await root.get('/api/microservice/allInstance');
  t.regex(body.message, /20052/);
  t.is(headers.get('retry-after'), '2');
});

test('the registry lists each service of each member', async t => {
  const {facade} = await startRoutingFacade(t);
  const alice = await facade.as('alice');
  const {body} = await alice.get('/api/rest_j/v1/microservice/serviceInstances?serviceName=ENTRANCE');
  const list = body.data['list'] as {instanceInfo: Record<string, unknown>}[];
  t.deepEqual(
    list.map(({instanceInfo}) => instanceInfo),
    ['a', 'b'].map(host => ({
      instanceId: `${host}:linkis-cg-entrance:9104`,
      app: 'LINKIS-CG-ENTRANCE',
      ipAddr: host,
      hostName: host,
      status: 'UP',
      port: 9104,
      metadata: host === 'b' ? {route: 'et1'} : {},
    })),
  );
  const {body: all} = await alice.get('/api/rest_j/v1/microservice/serviceInstances?hostName=a');
  t.is((all.data['list'] as unknown[]).length, 2);
});

test('what needs no router is there without one; the rest is not', async t => {
  const world = await startFacade(t);
  const root = await world.as('root');
  const {body} = await root.get('/api/rest_j/v1/microservice/modifiableLabelKey');
  const keys = body.data['keyList'] as string[];
  t.true(['route', 'userCreator', 'tenant', 'weight', 'sticky'].every(key => keys.includes(key)));
  for (const name of ['serviceRegistryURL', 'eurekaURL']) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await root.get(`/api/microservice/${name}`)).body.data['url'], 'http://gw.example.com:9001');
  }
  t.is((await root.get('/api/microservice/allInstance')).status, 404);
});
