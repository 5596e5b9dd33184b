import test, {type ExecutionContext} from 'ava';
import {clusterGovernance} from '../../actors/cluster-governance.ts';
import {startEntranceService} from '../../actors/entrance-service.ts';
import {startGovernanceNode} from '../../actors/governance-node.ts';
import type {JobNews} from '../../actors/governance.ts';
import {createJobFeed} from '../../actors/job-feed.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {systemRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {createCheckedStore} from '../simulation/checked-store.ts';
import {createMemoryLogs} from '../simulation/memory-logs.ts';
import {createEngineWorld} from '../support/engine-world.ts';
import {caller} from '../support/entrance-cluster.ts';
import {governanceFixture} from '../support/node-fixture.ts';
import {createReceptionistHub} from '../support/receptionist-hub.ts';

const quiet = {info() {}, warn() {}, error() {}};
const instances = ['a:1', 'b:1'];

/** Two real entrances on one database, and a gateway. */
async function cluster(t: ExecutionContext) {
  const store = createCheckedStore(systemClock, 'none');
  const hub = createReceptionistHub();
  const dropped: string[] = [];
  for (const instance of instances) {
    const view = store.view();
    const self = {instance, incarnation: `i-${instance}`};
    const system = startActorSystem({name: 'test', clock: systemClock, random: systemRandom, log: quiet});
    t.teardown(() => system.shutdown(1000));
    // oxlint-disable-next-line no-await-in-loop
    const node = await startGovernanceNode(
      {
        system,
        store: view,
        ping: view.ping,
        logs: createMemoryLogs(false),
        feed: createJobFeed(),
        clock: systemClock,
        log: quiet,
        driver: createEngineWorld(systemClock).driver(),
        isAlive: () => true,
        routeLabel: () => undefined,
        outbox: {append: async () => undefined, pending: async () => [], clear: async () => undefined},
      },
      governanceFixture(self),
    );
    const {governance} = node;
    startEntranceService({
      system,
      receptionist: hub.node(instance),
      governance,
      store: view,
      self,
      log: quiet,
    });
  }
  const system = startActorSystem({name: 'gateway', clock: systemClock, random: systemRandom, log: quiet});
  t.teardown(() => system.shutdown(1000));
  let made = 0;
  const view = store.view();
  const governance = clusterGovernance({
    receptionist: hub.node('g:1'),
    self: {instance: 'g:1', incarnation: 'i-g'},
    store: view,
    isAlive: () => true,
    resolve: (_label, _caller, tried) => ({
      instance: instances.find(instance => !tried.includes(instance)) ?? 'a:1',
      why: 'test',
    }),
    onOwnerChange: () => () => undefined,
    clock: systemClock,
    makeId: () => `id-${++made}`,
    log: quiet,
    // What a link does that is cut: the asker learns at once that nobody knows.
    system: {
      ask: (ref, message, timeoutMs) =>
        system.ask(ref, message, dropped.includes('answers') ? Math.min(timeoutMs, 300) : timeoutMs),
    },
  });
  t.teardown(() => governance.close());
  return {governance, store, hub, dropped};
}

const body = (script: object): object => ({
  executionContent: {code: JSON.stringify(script), runType: 'shell'},
  labels: {engineType: 'shell-1'},
});

test('a job goes through a gateway from submission to its end, log and all', async t => {
  const {governance} = await cluster(t);
  const {taskID, execID} = await governance.submit(body({lines: 20, durationMs: 50}), caller, {});
  t.regex(execID, /a:1/);
  const heard: JobNews[] = [];
  await new Promise<void>((resolve, reject) => {
    governance
      .follow(taskID, news => {
        heard.push(news);
        if (news.type === 'end') resolve();
      })
      .catch(reject);
  });
  t.like(heard.at(-1), {type: 'end', status: 'Succeed'});
  t.is(heard.filter(({type}) => type === 'end').length, 1);
  const position = await governance.logPosition(taskID);
  const chunk = await governance.readLog(taskID, 0, Infinity, 1_000_000);
  t.true((position?.lines ?? 0) >= 20);
  t.is(chunk?.lineCount, position?.lines);
  t.like(await governance.find(taskID), {status: 'Succeed', execID});
});

test('submissions whose answers are lost are there once each', async t => {
  const {governance, store, hub, dropped} = await cluster(t);
  const jobs = 20;
  let lost = 0;
  // Every answer of the one that took them; what became of them is told by the other.
  hub.lose((message, from) => {
    const isAnswer = from === 'a:1' && JSON.stringify(message).includes('"execID"');
    if (isAnswer) lost += 1;
    return isAnswer;
  });
  dropped.push('answers');
  const accepted = await Promise.all(
    Array.from({length: jobs}, () => governance.submit(body({lines: 1}), caller, {})),
  );
  t.true(lost >= jobs);
  t.is(new Set(accepted.map(({taskID}) => taskID)).size, jobs);
  t.is(store.rows.size, jobs);
  t.true([...store.rows.values()].every(({row}) => row.instances.startsWith('a:1#')));
});

test('a running job is ended through a gateway', async t => {
  const {governance} = await cluster(t);
  const {taskID} = await governance.submit(body({lines: 5, durationMs: 60_000}), caller, {});
  t.like(await governance.kill(taskID, caller), {result: 'ended', status: 'Cancelled'});
  t.like(await governance.find(taskID), {status: 'Cancelled'});
});
