import test from 'ava';
import {AskTimeoutError, DeadLetterError} from '../../../actors/runtime/ask.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, handler, testSystem, turns} from './harness.ts';

type Question = {readonly type: 'howMany'; readonly replyTo: Ref<number>};

const question = (replyTo: Ref<number>): Question => ({type: 'howMany', replyTo});

test('an answer that does not come names who was asked what, and how long', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const ref = system.spawn('pool', collector<Question>([]));
  const answer = system.ask<Question, number>(ref, question, 1500);
  clock.advance(1499);
  t.is(system.metrics().asksOpen, 1);
  clock.advance(1);
  const error = await t.throwsAsync(answer, {instanceOf: AskTimeoutError});
  t.regex(error.message, /^Actor \/pool did not answer howMany within 1500 ms\./);
  t.true(error.retryable);
  t.like(system.metrics(), {asksOpen: 0, asksTimedOut: 1});
});

test('asking a stopped actor fails at once', async t => {
  const {system} = testSystem(t, {clock: manualClock()});
  const ref = system.spawn('pool', collector<Question>([]));
  await system.stop(ref);
  const error = await t.throwsAsync(system.ask<Question, number>(ref, question, 1000), {
    instanceOf: DeadLetterError,
  });
  t.regex(error.message, /\/pool had stopped before it was asked howMany/);
  t.is(system.deadLetters.count, 1);
});

test('questions that wait in the mailbox, and those being worked on, fail when the actor stops', async t => {
  const {system} = testSystem(t, {clock: manualClock()});
  const asked: Question[] = [];
  const ref = system.spawn('pool', collector(asked));
  const first = system.ask<Question, number>(ref, question, 1000);
  await turns(2);
  const second = system.ask<Question, number>(ref, question, 1000);
  await system.stop(ref);
  for (const answer of [first, second]) await t.throwsAsync(answer, {instanceOf: DeadLetterError});
  t.is(asked.length, 1);
  t.is(system.metrics().asksOpen, 0);
});

test('an answer from an effect decided before the stop still arrives', async t => {
  const {system} = testSystem(t);
  const ref = system.spawn(
    'pool',
    handler<Question>(({replyTo}, {stop, self}) => {
      stop(self);
      replyTo.tell(7);
    }),
  );
  t.is(await system.ask<Question, number>(ref, question, 1000), 7);
});

test('a target outside the runtime is asked like any other', async t => {
  const {system} = testSystem(t);
  const remote = probe<Question>('/elsewhere');
  const answer = system.ask<Question, number>(remote.ref, question, 1000);
  (await remote.expect()).replyTo.tell(3);
  t.is(await answer, 3);
});

test('shutdown settles questions to targets outside the runtime', async t => {
  const {system} = testSystem(t);
  const answer = system.ask<Question, number>(probe<Question>('/elsewhere').ref, question, 60_000);
  const refused = t.throwsAsync(answer, {instanceOf: AskTimeoutError});
  await system.shutdown(100);
  await refused;
});

test('what making the message throws is what the question is rejected with, and nothing stays open', async t => {
  const {system} = testSystem(t);
  const ref = system.spawn('pool', collector<Question>([]));
  const answer = system.ask<Question, number>(
    ref,
    () => {
      throw new Error('no message');
    },
    1000,
  );
  await t.throwsAsync(answer, {message: 'no message'});
  t.is(system.metrics().asksOpen, 0);
});
