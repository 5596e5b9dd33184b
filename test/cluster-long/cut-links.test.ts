/**
 * Links between living nodes are cut, in one direction or both, slowed and broken, while all of them reach the database: nobody
 * is declared dead for it, no job changes hands, and what was accepted ends once and truly.
 */
import test, {type ExecutionContext} from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';

const start = (t: ExecutionContext): Promise<ClusterProcesses> =>
  startClusterProcesses(t, {
    isProxied: true,
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory']},
      {name: 'one', roles: ['entrance', 'ecm']},
      {name: 'two', roles: ['entrance', 'ecm']},
    ],
  });

/** No owner has changed: whoever holds its lease keeps its jobs. */
async function nobodyDied(t: ExecutionContext, cluster: ClusterProcesses): Promise<void> {
  const moved = (await cluster.audit.changes()).filter(
    ({fromOwner, toOwner}) => fromOwner !== null && fromOwner !== toOwner,
  );
  t.deepEqual(moved, []);
  for (const name of ['gateway', 'one', 'two']) t.true(cluster.node(name).isRunning(), name);
}

test('a gateway and an entrance that are cut off from each other for 12 s: the other entrance takes what is new, nobody dies', async t => {
  t.timeout(110_000);
  const cluster = await start(t);
  const report = await runWorkload(cluster, {
    gateways: ['gateway'],
    jobs: 60,
    everyMs: 250,
    async fault() {
      cluster.cuts.cut('gateway', 'one');
      await sleep(12_000);
      cluster.cuts.heal();
      return undefined;
    },
  });
  nothingIsWrong(t, report);
  await nobodyDied(t, cluster);
});

test('a link that carries one direction only for 12 s', async t => {
  t.timeout(110_000);
  const cluster = await start(t);
  const report = await runWorkload(cluster, {
    gateways: ['gateway'],
    jobs: 60,
    everyMs: 250,
    async fault() {
      cluster.cuts.cutOneWay('one', 'gateway');
      await sleep(12_000);
      cluster.cuts.heal();
      return undefined;
    },
  });
  nothingIsWrong(t, report);
  await nobodyDied(t, cluster);
});

test('links that break every second, and are slow and in slices between: a client that asks again is served', async t => {
  t.timeout(110_000);
  const cluster = await start(t);
  const names = ['gateway', 'one', 'two'];
  const report = await runWorkload(cluster, {
    gateways: ['gateway'],
    jobs: 60,
    everyMs: 150,
    triesMax: 5,
    retryAfterMs: 400,
    async fault() {
      for (const name of names) {
        cluster.cuts.proxy(name).delay(2, 8);
        cluster.cuts.proxy(name).slice(700);
      }
      for (let count = 0; count < 8; count += 1) {
        for (const name of names) cluster.cuts.proxy(name).reset();
        await sleep(1000);
      }
      cluster.cuts.heal();
      return undefined;
    },
  });
  nothingIsWrong(t, report);
  await nobodyDied(t, cluster);
});
