/** What all nodes have in common dies: the machine they run on, or their database. */
import test from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import type {NodeRole} from '../support/cluster-node.ts';
import {startClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';
import {freshServerDatabase, startServer} from '../servers/server-fixture.ts';

const nodes: readonly {readonly name: string; readonly roles: readonly NodeRole[]}[] = [
  {name: 'gateway1', roles: ['gateway', 'jobhistory']},
  {name: 'gateway2', roles: ['gateway', 'jobhistory', 'manager']},
  {name: 'entrance1', roles: ['entrance', 'manager']},
  {name: 'entrance2', roles: ['entrance']},
  {name: 'ecm', roles: ['ecm']},
];
const gateways = ['gateway1', 'gateway2'];

test('every node is killed at once, and all are started again: what was accepted ends once and truly', async t => {
  t.timeout(150_000);
  const cluster = await startClusterProcesses(t, {nodes});
  const names = nodes.map(({name}) => name);
  const report = await runWorkload(cluster, {
    gateways,
    triesMax: 40,
    retryAfterMs: 500,
    async fault() {
      await Promise.all(names.map(name => cluster.kill(name)));
      // Gateways last: a node is waited for by those that run.
      for (const name of names.toReversed()) await cluster.restart(name);
      return undefined;
    },
  });
  nothingIsWrong(t, report);
});

const server = startServer('mariadb');
if (!('absent' in server)) test.after.always(() => server.remove());
const away =
  'the database is away for 30 s: engines work on, nobody dies of it, and every end is recorded afterwards';

const databaseAway = test.macro(async t => {
  t.timeout(170_000);
  if ('absent' in server) return t.fail(server.absent);
  const url = await freshServerDatabase(server);
  const cluster = await startClusterProcesses(t, {nodes, database: {mysql: url}});
  let now = server;
  const report = await runWorkload(cluster, {
    gateways,
    jobs: 100,
    everyMs: 400,
    triesMax: 60,
    retryAfterMs: 1000,
    async fault() {
      process.kill(now.pid, 'SIGKILL');
      await sleep(30_000);
      now = now.restart();
      return undefined;
    },
  });
  nothingIsWrong(t, report);
  for (const {name} of nodes) t.true(cluster.node(name).isRunning(), name);
});

if ('absent' in server) test.skip(`${away}: ${server.absent}`, databaseAway);
else test(away, databaseAway);
