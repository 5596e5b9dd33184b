import test from 'ava';
import type {EffectOutcome, Machine} from '../../../actors/runtime/machine.ts';
import {gate, handler, testSystem, turns, type Gate} from './harness.ts';

type Step = {readonly name: string; readonly outcome?: () => EffectOutcome | Promise<EffectOutcome>};

/** Its messages are lists of effects; `performed` gets the name of each one when it begins. */
function stepper(performed: string[]): Machine<undefined, readonly Step[], Step> {
  return {
    initial: undefined,
    decide: (state, effects) => ({state, effects}),
    perform({name, outcome}) {
      performed.push(name);
      return outcome?.();
    },
  };
}

const held = (name: string, {promise}: Gate<EffectOutcome>): Step => ({name, outcome: () => promise});

test('synchronous effects run in the turn that decided them', async t => {
  const {system} = testSystem(t);
  const performed: string[] = [];
  const ref = system.spawn('job', stepper(performed));
  ref.tell([{name: 'a'}, {name: 'b'}]);
  ref.tell([{name: 'c'}]);
  await turns(1);
  t.deepEqual(performed, ['a', 'b', 'c']);
});

test('a promise that resolves to drop discards all that waits behind it, and nothing decided later', async t => {
  const {system} = testSystem(t);
  const performed: string[] = [];
  const write = gate<EffectOutcome>();
  const ref = system.spawn('job', stepper(performed));
  ref.tell([held('write', write), {name: 'dropped'}]);
  ref.tell([{name: 'dropped too'}]);
  await turns(2);
  write.open('drop');
  await turns(1);
  ref.tell([{name: 'later'}]);
  await turns(2);
  t.deepEqual(performed, ['write', 'later']);
  t.is(system.metrics().effectsDropped, 2);
});

test('a synchronous drop discards the rest of its decision', async t => {
  const {system} = testSystem(t);
  const performed: string[] = [];
  const ref = system.spawn('job', stepper(performed));
  ref.tell([{name: 'check', outcome: () => 'drop'}, {name: 'dropped'}]);
  ref.tell([{name: 'later'}]);
  await turns(2);
  t.deepEqual(performed, ['check', 'later']);
});

test('what was decided before a stop is performed, in order, before the actor has stopped', async t => {
  const {system} = testSystem(t);
  const performed: string[] = [];
  const write = gate<EffectOutcome>();
  const ref = system.spawn('job', {...stepper(performed), stopped: () => void performed.push('stopped')});
  ref.tell([held('write', write), {name: 'reply'}]);
  await turns(2);
  const stopped = system.stop(ref);
  write.open();
  await stopped;
  t.deepEqual(performed, ['write', 'reply', 'stopped']);
});

test('an actor that stops itself in an effect performs the effects behind it, and then has stopped', async t => {
  const {system} = testSystem(t);
  const order: string[] = [];
  const ref = system.spawn<undefined, string, string>('job', {
    initial: undefined,
    decide: state => ({state, effects: ['stop', 'reply']}),
    perform(effect, {stop, self}) {
      order.push(effect);
      if (effect === 'stop') stop(self);
    },
    stopped: () => void order.push('stopped'),
  });
  ref.tell('finish');
  ref.tell('too late');
  await turns(3);
  t.deepEqual(order, ['stop', 'reply', 'stopped']);
  t.is(system.deadLetters.count, 1);
});

for (const [how, fail] of [
  [
    'throws',
    () => {
      throw new Error('no disk');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no disk'))],
] as const) {
  test(`an effect that ${how} ends the actor; effects behind it never run`, async t => {
    const {system} = testSystem(t);
    const performed: string[] = [];
    const failures: string[] = [];
    const ref = system.spawn(
      'job',
      {
        ...stepper(performed),
        perform({name, outcome}) {
          performed.push(name);
          return outcome?.();
        },
      },
      {onFailure: ({path, error}) => void failures.push(`${path} ${String(error)}`)},
    );
    ref.tell([{name: 'a'}, {name: 'write', outcome: fail}, {name: 'b'}]);
    await turns(3);
    t.deepEqual(performed, ['a', 'write']);
    t.deepEqual(failures, ['/job Error: no disk']);
    t.false(ref.tell([]));
  });
}

test('an effect that stops its actor and then throws is reported as the failure', async t => {
  const {system} = testSystem(t);
  const failures: string[] = [];
  const write = gate();
  const ref = system.spawn(
    'job',
    handler<string>((message, {stop, self}) => {
      if (message === 'write') return write.promise;
      stop(self);
      throw new Error(message);
    }),
    {onFailure: ({error}) => void failures.push(String(error))},
  );
  ref.tell('write');
  ref.tell('stopped, then thrown');
  await turns(2);
  write.open();
  await turns(2);
  t.deepEqual(failures, ['Error: stopped, then thrown']);
});

test('of several failures the first is reported, the others are logged', async t => {
  const {system, log} = testSystem(t);
  const failures: string[] = [];
  const write = gate();
  const ref = system.spawn<undefined, string, string>(
    'job',
    {
      initial: undefined,
      decide(state, message) {
        if (message === 'bad') throw new Error('first');
        return {state, effects: [message]};
      },
      perform: () => write.promise,
    },
    {onFailure: ({error}) => void failures.push(String(error))},
  );
  ref.tell('write');
  ref.tell('bad');
  await turns(2);
  write.fail(new Error('second'));
  await turns(2);
  t.deepEqual(failures, ['Error: first']);
  t.like(log[0], {level: 'error', fields: {path: '/job', during: 'string'}});
});

test('an actor with too many effects waiting stops handling normal messages, but not control messages', async t => {
  const {system} = testSystem(t);
  const seen: string[] = [];
  const write = gate();
  const machine: Machine<undefined, string, string> = {
    initial: undefined,
    decide(state, message) {
      seen.push(message);
      return {state, effects: [message]};
    },
    perform: effect => (effect === 'write' ? write.promise : undefined),
  };
  const ref = system.spawn('job', machine, {isControl: (message: string) => message === 'kill'});
  ref.tell('write');
  await turns(2);
  for (let message = 0; message < 3000; message += 1) ref.tell('normal');
  await turns(50);
  t.is(seen.length, 1 + 1024);
  ref.tell('kill');
  await turns(2);
  t.is(seen.at(-1), 'kill');
  write.open();
  await turns(50);
  t.is(seen.length, 1 + 3000 + 1);
  t.true(system.metrics().wakeUps < 30, 'a flood that must wait costs no turns');
});

test('even the control lane waits at 4096 effects, and its own bound then refuses', async t => {
  const {system} = testSystem(t);
  const {promise} = gate();
  const machine: Machine<undefined, string, string> = {
    initial: undefined,
    decide: (state, message) => ({state, effects: [message]}),
    perform: () => promise,
  };
  const ref = system.spawn('job', machine, {isControl: () => true});
  let accepted = 0;
  for (let round = 0; round < 40; round += 1) {
    for (let message = 0; message < 256; message += 1) accepted += ref.tell('control') ? 1 : 0;
    await turns(2);
  }
  t.is(accepted, 1 + 4096 + 1024);
});

test('a foreign thenable holds effects back like a promise, also when it calls back twice', async t => {
  const {system} = testSystem(t);
  const performed: string[] = [];
  const write = gate<EffectOutcome>();
  let settle: (() => void) | undefined;
  const thenable = {
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    then(resolve: () => void) {
      settle = resolve;
    },
  };
  const ref = system.spawn('job', stepper(performed));
  ref.tell([{name: 'a', outcome: () => thenable as Promise<void>}, held('b', write), {name: 'c'}]);
  await turns(3);
  t.deepEqual(performed, ['a']);
  settle?.();
  settle?.();
  await turns(1);
  t.deepEqual(performed, ['a', 'b']);
  write.open();
  await turns(1);
  t.deepEqual(performed, ['a', 'b', 'c']);
});
