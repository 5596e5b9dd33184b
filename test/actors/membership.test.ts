import test from 'ava';
import type {LeaseStore} from '../../actors/domain/lease.ts';
import {InstanceTakenError} from '../../actors/membership-errors.ts';
import {startMembership, type Membership, type MembershipDependencies} from '../../actors/membership.ts';
import type {MembershipEvent} from '../../actors/membership-member.ts';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {createMemoryLeases, type MemoryLeases} from '../support/memory-leases.ts';

type World = {
  readonly clock: ManualClock;
  readonly leases: MemoryLeases;
  readonly logged: string[];
  readonly fenced: string[];
  readonly start: (
    instance: string,
    incarnation: string,
    more?: Partial<MembershipDependencies>,
  ) => Promise<Membership>;
  /** Moves time in steps, letting what was asked be answered in between. */
  readonly pass: (ms: number) => Promise<void>;
};

const place = {bootId: 'boot', netNs: 'net:1'};

function world(): World {
  const clock = manualClock();
  const leases = createMemoryLeases({nowMs: () => 1_700_000_000_000 + clock.now()});
  const logged: string[] = [];
  const fenced: string[] = [];
  const write = (_fields: object, text: string): void => void logged.push(text);
  return {
    clock,
    leases,
    logged,
    fenced,
    start: (instance, incarnation, more = {}) =>
      startMembership({
        leases,
        clock,
        random: seededRandom(1),
        log: {info: write, warn: write, error: write},
        self: {instance, incarnation},
        details: {roles: ['entrance'], ...place},
        onFenced: () => void fenced.push(incarnation),
        ...more,
      }),
    async pass(ms) {
      for (let passedMs = 0; passedMs < ms; passedMs += 100) {
        await new Promise<void>(resolve => void setImmediate(resolve));
        clock.advance(100);
      }
      await new Promise<void>(resolve => void setImmediate(resolve));
    },
  };
}

function heard(membership: Membership): string[] {
  const events: string[] = [];
  membership.onChange(
    (event: MembershipEvent) =>
      void events.push('member' in event ? `${event.type} ${event.member.incarnation}` : event.type),
  );
  return events;
}

test('a restart at the same place takes the lease at once, and its former incarnation is not alive', async t => {
  const {start, leases} = world();
  await start('a:1', 'first');
  const second = await start('a:1', 'second');
  t.is(leases.rows.get('node:a:1')?.fence, 2);
  t.true(second.isAlive({instance: 'a:1', incarnation: 'second'}));
  t.false(second.isAlive({instance: 'a:1', incarnation: 'first'}));
});

test('elsewhere it waits until the lease has run out', async t => {
  const {start, leases, pass, clock} = world();
  await leases.acquire('node:a:1', 'first', {...place, bootId: 'another'});
  const starting = start('a:1', 'second');
  await pass(10_000);
  t.is(leases.rows.get('node:a:1')?.incarnation, 'first');
  await pass(3000);
  t.true((await starting).mayAct());
  t.is(leases.rows.get('node:a:1')?.fence, 2);
  t.true(clock.monotonicMs() < 14_000);
});

test('an address whose lease is renewed by another process is refused, soon', async t => {
  const {start, pass, clock} = world();
  await start('a:1', 'first', {details: {...place, bootId: 'another', pid: 17}});
  const starting = start('a:1', 'second');
  const refused = t.throwsAsync(starting, {
    instanceOf: InstanceTakenError,
    message: /a:1 is in use .*"pid":17/,
  });
  await pass(5000);
  await refused;
  t.true(clock.monotonicMs() < 6000);
});

test('who holds the lock of a data directory declares its former holder dead, at the start', async t => {
  const {start, leases} = world();
  await leases.acquire('node:old:1', 'former', {...place, dataDirectory: '/data'});
  await leases.acquire('node:elsewhere:1', 'stranger', {...place, netNs: 'net:2', dataDirectory: '/data'});
  const {isAlive} = await start('a:1', 'me', {details: {...place, dataDirectory: '/data'}});
  t.false(isAlive({instance: 'old:1', incarnation: 'former'}));
  t.true(isAlive({instance: 'elsewhere:1', incarnation: 'stranger'}), 'the same path in another container');
  t.like(leases.rows.get('node:old:1'), {state: 'dead', fence: 2, details: {proof: {by: 'a:1#me'}}});
});

test('who has expired is declared dead after it was seen not to renew, not at the first look', async t => {
  const {start, leases, pass} = world();
  await leases.acquire('node:old:1', 'former', {});
  leases.expire('node:old:1');
  const membership = await start('a:1', 'me');
  const events = heard(membership);
  await pass(4000);
  t.true(membership.isAlive({instance: 'old:1', incarnation: 'former'}), 'it may be about to renew');
  await pass(4000);
  t.false(membership.isAlive({instance: 'old:1', incarnation: 'former'}));
  t.deepEqual(events, ['dead former']);
  t.deepEqual(
    membership.members().map(({instance, isSelf}) => [instance, isSelf]),
    [['a:1', true]],
  );
});

test('when a database that was away comes back, nobody is dead who renews then', async t => {
  const {start, leases, pass} = world();
  let isAway = false;
  const asked = <T>(ask: () => Promise<T>): Promise<T> =>
    isAway ? Promise.reject(new DatabaseAwayError('away')) : ask();
  const reached: LeaseStore = {
    acquire: (...values) => asked(() => leases.acquire(...values)),
    renew: (...values) => asked(() => leases.renew(...values)),
    list: (...values) => asked(() => leases.list(...values)),
    declareDead: (...values) => asked(() => leases.declareDead(...values)),
  };
  const one = await start('a:1', 'one', {leases: reached});
  await start('b:1', 'two', {leases: reached});
  await pass(6000);
  const events = heard(one);
  isAway = true;
  await pass(30_000);
  t.false(one.mayAct());
  isAway = false;
  await pass(12_000);
  t.true(one.mayAct());
  t.true(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  t.deepEqual(
    events.filter(event => event.startsWith('dead')),
    [],
  );
});

test('the first that can renew again, though it could look all the time, takes nobody for dead who could not either', async t => {
  const {start, leases, pass} = world();
  const readOnly = new Set<string>();
  const reached = (name: string): LeaseStore => {
    const written = <T>(write: () => Promise<T>): Promise<T> =>
      readOnly.has(name) ? Promise.reject(new DatabaseAwayError('read only')) : write();
    return {
      acquire: (...values) => written(() => leases.acquire(...values)),
      renew: (...values) => written(() => leases.renew(...values)),
      list: (...values) => leases.list(...values),
      declareDead: (...values) => written(() => leases.declareDead(...values)),
    };
  };
  const one = await start('a:1', 'one', {leases: reached('one')});
  const two = await start('b:1', 'two', {leases: reached('two')});
  await pass(6000);
  readOnly.add('one').add('two');
  await pass(30_000);
  t.false(one.mayAct() || two.mayAct());
  readOnly.delete('one');
  await pass(3000);
  t.true(one.mayAct());
  readOnly.delete('two');
  await pass(3000);
  t.true(two.mayAct());
  t.true(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  t.not(leases.rows.get('node:b:1')?.state, 'dead');
});

test('two nodes see each other come, change, leave and go', async t => {
  const {start, pass} = world();
  const one = await start('a:1', 'one');
  const events = heard(one);
  one.setState('up');
  const two = await start('b:1', 'two', {details: {roles: ['ecm', 7], labels: ['route=et1']}});
  two.setState('up');
  await pass(6000);
  t.like(one.members()[1], {instance: 'b:1', state: 'up', roles: ['ecm'], isReachable: true, isSelf: false});
  two.updateDetails({labels: ['route=et2']});
  one.refresh();
  await pass(700);
  t.deepEqual(one.members()[1]?.details['labels'], ['route=et2']);
  two.setState('leaving');
  await pass(6000);
  const released = two.release();
  t.false(two.mayAct(), 'from here on others may');
  await released;
  await pass(6000);
  t.deepEqual(events, ['up two', 'changed two', 'leaving two', 'gone two']);
  t.false(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  t.is(one.members().length, 1);
});

test('a node that stops renewing is found dead by the table, and learns it when it wakes', async t => {
  const {start, pass, clock, fenced} = world();
  const paused = manualClock();
  const one = await start('a:1', 'one');
  const events = heard(one);
  const two = await start('b:1', 'two', {clock: {...clock, after: paused.after}});
  await pass(7000);
  t.true(two.mayAct());
  t.true(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  await pass(6000);
  t.false(two.mayAct());
  t.false(one.isAlive({instance: 'b:1', incarnation: 'two'}));
  t.deepEqual(events, ['joining two', 'dead two']);
  paused.advance(20_000);
  await pass(100);
  t.deepEqual(fenced, ['two']);
});

test('a failed statement is no reason to stop, eight seconds of them are a reason to freeze', async t => {
  const {start, pass, leases} = world();
  let isAway = false;
  const renew: MemoryLeases['renew'] = async (...values) => {
    if (isAway) throw new Error('away');
    return leases.renew(...values);
  };
  const one = await start('a:1', 'one', {leases: {...leases, renew}});
  const events = heard(one);
  isAway = true;
  await pass(7500);
  t.true(one.mayAct());
  await pass(1000);
  t.false(one.mayAct());
  isAway = false;
  await pass(1500);
  t.true(one.mayAct());
  t.deepEqual(events, ['frozen', 'thawed']);
});

test('a listener that throws is logged, and hinders nobody', async t => {
  const {start, pass, logged} = world();
  const one = await start('a:1', 'one');
  one.onChange(() => {
    throw new Error('planted');
  });
  const events = heard(one);
  await start('b:1', 'two');
  await pass(6000);
  t.deepEqual(events, ['joining two']);
  t.true(logged.includes('a listener of the membership failed'));
});

test('lookAgain resolves after a look that was begun after it was asked', async t => {
  const {start, leases, pass} = world();
  const gates: (() => void)[] = [];
  let isSlow = false;
  const list: MemoryLeases['list'] = async prefix => {
    const rows = await leases.list(prefix);
    if (isSlow) await new Promise<void>(resolve => void gates.push(resolve));
    return rows;
  };
  const one = await start('a:1', 'one', {leases: {...leases, list}});
  isSlow = true;
  await pass(1500);
  t.is(gates.length, 1, 'a look is under way');
  await leases.acquire('node:b:1', 'two', {});
  let isDone = false;
  const again = one.lookAgain().then(() => {
    isDone = true;
  });
  gates.shift()?.();
  await pass(100);
  t.false(isDone, 'that look does not show who joined meanwhile');
  gates.shift()?.();
  await again;
  t.true(one.isAlive({instance: 'b:1', incarnation: 'two'}));
});

test('a node alone costs one update in 2 s and one look in 5 s', async t => {
  const {start, leases, pass} = world();
  const asked: string[] = [];
  await start('a:1', 'one', {
    leases: {
      ...leases,
      renew: async (...values) => {
        asked.push('renew');
        return leases.renew(...values);
      },
      list: async prefix => {
        asked.push('list');
        return leases.list(prefix);
      },
    },
  });
  await pass(60_000);
  const count = (what: string): number => asked.filter(one => one === what).length;
  t.true(count('renew') >= 27 && count('renew') <= 33, `${count('renew')} renewals`);
  t.true(count('list') <= 16, `${count('list')} looks`);
});
