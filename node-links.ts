/** The links of a node as its facade shows them. */
import type {LinkView} from './actors/cluster-view.ts';
import type {ClusterLinks} from './cluster/cluster-links.ts';

/** By instance; empty for a node that stands alone. */
export const linkViews = (links: ClusterLinks | undefined): ReadonlyMap<string, LinkView> =>
  new Map(
    (links?.links() ?? []).map(({instance, state, rttMs, bytesIn, bytesOut, queued}) => [
      instance,
      {state, rttMs: rttMs ?? null, bytesIn, bytesOut, queued},
    ]),
  );
