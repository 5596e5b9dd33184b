/** What every `ConfigurationStore` must do. Tests use users of their own, so that they can share one database. */
import test, {type ExecutionContext} from 'ava';
import type {ConfigurationStore, ConfigurationTables, ValueChange} from '../../actors/configuration.ts';
import {combinedLabel, tenantLabel} from '../../actors/configuration-scope.ts';
import {lookUp} from '../../actors/configuration-lookup.ts';
import {configKey} from '../support/memory-configuration.ts';

export type OpenConfiguration = (t: ExecutionContext) => Promise<ConfigurationStore>;

const instances = 'wds.linkis.rm.instance';
let users = 0;

function keyId({keys}: ConfigurationTables, name: string, engineType: string): number {
  const found = keys.find(key => key.key === name && key.engineType === engineType);
  if (found === undefined) throw new Error(`There is no key ${name} of '${engineType}'.`);
  return found.id;
}

export function configurationContract(title: string, open: OpenConfiguration, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (
    what: string,
    run: (t: ExecutionContext, store: ConfigurationStore, user: string) => Promise<void>,
  ): void =>
    register(`${title}: ${what}`, async t => {
      users += 1;
      await run(t, await open(t), `user${users}`);
    });

  const changeFor = async (store: ConfigurationStore, user: string): Promise<ValueChange> => ({
    keyId: keyId(await store.tables(), instances, 'shell'),
    labelKey: combinedLabel,
    labelValue: `${user}-IDE,shell-1`,
    value: '3',
  });
  const shown = async (store: ConfigurationStore, user: string) => {
    const scope = {user, creator: 'IDE', engineType: 'shell', version: '1'};
    return lookUp(await store.tables())
      .valuesFor(instances, scope)
      .map(({text, source}) => [text, source]);
  };

  it('keys, their labels and the categories of the known engine types are there from the start', async (t, store) => {
    const tables = await store.tables();
    const lookup = lookUp(tables);
    const global = lookup.keysOf({engineType: '*', version: '*'}).map(({key}) => key);
    t.true(global.includes(instances));
    t.true(global.includes('wds.linkis.rm.client.memory.max'));
    t.like(lookup.keyFor('wds.linkis.engineconn.java.driver.memory', 'shell'), {defaultValue: '512M'});
    t.is(lookup.keyFor(instances, 'shell')?.defaultValue, '', 'the default is the node’s own setting');
    t.true(
      lookup.keysOf({engineType: 'jdbc', version: '4'}).some(({key}) => key === 'wds.linkis.jdbc.password'),
    );
    const categories = tables.categories.map(({labelId, level}) => [lookup.labelById(labelId)?.value, level]);
    t.deepEqual(categories.slice(0, 2), [
      ['*-全局设置,*-*', 1],
      ['*-IDE,*-*', 1],
    ]);
    t.true(categories.some(([value, level]) => value === '*-IDE,shell-1' && level === 2));
  });

  it('a value is set, changed and taken away, and only under its label', async (t, store, user) => {
    const change = await changeFor(store, user);
    await store.saveValues([change]);
    t.deepEqual(await shown(store, user), [['3', 'own']]);
    await store.saveValues([{...change, value: '2'}]);
    t.deepEqual(await shown(store, user), [['2', 'own']]);
    t.deepEqual(await shown(store, `${user}x`), []);
    await store.saveValues([{...change, value: null}]);
    await store.saveValues([{...change, value: null}]);
    t.deepEqual(await shown(store, user), []);
  });

  it('what an administrator gave, others can neither change nor take away', async (t, store, user) => {
    const change = await changeFor(store, user);
    await store.saveValues([{...change, grantedBy: 'root'}]);
    t.deepEqual(await shown(store, user), [['3', 'given']]);
    for (const value of ['50', null]) {
      // oxlint-disable-next-line no-await-in-loop
      await t.throwsAsync(store.saveValues([{...change, value}]), {name: 'GrantedValueError', code: 14101});
    }
    t.deepEqual(await shown(store, user), [['3', 'given']]);
    await store.saveValues([{...change, value: '7', grantedBy: 'admin'}]);
    t.deepEqual(await shown(store, user), [['7', 'given']]);
    await store.saveValues([{...change, value: null, grantedBy: 'root'}]);
    await store.saveValues([change]);
    t.deepEqual(await shown(store, user), [['3', 'own']], 'nothing of the grant is left');
  });

  it('several values are saved together or not at all', async (t, store, user) => {
    const change = await changeFor(store, user);
    await store.saveValues([{...change, labelValue: `${user}-*,shell-1`, grantedBy: 'root'}]);
    await t.throwsAsync(store.saveValues([change, {...change, labelValue: `${user}-*,shell-1`}]), {
      name: 'GrantedValueError',
    });
    t.deepEqual(await shown(store, user), [['3', 'given']]);
  });

  it('a value that does not fit is refused', async (t, store, user) => {
    const change = await changeFor(store, user);
    if (title !== 'memory') {
      await t.throwsAsync(store.saveValues([{...change, value: 'x'.repeat(501)}]), {
        name: 'ValueTooLongError',
      });
      await store.saveValues([{...change, value: 'ж'.repeat(500)}]);
    }
    t.pass();
  });

  it('a tenant has values under its own label', async (t, store, user) => {
    const weight = keyId(await store.tables(), 'tenon.tenant.weight', '');
    const change = {keyId: weight, labelKey: tenantLabel, grantedBy: 'root'};
    await store.saveValues([
      {...change, labelValue: user, value: '3'},
      {...change, labelValue: '*', value: '2'},
    ]);
    const lookup = lookUp(await store.tables());
    t.deepEqual(lookup.tenantValuesFor('tenon.tenant.weight', user), ['3', '2', '1']);
    t.deepEqual(lookup.tenantValuesFor('tenon.tenant.weight', 'other'), ['2', '1']);
  });

  it('a key is made with its engine type’s other keys, changed, and removed with its values', async (t, store, user) => {
    const key = configKey({
      key: `made.${user}`,
      engineType: 'shell',
      level: 1,
      treeName: 'made',
      enName: 'Made',
    });
    const id = (await store.saveKey(key)) ?? 0;
    const keysOfShell = async () => lookUp(await store.tables()).keysOf({engineType: 'shell', version: '1'});
    t.deepEqual(
      (await keysOfShell()).find(each => each.id === id),
      {...key, id},
    );
    t.is(await store.saveKey({...key, id, defaultValue: '5', isHidden: true}), id);
    t.like(lookUp(await store.tables()).keyById(id), {defaultValue: '5', isHidden: true});
    await t.throwsAsync(store.saveKey(key), {name: 'DuplicateRowError', code: 14104});
    t.is(await store.saveKey({...key, id: 999_999, key: `none.${user}`}), undefined);
    await store.saveValues([{...(await changeFor(store, user)), keyId: id, grantedBy: 'root'}]);
    t.true(await store.removeKey(id));
    t.false(await store.removeKey(id));
    const tables = await store.tables();
    t.false(tables.values.some(each => each.keyId === id));
    t.false(tables.relations.some(each => each.keyId === id));
  });

  it('a category is made once, described, and removed with the values under it', async (t, store, user) => {
    const label = `*-${user},shell-1`;
    await store.createCategory(label, 2, 'first');
    await t.throwsAsync(store.createCategory(label, 2, 'again'), {name: 'DuplicateRowError'});
    const find = async () => {
      const lookup = lookUp(await store.tables());
      return lookup.tables.categories.find(({labelId}) => lookup.labelById(labelId)?.value === label);
    };
    const id = (await find())?.id ?? 0;
    t.true(await store.updateCategory(id, 'second', 'a tag'));
    t.true(await store.updateCategory(id, 'third', undefined));
    t.like(await find(), {description: 'third', tag: 'a tag', level: 2});
    t.false(await store.updateCategory(999_999, 'none', undefined));
    await store.saveValues([{...(await changeFor(store, user)), labelValue: label, grantedBy: 'root'}]);
    await store.removeCategories([id]);
    const tables = await store.tables();
    t.is(await find(), undefined);
    t.false(tables.labels.some(({value}) => value === label));
  });

  it('a user and creator have one tenant and one list of addresses', async (t, store, user) => {
    const who = {user, creator: 'IDE', description: 'why', businessUser: 'boss'};
    const tenant = {...who, tenant: 'blue', isValid: true};
    t.true(await store.saveTenant(tenant));
    t.true(await store.saveUserIp({...who, ipList: '10.0.0.1,10.0.0.2'}));
    await t.throwsAsync(store.saveTenant(tenant), {name: 'DuplicateRowError'});
    await t.throwsAsync(store.saveUserIp({...who, ipList: '*'}), {name: 'DuplicateRowError'});
    const lookup = lookUp(await store.tables());
    t.is(lookup.tenantOf(user, 'IDE'), 'blue');
    t.like(lookup.userIpOf(user, 'IDE'), {...who, ipList: '10.0.0.1,10.0.0.2'});
    const id = lookup.tables.tenants.find(each => each.user === user)?.id ?? 0;
    t.true(await store.saveTenant({...tenant, id, tenant: 'red'}));
    t.is(lookUp(await store.tables()).tenantOf(user, 'IDE'), 'red');
    t.true(await store.saveTenant({...tenant, id, isValid: false}));
    t.is(lookUp(await store.tables()).tenantOf(user, 'IDE'), '', 'not valid any more');
    t.true(await store.removeTenant(id));
    t.false(await store.removeTenant(id));
    t.false(await store.saveTenant({...tenant, id}), 'there is no such row');
    t.true(await store.removeUserIp(lookup.userIpOf(user, 'IDE')?.id ?? 0));
  });

  it('the version is another one after each change, of whatever kind', async (t, store, user) => {
    const change = await changeFor(store, user);
    const seen = new Set([await store.version()]);
    const who = {user, creator: '*', description: 'why', businessUser: 'boss'};
    const changes: (() => Promise<unknown>)[] = [
      () => store.saveValues([change]),
      () => store.saveValues([{...change, value: '4'}]),
      () => store.saveValues([{...change, value: null}]),
      () => store.saveKey(configKey({key: `other.${user}`})),
      () => store.createCategory(`*-${user},*-*`, 1, ''),
      () => store.saveTenant({...who, tenant: 'blue', isValid: true}),
      () => store.saveUserIp({...who, ipList: '*'}),
    ];
    for (const make of changes) {
      // oxlint-disable-next-line no-await-in-loop
      await make();
      // oxlint-disable-next-line no-await-in-loop
      seen.add(await store.version());
    }
    t.is(seen.size, changes.length + 1);
    t.is(await store.version(), await store.version());
  });

  it('many who write at once all get through, with one value for each label', async (t, store, user) => {
    const change = await changeFor(store, user);
    await Promise.all(
      Array.from({length: 12}, (_, n) =>
        store.saveValues([
          {...change, value: String(n + 1)},
          {...change, labelValue: `${user}-*,shell-1`, value: String(n + 1)},
        ]),
      ),
    );
    const values = await shown(store, user);
    t.is(values.length, 2);
    t.is(values[0]?.[0], values[1]?.[0], 'both are of the same writer');
  });
}
