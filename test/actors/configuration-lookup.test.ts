/** Which values hold for whom: the lookup against a naive model that asks every label in turn. */
import test from 'ava';
import fc from 'fast-check';
import type {ConfigurationTables} from '../../actors/configuration.ts';
import {isAddressAllowed, lookUp, noTables} from '../../actors/configuration-lookup.ts';
import {
  assertScope,
  combinedLabel,
  parseScope,
  printScope,
  type ConfigScope,
} from '../../actors/configuration-scope.ts';
import {configKey} from '../support/memory-configuration.ts';

const engines = ['shell-1', 'python-python3', '*-*'];
const labelsOf = (users: readonly string[]): string[] =>
  users.flatMap(user =>
    ['IDE', '*'].flatMap(creator => engines.map(engine => `${user}-${creator},${engine}`)),
  );
const allLabels = labelsOf(['alice', 'bob', '*']);

/** A value for some labels, of the key of the label's engine type or of the general one. */
const anyTables = fc
  .array(fc.tuple(fc.constantFrom(...allLabels), fc.boolean(), fc.boolean(), fc.integer({min: 1, max: 99})), {
    maxLength: 30,
  })
  .map((rows): ConfigurationTables => {
    const keys = [
      configKey({key: 'k', id: 1}),
      configKey({key: 'k', id: 2, engineType: 'shell', defaultValue: 'd2'}),
      configKey({key: 'k', id: 3, engineType: 'python'}),
    ];
    const labels = allLabels.map((value, index) => ({id: index + 1, key: combinedLabel, value}));
    const values = rows.map(([label, isGeneral, isGranted, value], index) => ({
      id: index + 1,
      keyId: isGeneral ? 1 : label.includes('shell') ? 2 : label.includes('python') ? 3 : 1,
      labelId: allLabels.indexOf(label) + 1,
      value: String(value),
      isGranted,
      updateTime: 0,
      createTime: 0,
    }));
    const unique = new Map(values.map(each => [`${each.keyId} ${each.labelId}`, each]));
    return {...noTables, keys, labels, values: [...unique.values()]};
  });

const anyScope = fc.record({
  user: fc.constantFrom('alice', 'bob', 'carol'),
  creator: fc.constantFrom('IDE', 'CLI'),
  engineType: fc.constantFrom('shell', 'python'),
});

/** The order that Linkis documents, spelt out. */
function naive(tables: ConfigurationTables, {user, creator, engineType, version}: ConfigScope): string[] {
  const order = [
    `${user}-${creator},${engineType}-${version}`,
    `${user}-*,${engineType}-${version}`,
    `*-${creator},${engineType}-${version}`,
    `*-*,${engineType}-${version}`,
    `${user}-${creator},*-*`,
    `${user}-*,*-*`,
    `*-${creator},*-*`,
    `*-*,*-*`,
  ];
  const found: string[] = [];
  for (const label of order) {
    const id = tables.labels.find(each => each.value === label)?.id;
    const at = tables.values.filter(each => each.labelId === id);
    const typed = at.find(each => tables.keys.find(key => key.id === each.keyId)?.engineType === engineType);
    const general = at.find(each => each.keyId === 1);
    const value = label.endsWith('*-*') ? general : (typed ?? general);
    if (value !== undefined) found.push(value.value);
  }
  return engineType === 'shell' ? [...found, 'd2'] : found;
}

test('values hold in the order of their labels: own, the creator’s, everybody’s, of the engine type before all', t => {
  fc.assert(
    fc.property(anyTables, anyScope, (tables, part) => {
      const scope = {...part, version: part.engineType === 'shell' ? '1' : 'python3'};
      const found = lookUp(tables).valuesFor('k', scope);
      t.deepEqual(
        found.map(({text}) => text),
        naive(tables, scope),
      );
      for (const {source, scope: at} of found) if (source === 'own') t.is(at.user, scope.user);
    }),
    {numRuns: 300},
  );
});

test('a scope is printed and read back, also of users and versions with a dash', t => {
  const part = fc.stringMatching(/^[a-z*]{1,5}(-[a-z]{1,3})?$/);
  const plain = fc.stringMatching(/^[a-z*]{1,5}$/);
  fc.assert(
    fc.property(part, plain, plain, part, (user, creator, engineType, version) => {
      const scope = assertScope({user, creator, engineType, version});
      t.deepEqual(parseScope(printScope(scope)), scope);
    }),
  );
  t.is(parseScope('nonsense'), undefined);
  t.is(parseScope('-x,a-b'), undefined);
});

for (const [part, value] of [
  ['user', 'a,b'],
  ['user', ''],
  ['user', ' a'],
  ['creator', 'a-b'],
  ['engineType', 'a-b'],
  ['version', 'x'.repeat(51)],
] as const) {
  test(`the ${part} '${value.slice(0, 5)}' is no part of a label`, t => {
    const scope = {user: 'u', creator: 'c', engineType: 'e', version: 'v', [part]: value};
    t.throws(() => assertScope(scope), {name: 'InvalidScopeError', code: 14105});
  });
}

test('the nearest tenant counts, and addresses are open where nobody has said otherwise', t => {
  const mapping = {description: '', businessUser: '', isValid: true, updateTime: 0, createTime: 0};
  const who = {description: '', businessUser: '', updateTime: 0, createTime: 0};
  const lookup = lookUp({
    ...noTables,
    tenants: [
      {...mapping, id: 1, user: 'alice', creator: 'IDE', tenant: 'blue'},
      {...mapping, id: 2, user: 'alice', creator: '*', tenant: 'green'},
      {...mapping, id: 3, user: '*', creator: 'IDE', tenant: 'red'},
    ],
    userIps: [{...who, id: 1, user: 'alice', creator: 'IDE', ipList: '10.0.0.1, ::1'}],
  });
  t.deepEqual(
    [
      ['alice', 'IDE'],
      ['alice', 'CLI'],
      ['bob', 'IDE'],
      ['bob', 'CLI'],
    ].map(([user = '', creator = '']) => lookup.tenantOf(user, creator)),
    ['blue', 'green', 'red', ''],
  );
  t.true(isAddressAllowed(lookup, 'alice', 'IDE', '::1'));
  t.false(isAddressAllowed(lookup, 'alice', 'IDE', '10.0.0.10'));
  t.true(isAddressAllowed(lookup, 'bob', 'IDE', '10.0.0.10'));
});
