import test from 'ava';
import {DeadLetters, type DeadLetter} from '../../../actors/runtime/dead-letters.ts';
import {manualClock} from '../../support/manual-clock.ts';
import type {LogLine} from './harness.ts';

function deadLetters() {
  const clock = manualClock();
  const log: LogLine[] = [];
  const letters = new DeadLetters(clock, {
    warn: (fields, text) => void log.push({level: 'warn', fields, text}),
    error: (fields, text) => void log.push({level: 'error', fields, text}),
  });
  const add = (): void => letters.add({path: '/job', uid: 1, messageType: 'kill', why: 'stopped'});
  return {clock, log, letters, add};
}

test('the first is logged at once, then one line a second says how many there were', t => {
  const {clock, log, letters, add} = deadLetters();
  for (let second = 0; second < 3; second += 1) {
    for (let letter = 0; letter < 100; letter += 1) add();
    clock.advance(1000);
  }
  t.is(letters.count, 300);
  t.deepEqual(
    log.map(({fields}) => ('sinceLast' in fields ? fields.sinceLast : undefined)),
    [1, 100, 100],
  );
});

test('observers see each one until they leave, and one that throws harms nobody', t => {
  const {log, letters, add} = deadLetters();
  const seen: DeadLetter[] = [];
  letters.observe(() => {
    throw new Error('bad observer');
  });
  const leave = letters.observe(letter => seen.push(letter));
  add();
  leave();
  add();
  t.deepEqual(seen, [{path: '/job', uid: 1, messageType: 'kill', why: 'stopped'}]);
  t.is(log.filter(({level}) => level === 'error').length, 2);
});
