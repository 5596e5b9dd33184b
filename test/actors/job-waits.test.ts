import test from 'ava';
import {measureWaits} from '../../actors/job-waits.ts';
import {manualClock} from '../support/manual-clock.ts';
import {engineOf} from '../support/jobs.ts';

test('the time of a job is told by cause: queue, gate, launch, retry and run', t => {
  const clock = manualClock();
  const createdAt = clock.now();
  const waits = measureWaits(clock, createdAt, '{}');
  clock.advance(200);
  t.deepEqual(waits.reach('scheduled'), {waits: {queue: 200}});
  clock.advance(1000);
  const engine = {...engineOf('e1'), launchMs: 300, waitedAt: 'user'} as const;
  t.deepEqual(waits.reach('running', engine), {waits: {queue: 200, launch: 300, user: 700}});
  clock.advance(50);
  t.deepEqual(waits.reach('retry'), {waits: {queue: 200, launch: 300, user: 700}, runMs: 50});
  clock.advance(5000);
  t.like(waits.reach('scheduled'), {waits: {retry: 5000, queue: 200}});
  clock.advance(10);
  t.like(waits.reach('running', engineOf('e2')), {waits: {engine: 10}});
  clock.advance(25);
  t.like(waits.reach('completed'), {runMs: 75});
});

test('a job that ends before it runs has waited to its end', t => {
  const clock = manualClock();
  const waits = measureWaits(clock, clock.now(), '{}');
  clock.advance(70);
  t.deepEqual(waits.reach('completed'), {waits: {queue: 70}});
});

test('a successor goes on from what is stored', t => {
  const clock = manualClock();
  const createdAt = clock.now();
  clock.advance(500);
  const waits = measureWaits(clock, createdAt, JSON.stringify({waits: {queue: 400}}));
  t.deepEqual(waits.reach('scheduled'), {waits: {queue: 500}});
});
