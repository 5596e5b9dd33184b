/** Which life of a peer a link goes to, when words of an earlier or a later one come late. */
import test from 'ava';
import type {Ref} from '../../actors/runtime/ref.ts';
import {collector} from '../actors/runtime/harness.ts';
import {anyKey, found, isUp, linked, linkWorld, type LinkNode} from './link-world.ts';

type Question = {readonly type: 'ask'; readonly replyTo: Ref<number>};

const key = anyKey<Question>('questions');
const upTo =
  (node: LinkNode, peer: LinkNode): (() => boolean) =>
  () =>
    isUp(node, peer);

test('a dial that was answered by a life that is over does not push out the next one', async t => {
  const world = linkWorld(t);
  const late = Promise.withResolvers<void>();
  let dials = 0;
  const a = await world.node('a', {
    through: transport => ({
      ...transport,
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
  a.links.connect({instance: b.instance, address: b.instance});
  await world.pass(5);
  world.network.crash(b.instance);
  const again = await world.node('b', {life: '2'});
  again.links.connect({instance: a.instance, address: a.instance});
  await world.until(upTo(a, again));
  late.resolve();
  await world.pass(1000);
  t.is(dials, 1);
  t.deepEqual(
    a.events.map(({type, incarnation}) => `${type} ${incarnation}`),
    ['up b2'],
  );
});

test('old news of a peer do not end a later life that has connected by itself', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b', {life: '2'})];
  b.links.receptionist.publish(key, b.system.spawn('silent', collector<Question>([])));
  b.links.connect({instance: a.instance, address: a.instance});
  await world.until(() => isUp(a, b) && isUp(b, a));
  const service = await found(world, key, b, a);
  let isOpen = true;
  const asked = a.system
    .ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 60_000)
    .catch(() => void (isOpen = false));
  world.network.cut(a.instance, b.instance);
  await world.until(() => !isUp(a, b));
  // The lease of its former life was all that could be read.
  a.links.connect({instance: b.instance, address: b.instance, incarnation: 'b1'});
  await world.pass(50);
  t.true(isOpen, 'what was asked of the living one waits for it');
  world.network.heal(a.instance, b.instance);
  await world.until(() => isUp(a, b) && isUp(b, a));
  t.true(isOpen);
  a.links.nodeDead(b.instance, b.incarnation);
  await asked;
  t.false(isOpen);
});

test('news of the next life end the one that was expected before', async t => {
  const world = linkWorld(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  b.links.receptionist.publish(key, b.system.spawn('silent', collector<Question>([])));
  a.links.connect({instance: b.instance, address: b.instance, incarnation: b.incarnation});
  await linked(world, a, b);
  const service = await found(world, key, b, a);
  const asked = t.throwsAsync(
    a.system.ask<Question, number>(service, replyTo => ({type: 'ask', replyTo}), 60_000),
  );
  world.network.crash(b.instance);
  await world.until(() => !isUp(a, b));
  a.links.connect({instance: b.instance, address: b.instance, incarnation: 'b2'});
  await asked;
});
