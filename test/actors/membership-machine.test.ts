import test from 'ava';
import type {Lease} from '../../actors/domain/lease.ts';
import {decide, joined, mayAct, nextDueMs, type MembershipState} from '../../actors/membership-machine.ts';
import {
  membershipTimes,
  type MembershipEffect,
  type MembershipMessage,
} from '../../actors/membership-protocol.ts';
import {lookAt} from '../../actors/membership-table.ts';

const place = {bootId: 'boot', netNs: 'net:1'};
const lease = (host: string, incarnation: string, more: Partial<Lease> & {renewals?: number} = {}): Lease => {
  const {renewals = 1, ...rest} = more;
  return {
    name: `node:${host}:1`,
    fence: 1,
    incarnation,
    state: 'up',
    details: {roles: ['entrance'], renewals},
    isExpired: false,
    stamp: `${incarnation} ${renewals}`,
    ...rest,
  };
};
const own = lease('own', 'me', {details: {...place, dataDirectory: '/data'}});
const other = (renewals = 1, more: Partial<Lease> = {}): Lease => lease('other', 'you', {renewals, ...more});

type Said = MembershipMessage extends infer Message
  ? Message extends MembershipMessage
    ? Omit<Message, 'nowMs' | 'dice'>
    : never
  : never;

/** Plays messages at their times; keeps all effects. Looks come when the test says, not when they are due. */
function play(...messages: readonly (readonly [atMs: number, message: Said])[]): {
  state: MembershipState;
  effects: readonly MembershipEffect[];
} {
  const {table} = lookAt(new Map(), {leases: [other()], sentMs: 0, receivedMs: 0});
  let state = joined(own, table, 0);
  const effects: MembershipEffect[] = [];
  for (const [nowMs, message] of messages) {
    if (message.type === 'looked') state = {...state, look: {dueMs: Infinity, isUnderWay: true}};
    const decision = decide(state, {...message, nowMs, dice: 0.5});
    state = decision.state;
    effects.push(...decision.effects);
  }
  return {state, effects};
}

/** A look that was answered at once. */
const look = (atMs: number, ...leases: readonly Lease[]): readonly [number, Said] => [
  atMs,
  {type: 'looked', sentMs: atMs, leases: [own, ...leases]},
];
const renewed = (atMs: number, sentMs = atMs): readonly [number, Said] => [
  atMs,
  {type: 'renewed', sentMs, outcome: 'ours'},
];
const link = (atMs: number, type: 'up' | 'suspect' | 'down' | 'refused', incarnation = 'you') =>
  [atMs, {type: 'link', event: {type, instance: 'other:1', incarnation}}] as const;
const told = (effects: readonly MembershipEffect[]): readonly string[] =>
  effects.flatMap(effect =>
    effect.type !== 'notify'
      ? []
      : [
          'member' in effect.event
            ? `${effect.event.type} ${effect.event.member.incarnation}`
            : effect.event.type,
        ],
  );
const declared = (effects: readonly MembershipEffect[]) =>
  effects.filter(effect => effect.type === 'declareDead');

test('a node may act for 8 s after the sending of its last renewal, whatever its timers do', t => {
  const {state} = play(renewed(5900, 3000));
  t.true(mayAct(state, 10_999));
  t.false(mayAct(state, 11_000));
});

test('it freezes when that time has come, and thaws when a renewal succeeds', t => {
  t.is(
    nextDueMs({
      ...play().state,
      renewal: {dueMs: 1e9, isUnderWay: false},
      look: {dueMs: 1e9, isUnderWay: false},
    }),
    8000,
  );
  const {state, effects} = play([8000, {type: 'tick'}], renewed(8100, 8050));
  t.deepEqual(told(effects), ['frozen', 'thawed']);
  t.true(mayAct(state, 8100));
});

test('the answer to a renewal that was sent before a long pause does not thaw it', t => {
  const {state, effects} = play(renewed(30_000, 1900));
  t.deepEqual(told(effects), ['frozen']);
  t.false(mayAct(state, 30_000));
});

test('renewals follow each other in 2 s, after a failure in 1 s', t => {
  const first = play([2000, {type: 'tick'}], renewed(2010, 2000));
  t.is(first.effects.filter(({type}) => type === 'renew').length, 1);
  t.is(first.state.renewal.dueMs, 4000);
  const failed = play([2000, {type: 'tick'}], [2300, {type: 'renewed', sentMs: 2000, outcome: 'unknown'}]);
  t.is(failed.state.renewal.dueMs, 3300);
  t.is(failed.state.provenMs, 0);
});

test('a renewal that matches nothing fences the node, once and for ever', t => {
  const {state, effects} = play([2010, {type: 'renewed', sentMs: 2000, outcome: 'notOurs'}], renewed(2100), [
    9000,
    {type: 'tick'},
  ]);
  t.deepEqual(
    effects.map(({type}) => type),
    ['fenced'],
  );
  t.false(mayAct(state, 2010));
  t.is(nextDueMs(state), Infinity);
});

for (const [what, row] of [
  ['is dead', {...own, state: 'dead', fence: 2}],
  ["is another incarnation's", {...own, incarnation: 'successor', fence: 3}],
] as const) {
  test(`a row that ${what} fences the node`, t => {
    const {effects} = play([1000, {type: 'looked', sentMs: 990, leases: [row]}]);
    t.true(effects.some(({type}) => type === 'fenced'));
  });
}

test('a row with a lower fence, of a database that lost its last seconds, does not', t => {
  const {state} = play([1000, {type: 'looked', sentMs: 990, leases: [{...own, fence: 0, state: 'dead'}]}]);
  t.is(state.phase, 'active');
});

test('the table is looked at every 5 s, every second while somebody is suspect', t => {
  t.is(play(look(1000, other(2))).state.look.dueMs, 6000);
  t.is(play(link(900, 'suspect'), look(1000, other(2))).state.look.dueMs, 2000);
  t.is(play(look(1000, other(2)), look(6000, other(2))).state.look.dueMs, 7000, 'it has not renewed for 5 s');
});

test('silence waits for the lease', t => {
  const silent = [
    link(100, 'suspect'),
    look(200, other(2)),
    link(300, 'down'),
    look(9900, other(2)),
  ] as const;
  t.is(declared(play(renewed(7000), ...silent).effects).length, 0);
  const expired = play(renewed(7000), ...silent, look(11_500, other(2, {isExpired: true})));
  t.like(declared(expired.effects), [{lease: {incarnation: 'you', stamp: 'you 2'}, proof: undefined}]);
});

test('a port that refuses and a renewal missed since then prove that a process is gone', t => {
  const {effects, state} = play(link(1000, 'refused'), look(1100, other(2)), look(3500, other(2)));
  t.is(declared(effects).length, 0, 'only 2.4 s');
  t.is(state.look.dueMs, 3600, 'the next look comes when the proof is complete');
  const later = play(link(1000, 'refused'), look(1100, other(2)), look(3600, other(2)));
  t.like(declared(later.effects), [{lease: {stamp: 'you 2'}, proof: {by: 'own:1#me'}}]);
});

test('a renewal contradicts a refused port', t => {
  const {effects} = play(
    link(1000, 'refused'),
    look(1100, other(2)),
    look(3000, other(3)),
    look(7000, other(3)),
  );
  t.is(declared(effects).length, 0);
});

test('the first look after a refusal may show an older renewal for the first time', t => {
  const {effects} = play(
    look(500, other(1)),
    link(1000, 'refused'),
    look(1100, other(2)),
    look(3600, other(2)),
  );
  t.is(declared(effects).length, 1);
});

test('a link that comes up again, or a look that fails, starts the proof anew', t => {
  const up = play(link(1000, 'refused'), look(1100, other(2)), link(2000, 'up'), look(4000, other(2)));
  t.is(declared(up.effects).length, 0);
  const failed = play(
    link(1000, 'refused'),
    look(1100, other(2)),
    [2000, {type: 'lookFailed'}],
    look(4000, other(2)),
  );
  t.is(declared(failed.effects).length, 0);
});

test('what a link says of another incarnation changes nothing; one that is up is worth a look', t => {
  const before = play(look(1000, other(2))).state;
  t.deepEqual(play(look(1000, other(2)), link(1100, 'refused', 'former')).state, before);
  t.true(play(look(1000, other(2)), link(1100, 'up', 'next')).state.look.dueMs <= 1600);
});

test('the lock of its data directory proves that its former holder is gone, at the same place only', t => {
  const holding = (details: object) => other(2, {details: {...place, dataDirectory: '/data', ...details}});
  t.like(declared(play(look(1000, holding({}))).effects), [{lease: {incarnation: 'you'}}]);
  for (const details of [{netNs: 'net:2'}, {bootId: 'other'}, {dataDirectory: '/elsewhere'}]) {
    t.is(declared(play(look(1000, holding(details))).effects).length, 0);
  }
});

test('a frozen node judges nobody and is told of no death until it has thawed', t => {
  const dead = other(2, {state: 'dead', fence: 2});
  const frozen = play([8000, {type: 'tick'}], look(8100, dead, lease('third', 'late', {isExpired: true})));
  t.deepEqual(told(frozen.effects), ['frozen']);
  t.is(declared(frozen.effects).length, 0);
  const thawed = play([8000, {type: 'tick'}], look(8100, dead), renewed(8200), look(8300, dead));
  t.deepEqual(told(thawed.effects), ['frozen', 'thawed', 'dead you']);
});

test('a death is told once, and not unsaid by an older row', t => {
  const dead = other(2, {state: 'dead', fence: 2});
  const {effects} = play(
    look(1000, dead),
    look(2000, dead),
    look(3000, other(2)),
    look(4000, dead),
    look(5000),
  );
  t.deepEqual(told(effects), ['dead you']);
});

test('whoever has taken the address proves that the former incarnation is over', t => {
  const {effects} = play(look(1000, lease('other', 'next', {fence: 2})));
  t.deepEqual(told(effects), ['dead you', 'up next']);
});

test('one that came and died between two looks is told, one that was dead at the start is not', t => {
  const brief = lease('brief', 'short', {state: 'dead', fence: 2});
  t.deepEqual(told(play(look(1000, other(2), brief)).effects), ['dead short']);
  const {table} = lookAt(new Map(), {leases: [brief], sentMs: 0, receivedMs: 0});
  const {effects} = decide(joined(own, table, 0), {
    type: 'looked',
    sentMs: 1000,
    leases: [own, brief],
    nowMs: 1000,
    dice: 0.5,
  });
  t.deepEqual(told(effects), []);
});

test('a row that vanished counts as dead when its lease would have run out', t => {
  t.deepEqual(told(play(renewed(7000), look(1000), look(11_900)).effects), []);
  t.deepEqual(told(play(renewed(7000), look(1000), look(11_900), look(12_100)).effects), ['dead you']);
});

test('states, details and reachability are told as they change; renewals are not', t => {
  const {effects} = play(
    look(1000, other(2)),
    look(2000, other(3, {state: 'leaving'})),
    look(
      3000,
      other(4, {state: 'leaving', details: {roles: ['entrance'], labels: ['route=et1'], renewals: 4}}),
    ),
    link(3100, 'suspect'),
    link(3200, 'down'),
    link(3300, 'up'),
    look(4000, other(5, {state: 'gone'})),
  );
  t.deepEqual(told(effects), ['leaving you', 'changed you', 'changed you', 'changed you', 'gone you']);
});

test('a new state is renewed at once, also when a renewal is under way', t => {
  const at = membershipTimes.renewMs;
  const {effects, state} = play(
    [at, {type: 'tick'}],
    [at + 5, {type: 'setState', state: 'leaving'}],
    renewed(at + 9, at),
  );
  const renewals = effects.flatMap(effect => (effect.type === 'renew' ? [effect.lease.state] : []));
  t.deepEqual(renewals, ['up', 'leaving']);
  t.true(state.renewal.isUnderWay);
});
