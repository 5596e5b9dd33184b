import test from 'ava';
import {HandshakeGuard, type GuardLimits, type Newcomer} from '../../cluster/handshake-guard.ts';
import {manualClock} from '../support/manual-clock.ts';

const limits: GuardLimits = {handshakeMs: 3000, newcomersMax: 3, arrivalsBurst: 5, arrivalsPerSecond: 2};

function world() {
  const clock = manualClock();
  const lines: {fields: object; text: string}[] = [];
  const note = (fields: object, text: string): void => void lines.push({fields, text});
  const guard = new HandshakeGuard(limits, clock, {warn: note, error: note});
  const dropped: string[] = [];
  const newcomer = (name: string, address = name): Newcomer => ({
    address,
    drop: reason => dropped.push(`${name} ${reason}`),
  });
  return {clock, guard, lines, dropped, newcomer};
}

test('one too many pushes out the oldest', t => {
  const {guard, dropped, newcomer} = world();
  for (const name of ['a', 'b', 'c', 'd']) t.true(guard.arrive(newcomer(name)));
  t.deepEqual(dropped, ['a crowdedOut']);
  t.is(guard.newcomers, 3);
});

test('who has settled is pushed out no more, and is not late', t => {
  const {clock, guard, dropped, newcomer} = world();
  const first = newcomer('a');
  guard.arrive(first);
  guard.settle(first);
  for (const name of ['b', 'c', 'd']) guard.arrive(newcomer(name));
  t.deepEqual(dropped, []);
  clock.advance(2999);
  t.deepEqual(dropped, []);
  clock.advance(1);
  t.deepEqual(dropped, ['b tooSlow', 'c tooSlow', 'd tooSlow']);
});

test('an address has a burst of connections, then so many a second, and others have their own', t => {
  const {clock, guard, newcomer} = world();
  const arrivals = (count: number): number =>
    Array.from({length: count}, (_, n) => guard.arrive(newcomer(`${n}`, 'one host'))).filter(Boolean).length;
  t.is(arrivals(10), 5);
  clock.advance(1000);
  t.is(arrivals(10), 2);
  clock.advance(3_600_000);
  t.is(arrivals(10), 5);
  t.true(guard.arrive(newcomer('x', 'another host')));
  t.is(guard.refusals().get('tooOften'), 18);
});

test('an address is named once a minute, with how often it was refused meanwhile', t => {
  const {clock, guard, lines} = world();
  for (let n = 0; n < 100; n++) guard.refuse('10.0.0.1', 'wrongSecret', 'it does not know the secret');
  guard.refuse('10.0.0.2', 'tooSlow', 'it was slow');
  t.deepEqual(
    lines.map(({text}) => text),
    [
      'A connection from 10.0.0.1 was not let into the cluster: it does not know the secret.',
      'A connection from 10.0.0.2 was not let into the cluster: it was slow.',
    ],
  );
  clock.advance(60_000);
  guard.refuse('10.0.0.1', 'wrongSecret', 'it does not know the secret');
  t.deepEqual(lines[2]?.fields, {address: '10.0.0.1', reason: 'wrongSecret', unlogged: 99});
  t.is(guard.refusals().get('wrongSecret'), 101);
});

test('a stream of new addresses does not grow the memory of them, nor wipe that of one who keeps coming', t => {
  const {guard, lines} = world();
  for (let n = 0; n < 5000; n++) {
    guard.refuse(`host ${n}`, 'notUnderstood', 'x');
    guard.refuse('regular', 'notUnderstood', 'x');
  }
  t.is(lines.filter(({text}) => text.includes('regular')).length, 1);
});

test('when the listener closes, all that wait are dropped and no timer stays', t => {
  const {clock, guard, dropped, newcomer} = world();
  guard.arrive(newcomer('a'));
  guard.arrive(newcomer('b'));
  guard.dropAll();
  t.deepEqual(dropped, ['a crowdedOut', 'b crowdedOut']);
  t.is(clock.pending, 0);
});
