/** `configuration/keyvalue`, `userKeyValue` and `baseKeyValue`. */
import test from 'ava';
import {rowsOf, startConfigurationFacade} from '../support/configuration-world.ts';

const instances = 'wds.linkis.rm.instance';
const shell = {engineType: 'shell', version: '1', creator: 'IDE'};
const keyvalue = 'configuration/keyvalue';
const asked = `${keyvalue}?configKey=${instances}&engineType=shell&version=1&creator=IDE`;

test('a user sets, reads and takes away an own value', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  const quota = () =>
    service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'}).max.instances;
  const saved = await ask('alice', keyvalue, {
    ...shell,
    configKey: instances,
    configValue: ' 3 ',
    user: 'alice',
  });
  t.is(saved.status, 0);
  t.like(saved.data['configValue'], {configValue: '3'});
  t.is(quota(), 3);
  const read = await ask('alice', asked);
  t.deepEqual(read.data['configValues'], [saved.data['configValue']]);
  t.deepEqual(Object.keys(rowsOf(read.data, 'configValues')[0] ?? {}).toSorted(), [
    'configKeyId',
    'configLabelId',
    'configValue',
    'createTime',
    'id',
    'updateTime',
  ]);
  const removed = await ask('alice', keyvalue, {...shell, configKey: instances}, {method: 'DELETE'});
  t.deepEqual(removed.data['configValues'], [saved.data['configValue']]);
  t.is(quota(), 9);
  t.deepEqual((await ask('alice', asked)).data['configValues'], []);
});

test('only administrators set, read and list what is somebody else’s', async t => {
  const {ask, store} = await startConfigurationFacade(t);
  const others = 'Only admin can modify other user configuration data';
  for (const user of ['bob', '*', '', undefined]) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask('alice', keyvalue, {...shell, configKey: instances, configValue: '2', user});
    t.deepEqual([answer.status, answer.message], [1, others], String(user));
  }
  const tenant = {configKey: 'tenon.tenant.weight', configValue: '9', user: 'alice', tenant: 'blue'};
  t.is((await ask('alice', keyvalue, tenant)).status, 1);
  t.deepEqual((await store.tables()).values, []);
  await ask('root', keyvalue, {...shell, configKey: instances, configValue: '2', user: 'bob'});
  t.is((await ask('alice', `${asked}&user=bob`)).status, 1);
  t.is((await ask('alice', `${asked}&tenant=blue`)).status, 1);
  t.is(
    (await ask('alice', keyvalue, {...shell, configKey: instances, user: 'bob'}, {method: 'DELETE'})).status,
    1,
  );
  t.is((await store.tables()).values.length, 1);
  for (const path of ['userKeyValue', 'userKeyValue?user=bob']) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask('alice', `configuration/${path}`);
    t.is(answer.message, 'Only admin can query other user configuration data');
  }
  const listed = await ask('root', 'configuration/userKeyValue?user=bob&creator=IDE&engineType=shell');
  t.is(listed.data['totalPage'], 1);
  t.like(rowsOf(listed.data, 'configValueList')[0], {
    key: instances,
    configValue: '2',
    labelValue: 'bob-IDE,shell-1',
    engineType: 'shell',
  });
  t.is((await ask('root', 'configuration/userKeyValue?user=alice')).data['totalPage'], 0);
  t.is((await ask('bob', 'configuration/userKeyValue?user=bob')).data['totalPage'], 1);
});

test('what an administrator gave is a user’s limit: it can be neither changed, nor taken away, nor passed', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  const quota = () =>
    service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'}).max.instances;
  await ask('root', keyvalue, {
    ...shell,
    configKey: instances,
    configValue: '20',
    user: 'alice',
    creator: '*',
  });
  t.is(quota(), 20, 'an administrator may give more than the node’s own setting');
  const own = (value: string, creator = 'IDE') =>
    ask('alice', keyvalue, {...shell, configKey: instances, configValue: value, user: 'alice', creator});
  t.is((await own('12')).status, 0);
  t.is(quota(), 12);
  t.regex((await own('21')).message, /14103.*at most 20 for you/);
  t.regex((await own('1', '*')).message, /14101.*administrator has set this value for alice-\*,shell-1/);
  const remove = await ask(
    'alice',
    keyvalue,
    {...shell, configKey: instances, creator: '*'},
    {method: 'DELETE'},
  );
  t.regex(remove.message, /14101/);
  t.is(quota(), 12);
  await ask('root', keyvalue, {
    ...shell,
    configKey: instances,
    configValue: '5',
    user: 'alice',
    creator: '*',
  });
  t.is(quota(), 5, 'the own 12 is cut');
});

test('a user’s values are for at most so many creators', async t => {
  const {ask, store} = await startConfigurationFacade(t);
  const key = (await store.tables()).keys.find(each => each.key === instances && each.engineType === '');
  await store.saveValues(
    Array.from({length: 200}, (_, n) => ({
      keyId: key?.id ?? 0,
      labelKey: 'combined_userCreator_engineType',
      labelValue: `alice-c${n},*-*`,
      value: '1',
    })),
  );
  const own = (creator: string, name = 'alice') =>
    ask(name, keyvalue, {configKey: instances, configValue: '2', user: name, creator});
  t.is((await own('c7', 'bob')).status, 0, 'others have theirs');
  t.is(
    (await ask('root', keyvalue, {configKey: instances, configValue: '2', user: 'alice', creator: 'x'}))
      .status,
    0,
  );
  const before = (await store.tables()).labels.length;
  t.regex((await own('another')).message, /14106.*alice has values for 200 creators/);
  t.is((await own('c7')).status, 0, 'what is there can be changed');
  t.is((await store.tables()).labels.length, before);
});

test('a value is checked, unless an administrator forces it', async t => {
  const {ask, store} = await startConfigurationFacade(t);
  const body = {...shell, configKey: instances, configValue: '99999', force: true};
  const refused = await ask('alice', keyvalue, {...body, configValue: '0', user: 'alice'});
  t.regex(refused.message, /Parameter verification failed/, 'force is for administrators');
  t.regex((await ask('root', keyvalue, {...body, force: 'false'})).message, /Parameter verification failed/);
  const forced = await ask('root', keyvalue, body);
  t.is(forced.status, 0);
  t.regex(String(forced.data['msg']), /^The update was successful, but the value verification failed/);
  t.is((await store.tables()).values[0]?.value, '99999');
  t.is((await ask('root', keyvalue, {...body, configValue: '5'})).data['msg'], undefined);
});

for (const [why, body, message] of [
  ['no key', {configKey: ' '}, /^key cannot be empty$/],
  ['no value', {configValue: ''}, /14100.*Key or value cannot be null\(键或值不能为空\)/],
  ['a key that there is not', {configKey: 'no.such'}, /14100.*Config key not exists:no\.such/],
  [
    'any engine with a version',
    {engineType: '*', version: '1'},
    /^When engineType is any engine, the version must also be any version$/,
  ],
  ['a value that is a list', {configValue: [1]}, /11001/],
  ['a label with a comma', {creator: 'a,b'}, /14105/],
] as const) {
  test(`${why} is refused`, async t => {
    const {ask} = await startConfigurationFacade(t);
    const answer = await ask('root', keyvalue, {...shell, configKey: instances, configValue: '2', ...body});
    t.is(answer.httpStatus, 400);
    t.regex(answer.message, message);
  });
}

test('a key or a label that there is not is told as Linkis tells it', async t => {
  const {ask} = await startConfigurationFacade(t);
  t.regex(
    (await ask('alice', `${keyvalue}?configKey=no.such`)).message,
    /14100.*Config key not exists:no\.such\(配置键不存在：no\.such\)/,
  );
  t.regex(
    (await ask('alice', asked)).message,
    /14100.*Label not exists:alice-IDE,shell-1\(标签不存在alice-IDE,shell-1\)/,
  );
  t.is((await ask('alice', keyvalue)).httpStatus, 400);
});

test('a tenant’s values are set by administrators, beside those of users', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  const set = (configValue: string, tenant: string) =>
    ask('root', keyvalue, {configKey: 'tenon.tenant.weight', configValue, tenant});
  t.is((await set('3', 'blue')).status, 0);
  t.is((await set('2', '*')).status, 0);
  t.is(service.quotas.tenantQuotaOf('blue').weight, 3);
  t.is(service.quotas.tenantQuotaOf('red').weight, 2);
  const read = await ask('root', `${keyvalue}?configKey=tenon.tenant.weight&tenant=blue`);
  t.like(rowsOf(read.data, 'configValues')[0], {configValue: '3'});
  t.regex((await set('3', 'a-b')).message, /14105/);
});

test('keys are listed, made, changed and removed by administrators', async t => {
  const {ask, service} = await startConfigurationFacade(t);
  const path = 'configuration/baseKeyValue';
  const listed = await ask('root', `${path}?engineType=shell&key=instance`);
  t.is(listed.data['totalPage'], 1);
  t.like(rowsOf(listed.data, 'configKeyList')[0], {key: instances, engineType: 'shell', templateRequired: 0});
  t.is(rowsOf((await ask('root', `${path}?pageNow=2&pageSize=3`)).data, 'configKeyList').length, 3);
  const key = {
    key: ' my.key ',
    name: 'Mine',
    description: 'of mine',
    treeName: 'mine',
    engineType: 'shell',
    defaultValue: '5',
    validateType: 'NumInterval',
    validateRange: '[1,9]',
    boundaryType: 3,
  };
  const made = await ask('root', path, key);
  t.like(made.data['configKey'], {key: 'my.key', defaultValue: '5', boundaryType: 3});
  const id = (made.data['configKey'] as {id: number}).id;
  t.is(service.lookup().keyById(id)?.name, 'Mine');
  t.is((await ask('root', path, key)).message, 'The engine has the same key: my.key');
  t.is((await ask('root', path, {...key, id, defaultValue: '6'})).status, 0);
  t.is(service.lookup().keyById(id)?.defaultValue, '6');
  t.is((await ask('root', `${path}?id=${id}`, {}, {method: 'DELETE'})).status, 0);
  t.is(service.lookup().keyById(id), undefined);
  for (const [part, message] of [
    [{key: ''}, /^key cannot be empty$/],
    [{name: null}, /^name cannot be empty$/],
    [{description: ' '}, /^description cannot be empty$/],
    [{treeName: ''}, /^treeName cannot be empty$/],
    [{validateType: ''}, /^validateType cannot be empty$/],
    [{validateRange: ''}, /^validateRange cannot be empty$/],
    [{boundaryType: null}, /^boundaryType cannot be empty$/],
    [
      {defaultValue: '10'},
      /Parameter configValue verification failed.*key:my\.key, ValidateType:NumInterval/,
    ],
    [{validateRange: '1 to 9', defaultValue: ''}, /Error validator range/],
    [{id: 987_654}, /Config key not exists:987654/],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    t.regex((await ask('root', path, {...key, ...part})).message, message, JSON.stringify(part));
  }
});

test('who is no administrator neither sees nor changes keys and categories', async t => {
  const {ask, store} = await startConfigurationFacade(t);
  const before = await store.version();
  const [category] = (await store.tables()).categories;
  for (const [path, body, method] of [
    ['baseKeyValue', undefined, undefined],
    ['baseKeyValue', {key: 'a', name: 'a'}, undefined],
    ['baseKeyValue?id=1', {}, 'DELETE'],
    ['createFirstCategory', {categoryName: 'X', description: ''}, undefined],
    ['createSecondCategory', {categoryId: 1, engineType: 'hive', version: '1'}, undefined],
    ['deleteCategory', {categoryId: category?.id}, undefined],
    ['updateCategoryInfo', {categoryId: category?.id, description: 'x'}, undefined],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const answer = await ask('alice', `configuration/${path}`, body, method && {method});
    t.regex(
      answer.message,
      /14100.*Only admin have permission to perform this operation\(限管理员执行此操作\)/,
      path,
    );
  }
  t.is(await store.version(), before);
});
