/** What a node counts as a member of its cluster, from sources that a test can move. */
import test from 'ava';
import type {LeaseStore} from '../../actors/domain/lease.ts';
import type {EcmListing} from '../../actors/ecm-protocol.ts';
import type {Member} from '../../actors/membership-member.ts';
import type {RecoveryReport} from '../../actors/recovery.ts';
import type {LinkStatus} from '../../cluster/cluster-links.ts';
import type {GuardReason} from '../../cluster/handshake-guard.ts';
import type {Metric} from '../../http/metrics.ts';
import {countTakeOvers, nothingCounted, watchLeases, type ClusterCounts} from '../../node-cluster-counts.ts';
import {clusterMetrics, type ClusterMetricsSources} from '../../node-cluster-metrics.ts';
import {manualClock} from '../support/manual-clock.ts';

const member = (state: Member['state'], isReachable = true): Member => ({
  instance: 'a:1',
  incarnation: 'x',
  state,
  roles: [],
  details: {},
  isReachable,
  isSelf: false,
});

const link = (instance: string, changes: Partial<LinkStatus> = {}): LinkStatus => ({
  instance,
  incarnation: 'x',
  state: 'up',
  rttMs: 2,
  bytesIn: 0,
  bytesOut: 0,
  queued: 0,
  ...changes,
});

type World = {
  readonly counts: ClusterCounts;
  readonly clock: ReturnType<typeof manualClock>;
  readonly refusals: Map<GuardReason, number>;
  readonly metrics: readonly Metric[];
  /** `name{labels} value` of those that begin so. */
  readonly read: (prefix: string) => Promise<string[]>;
  links: readonly LinkStatus[];
  listing: EcmListing | undefined;
  listings: number;
};

function world(endpoint?: 'alone'): World {
  const counts = nothingCounted();
  const clock = manualClock();
  const refusals = new Map<GuardReason, number>();
  const state = {
    links: [] as readonly LinkStatus[],
    listing: undefined as EcmListing | undefined,
    listings: 0,
  };
  const own: NonNullable<ClusterMetricsSources['endpoint']> = {
    instance: 'me:1',
    links: {
      links: () => state.links,
      receptionist: {
        find: (_key, instance) =>
          state.listing !== undefined && instance === 'me:1' ? ({} as never) : undefined,
        all: () => new Map(),
        publish: () => () => undefined,
        onChange: () => () => undefined,
      },
    },
    transport: {refusals: () => refusals, newcomers: () => 3},
  };
  const metrics = clusterMetrics({
    counts,
    clock,
    endpoint: endpoint === 'alone' ? undefined : own,
    system: {
      async ask<_Message, Reply>() {
        state.listings += 1;
        return {ok: true, value: state.listing} as Reply;
      },
    },
  });
  return Object.assign(state, {
    counts,
    clock,
    refusals,
    metrics,
    async read(prefix: string) {
      const wanted = metrics.filter(({name}) => name.startsWith(prefix));
      const samples = await Promise.all(
        wanted.map(async ({name, collect}) =>
          (await collect()).map(({labels, value}) => [name, ...Object.values(labels), value].join(' ')),
        ),
      );
      return samples.flat();
    },
  });
}

test('members are counted by state, and those that are not reached', async t => {
  const {counts, read} = world();
  t.deepEqual(await read('tenon_cluster_members'), [
    'tenon_cluster_members joining 0',
    'tenon_cluster_members up 0',
    'tenon_cluster_members leaving 0',
    'tenon_cluster_members_unreachable 0',
  ]);
  counts.membership = {
    members: () => [member('up'), member('up', false), member('leaving')],
    mayAct: () => true,
  };
  t.deepEqual(await read('tenon_cluster_members'), [
    'tenon_cluster_members joining 0',
    'tenon_cluster_members up 2',
    'tenon_cluster_members leaving 1',
    'tenon_cluster_members_unreachable 1',
  ]);
});

test('links are counted by state; round trips are those of links that are up, in seconds', async t => {
  const node = world();
  node.links = [
    link('b:1', {rttMs: 1.5, queued: 2}),
    link('a:1', {queued: 3}),
    link('c:1', {state: 'suspect'}),
    link('d:1', {rttMs: undefined}),
  ];
  t.deepEqual(await node.read('tenon_cluster_link'), [
    'tenon_cluster_links up 3',
    'tenon_cluster_links suspect 1',
    'tenon_cluster_links down 0',
    'tenon_cluster_link_rtt_seconds a:1 0.002',
    'tenon_cluster_link_rtt_seconds b:1 0.0015',
  ]);
  t.deepEqual(await node.read('tenon_cluster_messages_queued'), ['tenon_cluster_messages_queued 5']);
});

test('a large cluster has no more than 100 series of round trips', async t => {
  const node = world();
  node.links = Array.from({length: 250}, (_, n) => link(`n${n}:1`));
  t.is((await node.read('tenon_cluster_link_rtt_seconds')).length, 100);
  t.is((await node.read('tenon_cluster_links'))[0], 'tenon_cluster_links up 250');
});

test('bytes never fall: not when a peer goes, and not when it is another life', async t => {
  const node = world();
  const bytes = async () =>
    (await node.read('tenon_cluster_bytes_total')).map(text => Number(text.split(' ').at(-1)));
  node.links = [link('a:1', {bytesIn: 100, bytesOut: 10}), link('b:1', {bytesIn: 50, bytesOut: 5})];
  t.deepEqual(await bytes(), [150, 15]);
  node.links = [link('a:1', {bytesIn: 130, bytesOut: 10})];
  t.deepEqual(await bytes(), [180, 15]);
  node.links = [link('a:1', {incarnation: 'y', bytesIn: 7, bytesOut: 1})];
  t.deepEqual(await bytes(), [187, 16]);
  t.deepEqual(await bytes(), [187, 16]);
});

test('refusals are counted by reason', async t => {
  const {refusals, read} = world();
  refusals.set('wrongSecret', 4).set('tooOften', 1);
  t.deepEqual(await read('tenon_cluster_handshake_refusals_total'), [
    'tenon_cluster_handshake_refusals_total wrongSecret 4',
    'tenon_cluster_handshake_refusals_total tooOften 1',
  ]);
  t.deepEqual(await read('tenon_cluster_newcomers'), ['tenon_cluster_newcomers 3']);
});

const leases: LeaseStore = {
  acquire: async (name, incarnation, details) => ({
    name,
    incarnation,
    details,
    fence: 1,
    state: 'joining',
    isExpired: false,
    stamp: '',
  }),
  renew: async () => true,
  declareDead: async () => false,
  list: async () => [],
};

test('a lease is as old as the sending of its last renewal that succeeded', async t => {
  const {counts, clock, read} = world('alone');
  t.deepEqual(await read('tenon_lease'), []);
  let answer: () => Promise<boolean> = async () => true;
  const watched = watchLeases({...leases, renew: () => answer()}, counts, clock);
  const lease = await watched.acquire('node:a:1', 'x', {});
  if (lease === undefined) return t.fail();
  clock.advance(2000);
  t.deepEqual(await read('tenon_lease_age'), ['tenon_lease_age_seconds 2']);
  answer = async () => {
    clock.advance(500);
    return true;
  };
  await watched.renew(lease);
  t.deepEqual(await read('tenon_lease_age'), ['tenon_lease_age_seconds 0.5']);
  answer = async () => false;
  t.false(await watched.renew(lease));
  answer = () => Promise.reject(new Error('away'));
  await t.throwsAsync(watched.renew(lease));
  clock.advance(1000);
  return t.deepEqual(await read('tenon_lease_age'), ['tenon_lease_age_seconds 1.5']);
});

test('a node that may not act is frozen', async t => {
  const {counts, read} = world('alone');
  let mayAct = true;
  counts.membership = {members: () => [], mayAct: () => mayAct};
  t.deepEqual(await read('tenon_lease_frozen'), ['tenon_lease_frozen 0']);
  mayAct = false;
  t.deepEqual(await read('tenon_lease_frozen'), ['tenon_lease_frozen 1']);
});

test('take-overs are counted when they took something, with what became of the jobs', async t => {
  const {counts, read} = world();
  const none: RecoveryReport = {queued: 0, resumed: 0, restarted: 0, lost: 0, searched: 0, leftToOthers: 9};
  let report: RecoveryReport | undefined = none;
  const asked: (string | undefined)[] = [];
  const node = countTakeOvers(
    {
      async takeOver(instance?: string) {
        asked.push(instance);
        return report;
      },
    },
    counts,
  );
  t.is(await node.takeOver('b:1'), none);
  report = undefined;
  t.is(await node.takeOver(), undefined);
  report = {...none, queued: 5, searched: 2, lost: 1};
  await node.takeOver('c:1');
  await node.takeOver('d:1');
  t.deepEqual(asked, ['b:1', undefined, 'c:1', 'd:1']);
  t.deepEqual(await read('tenon_cluster_take_overs_total'), ['tenon_cluster_take_overs_total 2']);
  t.deepEqual(await read('tenon_cluster_jobs_taken_over_total'), [
    'tenon_cluster_jobs_taken_over_total queued 10',
    'tenon_cluster_jobs_taken_over_total resumed 0',
    'tenon_cluster_jobs_taken_over_total restarted 0',
    'tenon_cluster_jobs_taken_over_total lost 2',
    'tenon_cluster_jobs_taken_over_total searched 4',
  ]);
});

test('engines of the host are counted by state, asked for once a scrape', async t => {
  const node = world();
  t.deepEqual(await node.read('tenon_ecm'), []);
  const engine = {engineType: 'shell', user: 'alice', creator: 'IDE', pid: 1};
  const task = {taskID: 1, attempt: 1, epoch: 1};
  node.listing = {
    ecm: {instance: 'me:1', incarnation: 'x'},
    engineTypes: ['shell'],
    engineCount: 5,
    enginesMax: 16,
    engines: [
      {...engine, engineId: 'a', owner: 'x', task},
      {...engine, engineId: 'b', owner: 'x'},
      {...engine, engineId: 'c', owner: 'y'},
      {...engine, engineId: 'd', task},
    ],
  };
  t.deepEqual(await node.read('tenon_ecm'), [
    'tenon_ecm_engines busy 1',
    'tenon_ecm_engines idle 2',
    'tenon_ecm_engines orphaned 1',
    'tenon_ecm_engines starting 1',
    'tenon_ecm_engines_max 16',
  ]);
  t.is(node.listings, 1);
  t.false(JSON.stringify(await node.read('tenon_')).includes('alice'));
});

test('a node that stands alone shows its lease, and nothing of a cluster', t => {
  t.deepEqual(
    world('alone').metrics.map(({name}) => name),
    ['tenon_lease_age_seconds', 'tenon_lease_frozen'],
  );
});
