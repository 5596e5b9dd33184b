/** A `ConfigurationStore` without a database, with a few of the keys that a fresh database has. */
import {
  DuplicateRowError,
  GrantedValueError,
  type ConfigKey,
  type ConfigurationStore,
  type ConfigurationTables,
  type NewMapping,
  type TenantMapping,
  type UserIpMapping,
} from '../../actors/configuration.ts';
import {combinedLabel} from '../../actors/configuration-scope.ts';
import {noTables} from '../../actors/configuration-lookup.ts';

type Tables = {-readonly [Name in keyof ConfigurationTables]: ConfigurationTables[Name][number][]};

/** A key with what most have; `over` says the rest. */
export const configKey = (over: Partial<ConfigKey> & {readonly key: string}): ConfigKey => ({
  id: 0,
  name: over.key,
  description: `about ${over.key}`,
  defaultValue: '',
  validateType: 'None',
  validateRange: '',
  engineType: '',
  isHidden: false,
  isAdvanced: false,
  level: 0,
  treeName: 'tree',
  boundaryType: 0,
  enName: '',
  enDescription: '',
  enTreeName: '',
  templateRequired: false,
  ...over,
});

const numbers = (range: string) => ({validateType: 'NumInterval', validateRange: range});

const seededKeys: readonly (Partial<ConfigKey> & {readonly key: string})[] = [
  {key: 'wds.linkis.rm.instance', ...numbers('[1,10000]'), treeName: 'resources'},
  {key: 'wds.linkis.rm.client.memory.max', treeName: 'resources'},
  {key: 'tenon.tenant.weight', defaultValue: '1', isHidden: true},
  {key: 'tenon.tenant.running.max', isHidden: true},
  ...['shell', 'jdbc'].flatMap(engineType => [
    {key: 'wds.linkis.rm.instance', engineType, ...numbers('[1,10000]'), treeName: 'resources'},
    {key: 'wds.linkis.engine.running.job.max', engineType, ...numbers('[1,10000]'), treeName: 'queue'},
    {key: 'tenon.engine.warm', engineType, ...numbers('[0,1000]'), defaultValue: '0'},
    {
      key: 'wds.linkis.engineconn.java.driver.memory',
      engineType,
      defaultValue: '512M',
      enName: 'Memory (en)',
    },
  ]),
  {key: 'wds.linkis.jdbc.password', engineType: 'jdbc', treeName: 'connection'},
];

const seededLabels = [
  '*-*,*-*',
  '*-全局设置,*-*',
  '*-IDE,*-*',
  '*-*,shell-1',
  '*-*,jdbc-4',
  '*-IDE,shell-1',
  '*-IDE,jdbc-4',
];

export function createMemoryConfiguration(): ConfigurationStore {
  let nextId = 1;
  let number = 1;
  const id = (): number => nextId++;
  const tables: Tables = {
    keys: seededKeys.map((key, index) => configKey({...key, id: id(), level: 100 - index})),
    relations: [],
    labels: [],
    values: [],
    categories: [],
    tenants: [],
    userIps: [],
  };
  const times = () => ({updateTime: number, createTime: number});

  function labelId(key: string, value: string): number {
    const known = tables.labels.find(label => label.key === key && label.value === value);
    if (known !== undefined) return known.id;
    const label = {id: id(), key, value};
    tables.labels.push(label);
    return label.id;
  }

  for (const value of seededLabels) {
    const at = labelId(combinedLabel, value);
    if (value.startsWith('*-*,')) {
      const type = value.slice(4).split('-')[0] ?? '';
      for (const key of tables.keys.filter(each => each.engineType === (type === '*' ? '' : type))) {
        tables.relations.push({keyId: key.id, labelId: at});
      }
    } else {
      const level = value.endsWith(',*-*') ? 1 : 2;
      tables.categories.push({id: id(), labelId: at, level, description: '', tag: '', ...times()});
    }
  }

  async function change<Result>(work: () => Result): Promise<Result> {
    const before = structuredClone(tables);
    number += 1;
    try {
      return work();
    } catch (error) {
      Object.assign(tables, before);
      throw error;
    }
  }

  function saveMapping<Mapping extends TenantMapping | UserIpMapping>(
    rows: Mapping[],
    wanted: NewMapping<Mapping>,
    make: (facts: Pick<Mapping, 'id' | 'updateTime' | 'createTime'>) => Mapping,
  ): boolean {
    if (
      rows.some(row => row.user === wanted.user && row.creator === wanted.creator && row.id !== wanted.id)
    ) {
      throw new DuplicateRowError(`The mapping of user ${wanted.user} and creator ${wanted.creator}`);
    }
    const at = rows.findIndex(row => row.id === wanted.id);
    if (wanted.id !== undefined && at < 0) return false;
    const row = make({id: wanted.id ?? id(), ...times()});
    if (at < 0) rows.push(row);
    else rows[at] = row;
    return true;
  }

  function remove(rows: {readonly id: number}[], wanted: number): boolean {
    const at = rows.findIndex(row => row.id === wanted);
    if (at >= 0) rows.splice(at, 1);
    return at >= 0;
  }

  return {
    version: async () => String(number),
    tables: async () => structuredClone({...noTables, ...tables}),
    saveValues: changes =>
      change(() => {
        for (const {keyId, labelKey, labelValue, value, grantedBy} of changes) {
          const at = labelId(labelKey, labelValue);
          const known = tables.values.find(each => each.keyId === keyId && each.labelId === at);
          if (known?.isGranted === true && grantedBy === undefined) throw new GrantedValueError(labelValue);
          tables.values = tables.values.filter(each => each !== known);
          if (value !== null) {
            tables.values.push({
              id: known?.id ?? id(),
              keyId,
              labelId: at,
              value,
              isGranted: grantedBy !== undefined,
              ...times(),
            });
          }
        }
      }),
    saveKey: key =>
      change(() => {
        if (
          tables.keys.some(
            each => each.key === key.key && each.engineType === key.engineType && each.id !== key.id,
          )
        ) {
          throw new DuplicateRowError(`The key ${key.key} of '${key.engineType}'`);
        }
        const at = tables.keys.findIndex(each => each.id === key.id);
        if (key.id !== 0) {
          if (at >= 0) tables.keys[at] = key;
          return at >= 0 ? key.id : undefined;
        }
        const made = {...key, id: id()};
        const others = new Set(
          tables.keys.filter(each => each.engineType === key.engineType).map(each => each.id),
        );
        const labels = new Set(
          tables.relations.filter(each => others.has(each.keyId)).map(each => each.labelId),
        );
        for (const label of labels) tables.relations.push({keyId: made.id, labelId: label});
        tables.keys.push(made);
        return made.id;
      }),
    removeKey: wanted =>
      change(() => {
        tables.values = tables.values.filter(each => each.keyId !== wanted);
        tables.relations = tables.relations.filter(each => each.keyId !== wanted);
        return remove(tables.keys, wanted);
      }),
    createCategory: (labelValue, level, description) =>
      change(() => {
        const at = labelId(combinedLabel, labelValue);
        if (tables.categories.some(each => each.labelId === at))
          throw new DuplicateRowError(`The category ${labelValue}`);
        tables.categories.push({id: id(), labelId: at, level, description, tag: '', ...times()});
      }),
    updateCategory: (wanted, description, tag) =>
      change(() => {
        const at = tables.categories.findIndex(each => each.id === wanted);
        const row = tables.categories[at];
        if (row !== undefined) tables.categories[at] = {...row, description, tag: tag ?? row.tag};
        return row !== undefined;
      }),
    removeCategories: ids =>
      change(() => {
        const gone = new Set(
          tables.categories.filter(each => ids.includes(each.id)).map(each => each.labelId),
        );
        tables.categories = tables.categories.filter(each => !ids.includes(each.id));
        tables.values = tables.values.filter(each => !gone.has(each.labelId));
        tables.labels = tables.labels.filter(each => !gone.has(each.id));
      }),
    saveTenant: mapping =>
      change(() => saveMapping(tables.tenants, mapping, facts => ({...mapping, ...facts}))),
    removeTenant: wanted => change(() => remove(tables.tenants, wanted)),
    saveUserIp: mapping =>
      change(() => saveMapping(tables.userIps, mapping, facts => ({...mapping, ...facts}))),
    removeUserIp: wanted => change(() => remove(tables.userIps, wanted)),
  };
}
