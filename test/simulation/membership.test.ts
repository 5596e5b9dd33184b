import test from 'ava';
import {simulateMembership} from './membership-faults.ts';
import {joinOne, loseOne, quietCluster, trafficOf} from './membership-scale.ts';
import type {MembershipPlant} from './membership-world.ts';

const seeds = 300;
/** Rare ways that the seeds must really have taken. */
const rare = [
  'dead: proven',
  'dead: expired',
  'taken over on the same address',
  'frozen',
  'thawed',
  'fenced',
  'gone',
  'leaving',
  'DatabaseAwayError',
  'InstanceTakenError',
];

test.serial(
  `${seeds} seeds: nobody acts whom the others hold for dead, fences rise, each death is told once, and all agree in the end`,
  async t => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= seeds; seed += 1) {
      const report = await simulateMembership(seed);
      for (const what of report.seen.keys()) seen.add(what);
      if (report.violations.length > 0) {
        t.fail(`seed ${seed}:\n${report.violations.join('\n')}`);
        return;
      }
    }
    t.deepEqual(
      rare.filter(what => !seen.has(what)),
      [],
      'what no seed has reached',
    );
  },
);

test.serial('a seed that is played again gives the same report', async t => {
  t.deepEqual(await simulateMembership(7), await simulateMembership(7));
});

const plants: readonly MembershipPlant[] = [
  'noFreeze',
  'noMissedRenewal',
  'fenceNotRaised',
  'incarnationNotChecked',
];
for (const plant of plants) {
  test.serial(`the planted fault ${plant} is caught`, async t => {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const {violations} = await simulateMembership(seed, plant);
      if (violations.length === 0) continue;
      t.log(`seed ${seed}: ${violations[0]}`);
      t.pass();
      return;
    }
    t.fail(`${seeds} seeds saw nothing`);
  });
}

test.serial(
  '100 nodes agree within 10 looks at the table on a join, on a dead process, and on a silent machine',
  async t => {
    const world = await quietCluster(100);
    const joined = await joinOne(world);
    await world.run(6000);
    const process = await loseOne(world, 'process');
    await world.run(6000);
    const machine = await loseOne(world, 'machine');
    t.log({joined, process, machine});
    for (const {looksOfRowMax} of [joined, process, machine]) t.true(looksOfRowMax <= 3);
    for (const {looksMax} of [joined, process]) t.true(looksMax <= 10);
    // Most of these wait for the lease to run out.
    t.true(machine.looksMax <= 13);
    t.true(joined.afterMs <= 2000);
    t.true(process.afterMs <= 5000);
    t.true(machine.afterMs <= 13_000);
    t.deepEqual(world.violations, []);
  },
);

test.serial('a node asks the same of the database whether there are 1, 10 or 100', async t => {
  const traffics = [];
  for (const nodes of [1, 10, 100]) traffics.push(await trafficOf(await quietCluster(nodes), 30));
  t.log(traffics);
  for (const {statements, renewals} of traffics) {
    t.true(Math.abs(renewals - 0.5) < 0.05);
    t.true(statements < 0.8);
  }
});
