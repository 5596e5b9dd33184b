/** Takes over what nodes that are gone have left, and tells those who look for the new owner. */
import type {Member} from './actors/membership-member.ts';
import type {NodeMembership} from './node-membership.ts';
import type {Logger} from 'pino';
import type {GovernanceNode} from './actors/governance-node.ts';

export type TakeOverDependencies = {
  /** Undefined for a node without an entrance, which has nothing to take over with. */
  readonly node: GovernanceNode | undefined;
  /** Told of the instance whose jobs may have another owner now. */
  readonly ownerChanges: Iterable<(instance: string) => void>;
  readonly log: Pick<Logger, 'info' | 'error'>;
};

/** `from`: `host:port` of one that is gone; without it all jobs without a living owner. Never rejects. */
export const takeOverFrom =
  ({node, ownerChanges, log}: TakeOverDependencies) =>
  async (from?: string): Promise<void> => {
    if (node === undefined) return;
    try {
      const report = await node.takeOver(from);
      if (report !== undefined) log.info({from, ...report}, 'jobs of nodes that are gone were looked for');
    } catch (error) {
      log.error({from, err: error}, 'jobs of a node that is gone could not be taken over');
    }
    if (from !== undefined) for (const listener of ownerChanges) listener(from);
  };

export type GoneDependencies = {
  readonly members: Pick<NodeMembership, 'onGone'>;
  readonly takeOver: (instance?: string) => Promise<unknown>;
  readonly ownerChanges: ReadonlySet<(instance: string) => void>;
  readonly ownRoute: () => string | undefined;
  /** Whether this node takes what that one has left. */
  readonly isTaken: (member: Member) => boolean;
  readonly isClustered: boolean;
  /** Told first: jobs are followed on engines that have been taken over. */
  readonly engines: readonly (((member: Member) => void) | undefined)[];
};

/** Takes over what nodes that are gone have left. Answers what is to be called when labels have changed. */
export function followGone(dependencies: GoneDependencies): () => void {
  const {members, takeOver, ownerChanges, ownRoute, isTaken, isClustered, engines} = dependencies;
  members.onGone(member => {
    for (const tell of engines) tell?.(member);
    for (const listener of ownerChanges) listener(member.instance);
    if (isTaken(member)) void takeOver(member.instance);
  });
  let route = ownRoute();
  return () => {
    const now = ownRoute();
    if (now === route) return;
    route = now;
    // What nobody was allowed to take when its owner died may be ours now.
    if (isClustered) void takeOver();
  };
}
