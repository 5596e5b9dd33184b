/** Labels of instances: what a node writes of itself when it starts. */
import test from 'ava';
import {parseInstanceLabels, registerInstance} from '../../actors/instance-label-service.ts';
import {assertInstanceLabel, serviceInstanceOf, servicesOf} from '../../actors/instance-label.ts';
import {createMemoryInstanceLabels} from '../support/memory-instance-labels.ts';

test('labels are read as the command line and the configuration have them', t => {
  t.deepEqual(parseInstanceLabels(['route=et1', 'zone=a=b', 'route=et2']), {route: 'et2', zone: 'a=b'});
  t.deepEqual(parseInstanceLabels([]), {});
});

test('a row is named after the entrance if the node has one, else after its first role in order', t => {
  t.is(serviceInstanceOf('a:1', ['jobhistory', 'gateway', 'entrance']).name, 'linkis-cg-entrance');
  t.is(serviceInstanceOf('a:1', ['jobhistory', 'ecm', 'gateway']).name, 'linkis-mg-gateway');
  t.is(serviceInstanceOf('a:1', ['jobhistory', 'ecm']).name, 'linkis-cg-engineconnmanager');
  t.deepEqual(servicesOf(['ecm', 'unknown']), ['linkis-cg-engineconnmanager']);
});

test('a node that starts again has the labels of its configuration, whatever was set before', async t => {
  const store = createMemoryInstanceLabels();
  await registerInstance(store, 'a:1', ['entrance'], {route: 'et1'});
  await store.register({instance: 'a:1', name: 'linkis-cg-entrance'}, {offline: 'true', weight: '5'});
  await registerInstance(store, 'a:1', ['entrance'], {route: 'et2'});
  t.deepEqual(await store.labelsOf('a:1'), {route: 'et2'});
});

test('a label that no instance can carry stops the start, and nothing is written', async t => {
  const store = createMemoryInstanceLabels();
  await t.throwsAsync(registerInstance(store, 'a:1', ['entrance'], {route: 'et-1'}), {
    name: 'InvalidInstanceLabelError',
    message: /route=et-1/,
  });
  t.deepEqual(await store.instances(), []);
});

for (const [key, value] of [
  ['', 'x'],
  ['k'.repeat(33), 'x'],
  ['route', 'v'.repeat(256)],
  ['zone', 'a\nb'],
  ['tenant', 'a-b'],
  ['userCreator', 'a-b-c'],
  ['weight', '-1'],
  ['weight', '1.5'],
  ['weight', '007'],
  ['sticky', 'job'],
] as const) {
  test(`no instance carries ${JSON.stringify(`${key}=${value}`.slice(0, 40))}`, t => {
    t.throws(() => assertInstanceLabel(key, value), {name: 'InvalidInstanceLabelError'});
  });
}
