import test from 'ava';
import type {MembershipEvent} from '../../actors/membership-member.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {runSingleton, type Singleton, type SingletonDependencies} from '../../actors/singleton.ts';
import {manualClock} from '../support/manual-clock.ts';
import {createMemoryLeases} from '../support/memory-leases.ts';

/** A cluster as singletons see it: who is alive, who may act. */
function world() {
  const clock = manualClock();
  const leases = createMemoryLeases({nowMs: () => 1_700_000_000_000 + clock.now()});
  const alive = new Set<string>();
  const frozen = new Set<string>();
  const story: string[] = [];
  const listeners = new Set<(event: MembershipEvent) => void>();
  const emit = (event: MembershipEvent): void => listeners.forEach(listener => listener(event));

  return {
    clock,
    leases,
    story,
    freeze(who: string) {
      frozen.add(who);
      emit({type: 'frozen'});
    },
    thaw(who: string) {
      frozen.delete(who);
      emit({type: 'thawed'});
    },
    die(who: string) {
      alive.delete(who);
      frozen.add(who);
      const member = {
        instance: `${who}:1`,
        incarnation: who,
        roles: [],
        details: {},
        isReachable: false,
        isSelf: false,
      };
      emit({type: 'dead', member: {...member, state: 'dead'}});
    },
    run(who: string, more: Partial<SingletonDependencies> = {}): Singleton {
      alive.add(who);
      return runSingleton({
        leases,
        clock,
        random: seededRandom(who.length + who.charCodeAt(0)),
        log: {info() {}, warn() {}, error() {}},
        membership: {
          mayAct: () => !frozen.has(who),
          isAlive: ({incarnation}) => alive.has(incarnation),
          lookAgain: async () => undefined,
          onChange(listener) {
            listeners.add(listener);
            return () => void listeners.delete(listener);
          },
        },
        self: {instance: `${who}:1`, incarnation: who},
        name: 'sweeper',
        async start(fence) {
          story.push(`${who} runs, fence ${fence}`);
          return async () => void story.push(`${who} ends`);
        },
        ...more,
      });
    },
    async pass(ms: number) {
      for (let passedMs = 0; passedMs < ms; passedMs += 100) {
        await new Promise<void>(resolve => void setImmediate(resolve));
        clock.advance(100);
      }
      await new Promise<void>(resolve => void setImmediate(resolve));
    },
  };
}

test('of three candidates one runs, and keeps running', async t => {
  const {run, pass, story} = world();
  const all = ['a', 'b', 'c'].map(who => run(who));
  await pass(1200);
  t.is(story.length, 1);
  await pass(60_000);
  t.is(story.length, 1);
  t.is(all.filter(({isRunning}) => isRunning()).length, 1);
});

test('given back it goes to another, with a higher fence, after it has ended here', async t => {
  const {run, pass, story} = world();
  const a = run('a');
  await pass(1500);
  run('b');
  await a.release();
  t.false(a.isRunning());
  await pass(6000);
  t.deepEqual(story, ['a runs, fence 1', 'a ends', 'b runs, fence 2']);
});

test('it pauses with its node, and goes on with the same fence', async t => {
  const {run, pass, story, freeze, thaw} = world();
  run('a');
  await pass(1500);
  freeze('a');
  await pass(3000);
  thaw('a');
  await pass(100);
  t.deepEqual(story, ['a runs, fence 1', 'a ends', 'a runs, fence 1']);
});

test('it pauses when its own lease was not renewed in time, and may not act before that', async t => {
  const {run, pass, leases, clock} = world();
  let isAway = false;
  let mayAct = (): boolean => false;
  let ended = 0;
  const singleton = run('a', {
    leases: {
      ...leases,
      renew: async (...values) => {
        if (isAway) throw new Error('away');
        return leases.renew(...values);
      },
    },
    async start(_fence, given) {
      mayAct = given;
      return async () => void (ended += 1);
    },
  });
  await pass(1500);
  isAway = true;
  t.true(mayAct());
  // A pause of the process: time passes, no timer runs until afterwards.
  const atMs = clock.monotonicMs();
  clock.advance(8000);
  t.true(clock.monotonicMs() - atMs >= 8000);
  t.false(mayAct());
  await pass(200);
  t.is(ended, 1);
  t.false(singleton.isRunning());
  isAway = false;
  await pass(3000);
  t.true(singleton.isRunning());
  t.true(mayAct());
});

test('a holder whose node is dead is not waited for', async t => {
  const {run, pass, story, die, clock, leases} = world();
  run('a');
  await pass(1500);
  run('b');
  await pass(6000);
  die('a');
  const diedMs = clock.monotonicMs();
  while (story.length < 2 && clock.monotonicMs() - diedMs < 9000) await pass(100);
  t.is(story[1], 'b runs, fence 3');
  t.true(clock.monotonicMs() - diedMs <= 1500);
  t.is(leases.rows.get('singleton:sweeper')?.incarnation, 'b');
});

test('one that has joined since the last look keeps its lease', async t => {
  const {run, pass, leases} = world();
  await leases.acquire('singleton:sweeper', 'new', {instance: 'new:1'});
  let isKnown = false;
  const b = run('b', {
    membership: {
      mayAct: () => true,
      isAlive: () => isKnown,
      async lookAgain() {
        isKnown = true;
      },
      onChange: () => () => undefined,
    },
  });
  await pass(8000);
  t.false(b.isRunning());
  t.is(leases.rows.get('singleton:sweeper')?.incarnation, 'new');
});

test('one that can not be started leaves the lease to others', async t => {
  const {run, pass, story} = world();
  run('a', {start: () => Promise.reject(new Error('planted'))});
  await pass(1200);
  run('b');
  await pass(8000);
  t.deepEqual(story, ['b runs, fence 2']);
});

test('a frozen candidate takes nothing', async t => {
  const {run, pass, story, freeze} = world();
  run('a');
  freeze('a');
  await pass(8000);
  t.deepEqual(story, []);
});

test('a lease taken while it was released is given back', async t => {
  const {run, pass, leases} = world();
  const gate = Promise.withResolvers<void>();
  const a = run('a', {
    leases: {
      ...leases,
      async acquire(...values) {
        const lease = await leases.acquire(...values);
        await gate.promise;
        return lease;
      },
    },
  });
  await pass(1200);
  await a.release();
  gate.resolve();
  await pass(200);
  t.is(leases.rows.get('singleton:sweeper')?.state, 'gone');
});
