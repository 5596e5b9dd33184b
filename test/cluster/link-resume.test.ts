import test from 'ava';
import fc from 'fast-check';
import {seededRandom} from '../../actors/runtime/random.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {ReliableReceiver} from '../../cluster/reliable-receiver.ts';
import {ReliableSender} from '../../cluster/reliable-sender.ts';
import {UnreachableError} from '../../cluster/remote-errors.ts';
import {collector, handler} from '../actors/runtime/harness.ts';
import {anyKey, found, isUp, linked, linkWorld} from './link-world.ts';

type Note = {readonly type: 'note'; readonly number: number};
type Question = {readonly type: 'ask'; readonly replyTo: Ref<number>};

const noteKey = anyKey<Note>('notes');
const numbers = (notes: readonly Note[]): number[] => notes.map(({number}) => number);
const upTo = (count: number): number[] => Array.from({length: count}, (_, number) => number);

test('a cut loses no reliable message and repeats none', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Note[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  world.network.delay(a.instance, b.instance, 3, 5);
  const notes = await found(world, noteKey, b, a);
  let sent = 0;
  for (let round = 0; round < 6; round += 1) {
    for (let count = 0; count < 200; count += 1) {
      t.true(notes.tell({type: 'note', number: sent}));
      sent += 1;
      if (count % 50 === 0) await world.pass(1);
    }
    world.network.cut(a.instance, b.instance, {isOneWay: round % 2 === 0});
    await world.pass(round % 3 === 0 ? 300 : 3000);
    world.network.heal(a.instance, b.instance);
    await world.pass(20);
  }
  await world.until(() => seen.length >= sent, 20_000);
  await world.pass(500);
  t.deepEqual(numbers(seen), upTo(sent));
});

test('what is sent at most once is refused while the link is cut, and never repeated', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const seen: Note[] = [];
  const key = anyKey<Note>('notes', {delivery: 'atMostOnce'});
  b.links.receptionist.publish(key, b.system.spawn('notes', collector(seen)));
  await linked(world, a, b);
  const notes = await found(world, key, b, a);
  world.network.delay(a.instance, b.instance, 5);
  for (const number of upTo(100)) t.true(notes.tell({type: 'note', number}));
  await world.pass(2);
  world.network.cut(a.instance, b.instance);
  await world.until(() => !isUp(a, b));
  t.false(notes.tell({type: 'note', number: 100}));
  world.network.heal(a.instance, b.instance);
  await world.until(() => isUp(a, b));
  t.true(notes.tell({type: 'note', number: 101}));
  await world.pass(100);
  t.deepEqual(numbers(seen), [101]);
});

test('questions survive a cut; watches do not take it for death', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const key = anyKey<Question>('questions');
  b.links.receptionist.publish(
    key,
    b.system.spawn(
      'q',
      handler<Question>(({replyTo}) => void replyTo.tell(5)),
    ),
  );
  await linked(world, a, b);
  const service = await found(world, key, b, a);
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
  world.network.cut(a.instance, b.instance);
  const answer = a.system.ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 20_000);
  await world.pass(4000);
  t.is(a.links.links()[0]?.state, 'suspect');
  t.is(a.links.receptionist.find(key, b.instance), undefined);
  world.network.heal(a.instance, b.instance);
  const healedMs = world.clock.monotonicMs();
  await world.until(() => isUp(a, b));
  t.true(world.clock.monotonicMs() - healedMs <= 1200);
  await world.pass(50);
  t.is(await answer, 5);
  t.deepEqual(told, ['start']);
  t.is(a.links.receptionist.find(key, b.instance), service);
});

test('another life of the node settles everything of the former one', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const key = anyKey<Question>('questions');
  b.links.receptionist.publish(key, b.system.spawn('silent', collector<Question>([])));
  await linked(world, a, b);
  const service = await found(world, key, b, a);
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
  const failed = t.throwsAsync(
    a.system.ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 60_000),
    {instanceOf: UnreachableError},
  );
  await world.pass(20);
  world.network.crash(b.instance);
  await world.until(() => a.events.some(({type}) => type === 'refused'));
  t.is(a.events.find(({type}) => type === 'refused')?.incarnation, 'b1');
  t.deepEqual(told, ['start']);
  const again = await world.node('b', {life: '2'});
  again.links.receptionist.publish(
    key,
    again.system.spawn(
      'q',
      handler<Question>(({replyTo}) => void replyTo.tell(6)),
    ),
  );
  await world.until(() => isUp(a, again));
  t.regex((await failed).message, /may have been carried out or not/);
  t.deepEqual(told, ['start', 'gone']);
  const successor = await found(world, key, again, a);
  const answer = a.system.ask<Question, number>(successor, replyTo => ({type: 'ask', replyTo}), 1000);
  await world.pass(20);
  t.is(await answer, 6);
});

test('a node that says goodbye is settled at once', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  const key = anyKey<Question>('questions');
  b.links.receptionist.publish(key, b.system.spawn('silent', collector<Question>([])));
  await linked(world, a, b);
  const service = await found(world, key, b, a);
  const failed = t.throwsAsync(
    a.system.ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 60_000),
    {instanceOf: UnreachableError},
  );
  await world.pass(20);
  b.links.close();
  await world.pass(20);
  t.regex((await failed).message, /has left \(this node stops\)/);
});

test('what a connection says that was long on its way is no proof that the peer has forgotten anything', async t => {
  const world = linkWorld(t);
  const late = Promise.withResolvers<void>();
  let dials = 0;
  const a = await world.node('a', {
    through: transport => ({
      ...transport,
      // The first is answered at once, and heard of much later, as when the way back is cut.
      dial: async (address, signal) => {
        dials += 1;
        const isFirst = dials === 1;
        const connection = await transport.dial(address, signal);
        if (isFirst) await late.promise;
        return connection;
      },
    }),
  });
  const b = await world.node('b');
  const seen: Note[] = [];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
  a.links.connect({instance: b.instance, address: b.instance});
  await world.pass(5);
  b.links.connect({instance: a.instance, address: a.instance});
  // Its only connection is silent, so b dials another one.
  await world.until(() => isUp(a, b) && isUp(b, a));
  const notes = await found(world, noteKey, b, a);
  for (const number of upTo(10)) t.true(notes.tell({type: 'note', number}));
  await world.pass(50);
  t.is(seen.length, 10);
  t.is(dials, 1);
  late.resolve();
  await world.pass(50);
  await world.until(() => isUp(a, b) && isUp(b, a));
  for (const number of upTo(10)) t.true(notes.tell({type: 'note', number: 10 + number}), 'the same life');
  await world.until(() => seen.length === 20);
  t.deepEqual(numbers(seen), upTo(20));
});

test('a peer that says on a new connection that it has less than it acknowledged is another life', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector<Note>([])));
  await linked(world, a, b);
  const notes = await found(world, noteKey, b, a);
  t.true(notes.tell({type: 'note', number: 0}));
  await world.pass(50);
  world.network.crash(b.instance);
  await world.until(() => !isUp(a, b));
  // Calls itself what the former one did, and knows nothing.
  await world.node('b');
  await world.until(
    () => a.events.some(({type}) => type === 'up') && notes.tell({type: 'note', number: 1}) === false,
  );
  t.pass();
});

test('the two halves of the reliable class deliver each once and in order, whatever connections lose', t => {
  const anyStep = fc.oneof(
    {weight: 6, arbitrary: fc.record({type: fc.constant('send' as const)})},
    {weight: 6, arbitrary: fc.record({type: fc.constant('deliver' as const)})},
    {weight: 3, arbitrary: fc.record({type: fc.constant('ack' as const)})},
    {weight: 1, arbitrary: fc.record({type: fc.constant('cut' as const), keep: fc.nat(5)})},
  );
  fc.assert(
    fc.property(fc.array(anyStep, {maxLength: 200}), steps => {
      const sender = new ReliableSender<{seq: number; value: number}>();
      const receiver = new ReliableReceiver();
      const seen: number[] = [];
      let wire: {seq: number; value: number}[] = [];
      let sent = 0;
      const deliver = (): void => {
        const item = wire.shift();
        if (item !== undefined && receiver.take(item.seq)) seen.push(item.value);
      };
      for (const step of steps) {
        if (step.type === 'send') {
          const item = {seq: 0, value: sent};
          sent += 1;
          sender.stamp(item);
          wire.push(item);
        } else if (step.type === 'deliver') deliver();
        else if (step.type === 'ack') t.true(sender.acknowledge(receiver.received));
        else {
          // What the receiver says may be outdated: some of what was under way arrives after it.
          const {received} = receiver;
          for (let left = step.keep; left > 0; left -= 1) deliver();
          const again = sender.resume(received);
          if (again === undefined) return t.fail('forgotten');
          wire = [...again];
        }
      }
      while (wire.length > 0) deliver();
      t.deepEqual(seen, upTo(sent));
      t.true(sender.acknowledge(receiver.received));
      t.is(sender.unacknowledged, 0);
      t.false(sender.acknowledge(sent + 1));
    }),
  );
});

test('whatever happens to the network, each reliable message arrives once and in order', async t => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const random = seededRandom(seed);
    const world = linkWorld(t, seed);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const seen: Note[] = [];
    const back: Note[] = [];
    b.links.receptionist.publish(noteKey, b.system.spawn('notes', collector(seen)));
    a.links.receptionist.publish(noteKey, a.system.spawn('notes', collector(back)));
    await linked(world, a, b);
    const there = await found(world, noteKey, b, a);
    const here = await found(world, noteKey, a, b);
    let sent = 0;
    let returned = 0;
    for (let step = 0; step < 60; step += 1) {
      const what = Math.floor(random.next() * 8);
      if (what === 0) world.network.cut(a.instance, b.instance, {isOneWay: random.next() < 0.5});
      else if (what === 1) world.network.heal(a.instance, b.instance);
      else if (what === 2) world.network.delay(a.instance, b.instance, random.next() * 20, 30);
      else if (what === 3) await world.pass(Math.floor(random.next() * 2500));
      else if (what === 4) a.links.disconnect(b.instance, 'test');
      else if (what === 5) a.links.connect({instance: b.instance, address: b.instance});
      for (let count = Math.floor(random.next() * 40); count > 0; count -= 1) {
        if (there.tell({type: 'note', number: sent})) sent += 1;
        if (here.tell({type: 'note', number: returned})) returned += 1;
      }
      await world.pass(Math.floor(random.next() * 20));
    }
    world.network.heal(a.instance, b.instance);
    a.links.connect({instance: b.instance, address: b.instance});
    await world.until(() => seen.length >= sent && back.length >= returned, 30_000);
    await world.pass(300);
    t.deepEqual(numbers(seen), upTo(sent), `seed ${seed}`);
    t.deepEqual(numbers(back), upTo(returned), `seed ${seed}`);
  }
});
