/** What a node notes of its own membership for /metrics: its lease, and what it has taken over. Changes nothing of either. */
import type {LeaseStore} from './actors/domain/lease.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import type {Membership} from './actors/membership.ts';
import type {RecoveryReport} from './actors/recovery.ts';
import type {Clock} from './actors/runtime/clock.ts';

export type TakenJobs = Omit<RecoveryReport, 'leftToOthers'>;

export type ClusterCounts = {
  /** Since it has its lease. */
  membership: Pick<Membership, 'members' | 'mayAct'> | undefined;
  /** When the last renewal that succeeded was sent, by the monotonic clock: from then on the lease's time runs. */
  provenAtMs: number | undefined;
  /** Rounds that took at least one job. */
  takeOvers: number;
  /** Of others, by what became of them. */
  readonly taken: TakenJobs;
};

export const nothingCounted = (): ClusterCounts => ({
  membership: undefined,
  provenAtMs: undefined,
  takeOvers: 0,
  taken: {queued: 0, resumed: 0, restarted: 0, lost: 0, searched: 0},
});

/** The same leases; what this node holds is noted. */
export const watchLeases = (leases: LeaseStore, counts: ClusterCounts, clock: Clock): LeaseStore => ({
  async acquire(...wanted) {
    const sentMs = clock.monotonicMs();
    const lease = await leases.acquire(...wanted);
    if (lease !== undefined) counts.provenAtMs = sentMs;
    return lease;
  },
  async renew(...wanted) {
    const sentMs = clock.monotonicMs();
    const isOurs = await leases.renew(...wanted);
    if (isOurs) counts.provenAtMs = sentMs;
    return isOurs;
  },
  declareDead: (...wanted) => leases.declareDead(...wanted),
  list: prefix => leases.list(prefix),
});

/** The same node; what it takes over while it runs is counted. What it found of its own at its start is not. */
export const countTakeOvers = <Node extends Pick<GovernanceNode, 'takeOver'>>(
  node: Node,
  counts: ClusterCounts,
): Node => ({
  ...node,
  async takeOver(instance?: string) {
    const report = await node.takeOver(instance);
    if (report === undefined) return report;
    const {leftToOthers: _, ...taken} = report;
    if (Object.values(taken).some(count => count > 0)) counts.takeOvers += 1;
    for (const outcome of outcomes) counts.taken[outcome] += taken[outcome];
    return report;
  },
});

export const outcomes = ['queued', 'resumed', 'restarted', 'lost', 'searched'] as const;
