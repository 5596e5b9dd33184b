/** The nodes of a cluster as people look at them: members by their leases, and what this node's own links see of them. */
import type {Membership} from './membership.ts';
import type {Router} from './router-actor.ts';

/** What this node's link to another one says. */
export type LinkView = {
  readonly state: 'up' | 'suspect' | 'down';
  /** Round trip through both event loops; null before the first. */
  readonly rttMs: number | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Messages that wait to be sent. */
  readonly queued: number;
};

export type NodeView = {
  /** `host:port` */
  readonly instance: string;
  readonly incarnation: string;
  /** As its lease says: `joining`, `up`, `leaving`. */
  readonly state: string;
  readonly roles: readonly string[];
  /** Null: not read yet. */
  readonly labels: Readonly<Record<string, string>> | null;
  /** Takes new jobs for its route. */
  readonly isOffline: boolean;
  readonly isSelf: boolean;
  readonly isReachable: boolean;
  /** Where its facade listens; null without that role. */
  readonly url: string | null;
  readonly pid: number | null;
  readonly dataDirectory: string | null;
  /** Null for this node itself, and where there is no link. */
  readonly link: LinkView | null;
};

export type ClusterView = {
  readonly nodes: () => readonly NodeView[];
  /** That node takes no more jobs, hands over what it has, and ends. Rejects with `NodeUnreachableError`. */
  readonly drain: (instance: string, by: string) => Promise<void>;
};

export type ClusterViewDependencies = {
  readonly membership: Pick<Membership, 'members'>;
  readonly router: Pick<Router, 'current'>;
  readonly links: () => ReadonlyMap<string, LinkView>;
  readonly drain: ClusterView['drain'];
};

export function createClusterView({membership, router, links, drain}: ClusterViewDependencies): ClusterView {
  return {
    nodes() {
      const seen = links();
      const routed = new Map(router.current().members.map(member => [member.instance, member]));
      return membership
        .members()
        .map(({instance, incarnation, state, roles, isSelf, isReachable, details}): NodeView => {
          const labels = routed.get(instance)?.labels ?? null;
          const {listenUrl, pid, dataDirectory} = details;
          return {
            instance,
            incarnation,
            state,
            roles,
            labels,
            isOffline: labels?.['offline'] === 'true',
            isSelf,
            isReachable,
            url: typeof listenUrl === 'string' ? listenUrl : null,
            pid: typeof pid === 'number' ? pid : null,
            dataDirectory: typeof dataDirectory === 'string' ? dataDirectory : null,
            link: isSelf ? null : (seen.get(instance) ?? null),
          };
        })
        .toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
    },
    drain,
  };
}
