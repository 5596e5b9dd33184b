/** Quotas from configuration rows, against a naive model; and how soon a change holds. */
import test from 'ava';
import fc from 'fast-check';
import {lookUp, noTables} from '../../actors/configuration-lookup.ts';
import {combinedLabel, tenantLabel} from '../../actors/configuration-scope.ts';
import type {ConfigurationTables} from '../../actors/configuration.ts';
import {createConfigurationService} from '../../actors/configuration-service.ts';
import {watchConfiguration} from '../../actors/configuration-watch.ts';
import {
  createQuotaSource,
  defaultQuota,
  quotaFor,
  quotaKeys,
  tenantKeys,
  tenantQuotaFor,
  unlimited,
} from '../../actors/quota.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {configKey, createMemoryConfiguration} from '../support/memory-configuration.ts';

const settings = {groupRunningMax: 7, groupWaitingMax: 70, enginesPerUserMax: 9, engineIdleMs: 5000};
const who = {user: 'alice', creator: 'IDE', engineType: 'shell'};
const gib = 1024 ** 3;

type Row = readonly [key: string, label: string, value: string, isGranted?: boolean];

/** One general key for each name, and the values under their labels. */
function tablesOf(rows: readonly Row[], labelKey = combinedLabel): ConfigurationTables {
  const names = [...new Set(rows.map(([key]) => key))];
  const labels = [...new Set(rows.map(([, label]) => label))];
  const values = rows.map(([key, label, value, isGranted = false], index) => ({
    id: index + 1,
    keyId: names.indexOf(key) + 1,
    labelId: labels.indexOf(label) + 1,
    value,
    isGranted,
    updateTime: 0,
    createTime: 0,
  }));
  return {
    ...noTables,
    keys: names.map((key, index) => configKey({key, id: index + 1})),
    labels: labels.map((value, index) => ({id: index + 1, key: labelKey, value})),
    values,
  };
}
const quotaOf = (...rows: readonly Row[]) => quotaFor(lookUp(tablesOf(rows)), who, settings);

test('without any row the node’s own settings hold, and Linkis’ 20G and 10 cores', t => {
  t.deepEqual(quotaOf(), {
    max: {memoryBytes: 20 * gib, cores: 10, instances: 9},
    engine: {memoryBytes: gib / 2, cores: 1, instances: 1},
    runningMax: 7,
    waitingMax: 70,
    engineIdleMs: 5000,
    engineJobsMax: 0,
    warmEngines: 0,
  });
  const many = defaultQuota({...settings, enginesPerUserMax: 100});
  t.deepEqual(many.max, {memoryBytes: 50 * gib, cores: 100, instances: 100}, 'nobody gets less than before');
});

test('every key is read with its unit', t => {
  const at = '*-*,shell-1';
  const quota = quotaOf(
    [quotaKeys.memoryMax, at, '4'],
    [quotaKeys.coresMax, at, '3'],
    [quotaKeys.instancesMax, at, '2'],
    [quotaKeys.runningMax, at, '5'],
    [quotaKeys.waitingMax, at, '6'],
    [quotaKeys.engineMemory, at, '1G'],
    [quotaKeys.engineCores, at, '2'],
    [quotaKeys.engineIdle, at, '30m'],
    [quotaKeys.engineJobsMax, at, '8'],
    [quotaKeys.warmEngines, at, '1'],
  );
  t.deepEqual(quota, {
    max: {memoryBytes: 4 * gib, cores: 3, instances: 2},
    engine: {memoryBytes: gib, cores: 2, instances: 1},
    runningMax: 5,
    waitingMax: 6,
    engineIdleMs: 1_800_000,
    engineJobsMax: 8,
    warmEngines: 1,
  });
});

test('a value that can’t be read counts as not there', t => {
  const quota = quotaOf(
    [quotaKeys.instancesMax, 'alice-IDE,shell-1', 'many', true],
    [quotaKeys.instancesMax, 'alice-*,shell-1', '0', true],
    [quotaKeys.instancesMax, '*-*,shell-1', '4'],
    [quotaKeys.memoryMax, '*-*,shell-1', '12 elephants'],
    [quotaKeys.engineMemory, 'alice-IDE,shell-1', '1K'],
  );
  t.is(quota.engine.memoryBytes, gib / 2, 'nobody reserves next to nothing');
  t.is(quota.max.instances, 4);
  t.is(quota.max.memoryBytes, 20 * gib);
});

const labels = ['alice-IDE', 'alice-*', '*-IDE', '*-*'].flatMap(at => [`${at},shell-1`, `${at},*-*`]);
const order = ['shell-1', '*-*'].flatMap(engine =>
  ['alice-IDE', 'alice-*', '*-IDE', '*-*'].map(at => `${at},${engine}`),
);

test('what users set for themselves only ever lowers what they were given', t => {
  const anyRows = fc.uniqueArray(
    fc.tuple(
      fc.constant(quotaKeys.instancesMax),
      fc.constantFrom(...labels),
      fc.integer({min: 1, max: 30}).map(String),
      fc.boolean(),
    ),
    {selector: ([, label]) => label},
  );
  fc.assert(
    fc.property(anyRows, rows => {
      const isOwn = ([, label, , isGranted]: Row): boolean => label.startsWith('alice') && isGranted !== true;
      const sorted = rows.toSorted((one, other) => order.indexOf(one[1]) - order.indexOf(other[1]));
      const given = Number(sorted.find(row => !isOwn(row))?.[2] ?? settings.enginesPerUserMax);
      const nearest = sorted[0];
      const expected =
        nearest === undefined
          ? given
          : isOwn(nearest)
            ? Math.min(given, Number(nearest[2]))
            : Number(nearest[2]);
      const actual = quotaOf(...rows).max.instances;
      t.is(actual, expected);
      t.true(actual <= given);
    }),
    {numRuns: 500},
  );
});

test('a tenant has no limits and weight 1, until something is set for it or for all', t => {
  t.deepEqual(tenantQuotaFor(lookUp(noTables), 'blue'), {
    max: {memoryBytes: unlimited, cores: unlimited, instances: unlimited},
    runningMax: unlimited,
    waitingMax: unlimited,
    waitingBytesMax: unlimited,
    weight: 1,
  });
  const lookup = lookUp(
    tablesOf(
      [
        [tenantKeys.weight, 'blue', '2.5'],
        [tenantKeys.weight, '*', '0.5'],
        [tenantKeys.runningMax, '*', '4'],
        [tenantKeys.waitingBytesMax, 'blue', '1G'],
        [tenantKeys.memoryMax, 'blue', '0'],
      ],
      tenantLabel,
    ),
  );
  t.like(tenantQuotaFor(lookup, 'blue'), {weight: 2.5, runningMax: 4, waitingBytesMax: gib});
  t.is(
    tenantQuotaFor(lookup, 'blue').max.memoryBytes,
    unlimited,
    'nothing at all is no limit that makes sense',
  );
  t.like(tenantQuotaFor(lookup, 'red'), {weight: 0.5, runningMax: 4});
  t.is(tenantQuotaFor(lookup, '').weight, 0.5, 'who has no tenant is under those of all');
});

const turns = () => new Promise(resolve => setImmediate(resolve));

/** In steps, each with time for what it started. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    // oxlint-disable-next-line no-await-in-loop
    await turns();
  }
}

function world() {
  const clock = manualClock();
  const store = createMemoryConfiguration();
  const watching = (pollMs = 500) => watchConfiguration({store, clock, random: seededRandom(1), pollMs});
  return {clock, store, watching};
}

test('a change holds at once where it was made, and within a poll elsewhere', async t => {
  const {clock, store, watching} = world();
  const [here, there] = [watching(), watching()];
  await Promise.all([here.refresh(), there.refresh()]);
  const service = createConfigurationService({store, watch: here, settings});
  const elsewhere = createQuotaSource(there, settings);
  let told = 0;
  const stop = elsewhere.onChange(() => (told += 1));
  t.is(elsewhere.quotaOf(who).max.instances, 9);
  const key = here.current().keyFor(quotaKeys.instancesMax, 'shell');
  if (key === undefined) return t.fail();
  const at = {user: 'alice', creator: 'IDE', engineType: 'shell', version: '1'};
  await service.save([{key, at, value: '3'}], {user: 'root', isAdmin: true});
  t.is(service.quotas.quotaOf(who).max.instances, 3);
  t.is(elsewhere.quotaOf(who).max.instances, 9, 'not yet');
  await pass(clock, 500);
  t.is(elsewhere.quotaOf(who).max.instances, 3);
  t.is(told, 1);
  stop();
  await service.save([{key, at, value: ''}], {user: 'root', isAdmin: true});
  await pass(clock, 500);
  t.is(elsewhere.quotaOf(who).max.instances, 9);
  t.is(told, 1, 'who no longer listens is not told');
  here.close();
  there.close();
});

test('a database that is away leaves what was read in force, is told once, and is asked again', async t => {
  const {clock, store} = world();
  let isAway = false;
  const failures: string[] = [];
  const watch = watchConfiguration({
    store: {
      version: () => (isAway ? Promise.reject(new Error('away')) : store.version()),
      tables: store.tables,
    },
    clock,
    random: seededRandom(1),
    pollMs: 500,
    onFailure: ({message}) => failures.push(message),
  });
  await watch.refresh();
  const before = watch.current();
  isAway = true;
  await t.throwsAsync(watch.refresh(), {message: 'away'});
  await pass(clock, 2000);
  t.deepEqual(failures, ['away']);
  t.is(watch.current(), before);
  isAway = false;
  const [weight] = before.keysNamed('tenon.tenant.weight');
  await store.saveValues([
    {keyId: weight?.id ?? 0, labelKey: tenantLabel, labelValue: 'blue', value: '4', grantedBy: 'root'},
  ]);
  await pass(clock, 500);
  t.is(tenantQuotaFor(watch.current(), 'blue').weight, 4);
  watch.close();
});

test('who asks for a refresh while a reading is under way gets the one after it', async t => {
  const {clock, store} = world();
  const gates: (() => void)[] = [];
  const watch = watchConfiguration({
    store: {
      version: store.version,
      async tables() {
        const now = await store.tables();
        await new Promise<void>(resolve => gates.push(resolve));
        return now;
      },
    },
    clock,
    random: seededRandom(1),
    pollMs: 500,
  });
  const first = watch.refresh();
  await turns();
  await store.saveTenant({
    user: 'alice',
    creator: '*',
    tenant: 'late',
    description: '',
    businessUser: '',
    isValid: true,
  });
  const second = watch.refresh();
  gates.shift()?.();
  await first;
  await turns();
  gates.shift()?.();
  await second;
  t.is(watch.current().tenantOf('alice', 'IDE'), 'late');
  watch.close();
});
