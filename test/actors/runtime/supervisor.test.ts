import test from 'ava';
import * as fc from 'fast-check';
import {decideRestart, restartGuard} from '../../../actors/runtime/restart-policy.ts';
import {
  decide,
  RestartLimitError,
  supervise,
  supervisor,
  type SupervisorEffect,
  type SupervisorMessage,
  type SupervisorOptions,
  type SupervisorPolicy,
  type SupervisorState,
} from '../../../actors/runtime/supervisor.ts';
import {seededRandom} from '../../../actors/runtime/random.ts';
import {manualClock} from '../../support/manual-clock.ts';
import {probe} from '../../support/probe.ts';
import {collector, handler, testSystem, turns} from './harness.ts';

const policy = {restartsMax: 3, withinMs: 1000} as const;

test('as many restarts as the policy says fit into its time, one more gives up', t => {
  const gaps = fc.array(fc.integer({min: 0, max: 700}), {maxLength: 40});
  fc.assert(
    fc.property(gaps, fc.integer({min: 1, max: 5}), (waits, restartsMax) => {
      let restartsAtMs: readonly number[] = [];
      let nowMs = 0;
      const all: number[] = [];
      for (const wait of waits) {
        nowMs += wait;
        const recent = all.filter(atMs => nowMs - atMs < 1000).length;
        const decision = decideRestart({restartsMax, withinMs: 1000}, restartsAtMs, nowMs, 0.5);
        t.is(decision.type, recent < restartsMax ? 'restart' : 'giveUp');
        if (decision.type === 'giveUp') continue;
        all.push(nowMs);
        ({restartsAtMs} = decision);
        t.true(restartsAtMs.length <= restartsMax);
      }
    }),
  );
});

/** The wait before each of eight restarts. */
const waits = (chance: number): number[] =>
  Array.from({length: 8}, (_, earlier) => {
    const decision = decideRestart(
      {restartsMax: 100, withinMs: 1e9},
      Array.from({length: earlier}, () => 0),
      0,
      chance,
    );
    return decision.type === 'restart' ? Math.round(decision.afterMs) : -1;
  });

test('the back-off doubles from 100 ms and ends at 5 s, spread over the upper half of each step', t => {
  t.deepEqual(waits(0), [100, 200, 400, 800, 1600, 2500, 2500, 2500]);
  t.deepEqual(waits(0.999999), [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
});

test('a restart guard restarts after the back-off, and gives up beyond the policy', t => {
  const clock = manualClock();
  const guard = restartGuard(policy, {clock, random: seededRandom(1)});
  let restarts = 0;
  for (let failure = 0; failure < 3; failure += 1) {
    t.is(
      guard.failed(() => void (restarts += 1)),
      'restarting',
    );
    t.is(restarts, failure);
    clock.advance(clock.nextInMs ?? 0);
    t.is(restarts, failure + 1);
  }
  t.is(
    guard.failed(() => t.fail()),
    'givenUp',
  );
  t.is(clock.pending, 0);
});

/** A supervisor of a, b, c, all running, that is told `messages`. */
function told(strategy: SupervisorPolicy['strategy'], ...messages: SupervisorMessage[]) {
  const {initial} = supervisor({
    policy: {...policy, strategy},
    children: ['a', 'b', 'c'].map(name => ({name, start: () => probe<never>().ref})),
    clock: manualClock(),
    random: seededRandom(1),
    log: {warn() {}, error() {}},
  });
  let state: SupervisorState = initial;
  let effects: readonly SupervisorEffect[] = [];
  for (const message of [{type: 'start'} as const, ...messages]) ({state, effects} = decide(state, message));
  return {
    statuses: state.children.map(({status}) => status).join(' '),
    effects: effects
      .filter(({type}) => type !== 'logRestart')
      .map(effect => ('name' in effect ? `${effect.type} ${effect.name}` : effect.type)),
  };
}

const failed = (name: string, generation = 1, atMs = 0): SupervisorMessage => ({
  type: 'childFailed',
  name,
  generation,
  failure: {path: `/${name}`, uid: 1, error: new Error('boom'), during: 'go'},
  atMs,
  chance: 0,
});
const stopped = (name: string, generation = 1): SupervisorMessage => ({
  type: 'childStopped',
  name,
  generation,
});
const over = (name: string, generation = 1): SupervisorMessage => ({type: 'backOffOver', name, generation});

const reacts = test.macro<[SupervisorPolicy['strategy'], SupervisorMessage[], string, string[]]>({
  exec(t, strategy, messages, statuses, effects) {
    t.deepEqual(told(strategy, ...messages), {statuses, effects});
  },
  title: (note = '', strategy, messages) =>
    `${strategy}: ${messages.map(({type, ...rest}) => ('name' in rest ? `${type} ${rest.name}` : type)).join(', ')} ${note}`.trimEnd(),
});

test('starts its children in order', reacts, 'rest_for_one', [], 'running running running', [
  'startChild a',
  'startChild b',
  'startChild c',
]);
test(reacts, 'one_for_one', [failed('b')], 'running backingOff running', ['backOff b']);
test(reacts, 'one_for_one', [failed('b'), over('b')], 'running running running', ['startChild b']);
test(
  '(two at once)',
  reacts,
  'one_for_one',
  [failed('b'), failed('a'), over('b')],
  'backingOff running running',
  ['startChild b'],
);
test(reacts, 'rest_for_one', [failed('b')], 'running backingOff stopping', ['stopChild c', 'backOff b']);
test(reacts, 'rest_for_one', [failed('b'), stopped('c')], 'running backingOff ready', []);
test(reacts, 'rest_for_one', [failed('b'), over('b')], 'running ready stopping', []);
test(reacts, 'rest_for_one', [failed('b'), over('b'), stopped('c')], 'running running running', [
  'startChild b',
  'startChild c',
]);
test(
  '(an earlier one fails meanwhile)',
  reacts,
  'rest_for_one',
  [failed('b'), stopped('c'), failed('a'), over('b')],
  'backingOff ready ready',
  [],
);
test(reacts, 'one_for_all', [failed('b')], 'stopping backingOff stopping', [
  'stopChild c',
  'stopChild a',
  'backOff b',
]);
test(reacts, 'one_for_all', [failed('b'), stopped('c'), over('b'), stopped('a')], 'running running running', [
  'startChild a',
  'startChild b',
  'startChild c',
]);
test(
  '(one that fails while it is being stopped)',
  reacts,
  'rest_for_one',
  [failed('b'), failed('c')],
  'running backingOff ready',
  [],
);
test('(ended by itself)', reacts, 'one_for_one', [stopped('b')], 'running ended running', []);
test(
  '(a report of its own failure twice)',
  reacts,
  'one_for_one',
  [failed('b'), stopped('b')],
  'running backingOff running',
  [],
);
test(
  '(a late report of an earlier one)',
  reacts,
  'one_for_one',
  [failed('b'), over('b'), failed('b')],
  'running running running',
  [],
);
test(
  '(once too often)',
  reacts,
  'one_for_one',
  [failed('b'), over('b'), failed('b', 2), over('b', 2), failed('b', 3), over('b', 3), failed('b', 4)],
  'running ended running',
  ['giveUp'],
);
test(
  '(as often, but over a longer time)',
  reacts,
  'one_for_one',
  [failed('b'), over('b'), failed('b', 2), over('b', 2), failed('b', 3), over('b', 3), failed('b', 4, 1000)],
  'running backingOff running',
  ['backOff b'],
);

test('giving up stops the children, and tells why', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const gaveUp = probe<unknown>();
  const started = probe<{tell: (message: string) => boolean}>();
  const ended: string[] = [];
  const options: SupervisorOptions = {
    policy: {restartsMax: 1, withinMs: 60_000, strategy: 'one_for_one'},
    children: [
      {
        name: 'steady',
        start: spawn => spawn({...collector<string>([]), stopped: () => void ended.push('steady')}),
      },
      {
        name: 'shaky',
        start(spawn) {
          const ref = spawn(
            handler<string>(() => {
              throw new Error('no memory');
            }),
          );
          started.ref.tell(ref);
          return ref;
        },
      },
    ],
    clock,
    random: system.random,
    log: {warn() {}, error() {}},
  };
  supervise(system, 'supervisor', options, ({error}) => {
    ended.push('told');
    gaveUp.ref.tell(error);
  });
  (await started.expect()).tell('go');
  await turns(5);
  clock.advance(200);
  (await started.expect()).tell('go');
  const error = await gaveUp.expect();
  t.true(error instanceof RestartLimitError);
  t.regex(String(error), /\/supervisor\/shaky failed again .* after 1 restarts within 60000 ms/);
  t.deepEqual(ended, ['steady', 'told']);
  t.is(system.metrics().actorsAlive, 0);
});

test('a supervisor below a supervisor escalates by failing', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const starts = probe<string>();
  const inner = supervisor({
    policy: {restartsMax: 1, withinMs: 60_000, strategy: 'one_for_one'},
    children: [
      {
        name: 'broken',
        start() {
          starts.ref.tell('broken');
          throw new Error('cannot start');
        },
      },
    ],
    clock,
    random: system.random,
    log: {warn() {}, error() {}},
  });
  const gaveUp = probe<string>();
  supervise(
    system,
    'outer',
    {
      policy: {restartsMax: 1, withinMs: 60_000, strategy: 'one_for_one'},
      children: [
        {
          name: 'inner',
          start(spawn) {
            const ref = spawn(inner);
            ref.tell({type: 'start'});
            return ref;
          },
        },
      ],
      clock,
      random: system.random,
      log: {warn() {}, error() {}},
    },
    ({path}) => void gaveUp.ref.tell(path),
  );
  for (let round = 0; round < 8; round += 1) {
    await turns(5);
    clock.advance(5000);
  }
  t.is(await gaveUp.expect(), '/outer');
  t.is(starts.messages.length, 4, 'two inner supervisors, two starts each');
});
