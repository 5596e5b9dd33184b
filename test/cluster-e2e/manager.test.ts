/** The manager of a cluster as its users meet it: quotas, waiting reasons and engines over several nodes, and its loss. */
import test from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';

type Gate = {readonly gate: string; readonly unit: string; readonly value: number; readonly limit: number};
type Why = {
  readonly status: string;
  readonly gates: readonly Gate[];
  readonly timeline: readonly {cause: string}[];
};
type Engine = {readonly engineId?: string; readonly instance: string; readonly emInstance: string};

const why = async (cluster: ClusterProcesses, taskID: number): Promise<Why> =>
  (await cluster.api<Why>(`entrance/${taskID}/why`)).data;

async function eventually<Value>(look: () => Promise<Value | undefined>, limitMs: number): Promise<Value> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms`);
    await sleep(200);
  }
}

/** Name of the node that is the manager, as the gateway sees it. */
async function managerOf(cluster: ClusterProcesses): Promise<string | undefined> {
  const {nodes} = (
    await cluster.api<{nodes: readonly {instance: string; isManager: boolean}[]}>('cluster/nodes')
  ).data;
  const holder = nodes.find(({isManager}) => isManager);
  return holder && cluster.nameOf(holder.instance);
}

test('two entrances share one quota over two ECMs; what waits says so; the manager’s death costs nothing', async t => {
  t.timeout(180_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gate', roles: ['gateway', 'jobhistory']},
      {name: 'one', roles: ['entrance', 'manager', 'ecm']},
      {name: 'two', roles: ['entrance', 'manager', 'ecm']},
    ],
  });
  // One engine for each user, creator and type in the whole cluster.
  const set = await cluster.api('configuration/keyvalue', {
    body: {
      configKey: 'wds.linkis.rm.instance',
      configValue: '2',
      engineType: '*',
      version: '*',
      creator: '*',
      user: '*',
    },
  });
  t.is(set.status, 0, set.message);
  await sleep(1200);
  const jobs = await Promise.all(Array.from({length: 6}, () => cluster.submit('sleep 4')));
  const waiting = await eventually(async () => {
    for (const {taskID} of jobs) {
      const told = await why(cluster, taskID);
      if (told.gates.some(({gate}) => gate === 'user')) return told;
    }
    return undefined;
  }, 20_000);
  t.like(
    waiting.gates.find(({gate}) => gate === 'user'),
    {unit: 'instances', value: 2, limit: 2},
  );
  const engines = await cluster.api<{engines: readonly Engine[]}>('linkisManager/listUserEngines');
  t.true(engines.data.engines.length <= 2, JSON.stringify(engines.data.engines));
  const manager = await eventually(() => managerOf(cluster), 10_000);
  t.true(manager === 'one' || manager === 'two', manager);
  await cluster.kill(manager);
  const other = manager === 'one' ? 'two' : 'one';
  await eventually(async () => ((await managerOf(cluster)) === other ? true : undefined), 20_000);
  await cluster.restart(manager);
  for (const {taskID} of jobs) {
    const task = await cluster.ended(taskID);
    // The one that ran on the killed node's host goes on there; nothing is lost.
    t.is(task.status, 'Succeed', JSON.stringify(task));
  }
  const {taskID} = await cluster.submit('echo after');
  t.is((await cluster.ended(taskID)).status, 'Succeed');
  t.true((await why(cluster, taskID)).timeline.length > 0);
});
