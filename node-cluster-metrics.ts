/** What a node counts as a member of its cluster, for /metrics: members, links, lease, take-overs, and the engines it hosts. */

import type {EcmCommand, EcmListing, EcmReply, EngineEntry} from './actors/ecm-protocol.ts';
import {ecmKey} from './actors/ecm-service-key.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import type {ClusterLinks, LinkStatus} from './cluster/cluster-links.ts';
import type {WsTransport} from './cluster/ws-transport.ts';
import {createFreshCache} from './http/fresh-cache.ts';
import {figure, type Metric, type Sample} from './http/metrics.ts';
import {outcomes, type ClusterCounts} from './node-cluster-counts.ts';

export type ClusterMetricsSources = {
  readonly counts: ClusterCounts;
  /** Undefined for a node that stands alone: it has a lease, and nothing else of this. */
  readonly endpoint:
    | {
        readonly instance: string;
        readonly links: Pick<ClusterLinks, 'links' | 'receptionist'>;
        readonly transport: Pick<WsTransport, 'refusals' | 'newcomers'>;
      }
    | undefined;
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly clock: Clock;
};

/** Peers with a series of their own; a cluster with more is watched by each node's own sums. */
const peersMax = 100;
const memberStates = ['joining', 'up', 'leaving'] as const;
const linkStates = ['up', 'suspect', 'down'] as const;

/** Nothing is asked before a scrape. */
export function clusterMetrics(sources: ClusterMetricsSources): readonly Metric[] {
  const {counts, endpoint, system, clock} = sources;
  const lease = leaseMetrics(counts, clock);
  if (endpoint === undefined) return lease;
  const {links, transport, instance} = endpoint;
  return [
    ...lease,
    ...memberMetrics(counts),
    ...linkMetrics(() => links.links()),
    {
      name: 'tenon_cluster_handshake_refusals_total',
      help: 'Connections to the cluster endpoint that were not let in, by reason.',
      type: 'counter',
      labelNames: ['reason'],
      collect: () => [...transport.refusals()].map(([reason, value]) => ({labels: {reason}, value})),
    },
    figure(
      'tenon_cluster_newcomers',
      'Connections to the cluster endpoint that have not authenticated.',
      'gauge',
      () => transport.newcomers(),
    ),
    figure(
      'tenon_cluster_take_overs_total',
      'Times this node took over jobs of nodes that are gone.',
      'counter',
      () => counts.takeOvers,
    ),
    {
      name: 'tenon_cluster_jobs_taken_over_total',
      help: 'Jobs taken over from nodes that are gone, by what became of them.',
      type: 'counter',
      labelNames: ['outcome'],
      collect: () => outcomes.map(outcome => ({labels: {outcome}, value: counts.taken[outcome]})),
    },
    ...ecmMetrics(clock, async () => {
      const ecm = links.receptionist.find(ecmKey, instance);
      if (ecm === undefined) return undefined;
      const reply = await system.ask<EcmCommand, EcmReply<EcmListing>>(
        ecm,
        replyTo => ({type: 'list', replyTo}),
        ecmAskMs,
      );
      return reply.ok ? reply.value : undefined;
    }),
  ];
}

const ecmAskMs = 1000;

const leaseMetrics = (counts: ClusterCounts, clock: Clock): readonly Metric[] => [
  {
    name: 'tenon_lease_age_seconds',
    help: 'Time since the last renewal of this node’s lease that succeeded was sent.',
    type: 'gauge',
    labelNames: [],
    collect: () =>
      counts.provenAtMs === undefined
        ? []
        : [{labels: {}, value: (clock.monotonicMs() - counts.provenAtMs) / 1000}],
  },
  {
    name: 'tenon_lease_frozen',
    help: '1 while the lease could not be renewed in time: nothing is started or recorded.',
    type: 'gauge',
    labelNames: [],
    collect: () =>
      counts.membership === undefined ? [] : [{labels: {}, value: Number(!counts.membership.mayAct())}],
  },
];

const memberMetrics = (counts: ClusterCounts): readonly Metric[] => [
  {
    name: 'tenon_cluster_members',
    help: 'Nodes of the cluster by the state of their lease, this one included.',
    type: 'gauge',
    labelNames: ['state'],
    collect() {
      const states = counts.membership?.members().map(({state}) => state) ?? [];
      return memberStates.map(state => ({labels: {state}, value: countOf(states, state)}));
    },
  },
  figure(
    'tenon_cluster_members_unreachable',
    'Nodes of the cluster that this node’s own link does not reach.',
    'gauge',
    () => counts.membership?.members().filter(({isReachable}) => !isReachable).length ?? 0,
  ),
];

function linkMetrics(links: () => readonly LinkStatus[]): readonly Metric[] {
  const bytes = trafficTotals(links);
  return [
    {
      name: 'tenon_cluster_links',
      help: 'Links of this node to others by state.',
      type: 'gauge',
      labelNames: ['state'],
      collect() {
        const states = links().map(({state}) => state);
        return linkStates.map(state => ({labels: {state}, value: countOf(states, state)}));
      },
    },
    {
      name: 'tenon_cluster_link_rtt_seconds',
      help: `Last round trip through both event loops, for each of at most ${peersMax} peers.`,
      type: 'gauge',
      labelNames: ['peer'],
      collect: () =>
        links()
          .flatMap(({instance: peer, state, rttMs}): Sample[] =>
            state === 'up' && rttMs !== undefined ? [{labels: {peer}, value: rttMs / 1000}] : [],
          )
          .toSorted((a, b) => ((a.labels['peer'] ?? '') < (b.labels['peer'] ?? '') ? -1 : 1))
          .slice(0, peersMax),
    },
    {
      name: 'tenon_cluster_bytes_total',
      help: 'Bytes of links to other nodes, as far as they were there at a scrape.',
      type: 'counter',
      labelNames: ['direction'],
      collect() {
        const {bytesIn, bytesOut} = bytes();
        return [
          {labels: {direction: 'in'}, value: bytesIn},
          {labels: {direction: 'out'}, value: bytesOut},
        ];
      },
    },
    figure('tenon_cluster_messages_queued', 'Messages that wait to be sent to other nodes.', 'gauge', () =>
      links().reduce((sum, {queued}) => sum + queued, 0),
    ),
  ];
}

/** Links come and go with their peers, a total never falls: what each has grown by since the last look is added. */
function trafficTotals(links: () => readonly LinkStatus[]) {
  const totals = {bytesIn: 0, bytesOut: 0};
  let seen = new Map<string, Pick<LinkStatus, 'bytesIn' | 'bytesOut'>>();
  return () => {
    const now = new Map(links().map(link => [`${link.instance}#${link.incarnation ?? ''}`, link]));
    for (const [key, {bytesIn, bytesOut}] of now) {
      const before = seen.get(key) ?? {bytesIn: 0, bytesOut: 0};
      totals.bytesIn += Math.max(0, bytesIn - before.bytesIn);
      totals.bytesOut += Math.max(0, bytesOut - before.bytesOut);
    }
    seen = now;
    return totals;
  };
}

/** `list` resolves to undefined where there is no ECM, or none that answers yet. */
function ecmMetrics(clock: Clock, list: () => Promise<EcmListing | undefined>): readonly Metric[] {
  // The metrics of one scrape share one look.
  const listings = createFreshCache(clock, {freshMs: 1000, graceMs: 0, entriesMax: 1}, list);
  const metric = (
    name: string,
    help: string,
    labelNames: readonly string[],
    samples: (listing: EcmListing) => readonly Sample[],
  ): Metric => ({
    name: `tenon_ecm_${name}`,
    help,
    type: 'gauge',
    labelNames,
    async collect() {
      const listing = await listings.get('ecm');
      return listing === undefined ? [] : samples(listing);
    },
  });
  return [
    metric(
      'engines',
      'Engines that this node hosts, by state: of this or of other nodes’ jobs.',
      ['state'],
      ({engines, engineCount}) => [
        ...engineStates.map(state => ({
          labels: {state},
          value: engines.filter(engine => stateOf(engine) === state).length,
        })),
        {labels: {state: 'starting'}, value: Math.max(0, engineCount - engines.length)},
      ],
    ),
    metric('engines_max', 'Engines that this node hosts at most.', [], ({enginesMax}) => [
      {labels: {}, value: enginesMax},
    ]),
  ];
}

const engineStates = ['busy', 'idle', 'orphaned'] as const;

/** `orphaned`: its owner is gone, and nobody has taken it over yet. */
const stateOf = ({task, owner}: EngineEntry): (typeof engineStates)[number] =>
  owner === undefined ? 'orphaned' : task === undefined ? 'idle' : 'busy';

const countOf = (states: readonly string[], wanted: string): number =>
  states.filter(state => state === wanted).length;
