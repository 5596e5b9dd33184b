import test from 'ava';
import {simulate} from './world.ts';
import type {Plant} from './checked-store.ts';

const seeds = 300;

test(`${seeds} seeds: every accepted job has one true end, whatever dies or stays silent in between`, async t => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const {violations} = await simulate(seed);
    if (violations.length > 0) {
      t.fail(`seed ${seed}:\n${violations.join('\n')}`);
      return;
    }
  }
  t.pass();
});

test('a seed that is played again gives the same report', async t => {
  t.deepEqual(await simulate(42), await simulate(42));
});

const plants: readonly Plant[] = ['noCompareAndSet', 'noOutbox', 'noTombstone', 'noAdoption', 'rereadsSpool'];
for (const plant of plants) {
  test(`the planted fault ${plant} is caught`, async t => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const {violations} = await simulate(seed, plant);
      if (violations.length === 0) continue;
      t.log(`seed ${seed}: ${violations[0]}`);
      t.pass();
      return;
    }
    t.fail('200 seeds saw nothing');
  });
}
