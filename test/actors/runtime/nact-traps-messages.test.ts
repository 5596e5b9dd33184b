/** nact's traps M1–M14 (messages and mailbox), each shown closed. */
import {AsyncLocalStorage} from 'node:async_hooks';
import test from 'ava';
import {MailboxFullError} from '../../../actors/runtime/ask.ts';
import {systemClock} from '../../../actors/runtime/clock.ts';
import type {Machine} from '../../../actors/runtime/machine.ts';
import type {Ref} from '../../../actors/runtime/ref.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, gate, handler, testSystem, turns, type NactNode} from './harness.ts';

const widest = (node: NactNode): number =>
  Math.max(node.children.size, ...[...node.children.values()].map(child => widest(child)));

const size = (node: NactNode): number =>
  [...node.children.values()].reduce((sum, child) => sum + size(child), 1);

type Question = {readonly type: 'question'; readonly number: number; readonly replyTo: Ref<number>};

const echo = handler<Question>(({number, replyTo}) => void replyTo.tell(number));

test('M1: an actor handles a batch of messages in one turn of the loop', async t => {
  const {system} = testSystem(t);
  const seen: number[] = [];
  const ref = system.spawn('job', collector(seen));
  for (let message = 0; message < 2560; message += 1) ref.tell(message);
  while (seen.length < 2560) await turns(1);
  t.is(system.metrics().wakeUps, 10);
});

test('M2: nact never has more than 100 children below one actor, and keeps no empty buckets', async t => {
  const {system, nactSystem} = testSystem(t);
  const group = system.group('jobs');
  for (let job = 0; job < 12_000; job += 1) group.spawn(`${job}`, collector<string>([]));
  t.is(group.size, 12_000);
  t.true(size(nactSystem) > 12_000);
  t.true(widest(nactSystem) <= 100);
  await group.stop();
  t.is(size(nactSystem), 1);
});

test('M3: messages to a stopped actor are refused, counted, observed, and logged once', async t => {
  const {system, log} = testSystem(t, {clock: manualClock()});
  const types: string[] = [];
  system.deadLetters.observe(({messageType, why}) => types.push(`${messageType} ${why}`));
  const ref = system.spawn('job', collector<{type: 'late'}>([]));
  await system.stop(ref);
  for (let message = 0; message < 1000; message += 1) t.false(ref.tell({type: 'late'}));
  t.is(system.deadLetters.count, 1000);
  t.deepEqual(new Set(types), new Set(['late stopped']));
  t.is(log.length, 1);
});

test('M4: a mailbox has a bound, at which tell returns false and a question is refused at once', async t => {
  const {system} = testSystem(t, {mailboxMax: 3});
  const ref = system.spawn('job', echo);
  const {ref: replyTo, messages} = probe<number>();
  const told = [0, 1, 2, 3].map(number => ref.tell({type: 'question', number, replyTo}));
  t.deepEqual(told, [true, true, true, false]);
  await t.throwsAsync(
    system.ask<Question, number>(ref, asker => ({type: 'question', number: 4, replyTo: asker}), 1000),
    {instanceOf: MailboxFullError, message: /\/job did not accept question/},
  );
  await turns(2);
  t.deepEqual(messages, [0, 1, 2]);
  t.is(system.metrics().mailboxOverflows, 2);
});

test('M5: with 100,000 questions open, each asker gets its own answer', async t => {
  const {system} = testSystem(t, {mailboxMax: 100_000});
  const asked: Question[] = [];
  const ref = system.spawn('job', collector(asked));
  const answers = Array.from({length: 100_000}, (_, number) =>
    system.ask<Question, number>(ref, replyTo => ({type: 'question', number, replyTo}), 60_000),
  );
  while (asked.length < answers.length) await turns(1);
  for (const {number, replyTo} of asked) replyTo.tell(number);
  const numbers = await Promise.all(answers);
  t.true(numbers.every((number, index) => number === index));
  t.is(new Set(asked.map(({replyTo}) => replyTo.uid)).size, 100_000);
});

test('M6: a time-out beyond 2^31 ms does not come at once, and one that never comes is refused', async t => {
  const {system} = testSystem(t, {clock: systemClock});
  const asked: Question[] = [];
  const ref = system.spawn('job', collector(asked));
  const ask = (number: number, timeoutMs: number): Promise<number> =>
    system.ask<Question, number>(ref, replyTo => ({type: 'question', number, replyTo}), timeoutMs);
  const answers = [2 ** 31, 3e9, 2 ** 32 + 1000].map((timeoutMs, number) => ask(number, timeoutMs));
  await new Promise(resolve => {
    setTimeout(resolve, 30);
  });
  for (const {number, replyTo} of asked) t.true(replyTo.tell(number));
  t.deepEqual(await Promise.all(answers), [0, 1, 2]);
  for (const timeoutMs of [Infinity, Number.NaN, 0, -1]) {
    await t.throwsAsync(ask(9, timeoutMs), {instanceOf: RangeError});
  }
});

test('M7: a message that is a function is handed over, not called', async t => {
  const {system} = testSystem(t, {clock: systemClock});
  const seen: (() => void)[] = [];
  const message = (): void => t.fail('it was called');
  const ref = system.spawn('job', collector(seen));
  await t.throwsAsync(system.ask<() => void, string>(ref, () => message, 20));
  t.deepEqual(seen, [message]);
});

test("M8: a handler never sees another message's AsyncLocalStorage context", async t => {
  const storage = new AsyncLocalStorage<string>();
  const {system} = testSystem(t);
  const seen: string[] = [];
  const ref = system.spawn(
    'job',
    handler<string>(message => void seen.push(`${message} ${storage.getStore()}`)),
  );
  for (const trace of ['A', 'B', 'C']) storage.run(trace, () => ref.tell(trace));
  await turns(3);
  storage.run('D', () => ref.tell('D'));
  await turns(3);
  t.deepEqual(seen, ['A undefined', 'B undefined', 'C undefined', 'D undefined']);
});

test('M9: a child spawned in a handler is known at once: a stop in the same handler reaches it', async t => {
  const {system} = testSystem(t);
  const ended: string[] = [];
  const ref = system.spawn(
    'parent',
    handler<string>(
      (_message, {spawn, stop, self}) => {
        spawn('child', {...collector<string>([]), stopped: () => void ended.push('child')});
        stop(self);
      },
      () => void ended.push('parent'),
    ),
  );
  ref.tell('go');
  await turns(3);
  t.deepEqual(ended, ['child', 'parent']);
});

test('M10: a decision that forgets the state is a crash that is reported, not an erased state', async t => {
  const {system} = testSystem(t);
  const failures = probe<string>();
  const forgetful: Machine<number, {type: 'go'}, never> = {
    initial: 7,
    // What JavaScript code could do; the compiler refuses it.
    decide: () => undefined as never,
    perform() {},
  };
  const ref = system.spawn('job', forgetful, {onFailure: ({during}) => void failures.ref.tell(during)});
  ref.tell({type: 'go'});
  t.is(await failures.expect(), 'go');
});

test('M11: an absent ref is refused by the compiler, not by a TypeError in the caller', t => {
  const absent = new Map<string, Ref<string>>().get('absent');
  t.throws(() => {
    // @ts-expect-error -- a ref that may be undefined can't be told anything
    absent.tell('x');
  });
});

test('M12: an object that looks like a ref leads to no actor', async t => {
  const {system, log} = testSystem(t);
  const seen: string[] = [];
  const ref = system.spawn('job', collector(seen));
  const forged = {path: ref.path, uid: ref.uid, tell: (_message: string) => false};
  await system.stop(forged);
  t.regex(log[0]?.text ?? '', /cannot be stopped here/);
  t.true(ref.tell('still there'));
  await turns(2);
  t.deepEqual(seen, ['still there']);
  t.is(JSON.stringify(ref), JSON.stringify({path: '/job', uid: ref.uid}), 'nothing of it works elsewhere');
});

test('M13: the first reply counts; later ones are dead letters', async t => {
  const {system} = testSystem(t);
  const late: string[] = [];
  system.deadLetters.observe(({why, path}) => late.push(`${why} ${path}`));
  const replies: boolean[] = [];
  const ref = system.spawn(
    'job',
    handler<Question>(({replyTo}) => void replies.push(replyTo.tell(1), replyTo.tell(2))),
  );
  const answer = await system.ask<Question, number>(
    ref,
    replyTo => ({type: 'question', number: 0, replyTo}),
    1000,
  );
  t.is(answer, 1);
  t.deepEqual(replies, [true, false]);
  t.regex(late.join(), /^lateReply \/ask\/\d+$/);
});

test('M14: control messages and due timers overtake a flood, and death is told to who watches', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const seen: string[] = [];
  const watched = system.spawn('watched', collector<string>([]));
  const ref = system.spawn(
    'job',
    handler<string>((message, {setTimer, watch}) => {
      seen.push(message);
      if (message !== 'begin') return;
      setTimer('deadline', 100, 'timer');
      watch(watched, 'watched one stopped');
    }),
    {isControl: (message: string) => message === 'kill'},
  );
  ref.tell('begin');
  await turns(2);
  ref.tell('normal');
  clock.advance(100);
  ref.tell('kill');
  await system.stop(watched);
  await turns(2);
  t.deepEqual(seen, ['begin', 'timer', 'kill', 'normal', 'watched one stopped']);
});

test('M14: a slow effect holds back effects, never the mailbox', async t => {
  const {system} = testSystem(t);
  const write = gate();
  const seen: string[] = [];
  const machine: Machine<undefined, string, string> = {
    initial: undefined,
    decide(state, message) {
      seen.push(`decided ${message}`);
      return {state, effects: [message]};
    },
    async perform(effect) {
      if (effect === 'write') await write.promise;
      seen.push(`performed ${effect}`);
    },
  };
  const ref = system.spawn('job', machine);
  ref.tell('write');
  ref.tell('kill');
  await turns(5);
  t.deepEqual(seen, ['decided write', 'decided kill']);
  write.open();
  await turns(2);
  t.deepEqual(seen.slice(2), ['performed write', 'performed kill']);
});
