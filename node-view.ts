/** The nodes of the cluster as this node's facade shows them, and how one of them is told to leave. */
import {createClusterView, NodeUnreachableError, type ClusterView} from './actors/cluster-view.ts';
import type {Membership} from './actors/membership.ts';
import type {Router} from './actors/router-actor.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import type {ClusterLinks} from './cluster/cluster-links.ts';
import type {clusterParts} from './node-cluster.ts';
import {linkViews} from './node-links.ts';

export type NodeViewDependencies = {
  readonly membership: Pick<Membership, 'members'>;
  readonly router: Pick<Router, 'current'>;
  /** Undefined: this node stands alone. */
  readonly endpoint: {readonly links: ClusterLinks; readonly parts: typeof clusterParts} | undefined;
  readonly system: ActorSystem;
  readonly instance: string;
  /** This node itself is to leave. */
  readonly leave: (by: string) => void;
};

export function nodeView({
  membership,
  router,
  endpoint,
  system,
  instance,
  leave,
}: NodeViewDependencies): ClusterView {
  return createClusterView({
    membership,
    router,
    links: () => linkViews(endpoint?.links),
    managers: () =>
      endpoint === undefined ? [instance] : endpoint.parts.managers(endpoint.links.receptionist),
    async drain(wanted, by) {
      if (wanted === instance) leave(by);
      else if (endpoint === undefined) throw new NodeUnreachableError(wanted, [instance]);
      else await endpoint.parts.drainNode({system, receptionist: endpoint.links.receptionist}, wanted, by);
    },
  });
}
