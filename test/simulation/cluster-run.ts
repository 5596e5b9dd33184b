/** `node test/simulation/cluster-run.ts SEED [PLANT]` plays one seed again and prints all that happens. */
import {simulateCluster, plansOf} from './cluster-faults.ts';
import type {ClusterPlant} from './cluster-store.ts';

const [seedText = '1', plant = 'none'] = process.argv.slice(2);
const seed = Number(seedText);
const started = performance.now();
const {violations, seen} = await simulateCluster(seed, plant as ClusterPlant, line => console.log(line));
console.log(
  plansOf(seed)
    .map(({instance, roles, host, route = ''}) => `${instance} ${roles.join('+')} ${host} ${route}`)
    .join('\n'),
);
console.log(Object.fromEntries([...seen].toSorted(([a], [b]) => (a < b ? -1 : 1))));
console.log(`seed ${seed}, ${Math.round(performance.now() - started)} ms:`, violations);
process.exitCode = violations.length > 0 ? 1 : 0;
