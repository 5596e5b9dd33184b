/** `kill -9` of each role while jobs flow: nothing accepted is lost, nothing ends or runs twice. */
import test from 'ava';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import type {NodeRole} from '../support/cluster-node.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload, type Death} from '../support/cluster-workload.ts';

const takeOverMsMax = 5000;

/** Two of each role, each in a process of its own as far as it matters. */
const nodes: readonly {readonly name: string; readonly roles: readonly NodeRole[]}[] = [
  {name: 'gateway1', roles: ['gateway', 'jobhistory']},
  {name: 'gateway2', roles: ['gateway', 'jobhistory']},
  {name: 'entrance1', roles: ['entrance', 'manager']},
  {name: 'entrance2', roles: ['entrance', 'manager']},
  {name: 'ecm', roles: ['ecm']},
];
const gateways = ['gateway1', 'gateway2'];

const death = async (cluster: ClusterProcesses, name: string): Promise<Death> => ({
  atMs: await cluster.kill(name),
  instance: cluster.node(name).instance,
});

test('a gateway dies', async t => {
  t.timeout(110_000);
  const cluster = await startClusterProcesses(t, {nodes});
  const report = await runWorkload(cluster, {gateways, fault: () => death(cluster, 'gateway1')});
  nothingIsWrong(t, report);
});

test('an entrance dies: the other one takes its jobs over in 5 s', async t => {
  t.timeout(110_000);
  const cluster = await startClusterProcesses(t, {nodes});
  // The second one: the other holds the managers' lease, and that is another test.
  const report = await runWorkload(cluster, {gateways, fault: () => death(cluster, 'entrance2')});
  nothingIsWrong(t, report, {mayBeAway: cluster.node('entrance2').instance});
  t.true(report.takeOver.count > 0, 'it owned jobs when it died');
  t.true(report.takeOver.maxMs <= takeOverMsMax, `${report.takeOver.maxMs} ms`);
});

test('a manager dies, and the other one goes on', async t => {
  t.timeout(110_000);
  const apart = nodes.flatMap(node =>
    node.roles.includes('manager')
      ? [
          {name: node.name, roles: ['entrance'] as const},
          {name: node.name.replace('entrance', 'manager'), roles: ['manager'] as const},
        ]
      : [node],
  );
  const cluster = await startClusterProcesses(t, {nodes: apart});
  const report = await runWorkload(cluster, {
    gateways,
    async fault() {
      await death(cluster, 'manager1');
      return undefined;
    },
  });
  nothingIsWrong(t, report);
});

test('an ECM dies and is started again: its engines work on, and are found', async t => {
  t.timeout(110_000);
  const cluster = await startClusterProcesses(t, {nodes});
  const report = await runWorkload(cluster, {
    gateways,
    async fault() {
      await cluster.kill('ecm');
      await cluster.restart('ecm');
      return undefined;
    },
  });
  nothingIsWrong(t, report);
});

test('an ECM dies and is not started again: another one of its host finds its engines', async t => {
  t.timeout(110_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [...nodes, {name: 'ecm2', roles: ['ecm']}],
  });
  const report = await runWorkload(cluster, {
    gateways,
    async fault() {
      await death(cluster, 'ecm');
      return undefined;
    },
  });
  nothingIsWrong(t, report);
});
