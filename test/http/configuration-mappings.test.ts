/** Categories, tenants and addresses of users, under `configuration/`. */
import test from 'ava';
import {rowsOf, startConfigurationFacade, type ConfigurationWorld} from '../support/configuration-world.ts';

const path = (name: string): string => `configuration/${name}`;

async function categoriesOf({ask}: ConfigurationWorld) {
  const {data} = await ask('root', path('getCategory'));
  return rowsOf(data, 'Category');
}

test('a creator and its engine types are made, described and removed, with the values there', async t => {
  const world = await startConfigurationFacade(t);
  const {ask, store} = world;
  t.is(
    (await ask('root', path('createFirstCategory'), {categoryName: 'Lab', description: 'ours'})).status,
    0,
  );
  const lab = (await categoriesOf(world)).find(each => each['categoryName'] === 'Lab');
  t.like(lab, {description: 'ours', level: 1, childCategory: []});
  const categoryId = lab?.['categoryId'];
  const second = {categoryId, engineType: 'shell', version: '1', description: 'shells'};
  t.is((await ask('root', path('createSecondCategory'), second)).status, 0);
  t.is((await ask('root', path('createSecondCategory'), {...second, version: null})).status, 0);
  t.is(
    (await ask('root', path('updateCategoryInfo'), {categoryId, description: 'all ours', tag: 't'})).status,
    0,
  );
  const changed = (await categoriesOf(world)).find(each => each['categoryName'] === 'Lab');
  t.like(changed, {description: 'all ours', tag: 't'});
  t.deepEqual(
    rowsOf(changed ?? {}, 'childCategory').map(each => each['categoryName']),
    ['shell-1', 'shell-*'],
  );
  const value = {
    configKey: 'wds.linkis.rm.instance',
    configValue: '2',
    user: '*',
    creator: 'Lab',
    engineType: 'shell',
    version: '1',
  };
  await ask('root', path('keyvalue'), value);
  t.is((await store.tables()).values.length, 1);
  t.is((await ask('root', path('deleteCategory'), {categoryId})).status, 0);
  t.false((await categoriesOf(world)).some(each => each['categoryName'] === 'Lab'));
  t.is((await store.tables()).values.length, 0);
  t.false((await store.tables()).labels.some(({value: label}) => label.includes('Lab')));
});

test('categories that make no sense are refused with Linkis’ texts', async t => {
  const world = await startConfigurationFacade(t);
  const [everywhere, ide] = await categoriesOf(world);
  const ofIde = {categoryId: ide?.['categoryId'], engineType: 'shell', version: '1'};
  for (const [name, body, message] of [
    ['createFirstCategory', {categoryName: '', description: ''}, /14100.*CategoryName is null/],
    ['createFirstCategory', {categoryName: 'a-b', description: ''}, /CategoryName cannot be included '-'/],
    ['createFirstCategory', {categoryName: 'ide', description: ''}, /category name : ide is exist/],
    ['createFirstCategory', {categoryName: '*', description: ''}, /is exist/],
    ['createSecondCategory', {...ofIde, categoryId: 0}, /Creator is null/],
    ['createSecondCategory', {...ofIde, engineType: 'null'}, /Engine type is null/],
    ['createSecondCategory', {...ofIde, categoryId: 987}, /category id : 987 is not exist/],
    ['createSecondCategory', ofIde, /shell-1 is exist, cannot be created/],
    [
      'createSecondCategory',
      {...ofIde, categoryId: everywhere?.['categoryId']},
      /Global setting do not allow/,
    ],
    ['deleteCategory', {categoryId: 987}, /cannot find category, categoryId:987/],
    ['deleteCategory', {categoryId: everywhere?.['categoryId']}, /global settings are everybody/],
    ['updateCategoryInfo', {categoryId: 1}, /Incomplete request parameters/],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    t.regex((await world.ask('root', path(name), body)).message, message, name);
  }
});

const who = {user: 'alice', creator: 'IDE', desc: 'why', bussinessUser: 'boss'};

test('jobs of a user and creator get a tenant, which is listed, changed and removed', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  t.is((await ask('root', path('tenant-mapping/create-tenant'), {...who, tenantValue: 'blue'})).status, 0);
  t.is(service.lookup().tenantOf('alice', 'IDE'), 'blue');
  const check = await ask('root', path('tenant-mapping/check-user-creator?user=alice&creator=IDE'));
  t.deepEqual(check.data, {exist: true});
  const {data} = await ask(
    'root',
    path('tenant-mapping/query-tenant-list?user=alice&tenantValue=blue&pageNow=1&pageSize=9'),
  );
  t.is(data['totalPage'], 1);
  const [row] = rowsOf(data, 'tenantList');
  t.like(row, {...who, tenantValue: 'blue', isValid: 'Y'});
  t.is(typeof row?.['id'], 'string');
  const again = await ask('root', path('tenant-mapping/create-tenant'), {...who, tenantValue: 'red'});
  t.regex(
    again.message,
    /^Failed to create-tenant,msg:The mapping of user alice and creator IDE is there already/,
  );
  t.is((await ask('root', path('tenant-mapping/update-tenant'), {...row, tenantValue: 'red'})).status, 0);
  t.is(service.lookup().tenantOf('alice', 'IDE'), 'red');
  t.is((await ask('root', path(`tenant-mapping/delete-tenant?id=${String(row?.['id'])}`))).status, 0);
  t.is(service.lookup().tenantOf('alice', 'IDE'), '');
  t.regex(
    (await ask('root', path('tenant-mapping/delete-tenant?id=987'))).message,
    /Failed to delete-tenant,msg:there is no row/,
  );
});

test('addresses of a user and creator are kept, if they are addresses', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  const create = (ipList: string) => ask('root', path('user-ip-mapping/create-user-ip'), {...who, ipList});
  t.regex(
    (await create('10.0.0.1,nowhere')).message,
    /^Failed to create-user-ip,msg:nowhere,Illegal IP address/,
  );
  t.is((await create('10.0.0.1, ::1')).status, 0);
  t.is(service.lookup().userIpOf('alice', 'IDE')?.ipList, '10.0.0.1,::1');
  const {data} = await ask('root', path('user-ip-mapping/query-user-ip-list?pageNow=1&pageSize=9'));
  const [row] = rowsOf(data, 'userIpList');
  t.like(row, {...who, ipList: '10.0.0.1,::1'});
  t.is((await ask('root', path('user-ip-mapping/update-user-ip'), {...row, ipList: '*'})).status, 0);
  t.deepEqual((await ask('root', path('user-ip-mapping/check-user-creator?user=bob&creator=IDE'))).data, {
    exist: false,
  });
  t.is((await ask('root', path(`user-ip-mapping/delete-user-ip?id=${String(row?.['id'])}`))).status, 0);
  t.is(service.lookup().userIpOf('alice', 'IDE'), undefined);
});

for (const [name, body, message] of [
  ['tenant-mapping/create-tenant', {tenantValue: 'x', creator: ''}, "Application name can't be empty "],
  ['tenant-mapping/create-tenant', {tenantValue: 'x', user: ''}, "User name can't be empty "],
  ['tenant-mapping/create-tenant', {tenantValue: 'x', desc: ''}, "Description can't be empty "],
  ['tenant-mapping/create-tenant', {tenantValue: ''}, "Tenant tag can't be empty "],
  [
    'tenant-mapping/create-tenant',
    {tenantValue: 'x', user: '*', creator: '*'},
    'User && Creator cannot be both *',
  ],
  ['user-ip-mapping/create-user-ip', {ipList: ''}, "Ip List couldn't be empty "],
  ['user-ip-mapping/create-user-ip', {ipList: '*', user: null}, "User Name couldn't be empty "],
] as const) {
  test(`${name} without ${Object.keys(body).join(' or ')}: ${message}`, async t => {
    const {ask} = await startConfigurationFacade(t);
    const answer = await ask('root', path(name), {...who, ...body});
    t.is(answer.message, `Failed to ${name.split('/')[1] ?? ''},msg:${message}`);
  });
}

test('all of it is for administrators', async t => {
  const {ask, store} = await startConfigurationFacade(t);
  const before = await store.version();
  for (const [name, body] of [
    ['tenant-mapping/create-tenant', {...who, tenantValue: 'x'}],
    ['tenant-mapping/update-tenant', {...who, id: 1, tenantValue: 'x'}],
    ['tenant-mapping/delete-tenant?id=1', undefined],
    ['tenant-mapping/query-tenant-list', undefined],
    ['tenant-mapping/check-user-creator?user=a&creator=b', undefined],
    ['user-ip-mapping/create-user-ip', {...who, ipList: '*'}],
    ['user-ip-mapping/update-user-ip', {...who, id: 1, ipList: '*'}],
    ['user-ip-mapping/delete-user-ip?id=1', undefined],
    ['user-ip-mapping/query-user-ip-list', undefined],
    ['user-ip-mapping/check-user-creator?user=a&creator=b', undefined],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask('alice', path(name), body);
    t.regex(answer.message, /^Failed to [a-z-]+,msg: only administrators can configure$/, name);
  }
  t.is(await store.version(), before);
});
