import test from 'ava';
import * as fc from 'fast-check';
import {manualClock} from '../../support/manual-clock.ts';

test('due timers run in the order of their time, then of their making, each at its own time', t => {
  fc.assert(
    fc.property(fc.array(fc.nat({max: 50})), fc.nat({max: 60}), (delays, ms) => {
      const clock = manualClock(1000);
      const ran: [number, number][] = [];
      for (const [index, delay] of delays.entries()) {
        clock.after(delay, () => ran.push([clock.now() - 1000, index]));
      }
      clock.advance(ms);
      const due = [...delays.entries()].filter(([, delay]) => delay <= ms);
      const expected = due
        .toSorted(([i, a], [j, b]) => a - b || i - j)
        .map(([index, delay]) => [delay, index]);
      t.deepEqual(ran, expected as [number, number][]);
      t.is(clock.pending, delays.length - due.length);
      t.is(clock.monotonicMs(), ms);
    }),
  );
});

test('what a timer sets up runs in the same advance if it is due by then', t => {
  const clock = manualClock();
  const ran: number[] = [];
  clock.after(10, () => {
    clock.after(10, () => ran.push(clock.monotonicMs()));
    clock.after(100, () => ran.push(clock.monotonicMs()));
  });
  clock.advance(50);
  t.deepEqual(ran, [20]);
  t.is(clock.nextInMs, 60);
});

test('a cancelled timer does not run, also when its time has been reached by an earlier one', t => {
  const clock = manualClock();
  const cancel = clock.after(20, () => t.fail());
  clock.after(10, cancel);
  clock.advance(30);
  cancel();
  t.is(clock.pending, 0);
});
