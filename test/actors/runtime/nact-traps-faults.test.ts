/** nact's traps C1–C12 (crashes and supervision), each shown closed or banned. */
import test from 'ava';
import type {Machine} from '../../../actors/runtime/machine.ts';
import {supervise} from '../../../actors/runtime/supervisor.ts';
import {DeadLetterError} from '../../../actors/runtime/ask.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, gate, handler, testSystem, turns} from './harness.ts';

const throws = handler<{type: string}>(() => {
  throw new Error('boom');
});

/** Crashes in `decide`, not in an effect. */
const crashing: Machine<number, {readonly type: string; readonly password: string}, never> = {
  initial: 0,
  decide() {
    throw new Error('boom');
  },
  perform() {},
};

test.serial(
  "C1: a crash is logged with path, message type and error, never with the message's content",
  async t => {
    const {system, log} = testSystem(t);
    const printed: unknown[] = [];
    const {log: original} = console;
    console.log = (...values: unknown[]) => void printed.push(...values);
    t.teardown(() => {
      console.log = original;
    });
    const ref = system.spawn('login', crashing);
    ref.tell({type: 'login', password: 'secret-in-message'});
    ref.tell({type: 'login', password: 'secret-in-message'});
    await turns(3);
    const line = log.find(({level}) => level === 'error');
    t.like(line, {level: 'error', fields: {path: '/login', uid: ref.uid, during: 'login'}});
    t.true(line !== undefined && 'err' in line.fields && line.fields.err instanceof Error);
    t.notRegex(JSON.stringify(log), /secret/);
    t.deepEqual(printed, []);
    t.is(system.deadLetters.count, 1);
  },
);

test('C2: onFailure that throws is logged, and the process goes on', async t => {
  const {system, log} = testSystem(t);
  const ref = system.spawn('job', throws, {
    onFailure() {
      throw new Error('in the policy');
    },
  });
  ref.tell({type: 'go'});
  await turns(3);
  t.is(log.filter(({level}) => level === 'error').length, 2);
  t.false(ref.tell({type: 'again'}));
});

test('C3: an effect that fails after its actor was told to stop is reported once', async t => {
  const {system} = testSystem(t);
  const failures = probe<string>();
  const write = gate();
  const ref = system.spawn(
    'job',
    handler<string>(() => write.promise),
    {onFailure: ({error}) => void failures.ref.tell(String(error))},
  );
  ref.tell('write');
  await turns(2);
  const stopped = system.stop(ref);
  write.fail(new Error('late'));
  await stopped;
  t.deepEqual(failures.messages, ['Error: late']);
});

test('C4: stopping a child that is already gone changes nothing', async t => {
  const {system, log} = testSystem(t);
  const told = probe<string>();
  const ref = system.spawn(
    'parent',
    handler<string>((message, {spawn, stop}) => {
      const child = spawn('child', collector<string>([]));
      stop(child);
      stop(child);
      told.ref.tell(message);
    }),
  );
  ref.tell('one');
  ref.tell('two');
  await told.expect(message => message === 'two');
  t.deepEqual(log, []);
  t.is(system.metrics().actorsAlive, 1);
});

test('C5: a failed child leaves its parent alone, and its successor is not deaf', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const seen = probe<string>();
  const refs: ReturnType<typeof system.spawn<number, string, string>>[] = [];
  const child = handler<string>(message => {
    if (message === 'bad') throw new Error('boom');
    seen.ref.tell(message);
  });
  supervise(
    system,
    'supervisor',
    {
      policy: {strategy: 'one_for_one', restartsMax: 3, withinMs: 1000},
      children: [
        {
          name: 'child',
          start(spawn) {
            const ref = spawn(child);
            refs.push(ref);
            seen.ref.tell('started');
            return ref;
          },
        },
      ],
      clock,
      random: system.random,
      log: {warn() {}, error() {}},
    },
    () => t.fail('the supervisor gave up'),
  );
  await seen.expect();
  refs[0]?.tell('bad');
  await turns(5);
  clock.advance(200);
  await seen.expect();
  for (let message = 0; message < 10; message += 1) refs[1]?.tell(`ok ${message}`);
  await seen.expect(message => message === 'ok 9');
  t.is(seen.messages.filter(message => message.startsWith('ok')).length, 10);
  t.is(refs.length, 2);
});

test("C6: an actor's handlers never run side by side, however many of its children crash meanwhile", async t => {
  const {system} = testSystem(t);
  let atOnce = 0;
  let atOnceMax = 0;
  const done = probe<number>();
  const parent = system.spawn(
    'parent',
    handler<number>(async (message, {spawn}) => {
      atOnce += 1;
      atOnceMax = Math.max(atOnceMax, atOnce);
      spawn(`child-${message}`, throws, {onFailure() {}}).tell({type: 'go'});
      await turns(2);
      atOnce -= 1;
      done.ref.tell(message);
    }),
  );
  for (let message = 0; message < 30; message += 1) parent.tell(message);
  await done.expect(message => message === 29);
  t.is(atOnceMax, 1);
  t.deepEqual(
    done.messages,
    Array.from({length: 30}, (_, message) => message),
  );
});

test('C7: siblings that are restarted first finish what is in flight, and start from fresh state', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const write = gate();
  const told = probe<string>();
  const peers: {tell: (message: string) => boolean}[] = [];
  let running = 0;
  const peer: Machine<number, string, string> = {
    initial: 0,
    decide: (state, message) => ({state: state + 1, effects: [`${message} ${state}`]}),
    async perform(effect) {
      running += 1;
      t.is(running, 1);
      told.ref.tell(effect);
      if (effect.startsWith('slow')) await write.promise;
      running -= 1;
    },
  };
  const bad: {tell: (message: {type: string}) => boolean}[] = [];
  supervise(
    system,
    'supervisor',
    {
      policy: {strategy: 'one_for_all', restartsMax: 3, withinMs: 1000},
      children: [
        {
          name: 'peer',
          start(spawn) {
            const ref = spawn(peer);
            peers.push(ref);
            told.ref.tell('peer started');
            return ref;
          },
        },
        {
          name: 'bad',
          start(spawn) {
            const ref = spawn(throws);
            bad.push(ref);
            return ref;
          },
        },
      ],
      clock,
      random: system.random,
      log: {warn() {}, error() {}},
    },
    () => t.fail('the supervisor gave up'),
  );
  await told.expect();
  peers[0]?.tell('first');
  peers[0]?.tell('slow');
  await told.expect(message => message === 'slow 1');
  bad[0]?.tell({type: 'go'});
  await turns(5);
  clock.advance(1000);
  await turns(5);
  t.is(peers.length, 1, 'its predecessor is still writing');
  write.open();
  await told.expect(message => message === 'peer started');
  peers[1]?.tell('fresh');
  await told.expect(message => message === 'fresh 0');
  t.pass();
});

/** Supervises one child whose factory always throws. */
function failingStart(t: Parameters<typeof testSystem>[0]) {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const gaveUp = probe<string>();
  const starts: number[] = [];
  supervise(
    system,
    'supervisor',
    {
      policy: {strategy: 'one_for_one', restartsMax: 3, withinMs: 60_000},
      children: [
        {
          name: 'child',
          start() {
            starts.push(clock.monotonicMs());
            throw new Error('database down');
          },
        },
      ],
      clock,
      random: system.random,
      log: {warn() {}, error() {}},
    },
    ({error}) => void gaveUp.ref.tell(error instanceof Error ? String(error.cause) : ''),
  );
  return {clock, gaveUp, starts};
}

test('C8: a start that throws does not freeze the loop: the next try comes after a back-off', async t => {
  const {starts} = failingStart(t);
  await turns(50);
  t.is(starts.length, 1);
});

test('C9: after so many restarts in a time the supervisor gives up, with the real cause', async t => {
  const {clock, gaveUp, starts} = failingStart(t);
  for (let round = 0; round < 10; round += 1) {
    await turns(5);
    clock.advance(5000);
  }
  t.is(await gaveUp.expect(), 'Error: database down');
  t.is(starts.length, 4);
});

test('C10: what throws while an actor is made throws in the caller, and leaves nothing behind', t => {
  const {system, nactSystem} = testSystem(t);
  const broken = {
    ...collector<string>([]),
    get initial(): undefined {
      throw new Error('no state');
    },
  };
  // More often than the root has places of its own.
  for (let attempt = 0; attempt < 50; attempt += 1) {
    t.throws(() => system.spawn('job', broken), {message: 'no state'});
  }
  t.is(system.metrics().actorsAlive, 0);
  system.spawn('job', collector<string>([]));
  t.is(nactSystem.children.size, 1);
  t.is([...nactSystem.children.values()][0]?.children.size, 0, 'it hangs on the root, in no bucket');
});

test('C12: a question is settled at once when its target crashes on it', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const ref = system.spawn('job', crashing, {onFailure() {}});
  const error = await t.throwsAsync(
    system.ask<{type: string; password: string}, string>(ref, () => ({type: 'login', password: ''}), 60_000),
    {instanceOf: DeadLetterError},
  );
  t.regex(error.message, /\/job stopped before it answered login/);
  t.is(clock.monotonicMs(), 0);
});
