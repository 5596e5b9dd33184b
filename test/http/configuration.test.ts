/** `configuration/*`: what the console's settings page reads and saves, and who may. */
import test from 'ava';
import {rowsOf, startConfigurationFacade} from '../support/configuration-world.ts';

const instances = 'wds.linkis.rm.instance';
const password = 'wds.linkis.jdbc.password';
const ofShell = 'configuration/getFullTreesByAppName?creator=IDE&engineType=shell&version=1';
const ofJdbc = 'configuration/getFullTreesByAppName?creator=IDE&engineType=jdbc&version=4';

type Setting = Record<string, unknown>;
type Tree = {name: string; settings: Setting[]}[];

const settingOf = (data: Record<string, unknown>, key: string): Setting =>
  (data['fullTree'] as Tree).flatMap(({settings}) => settings).find(each => each['key'] === key) ?? {};

test('categories are creators with their engine types, named in the reader’s language', async t => {
  const {ask} = await startConfigurationFacade(t);
  const {method, data} = await ask('alice', 'configuration/getCategory');
  t.is(method, '/api/configuration/getCategory');
  const [everywhere, ide] = rowsOf(data, 'Category');
  t.is(everywhere?.['categoryName'], '全局设置');
  t.like(ide, {categoryName: 'IDE', level: 1, fatherCategoryName: null, description: null, tag: null});
  t.deepEqual(
    rowsOf(ide ?? {}, 'childCategory').map(({categoryName, fatherCategoryName, level}) => [
      categoryName,
      fatherCategoryName,
      level,
    ]),
    [
      ['shell-1', 'IDE', 2],
      ['jdbc-4', 'IDE', 2],
    ],
  );
  const english = await ask('alice', 'configuration/getCategory', undefined, {
    headers: {'content-language': 'en'},
  });
  t.is(rowsOf(english.data, 'Category')[0]?.['categoryName'], 'GlobalSettings');
});

test('a page has the keys of its engine type with what holds, and one’s own values', async t => {
  const {ask} = await startConfigurationFacade(t);
  const {data} = await ask('alice', ofShell);
  t.deepEqual(
    (data['fullTree'] as Tree).map(({name}) => name),
    ['resources', 'queue', 'tree'],
  );
  t.deepEqual(Object.keys(settingOf(data, instances)).toSorted(), [
    'boundaryType',
    'configLabelId',
    'configValue',
    'defaultValue',
    'description',
    'engineType',
    'id',
    'isAdvanced',
    'isHidden',
    'isUserDefined',
    'key',
    'level',
    'name',
    'specialLimit',
    'templateRequired',
    'treeName',
    'unit',
    'validateRange',
    'validateType',
    'valueId',
  ]);
  t.like(settingOf(data, instances), {
    defaultValue: '9',
    configValue: null,
    isUserDefined: false,
    engineType: 'shell',
  });
  t.is(settingOf(data, 'wds.linkis.engineconn.java.driver.memory')['defaultValue'], '512M');
  const english = await ask('alice', ofShell, undefined, {headers: {'content-language': 'en'}});
  t.is(settingOf(english.data, 'wds.linkis.engineconn.java.driver.memory')['name'], 'Memory (en)');
  for (const creator of ['全局设置', '通用设置', 'GlobalSettings']) {
    // oxlint-disable-next-line no-await-in-loop
    const global = await ask(
      'alice',
      `configuration/getFullTreesByAppName?creator=${encodeURIComponent(creator)}`,
    );
    t.is(settingOf(global.data, instances)['engineType'], '', creator);
  }
});

test('a page that is saved changes what was changed, for its user alone', async t => {
  const {ask, service, store} = await startConfigurationFacade(t);
  const {data} = await ask('alice', ofShell);
  const fullTree = data['fullTree'] as Tree;
  const unchanged = await ask('alice', 'configuration/saveFullTree', {
    fullTree,
    creator: 'IDE',
    engineType: 'shell-1',
  });
  t.is(unchanged.status, 0);
  settingOf(data, instances)['configValue'] = '9';
  await ask('alice', 'configuration/saveFullTree', {fullTree, creator: 'IDE', engineType: 'shell-1'});
  t.deepEqual((await store.tables()).values, [], 'what holds anyway is not copied');
  settingOf(data, instances)['configValue'] = 4;
  const saved = await ask('alice', 'configuration/saveFullTree', {
    fullTree,
    creator: 'IDE',
    engineType: 'shell-1',
  });
  t.is(saved.status, 0);
  t.is(saved.method, '/api/configuration/saveFullTree');
  t.is((await store.tables()).values.length, 1);
  t.is(service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'}).max.instances, 4);
  t.is(service.quotas.quotaOf({user: 'bob', creator: 'IDE', engineType: 'shell'}).max.instances, 9);
  const again = await ask('alice', ofShell);
  t.like(settingOf(again.data, instances), {configValue: '4', isUserDefined: true, defaultValue: '9'});
  settingOf(again.data, instances)['configValue'] = '';
  await ask('alice', 'configuration/saveFullTree', {
    fullTree: again.data['fullTree'],
    creator: 'IDE',
    engineType: 'shell-1',
  });
  t.deepEqual((await store.tables()).values, []);
});

test('a page saved for all creators stands under the user’s own label, whatever ids it names', async t => {
  const {ask, store, service} = await startConfigurationFacade(t);
  const {data} = await ask('root', 'configuration/getFullTreesByAppName?creator=GlobalSettings');
  await ask('root', 'configuration/keyvalue', {configKey: instances, configValue: '5', user: '*'});
  const [everybodys] = (await store.tables()).values;
  const setting = {
    ...settingOf(data, instances),
    configValue: '2',
    valueId: everybodys?.id,
    configLabelId: everybodys?.labelId,
    isUserDefined: true,
  };
  const answer = await ask('alice', 'configuration/saveFullTree', {
    fullTree: [{settings: [setting]}],
    creator: 'GlobalSettings',
  });
  t.is(answer.status, 0);
  const quota = (user: string) =>
    service.quotas.quotaOf({user, creator: 'IDE', engineType: 'shell'}).max.instances;
  t.deepEqual([quota('alice'), quota('bob')], [2, 5]);
});

for (const [why, body, message] of [
  [
    'an engine type without a version',
    {engineType: 'shell'},
    /14100.*saved engine type parameter is incorrect/,
  ],
  [
    'a value outside of its range',
    {value: '0'},
    /14100.*Parameter verification failed.*rm\.instance--NumInterval--\[1,10000\]--0/,
  ],
  ['more than one was given', {value: '10'}, /14103.*at most 9 for you, not 10/],
  ['a key that there is not', {key: 'no.such.key'}, /14100.*config key is null/],
  ['a key for administrators', {key: 'tenon.engine.warm'}, /14102.*tenon\.engine\.warm.*administrators only/],
  ['a creator with a dash', {creator: 'a-b'}, /14105/],
] as const) {
  test(`${why} is refused, and nothing changes`, async t => {
    const {ask, store} = await startConfigurationFacade(t);
    const {
      value = '5',
      key = instances,
      creator = 'IDE',
      engineType = 'shell-1',
    } = body as Record<string, string>;
    const answer = await ask('alice', 'configuration/saveFullTree', {
      fullTree: [{name: 'x', settings: [{key, configValue: value}]}],
      creator,
      engineType,
    });
    t.is(answer.httpStatus, 400);
    t.regex(answer.message, message);
    t.deepEqual((await store.tables()).values, []);
  });
}

test('spark.conf may name each setting once, and none that has a key', async t => {
  const {ask} = await startConfigurationFacade(t);
  const save = (text: string) =>
    ask('root', 'configuration/saveFullTree', {
      fullTree: [{settings: [{key: 'spark.conf', configValue: text}, {key: instances}]}],
      creator: 'IDE',
      engineType: 'shell-1',
    });
  t.regex((await save('a=1;a=2')).message, /Spark\.conf contains duplicate keys/);
  t.regex(
    (await save(`${instances}=2`)).message,
    /duplicated with the spark conf key , key :wds\.linkis\.rm\.instance/,
  );
});

test('a password is never shown again, and a page that comes back masked leaves it', async t => {
  const {ask, store, facade, service} = await startConfigurationFacade(t);
  const {data} = await ask('alice', ofJdbc);
  settingOf(data, password)['configValue'] = 'S3CRET';
  const body = {fullTree: data['fullTree'], creator: 'IDE', engineType: 'jdbc-4'};
  t.is((await ask('alice', 'configuration/saveFullTree', body)).status, 0);
  const shown = await ask('alice', ofJdbc);
  t.like(settingOf(shown.data, password), {configValue: '******', isUserDefined: true});
  await ask('alice', 'configuration/saveFullTree', {...body, fullTree: shown.data['fullTree']});
  const scope = {user: 'alice', creator: 'IDE', engineType: 'jdbc', version: '4'};
  t.is(service.lookup().valuesFor(password, scope)[0]?.text, 'S3CRET', 'whoever connects still has it');
  const asked = '&engineType=jdbc&version=4&creator=IDE';
  const answers = await Promise.all([
    ask('alice', `configuration/keyvalue?configKey=${password}${asked}`),
    ask('alice', 'configuration/userKeyValue?user=alice'),
    ask('root', 'configuration/userKeyValue'),
    ask('root', 'configuration/keyvalue', {...scope, configKey: password, configValue: 'S3CRET-2'}),
  ]);
  for (const answer of answers) {
    t.is(answer.status, 0);
    t.notRegex(JSON.stringify(answer), /S3CRET/);
    t.regex(JSON.stringify(answer), /\*{6}/);
  }
  t.notRegex(JSON.stringify(facade.logged), /S3CRET/);
  t.true(facade.logged.some(line => line['action'] === 'configurationChanged'));
  t.is((await store.tables()).values.length, 1);
});

test('the keys of an engine type, and the engine types', async t => {
  const {ask} = await startConfigurationFacade(t);
  const {data} = await ask('alice', 'configuration/getItemList?engineType=shell');
  t.deepEqual(rowsOf(data, 'itemList')[0], {
    key: instances,
    name: instances,
    description: `about ${instances}`,
    engineType: 'shell',
    validateType: 'NumInterval',
    validateRange: '[1,10000]',
    boundaryType: 0,
    defaultValue: '',
    require: 0,
  });
  const general = await ask('alice', 'configuration/getItemList?engineType=*');
  t.true(rowsOf(general.data, 'itemList').every(item => item['engineType'] === ''));
  t.is((await ask('alice', 'configuration/getItemList')).httpStatus, 400);
  const types = await ask('alice', 'configuration/engineType');
  t.deepEqual(types.data, {engineType: ['shell', 'python']});
  t.is(types.method, '/api/configuration/engineType');
});

test('nobody reads or saves without a login', async t => {
  const {facade} = await startConfigurationFacade(t);
  for (const path of [
    'getCategory',
    'keyvalue?configKey=x',
    'userKeyValue',
    'tenant-mapping/query-tenant-list',
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await facade.client().get(`/api/rest_j/v1/configuration/${path}`)).status, 401, path);
  }
  t.is((await facade.client().post('/api/rest_j/v1/configuration/saveFullTree', {fullTree: []})).status, 401);
  t.is((await facade.client().get('/api/rest_j/v1/rm/quota')).status, 401);
});
