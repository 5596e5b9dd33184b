import test from 'ava';
import {AskTimeoutError, DeadLetterError, MailboxFullError} from '../../actors/runtime/ask.ts';
import {callbackRef} from '../../actors/runtime/callback-ref.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {LinkFullError, NotUnderstoodError, UnreachableError} from '../../cluster/remote-errors.ts';
import {collector, handler} from '../actors/runtime/harness.ts';
import {anyKey, found, linked, linkWorld} from './link-world.ts';

type Question = {readonly type: 'double'; readonly number: number; readonly replyTo: Ref<number>};
type Note = {readonly type: 'note'; readonly number: number};
type Follow = {readonly type: 'follow'; readonly to: Ref<Note>};

const double =
  (number: number) =>
  (replyTo: Ref<number>): Question => ({type: 'double', number, replyTo});
const answering = handler<Question>(({number, replyTo}) => void replyTo.tell(number * 2));
const noteKey = anyKey<Note>('notes');
const questionKey = anyKey<Question>('questions');
const followKey = anyKey<Follow>('follow');

test('a question to a service of another node is answered there', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.receptionist.publish(questionKey, b.system.spawn('double', answering));
  await linked(world, a, b);
  const service = await found(world, questionKey, b, a);
  t.is(service.path, '/double');
  const answers = Promise.all([1, 2, 3].map(number => a.system.ask(service, double(number), 1000)));
  await world.pass(20);
  t.deepEqual(await answers, [2, 4, 6]);
  t.is(a.system.metrics().asksOpen, 0);
});

test('messages of one sender arrive in their order', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Note[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  const service = await found(world, noteKey, b, a);
  for (let number = 0; number < 3000; number += 1) t.true(service.tell({type: 'note', number}));
  await world.until(() => seen.length === 3000);
  t.deepEqual(
    seen.map(({number}) => number),
    Array.from({length: 3000}, (_, number) => number),
  );
});

test('a ref that comes back is the actor itself, and one of a third node leads there', async t => {
  const world = linkWorld(t);
  const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')];
  const key = anyKey<{readonly type: 'give'; readonly ref: Ref<Note>; readonly replyTo: Ref<Ref<Note>>}>(
    'give',
  );
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'give',
      handler(({ref, replyTo}) => void replyTo.tell(ref)),
    ),
  );
  const seen: Note[] = [];
  c.links.receptionist.publish(noteKey, c.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  await linked(world, c, b);
  await linked(world, a, c);
  const giver = await found(world, key, b, a);
  const own = a.system.spawn('own', collector<Note>([]));
  const mine = a.system.ask<{type: 'give'; ref: Ref<Note>; replyTo: Ref<Ref<Note>>}, Ref<Note>>(
    giver,
    replyTo => ({type: 'give', ref: own, replyTo}),
    1000,
  );
  await world.pass(20);
  t.is(await mine, own);
  const notes = await found(world, noteKey, c, a);
  const given = a.system.ask<{type: 'give'; ref: Ref<Note>; replyTo: Ref<Ref<Note>>}, Ref<Note>>(
    giver,
    replyTo => ({type: 'give', ref: notes, replyTo}),
    1000,
  );
  await world.pass(20);
  t.is(await given, notes);
  t.true((await given).tell({type: 'note', number: 7}));
  await world.pass(20);
  t.deepEqual(seen, [{type: 'note', number: 7}]);
});

test('an object that looks like a ref stays an object', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: unknown[] = [];
  b.links.receptionist.publish(anyKey('any'), b.system.spawn('any', collector(seen)));
  await linked(world, a, b);
  const service = await found(world, anyKey<object>('any'), b, a);
  t.true(service.tell({type: 'x', ref: {at: 'sender', uid: 1, flags: 0, path: '/jobs'}}));
  t.false(service.tell({type: 'x', ref: {path: '/jobs', uid: 1, tell: () => true}}));
  await world.pass(20);
  t.deepEqual(seen, [{type: 'x', ref: {at: 'sender', uid: 1, flags: 0, path: '/jobs'}}]);
  t.is(a.log.filter(({text}) => text === 'A message was not sent.').length, 1);
});

test('what a service does not understand is refused at once, and counted', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Question[] = [];
  const picky = {
    name: 'picky',
    accepts: (value: unknown): value is Question => (value as {type?: unknown}).type === 'other',
  };
  b.links.receptionist.publish(picky, b.system.spawn('picky', collector(seen)));
  await linked(world, a, b);
  const service = await found(world, picky, b, a);
  const answer = a.system.ask(service, double(1), 60_000);
  const failed = t.throwsAsync(answer, {instanceOf: NotUnderstoodError});
  await world.pass(20);
  t.regex((await failed).message, /\/picky does not know the message double/);
  t.is(seen.length, 0);
  t.is(b.system.deadLetters.count, 1);
});

test('a question to a full mailbox fails at once; one without an answer at its deadline', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b', {mailboxMax: 1})];
  let block: (() => void) | undefined;
  const slow = handler<Question>(
    () =>
      new Promise<void>(resolve => {
        block = resolve;
      }),
  );
  const ref = b.system.spawn('slow', slow);
  b.links.receptionist.publish(questionKey, ref);
  await linked(world, a, b);
  const service = await found(world, questionKey, b, a);
  const outcomes = [1, 2, 3, 4].map(number => a.system.ask(service, double(number), 2000));
  const settled = Promise.allSettled(outcomes);
  await world.pass(2100);
  const errors = (await settled).map(outcome => (outcome.status === 'rejected' ? outcome.reason : undefined));
  t.true(errors.some(error => error instanceof MailboxFullError));
  t.true(errors.some(error => error instanceof AskTimeoutError));
  block?.();
});

test('questions and watches end when their actor stops; another of its name is not reached', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const ref = b.system.spawn('silent', collector<Question>([]));
  b.links.receptionist.publish(questionKey, ref);
  await linked(world, a, b);
  const service = await found(world, questionKey, b, a);
  const told: string[] = [];
  a.system
    .spawn(
      'watcher',
      handler<'start' | 'gone'>((message, context) => {
        told.push(message);
        if (message === 'start') context.watch(service, 'gone');
      }),
    )
    .tell('start');
  const failed = t.throwsAsync(a.system.ask(service, double(1), 60_000), {instanceOf: DeadLetterError});
  await world.pass(20);
  t.deepEqual(told, ['start']);
  void b.system.stop(ref);
  b.links.receptionist.publish(questionKey, b.system.spawn('silent', answering));
  await world.pass(20);
  t.regex((await failed).message, /stopped before it answered double/);
  t.deepEqual(told, ['start', 'gone']);
  t.false(service.tell({type: 'double', number: 1, replyTo: callbackRef('/x', () => {})}));
  await t.throwsAsync(a.system.ask(service, double(1), 60_000), {instanceOf: DeadLetterError});
  const successor = await found(world, questionKey, b, a);
  t.not(successor, service);
});

test('a callback is followed from another node until it is closed; then its sender is told', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const followers: Ref<Note>[] = [];
  const told: string[] = [];
  const following = handler<Follow | 'gone'>((message, context) => {
    if (message === 'gone') told.push(message);
    else {
      followers.push(message.to);
      context.watch(message.to, 'gone');
    }
  });
  b.links.receptionist.publish(followKey, b.system.spawn('follow', following));
  await linked(world, a, b);
  const seen: number[] = [];
  const callback = callbackRef<Note>('/stream', ({number}) => void seen.push(number));
  (await found(world, followKey, b, a)).tell({type: 'follow', to: callback});
  await world.pass(20);
  const [follower] = followers;
  t.true(follower?.tell({type: 'note', number: 1}));
  await world.pass(20);
  t.deepEqual(seen, [1]);
  callback.close();
  follower?.tell({type: 'note', number: 2});
  await world.pass(20);
  t.deepEqual(seen, [1]);
  t.false(follower?.tell({type: 'note', number: 3}));
  t.deepEqual(told, ['gone']);
});

test('what a callback throws hurts nobody else', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const key = anyKey<{readonly type: 'call'; readonly to: Ref<Note>}>('call');
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'call',
      handler(({to}) => {
        to.tell({type: 'note', number: 1});
        to.tell({type: 'note', number: 2});
      }),
    ),
  );
  await linked(world, a, b);
  const seen: number[] = [];
  const callback = callbackRef<Note>('/bad', ({number}) => {
    seen.push(number);
    throw new Error('bad callback');
  });
  (await found(world, key, b, a)).tell({type: 'call', to: callback});
  await world.pass(20);
  t.deepEqual(seen, [1, 2]);
  t.is(a.log.filter(({text}) => text === 'A callback threw.').length, 2);
  t.deepEqual(
    a.events.map(({type}) => type),
    ['up'],
  );
});

test('a node that is declared dead settles questions, fires watches, and is not heard again', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.receptionist.publish(questionKey, b.system.spawn('silent', collector<Question>([])));
  await linked(world, a, b);
  const service = await found(world, questionKey, b, a);
  const told: string[] = [];
  a.system
    .spawn(
      'watcher',
      handler<'start' | 'gone'>((message, context) => {
        told.push(message);
        if (message === 'start') context.watch(service, 'gone');
      }),
    )
    .tell('start');
  const failed = t.throwsAsync(a.system.ask(service, double(1), 60_000), {instanceOf: UnreachableError});
  await world.pass(20);
  a.links.nodeDead(b.instance, b.incarnation);
  t.regex((await failed).message, /Node b:9, where \/double|Node b:9, where \/silent lives, is gone/);
  await world.pass(1500);
  t.deepEqual(told, ['start', 'gone']);
  t.false(service.tell({type: 'double', number: 1, replyTo: callbackRef('/x', () => {})}));
  t.deepEqual(
    a.events.map(({type}) => type),
    ['up', 'down'],
  );
  await t.throwsAsync(a.system.ask(service, double(1), 60_000));
});

test('the bound of what waits for a node is told to the sender', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector<Note>([])));
  b.links.receptionist.publish(questionKey, b.system.spawn('double', answering));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  const questions = await found(world, questionKey, b, a);
  world.network.cut(a.instance, b.instance);
  let taken = 0;
  while (notes.tell({type: 'note', number: taken}) && taken < 100_000) taken += 1;
  t.true(taken >= 8192 && taken < 32_768, `${taken}`);
  await t.throwsAsync(a.system.ask(questions, double(1), 60_000), {instanceOf: LinkFullError});
});
