/** Takes over what nodes that are gone have left, and tells those who look for the new owner. */
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
