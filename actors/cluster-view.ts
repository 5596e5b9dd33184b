/** The nodes of a cluster as people look at them: members by their leases, and what this node's own links see of them. */
import {LinkisError} from './domain/errors.ts';
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
  /** Grants engines for the whole cluster. */
  readonly isManager: boolean;
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

/** A node that was asked to leave can't be reached, or is none of this cluster. */
export class NodeUnreachableError extends LinkisError {
  override readonly name = 'NodeUnreachableError';
  readonly code = 20970;
  override readonly retryable = true;

  constructor(instance: string, known: readonly string[]) {
    super(
      `${instance} can't be reached from this node. The nodes that can: ${known.slice(0, 50).join(', ') || 'none'}.` +
        ' Send SIGTERM to the process on its own host if it still runs there.',
    );
  }
}

export type ClusterViewDependencies = {
  readonly membership: Pick<Membership, 'members'>;
  readonly router: Pick<Router, 'current'>;
  readonly links: () => ReadonlyMap<string, LinkView>;
  /** `host:port` of the node that is the manager now; two for a moment, none while it changes. */
  readonly managers: () => readonly string[];
  readonly drain: ClusterView['drain'];
};

export function createClusterView({
  membership,
  router,
  links,
  managers,
  drain,
}: ClusterViewDependencies): ClusterView {
  return {
    nodes() {
      const seen = links();
      const managing = managers();
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
            isManager: managing.includes(instance),
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
