import test from 'ava';
import {systemClock} from '../../../actors/runtime/clock.ts';
import {cellOf} from '../../../actors/runtime/local-ref.ts';
import type {ActorContext} from '../../../actors/runtime/machine.ts';
import {seededRandom} from '../../../actors/runtime/random.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {startActorSystem} from '../../../actors/runtime/system.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, gate, handler, testSystem, turns} from './harness.ts';

test('children stop last started first, each after the other has really stopped', async t => {
  const {system} = testSystem(t);
  const order: string[] = [];
  const gates = {a: gate(), b: gate(), c: gate()};
  const write = gate();
  const parent = system.spawn(
    'parent',
    handler<string>(
      (message, {spawn}) => {
        if (message === 'write') return write.promise;
        for (const name of ['a', 'b', 'c'] as const) {
          spawn(name, {...collector<string>([]), stopped: () => (order.push(name), gates[name].promise)});
        }
        return undefined;
      },
      () => void order.push('parent'),
    ),
  );
  parent.tell('go');
  parent.tell('write');
  await turns(2);
  const stopped = system.stop(parent);
  await turns(2);
  t.deepEqual(order, ['c']);
  write.open();
  await turns(2);
  t.deepEqual(order, ['c'], "the parent's own effect ending is no reason to hurry");
  gates.c.open();
  await turns(2);
  t.deepEqual(order, ['c', 'b']);
  gates.b.open();
  gates.a.open();
  await stopped;
  t.deepEqual(order, ['c', 'b', 'a', 'parent']);
});

test("a group's actors stop at once: one that hangs delays none of the others", async t => {
  const {system} = testSystem(t);
  const group = system.group('jobs');
  const hanging = gate();
  const ended: number[] = [];
  for (let job = 0; job < 10; job += 1) {
    group.spawn(`${job}`, {
      ...collector<string>([]),
      stopped: () => (job === 9 ? hanging.promise : void ended.push(job)),
    });
  }
  const stopped = group.stop();
  await turns(2);
  t.deepEqual(
    ended.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  t.is(group.size, 1);
  hanging.open();
  await stopped;
  t.is(group.size, 0);
});

test('stopping 20,000 actors leaves the event loop its turns', async t => {
  const {system} = testSystem(t);
  const group = system.group('jobs');
  for (let job = 0; job < 20_000; job += 1) group.spawn(`${job}`, collector<string>([]));
  let loopTurns = 0;
  let counting = true;
  const count = (): void => {
    loopTurns += 1;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  await group.stop();
  counting = false;
  t.true(loopTurns >= 70);
  t.is(system.metrics().actorsAlive, 0);
});

test('a group that was stopped is made anew by its name', async t => {
  const {system} = testSystem(t);
  t.is(system.group('jobs').spawn('a', collector<string>([])).path, '/jobs/a');
  t.is(system.group('jobs').size, 1, 'the same group');
  await system.group('jobs').stop();
  const seen: string[] = [];
  t.true(system.group('jobs').spawn('b', collector(seen)).tell('hello'));
  await turns(2);
  t.deepEqual(seen, ['hello']);
});

test('shutdown abandons what hangs at its limit, names it, and lets everything else end well', async t => {
  const clock = manualClock();
  const {system, log} = testSystem(t, {clock});
  const ended: string[] = [];
  const begun = probe<string>();
  system.spawn('first', {...collector<string>([]), stopped: () => void ended.push('first')});
  const {promise: never} = gate();
  const hanging = system.spawn(
    'hanging',
    handler<string>(message => {
      begun.ref.tell(message);
      return never;
    }),
  );
  system.spawn('last', {...collector<string>([]), stopped: () => void ended.push('last')});
  hanging.tell('write');
  await begun.expect();
  const shutdown = system.shutdown(1000);
  await turns(3);
  t.deepEqual(ended, ['last'], 'the one that hangs is waited for');
  clock.advance(500);
  await turns(2);
  t.deepEqual(ended, ['last', 'first'], 'at half the time, nobody waits for it any longer');
  t.is(system.metrics().actorsAlive, 1);
  clock.advance(500);
  await shutdown;
  const [line] = log.filter(({level}) => level === 'error');
  t.deepEqual(line?.fields, {paths: ['/hanging'], limitMs: 1000});
  t.is(system.metrics().actorsAlive, 0);
  t.is(clock.pending, 0);
});

test('a shutdown that is over leaves no timer behind', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const ref = system.spawn(
    'job',
    handler<string>((message, {setTimer}) => setTimer(message, 1000, message)),
  );
  ref.tell('later');
  await turns(2);
  await system.shutdown(1000);
  t.is(clock.pending, 0);
});

test('actors that stop before their turn leave the turns of others as long as before', async t => {
  const {system} = testSystem(t);
  const group = system.group('jobs');
  for (let job = 0; job < 1000; job += 1) group.spawn(`${job}`, collector<string>([])).tell('never handled');
  await group.stop();
  const before = system.metrics().wakeUps;
  const seen: number[] = [];
  const ref = system.spawn('job', collector(seen));
  for (let message = 0; message < 2560; message += 1) ref.tell(message);
  while (seen.length < 2560) await turns(1);
  t.is(system.metrics().wakeUps - before, 10);
});

test('what an abandoned effect does later is ignored', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const write = gate();
  const performed: string[] = [];
  const ref = system.spawn(
    'job',
    handler<string>(message => {
      performed.push(message);
      return write.promise;
    }),
  );
  ref.tell('a');
  ref.tell('b');
  await turns(2);
  const shutdown = system.shutdown(10);
  clock.advance(10);
  await shutdown;
  write.open();
  await turns(2);
  t.deepEqual(performed, ['a']);
});

test('an actor spawned while its parent ends is born stopped', async t => {
  const {system} = testSystem(t);
  const write = gate();
  const child = probe<Ref<string>>();
  const contexts: ActorContext<string>[] = [];
  const ref = system.spawn(
    'parent',
    handler<string>(async (_message, context) => {
      contexts.push(context);
      await write.promise;
      child.ref.tell(context.spawn('child', collector<string>([])));
    }),
  );
  ref.tell('go');
  await turns(2);
  const stopped = system.stop(ref);
  write.open();
  await stopped;
  const born = await child.expect();
  t.false(born.tell('hello'));
  t.is(system.metrics().actorsAlive, 0);
  const [context] = contexts;
  t.true(context?.signal.aborted);
  t.false(context?.spawn('later', collector<string>([])).tell('hello'));
});

test('a watch fires once, at once for one that has stopped, and never for a watcher that has', async t => {
  const {system} = testSystem(t);
  const target = system.spawn('target', collector<string>([]));
  const seen: string[] = [];
  const spawnWatcher = (name: string): Ref<string> =>
    system.spawn(
      name,
      handler<string>((message, {watch}) => {
        if (message === 'watch') watch(target, `${name} told`);
        else seen.push(message);
      }),
    );
  const [early, gone] = [spawnWatcher('early'), spawnWatcher('gone')];
  early.tell('watch');
  gone.tell('watch');
  await turns(2);
  await system.stop(gone);
  await system.stop(target);
  await turns(2);
  t.deepEqual(seen, ['early told']);
  spawnWatcher('late').tell('watch');
  await turns(2);
  t.deepEqual(seen, ['early told', 'late told']);
  t.is(system.deadLetters.count, 0);
});

test('watches end with their watcher, so a long-lived actor does not collect them', async t => {
  const {system} = testSystem(t);
  const target = system.spawn('target', collector<string>([]));
  for (let round = 0; round < 10; round += 1) {
    const watcher = system.spawn(
      'watcher',
      handler<string>((message, {watch}) => watch(target, message)),
    );
    watcher.tell('watch');
    await turns(2);
    t.is(cellOf(target)?.watchers?.size, 1);
    await system.stop(watcher);
  }
  t.is(cellOf(target)?.watchers?.size, 0);
});

test('a notice of death is not refused by a full mailbox, and stays behind what the dead one said', async t => {
  const {system} = testSystem(t, {mailboxMax: 2});
  const seen: string[] = [];
  const target = system.spawn('target', collector<string>([]));
  const watcher = system.spawn(
    'watcher',
    handler<string>((message, {watch}) => {
      if (message === 'watch') watch(target, 'it stopped');
      else seen.push(message);
    }),
  );
  watcher.tell('watch');
  await turns(2);
  t.true(watcher.tell('said 1'));
  t.true(watcher.tell('said 2'));
  t.false(watcher.tell('said 3'));
  await system.stop(target);
  await turns(2);
  t.deepEqual(seen, ['said 1', 'said 2', 'it stopped']);
});

test('an actor may stop only itself and its children', async t => {
  const {system, log} = testSystem(t);
  const other = system.spawn('other', collector<string>([]));
  const ref = system.spawn(
    'job',
    handler<string>((_message, {stop}) => stop(other)),
  );
  ref.tell('go');
  await turns(2);
  t.true(other.tell('still there'));
  t.is(log[0]?.level, 'warn');
});

test('a failure is reported after the actor has really stopped, so a successor can start right there', async t => {
  const {system, log} = testSystem(t);
  const order: string[] = [];
  const write = gate();
  const failures = probe<string>();
  const ref = system.spawn(
    'job',
    handler<string>(
      async message => {
        if (message !== 'write') throw new Error('boom');
        await write.promise;
        order.push('written');
      },
      () => void order.push('stopped'),
    ),
    {
      onFailure: ({during}) => {
        order.push('failure reported');
        failures.ref.tell(during);
      },
    },
  );
  ref.tell('write');
  ref.tell('bad');
  await turns(2);
  write.open();
  t.is(await failures.expect(), 'string');
  t.deepEqual(order, ['written', 'stopped', 'failure reported']);
  t.deepEqual(log, []);
});

const broken = (): never => {
  throw new Error('the stream is closed');
};

test('a log that throws, and a message whose type throws, break neither the crash nor the stop', async t => {
  const system = startActorSystem({
    name: 'test',
    clock: systemClock,
    random: seededRandom(1),
    log: {warn: broken, error: broken},
  });
  const hostile = {
    get type(): string {
      throw new Error('no type');
    },
  };
  const ended = probe<string>();
  const ref = system.spawn<undefined, {readonly type: string}, string>('job', {
    initial: undefined,
    decide: (state, {type}) => ({state, effects: [type]}),
    perform() {},
    stopped: () => void ended.ref.tell('stopped'),
  });
  ref.tell(hostile);
  await ended.expect();
  await system.shutdown(1000);
  t.is(system.metrics().crashes, 1);
});
