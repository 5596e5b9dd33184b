/** Resolving a route from a snapshot: the seed's rules, and what goes beyond them. */
import test from 'ava';
import fc from 'fast-check';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {NoUnlabelledInstanceError, RouteNotFoundError} from '../../actors/route.ts';
import {createSnapshot, emptySnapshot, type RouteMember} from '../../actors/route-snapshot.ts';
import {
  explain,
  printResolution,
  resolve,
  RouterNotReadyError,
  type RouteRequest,
} from '../../actors/router.ts';
import {seededRandom} from '../../actors/runtime/random.ts';

const service = entranceService;
const random = seededRandom(1);

const member = (
  instance: string,
  labels?: RouteMember['labels'],
  more: Partial<RouteMember> = {},
): RouteMember => ({
  instance,
  incarnation: 'i',
  roles: ['gateway', 'entrance'],
  state: 'up',
  isReachable: true,
  labels: labels ?? {},
  ...more,
});

/** How often each instance was chosen in `times` requests. */
function spread(
  members: readonly RouteMember[],
  request: Omit<RouteRequest, 'service'>,
  times = 10_000,
): Record<string, number> {
  const snapshot = createSnapshot(members);
  const counts: Record<string, number> = {};
  const chance = seededRandom(7);
  for (let n = 0; n < times; n += 1) {
    const {instance} = resolve(snapshot, {service, ...request}, chance);
    counts[instance] = (counts[instance] ?? 0) + 1;
  }
  return counts;
}

const isNear = (count: number | undefined, expected: number): boolean =>
  Math.abs((count ?? 0) - expected) < 0.15 * expected + 30;

const mixed = [
  member('a:1'),
  member('b:1', {route: 'et1'}),
  member('c:1', {route: 'et1'}),
  member('d:1', {route: 'et2'}),
];

test('of several instances with the label each is chosen, at random', t => {
  const counts = spread(mixed, {routeLabel: 'et1'});
  t.deepEqual(Object.keys(counts).toSorted(), ['b:1', 'c:1']);
  t.true(isNear(counts['b:1'], 5000), JSON.stringify(counts));
});

test('without a label only instances without one are chosen, also with a blank one', t => {
  t.deepEqual(spread(mixed, {}), {'a:1': 10_000});
  t.deepEqual(spread(mixed, {routeLabel: ' '}, 10), {'a:1': 10});
});

test('a label that nobody carries fails, and names what was asked for', t => {
  const snapshot = createSnapshot(mixed);
  const error = t.throws(() => resolve(snapshot, {service, routeLabel: 'et3'}, random), {
    instanceOf: RouteNotFoundError,
    message: /route=et3/,
  });
  t.is(error?.route, 'et3');
  t.is(error?.code, 11_011);
});

test('without a label and without an unlabelled instance it fails; there is no falling back', t => {
  const snapshot = createSnapshot(mixed.slice(1));
  t.throws(() => resolve(snapshot, {service}, random), {instanceOf: NoUnlabelledInstanceError});
});

test('before the labels were read nobody is chosen, and it may be tried again', t => {
  const error = t.throws(() => resolve(emptySnapshot, {service}, random), {instanceOf: RouterNotReadyError});
  t.true(error?.retryable);
});

test('the choice names candidates, the rule, and why each other one was not taken', t => {
  const members = [
    ...mixed,
    member('e:1', {route: 'et1'}, {state: 'leaving'}),
    member('f:1', {route: 'et1'}, {isReachable: false}),
    member('g:1', {route: 'et1'}, {roles: ['ecm']}),
    member('h:1', {route: 'et1', offline: 'true'}),
    member('i:1', {route: 'et1', weight: '0'}),
    {...member('j:1'), labels: undefined},
    member('k:1', {route: 'offline'}),
  ];
  const resolution = resolve(createSnapshot(members), {service, routeLabel: 'et1'}, random);
  t.deepEqual(resolution.why, {
    candidates: ['b:1', 'c:1'],
    rule: 'random',
    rejected: [
      {instance: 'a:1', reason: 'it carries no route label'},
      {instance: 'd:1', reason: 'it is reserved for route=et2'},
      {instance: 'e:1', reason: 'it is leaving'},
      {instance: 'f:1', reason: 'it can not be reached'},
      {instance: 'g:1', reason: 'it has no entrance'},
      {instance: 'h:1', reason: 'it is marked offline'},
      {instance: 'i:1', reason: 'its weight is 0'},
      {instance: 'j:1', reason: 'its labels are not known yet'},
      {instance: 'k:1', reason: 'it is marked offline'},
    ],
  });
  t.regex(printResolution(resolution, 'et1'), /^[bc]:1, random of 2 with route=et1$/);
});

test('an instance that is offline is not reached by asking for the route "offline"', t => {
  const snapshot = createSnapshot([member('a:1', {route: 'offline'})]);
  t.throws(() => resolve(snapshot, {service, routeLabel: 'offline'}, random), {
    instanceOf: RouteNotFoundError,
  });
});

test('weights are percent; those without share the rest', t => {
  const canary = [member('a:1', {weight: '10'}), member('b:1'), member('c:1')];
  const counts = spread(canary, {});
  t.true(isNear(counts['a:1'], 1000), JSON.stringify(counts));
  t.true(isNear(counts['b:1'], 4500), JSON.stringify(counts));
  const preview = explain(createSnapshot(canary), {service});
  t.is(preview.rule, 'weighted');
  t.deepEqual(
    preview.candidates.map(({share}) => share),
    [0.1, 0.45, 0.45],
  );
});

test('weights count in proportion when all have one, or nothing is left', t => {
  const all = spread([member('a:1', {weight: '20'}), member('b:1', {weight: '60'})], {});
  t.true(isNear(all['a:1'], 2500), JSON.stringify(all));
  const full = spread([member('a:1', {weight: '100'}), member('b:1')], {});
  t.deepEqual(full, {'a:1': 10_000});
});

test('the last one alive gets everything, whatever its weight; a weight that is none counts as none', t => {
  t.deepEqual(spread([member('a:1', {weight: '1'}), member('b:1', {}, {state: 'dead'})], {}, 5), {'a:1': 5});
  const odd = spread([member('a:1', {weight: 'many'}), member('b:1')], {});
  t.true(isNear(odd['a:1'], 5000), JSON.stringify(odd));
});

const sticky = ['a:1', 'b:1', 'c:1', 'd:1'].map(name => member(name, {sticky: 'tenant'}));
const tenants = Array.from({length: 2000}, (_, n) => `tenant ${n}`);
const homesOf = (members: readonly RouteMember[]): Map<string, string> => {
  const snapshot = createSnapshot(members);
  return new Map(tenants.map(tenant => [tenant, resolve(snapshot, {service, tenant}, random).instance]));
};

test('a sticky tenant always goes to the same instance, and tenants are spread', t => {
  const [first, again] = [homesOf(sticky), homesOf(sticky.toReversed())];
  t.deepEqual([...again], [...first]);
  for (const {instance} of sticky) {
    t.true(isNear([...first.values()].filter(home => home === instance).length, 500), instance);
  }
  t.is(explain(createSnapshot(sticky), {service, tenant: 'tenant 1'}).instance, first.get('tenant 1') ?? '');
});

test('when an instance leaves, only its tenants move; when it is back, they are back', t => {
  const before = homesOf(sticky);
  const without = homesOf(sticky.filter(({instance}) => instance !== 'b:1'));
  for (const [tenant, home] of before) {
    if (home !== 'b:1') t.is(without.get(tenant), home);
  }
  t.deepEqual([...homesOf(sticky)], [...before]);
});

test('sticky and weighted: tenants are spread by weight', t => {
  const homes = homesOf([
    member('a:1', {sticky: 'tenant', weight: '10'}),
    member('b:1', {sticky: 'tenant', weight: '90'}),
  ]);
  t.true(isNear([...homes.values()].filter(home => home === 'a:1').length, 200));
});

test('who has no tenant is spread by chance, also where tenants are sticky', t => {
  t.is(Object.keys(spread(sticky, {})).length, 4);
  t.is(Object.keys(spread(sticky, {tenant: ''})).length, 4);
  const byUser = [member('a:1', {sticky: 'user'}), member('b:1')];
  t.is(Object.keys(spread(byUser, {user: 'alice'}, 50)).length, 1);
});

test('a preferred instance takes what has no label, and never more than it may', t => {
  const snapshot = createSnapshot([...mixed, member('z:1')], {preferredInstance: 'z:1'});
  t.like(resolve(snapshot, {service}, random), {instance: 'z:1', why: {rule: 'local'}});
  const labelled = createSnapshot(mixed, {preferredInstance: 'b:1'});
  t.is(resolve(labelled, {service}, random).instance, 'a:1');
  t.is(explain(labelled, {service, routeLabel: 'et1'}).rule, 'random');
});

test('the preview says what resolving would throw', t => {
  const preview = explain(createSnapshot(mixed), {service, routeLabel: 'et9'});
  t.deepEqual(preview.failure?.code, 11_011);
  t.deepEqual(preview.candidates, []);
  t.is(preview.rejected.length, 4);
  t.is(explain(emptySnapshot, {service}).failure?.code, 20_935);
});

const anyMember = fc.record({
  instance: fc.constantFrom('a:1', 'b:1', 'c:1', 'd:1', 'e:1'),
  incarnation: fc.constant('i'),
  roles: fc.constantFrom<string[]>(['entrance'], ['gateway'], ['gateway', 'entrance']),
  state: fc.constantFrom('joining' as const, 'up' as const, 'leaving' as const),
  isReachable: fc.boolean(),
  labels: fc.option(
    fc.dictionary(
      fc.constantFrom('route', 'weight', 'sticky', 'offline'),
      fc.constantFrom('et1', 'et2', '0', '30', 'tenant', 'true'),
    ),
    {nil: undefined},
  ),
});

test('G6: whatever the members are, a label goes only to who carries it, none only to who carries none', t => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyMember, {selector: ({instance}) => instance}),
      fc.constantFrom(undefined, 'et1', 'et2'),
      fc.integer(),
      (members, routeLabel, seed) => {
        const snapshot = createSnapshot(members);
        const request: RouteRequest = {service, routeLabel, tenant: 'x'};
        const preview = explain(snapshot, request);
        try {
          const {instance, why} = resolve(snapshot, request, seededRandom(seed));
          const chosen = members.find(each => each.instance === instance);
          t.is(chosen?.labels?.['route'], routeLabel);
          t.true(chosen?.state === 'up' && chosen.isReachable && chosen.roles.includes('entrance'));
          t.true(why.candidates.includes(instance));
          t.is(why.candidates.length + why.rejected.length, members.length, 'everybody is accounted for');
          t.is(preview.failure, null);
          const sum = preview.candidates.reduce((total, {share}) => total + share, 0);
          t.true(Math.abs(sum - 1) < 1e-9, String(sum));
        } catch (error) {
          t.is(preview.failure?.message, (error as Error).message);
        }
      },
    ),
  );
});
