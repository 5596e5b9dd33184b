/** `tenon engines` against a real facade over engines in memory. */
import test from 'ava';
import {exitCodes} from '../../cli/exit-code.ts';
import {runClient} from '../support/client-run.ts';
import {manualClock} from '../support/manual-clock.ts';
import {startManager, type ManagerWorld} from '../support/manager-world.ts';

const runAs = (world: ManagerWorld, name: string, ...argv: readonly string[]) =>
  runClient(world.facade.url, ['engines', ...argv], {
    environment: {TENON_URL: world.facade.url, TENON_USER: name, TENON_PASSWORD: `pw-${name}`},
  });

const clock = () => manualClock(1_714_530_065_000);

test('an administrator sees everybody’s engines as a table, others their own', async t => {
  const world = await startManager(t, {}, clock());
  const {code, stdout, stderr} = await runAs(world, 'root');
  t.deepEqual([code, stderr], [0, '']);
  t.is(
    stdout,
    [
      'ENGINE  TYPE            USER   CREATOR  STATUS  JOB  ECM                       MEMORY  CPU   IDLE',
      'e-idle  shell-1         alice  IDE      Unlock  -    host-02.example.com:9102  -       -     5.0 s',
      'e-busy  python-python3  alice  IDE      Busy    7    host-02.example.com:9102  4.8 MB  50 %  -',
      'e-bob   shell-1         bob    IDE      Unlock  -    host-02.example.com:9102  -       -     5.0 s',
      '',
    ].join('\n'),
  );
  t.regex((await runAs(world, 'bob')).stdout, /^ENGINE.*\ne-bob .*\n$/);
  t.regex((await runAs(world, 'root', 'list', '--mine')).stdout, /^ENGINE.*\n$/);
  const {engines} = JSON.parse((await runAs(world, 'bob', '--json')).stdout) as {engines: object[]};
  t.is(engines.length, 1);
  t.like(engines[0], {engineId: 'e-bob', reserved: {instances: 1}});
});

test('an engine is ended by its id or its instance, and the receipt says what was done', async t => {
  const world = await startManager(t, {}, clock());
  t.deepEqual(await runAs(world, 'alice', 'kill', 'e-idle'), {
    code: 0,
    stdout:
      'Engine e-idle is ended: SIGTERM, SIGKILL; 2 processes (4711, 4712) in 0.0 s; 1 GB and 1 core given back.\n',
    stderr: '',
  });
  const json = JSON.parse((await runAs(world, 'alice', 'kill', world.busy, '--json')).stdout) as object;
  t.like(json, {engineId: 'e-busy', receipt: {processesEnded: 2, pids: [4711, 4712]}});
  t.deepEqual(world.engines.ended, ['e-idle', 'e-busy']);
});

test('an engine of somebody else, or none, is refused in words', async t => {
  const world = await startManager(t, {}, clock());
  for (const argv of [
    ['kill', 'e-bob'],
    ['kill', 'e-none'],
    ['log', 'e-bob'],
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    const {code, stdout, stderr} = await runAs(world, 'alice', ...argv);
    t.is(code, exitCodes.refused, argv.join(' '));
    t.is(stdout, '');
    t.regex(stderr, /20680 There is no engine e-(?:bob|none) that you may see/);
  }
  t.deepEqual(world.engines.ended, []);
});

test('a log comes whole, or from a line, or its end, of live engines and ended ones', async t => {
  const world = await startManager(t, {}, clock());
  const whole = await runAs(world, 'alice', 'log', 'e-idle');
  t.is(whole.stdout, Array.from({length: 12_000}, (_, n) => `line ${n + 1}\n`).join(''));
  t.is((await runAs(world, 'alice', 'log', 'e-idle', '--from', '11999')).stdout, 'line 11999\nline 12000\n');
  t.is((await runAs(world, 'alice', 'log', 'e-idle', '--last', '1')).stdout, 'line 12000\n');
  t.is((await runAs(world, 'alice', 'log', 'e-gone', '--type', 'stderr')).stdout, 'the end\n');
  t.like(JSON.parse((await runAs(world, 'alice', 'log', 'e-idle', '--last', '2', '--json')).stdout), {
    rows: 2,
  });
  t.is((await runAs(world, 'alice', 'log', 'e-idle', '--type', 'shadow')).code, exitCodes.usage);
});

test('hosts are for administrators', async t => {
  const world = await startManager(t, {}, clock());
  const {stdout} = await runAs(world, 'root', 'ecms');
  t.regex(
    stdout,
    /^ECM +HEALTH +TYPES +ENGINES .*\nhost-02\.example\.com:9102 +Healthy +shell,python +1\/50 +1 GB\/100 GB +1\/50 +60 GB\/125 GB +12 % +tenant=blue route=et1 +-\n/,
  );
  t.is(
    (JSON.parse((await runAs(world, 'root', 'ecms', '--json')).stdout) as {ecms: object[]}).ecms.length,
    2,
  );
  const refused = await runAs(world, 'alice', 'ecms');
  t.is(refused.code, exitCodes.refused);
  t.is(refused.stdout, '');
});

test('an unhealthy engine shows as such', async t => {
  const world = await startManager(t, {}, clock());
  await world.engines.setEngineHealth('e-busy', 'UnHealthy');
  t.regex((await runAs(world, 'alice')).stdout, /e-busy .* Busy, unhealthy +7 /);
});
