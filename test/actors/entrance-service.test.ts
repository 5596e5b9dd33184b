import test, {type ExecutionContext} from 'ava';
import {startEntranceService} from '../../actors/entrance-service.ts';
import {
  entranceKey,
  isNumberedNews,
  replies,
  type EntranceMessage,
  type NumberedNews,
} from '../../actors/entrance-protocol.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {caller} from '../support/entrance-cluster.ts';
import {createFakeGovernance} from '../support/fake-governance.ts';
import {manualClock} from '../support/manual-clock.ts';
import {probe} from '../support/probe.ts';
import {createReceptionistHub} from '../support/receptionist-hub.ts';

const self = {instance: 'a:1', incarnation: 'i'};

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => void setImmediate(resolve));
}

async function service(t: ExecutionContext) {
  const clock = manualClock();
  const fake = createFakeGovernance(clock.now);
  const hub = createReceptionistHub();
  const system = startActorSystem({
    name: 'test',
    clock,
    random: seededRandom(1),
    log: {warn() {}, error() {}},
  });
  const faults: object[] = [];
  const stop = startEntranceService({
    system,
    receptionist: hub.node('a:1'),
    governance: fake.governance,
    store: fake.jobs,
    self,
    log: {error: fields => faults.push(fields)},
  });
  t.teardown(stop);
  const ref = hub.node('g:1').find(entranceKey, 'a:1');
  if (ref === undefined) throw new Error('the entrance is not offered');
  const taskID = fake.add({instances: 'a:1#i#1', status: 'Running'});
  /** The answer, of whatever kind. */
  const ask = (message: (replyTo: Ref<unknown>) => EntranceMessage, to = ref): Promise<unknown> =>
    system.ask<EntranceMessage, unknown>(to, message, 60_000);
  return {clock, fake, hub, ask, taskID, stop, faults, play: fake.play(taskID)};
}

type World = Awaited<ReturnType<typeof service>>;

async function follow(
  {ask, taskID}: Pick<World, 'ask' | 'taskID'>,
  subscriber: Ref<NumberedNews>,
  to?: Ref<EntranceMessage>,
) {
  const message = {type: 'follow', taskID, followId: 'f', withLog: true, subscriber} as const;
  const reply = await ask(replyTo => ({...message, replyTo}), to);
  await settle();
  return reply;
}

const renew = ({ask}: Pick<World, 'ask'>, taken: number) =>
  ask(replyTo => ({type: 'renew', followId: 'f', taken, replyTo}));

test('a follower that takes nothing gets a window of news, and afterwards what they come to', async t => {
  const world = await service(t);
  const subscriber = probe<NumberedNews>();
  t.deepEqual(await follow(world, subscriber.ref), {ok: true, value: true});
  for (let line = 1; line <= 1000; line += 1) {
    world.play.log(`line ${line}`);
    world.play.progress(line / 1000);
  }
  await settle();
  const {messages} = subscriber;
  t.is(messages.length, 64);
  t.deepEqual(
    messages.map(({sequence}) => sequence),
    Array.from({length: 64}, (_, index) => index + 1),
  );
  t.true(messages.every(isNumberedNews));
  await renew(world, 64);
  await settle();
  t.like(messages.slice(64), [
    {sequence: 65, news: {type: 'progress', progress: 1}},
    {sequence: 66, news: {type: 'log', lines: 1000, chunk: {fromLine: 1000, lineCount: 0}}},
  ]);
  world.play.log('line 1001');
  await settle();
  t.like(messages.at(-1), {sequence: 67, news: {type: 'log', lines: 1001, chunk: {lineCount: 1}}});
  t.is(messages.length, 67);
});

test('the end waits for a slow follower, and comes last', async t => {
  const world = await service(t);
  const subscriber = probe<NumberedNews>();
  await follow(world, subscriber.ref);
  for (let line = 1; line <= 70; line += 1) world.play.log(`line ${line}`);
  world.play.status('Failed');
  await settle();
  t.is(subscriber.messages.length, 64);
  await renew(world, 10);
  await settle();
  t.deepEqual(
    subscriber.messages.slice(64).map(({news}) => news.type),
    ['status', 'log', 'end'],
  );
});

test('log on its way to one follower is bounded in bytes, and a large chunk is only announced', async t => {
  const world = await service(t);
  const subscriber = probe<NumberedNews>();
  await follow(world, subscriber.ref);
  world.play.log('x'.repeat(100_000));
  for (let line = 0; line < 40; line += 1) world.play.log('y'.repeat(50_000));
  await settle();
  const bytes = subscriber.messages.map(({news}) => (news.type === 'log' ? news.chunk.bytes.length : 0));
  t.is(bytes[1], 0);
  t.true(bytes.reduce((sum, size) => sum + size, 0) <= 512 * 1024);
  t.true(bytes.length > 5);
});

test('news that were not accepted are kept until the follower says that it lives', async t => {
  const world = await service(t);
  const heard: NumberedNews[] = [];
  let isOpen = true;
  const ref: Ref<NumberedNews> = {
    path: '/probe',
    uid: 0,
    tell(news) {
      if (isOpen) heard.push(news);
      return isOpen;
    },
  };
  await follow(world, ref, world.hub.node('a:1').find(entranceKey, 'a:1'));
  isOpen = false;
  world.play.log('one');
  world.play.log('two');
  isOpen = true;
  t.is(heard.length, 1);
  t.deepEqual(await renew(world, 1), {ok: true, value: 2});
  t.like(heard.at(-1), {sequence: 2, news: {type: 'log', lines: 2}});
});

test('a follower that was not heard of for a minute is forgotten, and learns so when it asks', async t => {
  const world = await service(t);
  await follow(world, probe<NumberedNews>().ref);
  t.is(world.play.followers(), 1);
  for (let seconds = 0; seconds < 80; seconds += 20) {
    world.clock.advance(20_000);
    await settle();
  }
  t.is(world.play.followers(), 0);
  t.deepEqual(await renew(world, 0), {ok: true, value: -1});
});

test('a service that ends lets its followers go, and is found no more', async t => {
  const world = await service(t);
  const {stop, hub, play} = world;
  await follow(world, probe<NumberedNews>().ref);
  await stop();
  t.is(play.followers(), 0);
  t.is(hub.node('g:1').find(entranceKey, 'a:1'), undefined);
});

test('calls do not wait for each other', async t => {
  const {ask, fake, taskID} = await service(t);
  Object.assign(fake.governance, {submit: () => new Promise<never>(() => undefined)});
  void ask(replyTo => ({type: 'submit', body: '{}', caller, options: {}, replyTo}));
  t.like(await ask(replyTo => ({type: 'find', taskID, replyTo})), {ok: true, value: {taskID}});
});

test('a fault is logged where it happened', async t => {
  const {ask, fake, faults} = await service(t);
  fake.refusal = new TypeError('planted');
  t.like(await ask(replyTo => ({type: 'submit', body: '{}', caller, options: {}, replyTo})), {
    ok: false,
    failure: {code: 0, name: 'TypeError', message: 'planted'},
  });
  t.like(faults, [{call: 'submit'}]);
});

test('only messages of the protocol are accepted, and only answers of the right kind', t => {
  const {ref: replyTo} = probe();
  const find = {type: 'find', taskID: 7, replyTo};
  t.true(entranceKey.accepts(find));
  for (const wrong of [
    undefined,
    null,
    7,
    {},
    {...find, taskID: '7'},
    {...find, taskID: 0},
    {...find, taskID: 1.5},
    {...find, replyTo: {}},
    {...find, replyTo: null},
    {...find, type: 'stop'},
    {type: 'kill', taskID: 7, caller: {...caller, user: 'x'.repeat(5000)}, replyTo},
    {type: 'unfollow', followId: ''},
  ]) {
    t.false(entranceKey.accepts(wrong), JSON.stringify(wrong));
  }
  t.true(replies.find({ok: true, value: null}));
  t.false(replies.find({ok: true, value: {taskID: 7}}));
  t.false(replies.find({ok: true}));
  t.true(replies.renew({ok: false, failure: {code: 1, message: 'm', name: 'n', retryable: false}}));
  t.false(
    isNumberedNews({
      sequence: 1,
      news: {type: 'log', lines: 1, chunk: {fromLine: 0, lineCount: 1, bytes: 'x'}},
    }),
  );
});
