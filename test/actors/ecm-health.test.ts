/** When a host starts engines, and when it does not. */
import test from 'ava';
import {
  capacityOf,
  mayStartEngines,
  newHealth,
  withHealthSet,
  withLoad,
  type EcmHealth,
  type HealthLimits,
} from '../../actors/ecm-health.ts';
import type {HostSample} from '../../actors/ecm-port.ts';

const gib = 1024 ** 3;
const limits: HealthLimits = {
  protectedMemoryBytes: gib,
  diskFreeBytesMin: gib,
  cpuProtectedShare: 0.98,
  refusesWhenBusy: false,
};
const calm: HostSample = {
  memoryBytesTotal: 16 * gib,
  memoryBytesFree: 8 * gib,
  cpuCount: 4,
  cpuShare: 0.1,
  loadAverage: 0,
  diskBytesFree: 100 * gib,
};

/** One look a second. */
function after(looks: readonly Partial<HostSample>[], given: Partial<HealthLimits> = {}): EcmHealth {
  return looks.reduce<EcmHealth>(
    (state, look, second) => withLoad(state, {...calm, ...look}, second * 1000, {...limits, ...given}),
    newHealth,
  );
}
const free = (memory: number): Partial<HostSample> => ({memoryBytesFree: memory * gib});
const disk = (bytes: number): Partial<HostSample> => ({diskBytesFree: bytes * gib});

const comes = test.macro<[readonly Partial<HostSample>[], EcmHealth['health'], RegExp?]>({
  exec(t, looks, health, reason = /^$/) {
    const state = after(looks);
    t.is(state.health, health);
    t.regex(state.reason, reason);
    t.is(mayStartEngines(state), health === 'Healthy' || health === 'WARN');
  },
  title: (title = '') => title,
});

test('a host with room is healthy', comes, [{}], 'Healthy');
test(
  'little memory is told before it is too little',
  comes,
  [free(1.9)],
  'WARN',
  /1946 MiB of memory are free/,
);
test('below what is protected no engine is started', comes, [free(0.9)], 'StockAvailable', /memory/);
test('below a quarter of it, those that run are in danger', comes, [free(0.2)], 'StockUnavailable', /memory/);
test('it is not believed to be over at the line', comes, [free(0.9), free(1.1)], 'StockAvailable', /memory/);
test('but clearly above it is', comes, [free(0.9), free(1.3)], 'WARN', /memory/);
test('one grade after the other, or all at once', comes, [free(0.1), free(8)], 'Healthy');
test('it gets worse at once', comes, [free(8), free(0.1)], 'StockUnavailable', /memory/);
test('a full disk counts like memory', comes, [disk(0.5)], 'StockAvailable', /room on disk/);
test('the worse of both holds', comes, [{...disk(0.1), ...free(0.9)}], 'StockUnavailable', /memory.*disk/);

const busy = (seconds: number, share = 0.99): Partial<HostSample>[] =>
  Array.from({length: seconds}, () => ({cpuShare: share}));

test('busy processors are nothing for 10 s', comes, busy(10), 'Healthy');
test('then they are a warning', comes, busy(11), 'WARN', /99 % busy/);
test('one calm moment begins the time anew', comes, [...busy(8), {cpuShare: 0.97}, ...busy(5)], 'Healthy');
test('it is over when they are clearly calmer', comes, [...busy(11), {cpuShare: 0.85}], 'Healthy');
test('not when they are a little calmer', comes, [...busy(11), {cpuShare: 0.9}], 'WARN', /busy/);

test('where it is wanted, busy processors keep engines out', t => {
  t.is(after(busy(11), {refusesWhenBusy: true}).health, 'StockAvailable');
});

test('0 protects a twentieth of the memory', t => {
  t.is(after([{memoryBytesFree: 0.79 * gib}], {protectedMemoryBytes: 0}).health, 'StockAvailable');
  t.is(after([{memoryBytesFree: 0.81 * gib}], {protectedMemoryBytes: 0}).health, 'WARN');
});

test('what an administrator sets counts until he sets it back; the worse of both holds', t => {
  const set = withHealthSet(newHealth, 'UnHealthy', 'a new kernel', limits);
  t.is(set.health, 'UnHealthy');
  t.is(set.reason, 'an administrator set it to UnHealthy: a new kernel');
  const later = withLoad(set, calm, 0, limits);
  t.is(later.health, 'UnHealthy');
  t.is(withHealthSet(later, 'Healthy', '', limits).health, 'Healthy');
  const scarce = withLoad(withHealthSet(newHealth, 'WARN', '', limits), {...calm, ...free(0.9)}, 0, limits);
  t.is(scarce.health, 'StockAvailable');
  t.is(withHealthSet(scarce, 'Healthy', '', limits).health, 'StockAvailable');
});

test('capacity is what is configured, or nine tenths of the host', t => {
  const given = {memoryBytesMax: 0, coresMax: 7, enginesMax: 3};
  t.deepEqual(capacityOf(given, {...calm, memoryBytesTotal: 1000}), {
    memoryBytes: 900,
    cores: 7,
    instances: 3,
  });
  t.is(capacityOf({...given, memoryBytesMax: 5}, calm).memoryBytes, 5);
  t.is(capacityOf(given, undefined).memoryBytes, Number.MAX_SAFE_INTEGER);
});
