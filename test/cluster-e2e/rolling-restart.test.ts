/** A rolling restart of a small cluster under load: nobody notices. */
import test from 'ava';
import {startClusterProcesses} from '../support/cluster-processes.ts';
import {nothingIsWrong} from '../support/cluster-verdict.ts';
import {runWorkload} from '../support/cluster-workload.ts';

test('three nodes with all roles are restarted one after the other: nothing is refused, lost or failed', async t => {
  t.timeout(115_000);
  const roles = ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory'] as const;
  const names = ['one', 'two', 'three'];
  const cluster = await startClusterProcesses(t, {nodes: names.map(name => ({name, roles}))});
  const codes: (number | NodeJS.Signals)[] = [];
  const stopMs: number[] = [];
  const report = await runWorkload(cluster, {
    jobs: 120,
    everyMs: 200,
    gateways: names,
    faultAfter: 10,
    async fault() {
      for (const name of names) {
        const startMs = performance.now();
        codes.push(await cluster.stop(name));
        stopMs.push(Math.round(performance.now() - startMs));
        await cluster.restart(name);
      }
      return undefined;
    },
  });
  t.log({stopMs});
  t.deepEqual(codes, [0, 0, 0]);
  nothingIsWrong(t, report);
});
