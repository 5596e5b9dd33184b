/** `tenon quota`, against a facade with the configuration behind it. */
import test from 'ava';
import {exitCodes} from '../../cli/exit-code.ts';
import {clientEnvironment, runClient} from '../support/client-run.ts';
import {startConfigurationFacade} from '../support/configuration-world.ts';

const as = (url: string, name: string) => ({
  environment: {...clientEnvironment(url), TENON_USER: name, TENON_PASSWORD: `pw-${name}`},
});

const used = {
  user: 'alice',
  creator: 'IDE',
  engineType: 'shell',
  version: '1',
  tenant: 'blue',
  max: {memoryBytes: 1, cores: 1, instances: 1},
  used: {memoryBytes: 536_870_912, cores: 1, instances: 1},
  locked: {memoryBytes: 536_870_912, cores: 1, instances: 1},
  runningJobs: 1,
  queuedJobs: 4,
};

test('quotas are shown as columns, or as JSON', async t => {
  const {facade} = await startConfigurationFacade(t, [used]);
  const {code, stdout} = await runClient(facade.url, ['quota'], as(facade.url, 'alice'));
  t.is(code, 0);
  t.is(
    stdout,
    'USER   CREATOR  ENGINE  TENANT  MEMORY  CORES  ENGINES  RUNNING  WAITING  IDLE  WARM\n' +
      'alice  IDE      shell   blue    1G/20G  2/10   2/9      1/7      4/70     5s    0\n' +
      'alice  *        python  -       0/20G   0/10   0/9      0/7      0/70     5s    0\n',
  );
  const asRoot = await runClient(
    facade.url,
    ['quota', '--of', 'alice', '--engine', 'shell'],
    as(facade.url, 'root'),
  );
  t.regex(asRoot.stdout, /\n\nTENANT  WEIGHT  MEMORY .*\nblue +1 +512M\/∞ +1\/∞ +1\/∞ +1\/∞ +4\/∞\n$/);
  const json = await runClient(facade.url, ['quota', '--json'], as(facade.url, 'alice'));
  t.is(JSON.parse(json.stdout).quotas[0].user, 'alice');
});

test('administrators set quotas of users and tenants, by short names or by keys, and take them away', async t => {
  const {facade, service} = await startConfigurationFacade(t);
  const set = (...argv: string[]) => runClient(facade.url, ['quota', 'set', ...argv], as(facade.url, 'root'));
  const quota = () => service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'});
  const first = await set(
    'engines=3',
    'wds.linkis.engine.running.job.max=5',
    '--of',
    'alice',
    '--engine',
    'shell',
  );
  t.deepEqual(first, {
    code: 0,
    stdout: 'wds.linkis.rm.instance = 3\nwds.linkis.engine.running.job.max = 5\n',
    stderr: '',
  });
  t.like(quota(), {max: {instances: 3}, runningMax: 5});
  t.is(
    (await set('engines=', '--of', 'alice', '--engine', 'shell-1')).stdout,
    'wds.linkis.rm.instance is taken away\n',
  );
  t.is(quota().max.instances, 9);
  t.is((await set('weight=2.5', '--tenant', 'blue')).code, 0);
  t.is(service.quotas.tenantQuotaOf('blue').weight, 2.5);
  const json = await set('engines=4', '--of', '*', '--json');
  t.like(JSON.parse(json.stdout).saved[0], {key: 'wds.linkis.rm.instance', configValue: {configValue: '4'}});
  t.is(quota().max.instances, 4);
});

for (const [why, argv, code, message] of [
  [
    'a name that there is not',
    ['memories=1G'],
    exitCodes.usage,
    /There is no memories\. Give one of memory, cores/,
  ],
  [
    'a tenant with a user',
    ['weight=1', '--tenant', 'blue', '--of', 'alice'],
    exitCodes.usage,
    /--tenant stands alone/,
  ],
  ['no value', ['memory'], exitCodes.usage, /KEY=VALUE/],
  ['no pair', [], exitCodes.usage, /missing required argument/],
  ['a value outside of its range', ['engines=0'], exitCodes.refused, /14100 .*Parameter verification failed/],
  ['a key of nobody', ['a.b=1'], exitCodes.refused, /14100 Config key not exists:a\.b/],
] as const) {
  test(`set refuses ${why}`, async t => {
    const {facade} = await startConfigurationFacade(t);
    const run = await runClient(facade.url, ['quota', 'set', ...argv], as(facade.url, 'root'));
    t.is(run.code, code, run.stderr);
    t.regex(run.stderr, message);
  });
}

test('a user lowers an own quota, and no more', async t => {
  const {facade, service} = await startConfigurationFacade(t);
  const set = (...argv: string[]) =>
    runClient(facade.url, ['quota', 'set', ...argv], as(facade.url, 'alice'));
  t.is((await set('engines=2', '--engine', 'shell')).code, 0);
  t.is(service.quotas.quotaOf({user: 'alice', creator: 'IDE', engineType: 'shell'}).max.instances, 2);
  t.regex((await set('engines=10', '--engine', 'shell')).stderr, /14103 .*at most 9 for you/);
  t.is((await set('engines=2', '--of', 'bob')).code, exitCodes.refused);
  t.is((await set('weight=2', '--tenant', 'blue')).code, exitCodes.refused);
});
