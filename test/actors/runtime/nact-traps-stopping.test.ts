/** nact's traps S1–S8 (what `stop` leaves undone), each shown closed. */
import test from 'ava';
import {collector, gate, handler, testSystem, turns} from './harness.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {probe} from '../../support/probe.ts';

test('S1: stopping a parent stops its children, and nothing that waits for them is handled afterwards', async t => {
  const {system} = testSystem(t);
  const seen: number[] = [];
  const ended: string[] = [];
  const child = probe<Ref<number>>();
  const counted = {...collector(seen), stopped: () => void ended.push('child')};
  const parent = system.spawn(
    'parent',
    handler<string>(
      (name, {spawn}) => void child.ref.tell(spawn(name, counted)),
      () => void ended.push('parent'),
    ),
  );
  parent.tell('child');
  const ref = await child.expect();
  for (let message = 0; message < 1000; message += 1) ref.tell(message);
  await turns(2);
  t.true(seen.length > 0 && seen.length < 1000, 'some, but not all, were handled before the stop');
  const handled = seen.length;
  await system.stop(parent);
  await turns(10);
  t.is(seen.length, handled);
  t.deepEqual(ended, ['child', 'parent']);
  t.is(system.deadLetters.count, 1000 - handled);
});

test('S2: shutting the system down stops every actor, grandchildren too', async t => {
  const {system} = testSystem(t);
  const ended: string[] = [];
  const told = probe<string>();
  const nest = (depth: number) =>
    handler<string>(
      (name, {spawn, self}) => {
        if (depth > 0) spawn(`${name}-${depth}`, nest(depth - 1)).tell(name);
        else told.ref.tell(self.path);
      },
      () => void ended.push(`${depth}`),
    );
  system.spawn('top', nest(3)).tell('below');
  await told.expect();
  await system.shutdown(1000);
  t.deepEqual(ended, ['0', '1', '2', '3']);
  t.is(system.metrics().actorsAlive, 0);
});

test('S3: every message that waits when its actor stops becomes a dead letter, the first one too', async t => {
  const {system} = testSystem(t);
  const seen: string[] = [];
  const ref = system.spawn('slow', collector(seen));
  for (const message of ['first', 'second', 'third']) ref.tell(message);
  await system.stop(ref);
  await turns(3);
  t.deepEqual(seen, []);
  t.is(system.deadLetters.count, 3);
});

test('S4: an actor with an effect in flight has not stopped before that effect has', async t => {
  const {system} = testSystem(t);
  const order: string[] = [];
  const write = gate();
  const begun = probe<AbortSignal>();
  const machine = handler<string>(
    async (_message, {signal}) => {
      order.push('begin');
      begun.ref.tell(signal);
      await write.promise;
      order.push('end');
    },
    () => void order.push('stopped'),
  );
  const ref = system.spawn('job', machine);
  ref.tell('write');
  const signal = await begun.expect();
  const stopped = system.stop(ref).then(() => order.push('successor may start'));
  t.true(signal.aborted, 'the effect is told to hurry');
  await turns(5);
  t.deepEqual(order, ['begin']);
  write.open();
  await stopped;
  t.deepEqual(order, ['begin', 'end', 'stopped', 'successor may start']);
});

test('S5: an old ref never reaches the successor of the same name', async t => {
  const {system} = testSystem(t);
  const seen: string[] = [];
  const old = system.spawn('job-1', collector<string>([]));
  await system.stop(old);
  const successor = system.spawn('job-1', collector(seen));
  t.false(old.tell('for the old one'));
  successor.tell('for the new one');
  await turns(3);
  t.deepEqual(seen, ['for the new one']);
  t.is(old.path, successor.path);
  t.not(old.uid, successor.uid);
});

test('S6: clean-up runs once, also when an effect fails after the stop', async t => {
  const {system} = testSystem(t);
  const write = gate();
  let cleanUps = 0;
  const machine = handler<string>(
    () => write.promise,
    () => void (cleanUps += 1),
  );
  const ref = system.spawn('job', machine);
  ref.tell('write');
  await turns(2);
  const stopped = system.stop(ref);
  write.fail(new Error('the write failed'));
  await stopped;
  await turns(3);
  t.is(cleanUps, 1);
});

for (const [how, cleanUp] of [
  [
    'throws',
    () => {
      throw new Error('in clean-up');
    },
  ],
  ['rejects', () => Promise.reject(new Error('in clean-up'))],
] as const) {
  test(`S7: a clean-up that ${how} is reported, and the actor has stopped`, async t => {
    const {system, log} = testSystem(t);
    const ref = system.spawn('job', {...collector<string>([]), stopped: cleanUp});
    await system.stop(ref);
    t.false(ref.tell('late'));
    t.like(
      log.find(({level}) => level === 'error'),
      {fields: {path: '/job', during: 'stopped'}},
    );
  });
}

test('S8: a stop deals with one mailbox at most, however many messages were sent', async t => {
  const {system} = testSystem(t, {mailboxMax: 64});
  const ref = system.spawn('job', collector<number>([]));
  for (let message = 0; message < 100_000; message += 1) ref.tell(message);
  await system.stop(ref);
  t.is(system.deadLetters.count, 64);
  t.is(system.metrics().mailboxOverflows, 100_000 - 64);
});
