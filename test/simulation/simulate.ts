/**
 * `node test/simulation/simulate.ts FROM COUNT` plays that many seeds of each simulation: memberships, one node with jobs,
 * whole clusters. Prints each seed that is violated, and how often the rare ways were taken.
 */
import {simulateCluster} from './cluster-faults.ts';
import {simulateMembership} from './membership-faults.ts';
import {simulate} from './world.ts';

type Report = {readonly violations: readonly string[]; readonly seen?: ReadonlyMap<string, number>};

const simulations: readonly (readonly [name: string, play: (seed: number) => Promise<Report>])[] = [
  ['membership', seed => simulateMembership(seed)],
  ['node', seed => simulate(seed)],
  ['cluster', seed => simulateCluster(seed)],
];

const [from = 1, count = 300] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || from < 0 || count < 1) {
  console.error('Usage: node test/simulation/simulate.ts FROM COUNT, two whole numbers.');
  process.exit(2);
}
for (const [name, play] of simulations) {
  const startedMs = performance.now();
  const seen = new Map<string, number>();
  let violated = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    // Seeds share nothing but this process; one after the other they are played as fast as at once.
    // oxlint-disable-next-line no-await-in-loop
    const report = await play(seed);
    for (const [what, times] of report.seen ?? []) seen.set(what, (seen.get(what) ?? 0) + times);
    if (report.violations.length === 0) continue;
    violated += 1;
    console.log(`${name} seed ${seed}:\n  ${report.violations.join('\n  ')}`);
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${name}: seeds ${from} to ${from + count - 1} in ${seconds} s, ${violated} violated`);
  for (const [what, times] of [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${what}: ${times}`);
  if (violated > 0) process.exitCode = 1;
}
