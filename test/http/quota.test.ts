/** `rm/quota`: what somebody has, and may have. */
import test from 'ava';
import type {ResourceUse} from '../../actors/engine-governance.ts';
import {rowsOf, startConfigurationFacade} from '../support/configuration-world.ts';

const use = (over: Partial<ResourceUse>): ResourceUse => ({
  user: 'alice',
  creator: 'IDE',
  engineType: 'shell',
  version: '1',
  tenant: 'blue',
  max: {memoryBytes: 1, cores: 1, instances: 1},
  used: {memoryBytes: 536_870_912, cores: 1, instances: 1},
  locked: {memoryBytes: 0, cores: 0, instances: 0},
  runningJobs: 1,
  queuedJobs: 4,
  ...over,
});

test('everybody sees what they have and may have, also of what they have none of', async t => {
  const {ask} = await startConfigurationFacade(t, [
    use({}),
    use({user: 'bob'}),
    use({user: '', creator: ''}),
  ]);
  const {data, method} = await ask('alice', 'rm/quota');
  t.is(method, '/api/rm/quota');
  const rows = rowsOf(data, 'quotas');
  t.deepEqual(
    rows.map(row => [row['user'], row['creator'], row['engineType'], row['runningJobs']]),
    [
      ['alice', 'IDE', 'shell', 1],
      ['alice', '*', 'python', 0],
    ],
  );
  t.like(rows[0], {
    max: {memoryBytes: 20 * 1024 ** 3, cores: 10, instances: 9},
    runningMax: 7,
    waitingMax: 70,
    queuedJobs: 4,
    engineIdleMs: 5000,
    tenant: 'blue',
  });
  t.is(data['tenants'], undefined);
  t.is((await ask('alice', 'rm/quota?user=bob')).status, 1);
});

test('administrators see all users, and tenants with their sums', async t => {
  const {ask} = await startConfigurationFacade(t, [
    use({}),
    use({user: 'bob', engineType: 'python', queuedJobs: 1}),
  ]);
  await ask('root', 'configuration/keyvalue', {
    configKey: 'tenon.tenant.running.max',
    configValue: '5',
    tenant: 'blue',
  });
  const {data} = await ask('root', 'rm/quota');
  t.true(rowsOf(data, 'quotas').some(row => row['user'] === 'bob'));
  t.deepEqual(data['tenants'], [
    {
      tenant: 'blue',
      weight: 1,
      max: {memoryBytes: null, cores: null, instances: null},
      used: {memoryBytes: 1_073_741_824, cores: 2, instances: 2},
      runningJobs: 2,
      runningMax: 5,
      queuedJobs: 5,
      waitingMax: null,
      waitingBytesMax: null,
    },
  ]);
  const one = await ask('root', 'rm/quota?user=bob&engineType=python');
  t.is(rowsOf(one.data, 'quotas').length, 1);
});

test('without a ledger the limits are still told', async t => {
  const {ask} = await startConfigurationFacade(t);
  const {data} = await ask('alice', 'rm/quota?creator=IDE&engineType=shell');
  t.like(rowsOf(data, 'quotas')[0], {
    user: 'alice',
    creator: 'IDE',
    engineType: 'shell',
    runningMax: 7,
    runningJobs: 0,
  });
});
