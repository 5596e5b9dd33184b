/** The configuration of two nodes over one database: real files, threads and time. */
import test from 'ava';
import {pino} from 'pino';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {openConfiguration} from '../../node-configuration.ts';
import {freshDirectory, openFixture} from '../persistence/database-fixture.ts';

const settings = {groupRunningMax: 7, groupWaitingMax: 70, enginesPerUserMax: 9, engineIdleMs: 5000};
const log = pino({level: 'silent'});

test('what one node sets holds there at once, and on another within a second', async t => {
  const dataDirectory = await freshDirectory(t);
  const open = async () => {
    const database = await openFixture(t, {dataDirectory});
    const configuration = await openConfiguration({
      database,
      settings,
      clock: systemClock,
      random: systemRandom,
      pollMs: 500,
      log,
    });
    t.teardown(configuration.close);
    return configuration;
  };
  const here = await open();
  const there = await open();
  const who = {user: 'alice', creator: 'IDE', engineType: 'python'};
  t.is(there.quotas.quotaOf(who).max.instances, 9, 'the rows of a fresh database change nothing');
  t.is(there.quotas.quotaOf(who).engine.memoryBytes, 512 * 1024 ** 2);
  const key = here.lookup().keyFor('wds.linkis.rm.instance', 'python');
  if (key === undefined) return t.fail('The key is not there.');
  const changed = new Promise<void>(resolve => there.quotas.onChange(resolve));
  const startedMs = performance.now();
  const at = {user: 'alice', creator: 'IDE', engineType: 'python', version: 'python3'};
  await here.save([{key, at, value: '3'}], {user: 'root', isAdmin: true});
  t.is(here.quotas.quotaOf(who).max.instances, 3);
  await changed;
  t.is(there.quotas.quotaOf(who).max.instances, 3);
  t.true(performance.now() - startedMs < 1000);
});

test('a node whose database is away starts with its own settings', async t => {
  const away = () => Promise.reject(new Error('away'));
  const database = await openFixture(t, {dataDirectory: await freshDirectory(t)});
  const configuration = await openConfiguration({
    database: {configuration: {...database.configuration, version: away}},
    settings,
    clock: systemClock,
    random: systemRandom,
    pollMs: 500,
    log,
  });
  t.teardown(configuration.close);
  t.is(configuration.quotas.quotaOf({user: 'a', creator: 'b', engineType: 'shell'}).runningMax, 7);
});
