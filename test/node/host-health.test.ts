/** A node looks at its host again and again, whatever comes of it; and what it shows of that at /metrics. */
import test from 'ava';
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {HostSample, HostView} from '../../actors/ecm-port.ts';
import {ecmSettings} from '../../actors/ecm-settings.ts';
import {watchOwnHost} from '../../node-host-health.ts';
import {hostMetrics} from '../../node-host-metrics.ts';
import {manualClock} from '../support/manual-clock.ts';

const gib = 1024 ** 3;
const calm: HostSample = {
  memoryBytesTotal: 10 * gib,
  memoryBytesFree: 5 * gib,
  cpuCount: 2,
  cpuShare: 0,
  loadAverage: 0.5,
  diskBytesFree: 100 * gib,
};

function hostOf(look: () => Promise<HostSample>): HostView {
  return {
    metrics: () => undefined,
    measure: async () => undefined,
    engineLog: async () => undefined,
    hostLoad: look,
    usage: () => ({
      scanMs: 4,
      byType: [
        {
          engineType: 'shell',
          rssBytes: 7,
          cpuMs: 1500,
          readBytes: 1,
          writtenBytes: 2,
          processes: 3,
          diskBytes: 9,
        },
      ],
    }),
    terminate: async () => undefined,
  };
}

/** Lets what was started by a timer come to its end. */
const settle = (): Promise<void> => new Promise(resolve => void setImmediate(resolve));

async function watching(t: {teardown(end: () => void): void}) {
  const clock = manualClock();
  const said: string[] = [];
  let look = async (): Promise<HostSample> => calm;
  const watch = await watchOwnHost({
    host: hostOf(() => look()),
    settings: defaultsOf(ecmSettings),
    enginesMax: 5,
    clock,
    log: {warn: ((_: object, text: string) => void said.push(text)) as never},
  });
  t.teardown(() => watch.stop());
  return {
    watch,
    clock,
    said,
    async next(given: () => Promise<HostSample>) {
      look = given;
      clock.advance(2000);
      await settle();
    },
  };
}

test('it is looked at before anybody asks, and every two seconds', async t => {
  const {watch, next} = await watching(t);
  t.is(watch.current().health, 'Healthy');
  t.deepEqual(watch.capacity(), {memoryBytes: 9 * gib, cores: 100, instances: 5});
  await next(async () => ({...calm, memoryBytesFree: 0.4 * gib}));
  t.is(watch.current().health, 'StockAvailable');
  await next(async () => calm);
  t.is(watch.current().health, 'Healthy');
});

test('a host that can not be looked at is said once, and is looked at again', async t => {
  const {watch, next, said} = await watching(t);
  const fail = () => Promise.reject(new Error('no such file'));
  await next(fail);
  await next(fail);
  t.is(said.length, 1);
  t.is(watch.current().health, 'Healthy', 'what was known last stands');
  await next(async () => ({...calm, memoryBytesFree: 0.4 * gib}));
  t.is(watch.current().health, 'StockAvailable');
});

test('what is set holds beside what is measured; nothing is looked at any more after the end', async t => {
  const {watch, next, clock} = await watching(t);
  watch.set({health: 'UnHealthy', description: 'broken fan'});
  await next(async () => calm);
  t.is(watch.current().health, 'UnHealthy');
  t.is(watch.description(), 'broken fan');
  watch.set({health: 'Healthy'});
  t.is(watch.current().health, 'Healthy');
  t.is(watch.description(), 'broken fan');
  watch.stop();
  t.is(clock.pending, 0);
});

test('a node without processes of its own has nothing to look at', async t => {
  const watch = await watchOwnHost({
    host: undefined,
    settings: defaultsOf(ecmSettings),
    enginesMax: 5,
    clock: manualClock(),
    log: {warn: () => undefined},
  });
  t.is(watch.current().health, 'Healthy');
  t.is(watch.capacity().instances, 5);
  watch.stop();
});

test('figures at /metrics are by engine type and resource, never by engine', async t => {
  const capacity = {memoryBytes: 10, cores: 2, instances: 3};
  const metrics = hostMetrics(
    hostOf(async () => calm),
    () => ({health: 'WARN', capacity, reserved: {...capacity, memoryBytes: 4}}),
  );
  const found = new Map<string, readonly {readonly labels: object; readonly value: number}[]>();
  for (const metric of metrics) found.set(metric.name, await metric.collect());
  t.is(new Set(metrics.map(({name}) => name)).size, metrics.length);
  t.deepEqual(found.get('tenon_engine_cpu_seconds_total'), [{labels: {type: 'shell'}, value: 1.5}]);
  t.deepEqual(found.get('tenon_engine_memory_bytes'), [{labels: {type: 'shell'}, value: 7}]);
  t.deepEqual(found.get('tenon_ecm_host_memory_free_bytes'), [{labels: {}, value: 5 * gib}]);
  t.deepEqual(
    found.get('tenon_ecm_health')?.filter(({value}) => value === 1),
    [{labels: {health: 'WARN'}, value: 1}],
  );
  t.deepEqual(found.get('tenon_ecm_reserved')?.[0], {labels: {resource: 'memory_bytes'}, value: 4});
  for (const {name, labelNames, collect} of metrics) {
    for (const {labels} of await collect()) t.deepEqual(Object.keys(labels), [...labelNames], name);
  }
  const unknown = hostMetrics(
    hostOf(async () => calm),
    () => undefined,
  );
  t.deepEqual(await unknown.find(({name}) => name === 'tenon_ecm_health')?.collect(), []);
});
