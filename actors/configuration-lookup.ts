/**
 * What follows from the configuration's rows: which keys there are for an engine type, and which values hold for a user,
 * creator and engine type, nearest first. Made once for each reading of the tables; then it only looks up.
 */
import {
  type ConfigKey,
  type ConfigLabel,
  type ConfigurationTables,
  type ConfigValue,
  type TenantMapping,
  type UserIpMapping,
} from './configuration.ts';
import {
  anyone,
  combinedLabel,
  everywhere,
  parseScope,
  printScope,
  scopesFor,
  tenantLabel,
  type ConfigScope,
} from './configuration-scope.ts';

/** A value that holds, with where it stands. */
export type FoundValue = {
  readonly text: string;
  /** The label's; `everywhere` for a default. */
  readonly scope: ConfigScope;
  /** `own`: the user's, for themself. `given`: an administrator's. `default`: of the key. */
  readonly source: 'own' | 'given' | 'default';
};

export type ConfigurationLookup = {
  readonly tables: ConfigurationTables;
  readonly keyById: (id: number) => ConfigKey | undefined;
  readonly keysNamed: (name: string) => readonly ConfigKey[];
  /** The one of this engine type, else the one for all; undefined: no such key. */
  readonly keyFor: (name: string, engineType: string) => ConfigKey | undefined;
  /** Of an engine type and version, highest level first; those of everything for `*`. */
  readonly keysOf: (scope: Pick<ConfigScope, 'engineType' | 'version'>) => readonly ConfigKey[];
  readonly labelOf: (scope: ConfigScope) => ConfigLabel | undefined;
  /** Labels of one user, with values or without. */
  readonly scopeCountOf: (user: string) => number;
  readonly labelById: (id: number) => ConfigLabel | undefined;
  readonly valueAt: (keyId: number, labelId: number | undefined) => ConfigValue | undefined;
  /** Nearest first: under the labels that `scope` has a part in, then the keys' defaults. Blank ones are left out. */
  readonly valuesFor: (name: string, scope: ConfigScope) => readonly FoundValue[];
  /** The same for a tenant: its own, that of all tenants, the key's default. */
  readonly tenantValuesFor: (name: string, tenant: string) => readonly string[];
  /** Of the nearest mapping for a user and creator; blank: none. */
  readonly tenantOf: (user: string, creator: string) => string;
  readonly userIpOf: (user: string, creator: string) => UserIpMapping | undefined;
};

export const noTables: ConfigurationTables = {
  keys: [],
  relations: [],
  labels: [],
  values: [],
  categories: [],
  tenants: [],
  userIps: [],
};

/** Names and engine types come from requests too. */
const rememberedMax = 10_000;

export function lookUp(tables: ConfigurationTables): ConfigurationLookup {
  const keys = new Map(tables.keys.map(key => [key.id, key]));
  const byName = Map.groupBy(tables.keys, ({key}) => key);
  const labels = new Map(tables.labels.map(label => [label.id, label]));
  const labelIds = new Map(tables.labels.map(({id, key, value}) => [`${key} ${value}`, id]));
  const values = new Map(tables.values.map(value => [`${value.keyId} ${value.labelId}`, value]));
  const related = Map.groupBy(tables.relations, ({labelId}) => labelId);
  const tenants = new Map(
    tables.tenants.filter(({isValid}) => isValid).map(mapping => [pairOf(mapping), mapping]),
  );
  const userIps = new Map(tables.userIps.map(mapping => [pairOf(mapping), mapping]));

  const labelId = (scope: ConfigScope): number | undefined =>
    labelIds.get(`${combinedLabel} ${printScope(scope)}`);
  const valueAt = (keyId: number, id: number | undefined): ConfigValue | undefined =>
    id === undefined ? undefined : values.get(`${keyId} ${id}`);
  const keysNamed = (name: string): readonly ConfigKey[] => byName.get(name) ?? [];

  const fitting = new Map<string, readonly ConfigKey[]>();
  /** `fittingKeys` of a name, which is asked again and again. */
  function keysFitting(name: string, engineType: string): readonly ConfigKey[] {
    const id = `${engineType} ${name}`;
    const known = fitting.get(id) ?? fittingKeys(keysNamed(name), engineType);
    if (fitting.size < rememberedMax) fitting.set(id, known);
    return known;
  }

  type LabelledScope = {readonly scope: ConfigScope; readonly labelId: number};
  const labelled = new WeakMap<ConfigScope, readonly LabelledScope[]>();
  /** Those of `scopesFor` that have a label at all: most users have none of their own. */
  function labelledScopes(of: ConfigScope): readonly LabelledScope[] {
    const known = labelled.get(of);
    if (known !== undefined) return known;
    const found = scopesFor(of).flatMap((scope): LabelledScope[] => {
      const id = labelId(scope);
      return id === undefined ? [] : [{scope, labelId: id}];
    });
    labelled.set(of, found);
    return found;
  }

  /** Of a label, the value of the key that fits its engine type best. */
  function valueUnder(name: string, {scope, labelId: id}: LabelledScope): ConfigValue | undefined {
    for (const {id: keyId} of keysFitting(name, scope.engineType)) {
      const value = valueAt(keyId, id);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  return {
    tables,
    keysNamed,
    valueAt,
    keyById: id => keys.get(id),
    labelById: id => labels.get(id),
    keyFor: (name, engineType) => keysFitting(name, engineType)[0],
    labelOf(scope) {
      const id = labelId(scope);
      return id === undefined ? undefined : labels.get(id);
    },

    scopeCountOf: user =>
      tables.labels.filter(({value}) => value.startsWith(`${user}-`) && parseScope(value)?.user === user)
        .length,

    keysOf({engineType, version}) {
      const id = labelId({...everywhere, engineType, version});
      const known = id === undefined ? [] : (related.get(id) ?? []);
      const ofLabel = known.flatMap(({keyId}) => keys.get(keyId) ?? []);
      // A version that nobody prepared has the keys of its type.
      const type = engineType === anyone ? '' : engineType;
      const found = ofLabel.length > 0 ? ofLabel : tables.keys.filter(key => key.engineType === type);
      return found.toSorted((one, other) => other.level - one.level || one.id - other.id);
    },

    valuesFor(name, scope) {
      const found = labelledScopes(scope).flatMap((at): FoundValue[] => {
        const value = valueUnder(name, at);
        if (value === undefined) return [];
        const isOwn = at.scope.user !== anyone && !value.isGranted;
        return [{text: value.value, scope: at.scope, source: isOwn ? 'own' : 'given'}];
      });
      const defaults = keysFitting(name, scope.engineType)
        .filter(({defaultValue}) => defaultValue !== '')
        .map(({defaultValue}): FoundValue => ({text: defaultValue, scope: everywhere, source: 'default'}));
      return [...found, ...defaults];
    },

    tenantValuesFor(name, tenant) {
      const ids = [tenant, anyone].map(value => labelIds.get(`${tenantLabel} ${value}`));
      const [key] = keysFitting(name, anyone);
      if (key === undefined) return [];
      const stored = ids.flatMap(id => valueAt(key.id, id)?.value ?? []);
      return key.defaultValue === '' ? stored : [...stored, key.defaultValue];
    },

    tenantOf: (user, creator) => nearest<TenantMapping>(tenants, user, creator)?.tenant ?? '',
    userIpOf: (user, creator) => nearest<UserIpMapping>(userIps, user, creator),
  };
}

/** Those of the engine type, then those for all. */
function fittingKeys(keys: readonly ConfigKey[], engineType: string): readonly ConfigKey[] {
  const exact = keys.filter(key => key.engineType === engineType);
  const general = keys.filter(key => key.engineType === '');
  return engineType === anyone ? general : [...exact, ...general];
}

const pairOf = ({user, creator}: {readonly user: string; readonly creator: string}): string =>
  `${user} ${creator}`;

const nearest = <Mapping>(
  mappings: ReadonlyMap<string, Mapping>,
  user: string,
  creator: string,
): Mapping | undefined =>
  mappings.get(pairOf({user, creator})) ??
  mappings.get(pairOf({user, creator: anyone})) ??
  mappings.get(pairOf({user: anyone, creator}));

/** Whether a submission may come from `address`: nobody has said from where, from anywhere, or from there. */
export function isAddressAllowed(
  lookup: Pick<ConfigurationLookup, 'userIpOf'>,
  user: string,
  creator: string,
  address: string,
): boolean {
  const ipList = lookup.userIpOf(user, creator)?.ipList.trim() ?? anyone;
  return ipList === anyone || ipList.split(',').some(one => one.trim() === address);
}
