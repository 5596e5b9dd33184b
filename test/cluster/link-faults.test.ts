import test from 'ava';
import {callbackRef} from '../../actors/runtime/callback-ref.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import type {Connection} from '../../cluster/connection.ts';
import {collector, handler} from '../actors/runtime/harness.ts';
import {anyKey, found, isUp, linked, linkWorld} from './link-world.ts';

type Note = {readonly type: 'note'; readonly number: number};

const noteKey = anyKey<Note>('notes');

test('a message that turns out unsendable is left out; the others arrive', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Note[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  let reads = 0;
  notes.tell({type: 'note', number: 1});
  const changing = {
    type: 'note' as const,
    number: 2,
    get late(): number {
      reads += 1;
      if (reads > 1) throw new Error('changed');
      return 1;
    },
  };
  t.true(notes.tell(changing));
  notes.tell({type: 'note', number: 3});
  await world.until(() => seen.length === 2);
  t.deepEqual(
    seen.map(({number}) => number),
    [1, 3],
  );
  t.true(isUp(a, b));
  t.is(a.system.deadLetters.count, 1);
  t.true(a.log.some(({text}) => text.startsWith('A frame could not be made')));
});

test('a peer that breaks the protocol loses its connection and nothing else', async t => {
  const world = linkWorld(t);
  const connections: Connection[] = [];
  const [a, b] = [
    await world.node('a'),
    await world.node('b', {
      through: transport => ({
        ...transport,
        dial: async (address, signal) => {
          const connection = await transport.dial(address, signal);
          connections.push(connection);
          return connection;
        },
      }),
    }),
  ];
  const seen: Note[] = [];
  a.links.receptionist.publish(noteKey, a.system.spawn('notes', collector(seen)));
  b.links.connect({instance: a.instance, address: a.instance});
  await world.until(() => isUp(b, a));
  const notes = await found(world, noteKey, a, b);
  for (const frame of [
    [2, 0xc1],
    [9, 0x90],
    [2, 0x91, 0x91, 0x40],
    [2, 0x91, 0x91, 0x63],
  ]) {
    connections.at(-1)?.send(Uint8Array.from(frame));
    notes.tell({type: 'note', number: frame.length});
    await world.pass(1500);
    t.true(isUp(b, a));
  }
  t.is(a.log.filter(({text}) => text.startsWith('A link broke the protocol')).length, 4);
  t.is(seen.length, 4);
});

test('a life that was declared dead is not let in again, the next one is', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  await linked(world, a, b);
  a.links.nodeDead(b.instance, b.incarnation);
  await world.pass(3000);
  t.false(isUp(a, b));
  t.false(isUp(b, a));
  t.deepEqual(a.links.links(), []);
  world.network.crash(b.instance);
  const again = await world.node('b', {life: '2'});
  again.links.connect({instance: a.instance, address: a.instance});
  await world.until(() => isUp(a, again));
  t.deepEqual(
    a.events.map(({type, incarnation}) => `${type} ${incarnation}`),
    ['up b1', 'down b1', 'up b2'],
  );
});

test('another life does not push out one whose link is alive', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  await linked(world, a, b);
  // Both hold the address, as after a mistake in a configuration.
  const twin = await world.node('b', {life: '2'});
  twin.links.connect({instance: a.instance, address: a.instance});
  await world.pass(3000);
  t.true(isUp(a, b));
  t.false(isUp(twin, a));
});

test('the end of an actor is told to a node that got its ref from a third one', async t => {
  const world = linkWorld(t);
  const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')];
  type Give = {readonly type: 'give'; readonly ref: Ref<Note>};
  const key = anyKey<Give>('give');
  const told: string[] = [];
  c.links.receptionist.publish(
    key,
    c.system.spawn(
      'watcher',
      handler<Give | 'gone'>((message, context) => {
        if (message === 'gone') told.push(message);
        else context.watch(message.ref, 'gone');
      }),
    ),
  );
  let atC: Ref<Give> | undefined;
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'forward',
      handler<Give>(message => void atC?.tell(message)),
    ),
  );
  const ref = a.system.spawn('notes', collector<Note>([]));
  await linked(world, a, b);
  await linked(world, b, c);
  await linked(world, a, c);
  atC = await found(world, key, c, b);
  (await found(world, key, b, a)).tell({type: 'give', ref});
  await world.pass(20);
  t.deepEqual(told, []);
  void a.system.stop(ref);
  await world.pass(20);
  t.deepEqual(told, ['gone']);
});

test('a ref to what had stopped before it was sent ends at once', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  type Give = {readonly type: 'give'; readonly ref: Ref<Note>};
  const key = anyKey<Give>('give');
  const told: string[] = [];
  const refs: Ref<Note>[] = [];
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'watcher',
      handler<Give | 'gone'>((message, context) => {
        if (message === 'gone') told.push(message);
        else {
          refs.push(message.ref);
          context.watch(message.ref, 'gone');
        }
      }),
    ),
  );
  await linked(world, a, b);
  const giver = await found(world, key, b, a);
  const stopped = a.system.spawn('stopped', collector<Note>([]));
  await Promise.all([a.system.stop(stopped), world.pass(5)]);
  const closed = callbackRef<Note>('/closed', () => {});
  closed.close();
  giver.tell({type: 'give', ref: stopped});
  giver.tell({type: 'give', ref: closed});
  await world.pass(20);
  t.deepEqual(told, ['gone', 'gone']);
  t.deepEqual(
    refs.map(ref => ref.tell({type: 'note', number: 1})),
    [false, false],
  );
});

test('questions that nobody answers leave nothing behind', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  type Question = {readonly type: 'ask'; readonly replyTo: Ref<number>};
  const key = anyKey<Question>('questions');
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'silent',
      handler<Question>(() => {}),
    ),
  );
  await linked(world, a, b);
  const service = await found(world, key, b, a);
  let failed = 0;
  for (let round = 0; round < 10; round += 1) {
    for (let count = 0; count < 300; count += 1) {
      a.system
        .ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 10)
        .catch(() => {
          failed += 1;
        });
    }
    await world.pass(40);
  }
  t.is(failed, 3000);
  t.is(a.system.metrics().asksOpen, 0);
  t.is(a.links.links()[0]?.queued, 0);
});

test('a ref of a life that is over ends when the next life is expected', async t => {
  const world = linkWorld(t);
  const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')];
  type Give = {readonly type: 'give'; readonly ref: Ref<Note>};
  const key = anyKey<Give>('give');
  const told: string[] = [];
  c.links.receptionist.publish(
    key,
    c.system.spawn(
      'watcher',
      handler<Give | 'gone'>((message, context) => {
        if (message === 'gone') told.push(message);
        else context.watch(message.ref, 'gone');
      }),
    ),
  );
  a.links.receptionist.publish(noteKey, a.system.spawn('notes', collector<Note>([])));
  await linked(world, a, b);
  await linked(world, b, c);
  // c never had a link to a.
  (await found(world, key, c, b)).tell({type: 'give', ref: await found(world, noteKey, a, b)});
  await world.pass(20);
  c.links.connect({instance: a.instance, address: a.instance, incarnation: 'a1'});
  await world.pass(20);
  t.deepEqual(told, []);
  world.network.crash(a.instance);
  await world.pass(20);
  t.deepEqual(told, []);
  c.links.connect({instance: a.instance, address: a.instance, incarnation: 'a2'});
  await world.pass(20);
  t.deepEqual(told, ['gone']);
});

test('a new life takes over from a silent one, and links are listed once', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.connect({instance: a.instance, address: a.instance});
  await world.until(() => isUp(a, b));
  world.network.crash(b.instance);
  const again = await world.node('b', {life: '2'});
  again.links.connect({instance: a.instance, address: a.instance});
  await world.until(() => isUp(a, again));
  t.deepEqual(
    a.links.links().map(({instance, incarnation, state}) => `${instance} ${incarnation} ${state}`),
    ['b:9 b2 up'],
  );
});

test('the end of an actor does not overtake its last words', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  type Words = {readonly type: 'words'; readonly number: number; readonly bytes?: Uint8Array};
  type Listen = {readonly type: 'listen'; readonly to: Ref<Words>};
  const key = anyKey<Listen>('speaker');
  const speaker = b.system.spawn(
    'speaker',
    handler<Listen>(({to}, {stop, self}) => {
      for (let number = 0; number < 400; number += 1) {
        to.tell({type: 'words', number, ...(number % 2 === 0 ? {bytes: new Uint8Array(5000)} : {})});
      }
      stop(self);
    }),
  );
  b.links.receptionist.publish(key, speaker);
  await linked(world, a, b);
  const heard: (number | 'gone')[] = [];
  const service = await found(world, key, b, a);
  a.system
    .spawn(
      'listener',
      handler<Words | 'start' | 'gone'>((message, {watch, self}) => {
        if (message === 'start') {
          watch(service, 'gone');
          service.tell({type: 'listen', to: self});
        } else heard.push(message === 'gone' ? message : message.number);
      }),
    )
    .tell('start');
  await world.until(() => heard.includes('gone'));
  t.deepEqual(heard, [...Array(400).keys(), 'gone']);
});
