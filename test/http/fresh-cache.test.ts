import test from 'ava';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {createFreshCache} from '../../http/fresh-cache.ts';
import {manualClock} from '../support/manual-clock.ts';

function start(entriesMax = 10) {
  const clock = manualClock();
  const rows = new Map<string, string>([['a', 'one']]);
  const state = {asked: 0, isAway: false, slow: undefined as Promise<void> | undefined};
  const cache = createFreshCache<string>(clock, {freshMs: 1000, graceMs: 5000, entriesMax}, async key => {
    state.asked += 1;
    await state.slow;
    if (state.isAway) throw new DatabaseAwayError('away');
    return rows.get(key);
  });
  return {cache, clock, rows, state};
}

test('a value is asked for once while it is fresh, and again after', async t => {
  const {cache, clock, rows, state} = start();
  t.is(await cache.get('a'), 'one');
  rows.set('a', 'two');
  clock.advance(999);
  t.is(await cache.get('a'), 'one');
  t.is(cache.fresh('a'), 'one');
  t.is(state.asked, 1);
  clock.advance(1);
  t.is(cache.fresh('a'), undefined);
  t.is(await cache.get('a'), 'two');
});

test('what does not exist is not remembered', async t => {
  const {cache, rows} = start();
  t.is(await cache.get('b'), undefined);
  rows.set('b', 'new');
  t.is(await cache.get('b'), 'new');
});

test('many who ask at once cost one question', async t => {
  const {cache, state} = start();
  const answers = await Promise.all(Array.from({length: 20}, () => cache.get('a')));
  t.deepEqual(new Set(answers), new Set(['one']));
  t.is(state.asked, 1);
});

test('an answer that took long is as old as its question', async t => {
  const {cache, clock, state} = start();
  const slow = Promise.withResolvers<void>();
  state.slow = slow.promise;
  const asked = cache.get('a');
  clock.advance(900);
  slow.resolve();
  await asked;
  t.is(cache.fresh('a'), 'one');
  clock.advance(100);
  t.is(cache.fresh('a'), undefined);
});

test('while the database is away the last answer holds for its grace, then the failure shows', async t => {
  const {cache, clock, state} = start();
  await cache.get('a');
  state.isAway = true;
  clock.advance(4999);
  t.is(await cache.get('a'), 'one');
  clock.advance(1);
  await t.throwsAsync(cache.get('a'), {instanceOf: DatabaseAwayError});
  await t.throwsAsync(cache.get('never seen'), {instanceOf: DatabaseAwayError});
});

test('what was forgotten stays forgotten, also in an outage', async t => {
  const {cache, clock, state} = start();
  await cache.get('a');
  clock.advance(2000);
  state.isAway = true;
  const slow = Promise.withResolvers<void>();
  state.slow = slow.promise;
  const asked = cache.get('a');
  cache.forget('a');
  slow.resolve();
  await t.throwsAsync(asked, {instanceOf: DatabaseAwayError});
});

test('what was forgotten while it was asked for is not remembered as it was before', async t => {
  const {cache, state} = start();
  const slow = Promise.withResolvers<void>();
  state.slow = slow.promise;
  const asked = cache.get('a');
  cache.forget('a');
  slow.resolve();
  await asked;
  t.is(cache.fresh('a'), undefined);
});

test('beyond the limit the oldest entries go', async t => {
  const {cache, rows} = start(2);
  for (const key of ['x', 'y', 'z']) {
    rows.set(key, key);
    // oxlint-disable-next-line no-await-in-loop
    await cache.get(key);
  }
  t.is(cache.fresh('x'), undefined);
  t.is(cache.fresh('y'), 'y');
  t.is(cache.fresh('z'), 'z');
});
