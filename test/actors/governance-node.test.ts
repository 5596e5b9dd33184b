import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {startGovernanceNode} from '../../actors/governance-node.ts';
import type {Accepted, Caller} from '../../actors/governance.ts';
import {tombstone} from '../../actors/history-writer.ts';
import {createJobFeed, type JobFeed} from '../../actors/job-feed.ts';
import type {StoredJob} from '../../actors/ports.ts';
import {assertRoute, NoUnlabelledInstanceError, RouteNotFoundError} from '../../actors/route.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {createCheckedStore} from '../simulation/checked-store.ts';
import {createMemoryLogs} from '../simulation/memory-logs.ts';
import {createEngineWorld} from '../support/engine-world.ts';
import {governanceFixture} from '../support/node-fixture.ts';

const caller: Caller = {user: 'alice', isAdmin: false, hasAdminToken: false, address: '::1', requestId: 'r'};
const quiet = {info() {}, warn() {}, error() {}};
const body = (script: object): object => ({
  executionContent: {code: JSON.stringify(script), runType: 'shell'},
  labels: {engineType: 'shell-1'},
});

async function world(
  t: ExecutionContext,
  options: {feed?: JobFeed; residentMax?: number; runningMax?: number; launchMs?: number} = {},
) {
  const {feed = createJobFeed(), residentMax = 1000, runningMax = 10, launchMs = 0} = options;
  const store = createCheckedStore(systemClock, 'none');
  const view = store.view();
  const system = startActorSystem({name: 'test', clock: systemClock, random: systemRandom, log: quiet});
  t.teardown(() => system.shutdown(1000));
  const engines = createEngineWorld(systemClock);
  const driver = engines.driver();
  const self = {instance: 'localhost:9001', incarnation: 'i'};
  const node = await startGovernanceNode(
    {
      system,
      store: view,
      ping: view.ping,
      logs: createMemoryLogs(false),
      feed,
      clock: systemClock,
      log: quiet,
      driver: {
        ...driver,
        async launch(wanted, timeoutMs) {
          if (launchMs > 0) await sleep(launchMs);
          return driver.launch(wanted, timeoutMs);
        },
      },
      isAlive: () => true,
      routeLabel: () => undefined,
      outbox: {append: async () => undefined, pending: async () => [], clear: async () => undefined},
    },
    {...governanceFixture(self), residentMax, groupLimits: {runningMax, waitingMax: 100}},
  );
  const ended = (taskID: number): Promise<string> =>
    new Promise((resolve, reject) => {
      node.governance
        .follow(taskID, news => {
          if (news.type === 'end') resolve(news.status);
        })
        .catch(reject);
    });
  return {
    node,
    store,
    engines,
    ended,
    submit: (script: object) => node.governance.submit(body(script), caller, {}),
  };
}

/** A feed that fails, as a fault of ours would, the first `times` it is told of `status`. */
function faultyFeed(times: number, status: string): JobFeed {
  const feed = createJobFeed();
  let left = times;
  return {
    ...feed,
    publish(taskID, news) {
      if (news.type === 'status' && news.status === status && left-- > 0) throw new Error('planted');
      feed.publish(taskID, news);
    },
  };
}

test('a job whose actor crashes in the queue or while it runs is carried on by a new actor, and ends truly', async t => {
  t.timeout(60_000);
  for (const status of ['Scheduled', 'Running']) {
    const {submit, ended, engines} = await world(t, {feed: faultyFeed(2, status)});
    const {taskID} = await submit({lines: 20, durationMs: 50});
    t.is(await ended(taskID), 'Succeed', status);
    t.true([...engines.begun.keys()].filter(name => name.startsWith(`${taskID}-`)).length <= 1, status);
  }
});

test('a job whose actor crashes again and again fails, and says that the fault is ours', async t => {
  const {submit, ended, store, node} = await world(t, {feed: faultyFeed(99, 'Running')});
  const {taskID} = await submit({lines: 5, durationMs: 5000});
  t.is(await ended(taskID), 'Failed');
  t.is(store.rows.get(taskID)?.row.errorCode, 20056);
  // The slot is given back right after the end was told.
  while (node.governance.load()[0]?.running !== 0) await new Promise(resolve => void setImmediate(resolve));
  t.pass();
});

test('jobs beyond the resident limit wait in their rows, run in their turn, and can be killed', async t => {
  const {submit, ended, node, engines} = await world(t, {residentMax: 2, runningMax: 1});
  const jobs = [];
  for (let number = 0; number < 6; number += 1) jobs.push((await submit({durationMs: 30})).taskID);
  t.is(node.counters().residentJobs, 2);
  t.is(node.counters().passiveJobs, 4);
  const [, , , , fifth = 0, last = 0] = jobs;
  t.is((await node.governance.kill(fifth, caller)).status, 'Cancelled');
  t.is(await ended(last), 'Succeed');
  t.deepEqual(
    [...engines.begun.keys()],
    jobs.filter(id => id !== fifth).map(id => `${id}-1`),
  );
});

test('a row that nobody accepted is no answer to a submission with its key', async t => {
  const {node, store, submit, ended} = await world(t);
  const keyed = (): Promise<Accepted> => node.governance.submit(body({}), caller, {idempotencyKey: 'k'});
  // As the entrance stores it, and never hears that it did.
  const {taskID} = await submit({});
  await ended(taskID);
  const twin = store.rows.get(taskID);
  if (twin === undefined) return t.fail();
  const row: StoredJob['row'] = {...twin.row, id: 900, status: 'Inited', instances: 'localhost:9001#i#1'};
  await store.view().commit([{type: 'insert', row, facts: {...twin.facts, idempotencyKey: 'k'}}]);
  t.like(await t.throwsAsync(keyed()), {code: 20_962});
  const ending = keyed();
  await store.view().commit([tombstone({type: 'insert', row, facts: twin.facts})]);
  const accepted = await ending;
  t.not(accepted.taskID, 900);
  t.is(await ended(accepted.taskID), 'Succeed');
  t.is((await keyed()).taskID, accepted.taskID);
});

test('a full queue refuses with its numbers, and nothing is stored', async t => {
  const {submit, store} = await world(t, {runningMax: 1});
  await submit({durationMs: 60_000});
  for (let number = 0; number < 100; number += 1) await submit({});
  await t.throwsAsync(submit({}), {message: /100/});
  t.is(store.rows.size, 101);
});

test("what the checks did stands in the job's log, once, before the job's own lines", async t => {
  const {node, ended} = await world(t);
  const {taskID} = await node.governance.submit(
    {
      executionContent: {code: '{"lines": ${count}}', runType: 'shell'},
      labels: {engineType: 'shell-1'},
      params: {variable: {count: '2'}},
    },
    caller,
    {},
  );
  t.is(await ended(taskID), 'Succeed');
  const chunk = await node.governance.readLog(taskID, 0, 100, 10_000);
  const lines = Buffer.from(chunk?.bytes ?? [])
    .toString()
    .split('\n');
  const said = lines.findIndex(line => line.endsWith(' INFO Variables in the code were replaced.'));
  t.is(said, lines.findIndex(line => line.includes('Your job runs on')) - 1, lines.join('\n'));
  t.is(lines.filter(line => line.includes('were replaced')).length, 1);
});

test('a route label goes only to an instance that carries it, and none never to one that carries any', t => {
  t.notThrows(() => assertRoute('et1', 'et1'));
  t.notThrows(() => assertRoute(undefined, undefined));
  t.throws(() => assertRoute('et2', 'et1'), {message: /route=et2/});
  t.throws(() => assertRoute('et2', undefined), {instanceOf: RouteNotFoundError});
  t.throws(() => assertRoute(undefined, 'et1'), {instanceOf: NoUnlabelledInstanceError});
});

test('a node that leaves ends an engine that is still starting, as soon as it is up', async t => {
  const {submit, node} = await world(t, {launchMs: 1500});
  await submit({lines: 1, durationMs: 5000});
  while (node.engines().size === 0) await sleep(5);
  t.is([...node.engines().values()][0]?.status, 'starting');
  t.deepEqual(await node.leave(), []);
  t.is(node.engines().size, 0);
});
