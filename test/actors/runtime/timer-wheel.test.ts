import test from 'ava';
import * as fc from 'fast-check';
import {TimerWheel, type WheelEntry} from '../../../actors/runtime/timer-wheel.ts';
import {manualClock} from '../../support/manual-clock.ts';

type Deadline = {readonly atMs: number; expiredMs: number | undefined; removed: boolean; entry: WheelEntry};

function add(wheel: TimerWheel, nowMs: number, delayMs: number): Deadline {
  const entry: WheelEntry = {
    dueTick: 0,
    earlier: undefined,
    later: undefined,
    expire(expiredMs) {
      if (deadline.expiredMs !== undefined) throw new Error('A deadline expired twice.');
      deadline.expiredMs = expiredMs;
    },
  };
  const deadline: Deadline = {atMs: nowMs + delayMs, expiredMs: undefined, removed: false, entry};
  wheel.add(entry, deadline.atMs, nowMs);
  return deadline;
}

test('each deadline is met once, never early and at most 10 ms late, unless it was removed', t => {
  const steps = fc.array(
    fc.oneof(
      fc.record({add: fc.integer({min: 1, max: 20_000})}),
      fc.record({remove: fc.nat()}),
      fc.record({advance: fc.double({min: 0, max: 7000, noNaN: true})}),
    ),
    {maxLength: 60},
  );
  fc.assert(
    fc.property(steps, story => {
      const clock = manualClock();
      const wheel = new TimerWheel(clock);
      const deadlines: Deadline[] = [];
      for (const step of story) {
        if ('add' in step) deadlines.push(add(wheel, clock.monotonicMs(), step.add));
        else if ('advance' in step) clock.advance(step.advance);
        else {
          const deadline = deadlines[step.remove % Math.max(1, deadlines.length)];
          if (deadline === undefined || deadline.removed || deadline.expiredMs !== undefined) continue;
          wheel.remove(deadline.entry);
          deadline.removed = true;
        }
        const nowMs = clock.monotonicMs();
        const open = deadlines.filter(({removed, expiredMs}) => !removed && expiredMs === undefined);
        t.is(wheel.size, open.length);
        t.true(open.every(({atMs}) => nowMs < atMs + 10));
      }
      for (const {atMs, expiredMs, removed} of deadlines) {
        if (expiredMs === undefined) continue;
        t.false(removed);
        t.true(expiredMs >= atMs && expiredMs < atMs + 10);
      }
    }),
  );
});

test('no timer of the clock runs while no deadline is open', t => {
  const clock = manualClock();
  const wheel = new TimerWheel(clock);
  add(wheel, 0, 35);
  t.is(clock.pending, 1);
  clock.advance(100);
  t.is(clock.pending, 0);
  const second = add(wheel, clock.monotonicMs(), 35);
  clock.advance(100);
  t.is(second.expiredMs, 140);
});

test('a deadline beyond 2^31 ms is waited for', t => {
  const clock = manualClock();
  const wheel = new TimerWheel(clock);
  const far = add(wheel, 0, 2 ** 31 + 5);
  clock.advance(1000);
  t.is(far.expiredMs, undefined);
  wheel.close();
  t.is(clock.pending, 0);
});
