/**
 * How many jobs each node has, beside what else people see of it: answered from what its entrance said last, asked anew
 * when that is old and somebody looks.
 */
import type {ClusterView, NodeView} from './actors/cluster-view.ts';
import type {Load} from './actors/entrance-protocol.ts';
import type {Asker} from './actors/remote-call.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {Receptionist} from './actors/runtime/receptionist.ts';

export type NodeJobs = {readonly running: number; readonly queued: number};

export type LoadedNodeView = NodeView & {
  /** Null: it is no entrance, or has not said yet. */
  readonly jobs: NodeJobs | null;
};

export type LoadedClusterView = Omit<ClusterView, 'nodes'> & {
  readonly nodes: () => readonly LoadedNodeView[];
};

export type LoadsDependencies = {
  /** The way to those of other nodes; undefined for one that stands alone. */
  readonly entrances: {readonly receptionist: Receptionist; readonly system: Asker} | undefined;
  /** This node's own; undefined while, or where, there is no entrance. */
  readonly local: () => Load | undefined;
  readonly clock: Clock;
};

/** Less than the pause between two looks of a page, so that each finds what the one before has asked for. */
const freshMs = 1000;

/** The same view, each of its nodes with its jobs. Entrances are asked while somebody looks, once in a second at most. */
export function withJobs(view: ClusterView, {entrances, local, clock}: LoadsDependencies): LoadedClusterView {
  const known = new Map<string, NodeJobs>();
  let askedAtMs = -Infinity;

  function askAll(nodes: readonly NodeView[]): void {
    askedAtMs = clock.monotonicMs();
    if (entrances !== undefined) void askOthers(nodes, entrances);
  }

  async function askOthers(
    nodes: readonly NodeView[],
    {receptionist, system}: NonNullable<LoadsDependencies['entrances']>,
  ): Promise<void> {
    // What a node that stands alone need not load.
    const [{entranceKey}, {remoteEntrance}] = await Promise.all([
      import('./actors/entrance-protocol.ts'),
      import('./actors/remote-entrance.ts'),
    ]);
    const refs = receptionist.all(entranceKey);
    for (const instance of known.keys()) if (!refs.has(instance)) known.delete(instance);
    for (const {instance, isSelf} of nodes) {
      const ref = refs.get(instance);
      if (isSelf || ref === undefined) continue;
      remoteEntrance(system, instance, ref)
        .load()
        .then(
          load => known.set(instance, sumOf(load)),
          () => known.delete(instance),
        );
    }
  }

  function jobsOf({instance, isSelf}: NodeView): NodeJobs | null {
    if (!isSelf) return known.get(instance) ?? null;
    const load = local();
    return load === undefined ? null : sumOf(load);
  }

  return {
    ...view,
    nodes() {
      const nodes = view.nodes();
      if (clock.monotonicMs() - askedAtMs >= freshMs) askAll(nodes);
      return nodes.map(node => ({...node, jobs: jobsOf(node)}));
    },
  };
}

const sumOf = (load: Load): NodeJobs => ({
  running: load.reduce((sum, {running}) => sum + running, 0),
  queued: load.reduce((sum, {queued}) => sum + queued, 0),
});
