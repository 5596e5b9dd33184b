/**
 * The database of a simulated cluster: jobs, leases and labels in memory, each by the rules of its port. Every change of a
 * job is checked (I1: one terminal status, never overwritten; I2, I7: each owner has a higher epoch than the one before;
 * a job with a route label stays with instances that carry it).
 */
import {isTerminal, successors, type JobStatus} from '../../actors/domain/job.ts';
import {parseOwner, printOwner} from '../../actors/domain/owner.ts';
import {isHeld, type LeaseStore} from '../../actors/domain/lease.ts';
import type {InstanceLabelStore} from '../../actors/instance-label.ts';
import type {JobStore, JobWrite, StoredJob, WriteOutcome} from '../../actors/ports.ts';
import {createMemoryInstanceLabels} from '../support/memory-instance-labels.ts';
import {createMemoryLeases} from '../support/memory-leases.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import type {ClusterProcess} from './cluster-process.ts';

export type ClusterPlant =
  | 'none'
  /** The store does not compare owners. */
  | 'noFence'
  /** An engine executes an attempt as often as it is told to. */
  | 'noDeduplication'
  /** A take-over leaves the epoch in the row as it was. */
  | 'epochNotRaised'
  /** A node that was started anew passes for its former life. */
  | 'incarnationNotChecked'
  /** A take-over does not look at the route label. */
  | 'labelIgnored';

/** With it the real store refuses a second job with one idempotency key. */
const keyTakenCode = 20_063;

export type NodeDatabase = {
  readonly jobs: JobStore;
  readonly ping: () => Promise<void>;
  readonly leases: LeaseStore;
  readonly labels: InstanceLabelStore;
};

export type ClusterStore = {
  readonly rows: ReadonlyMap<number, StoredJob>;
  readonly violations: readonly string[];
  readonly takeOvers: () => number;
  /** Incarnations that hold the lease of a node. */
  readonly holders: () => readonly string[];
  /** The connection of one process. */
  readonly view: (process: ClusterProcess) => NodeDatabase;
};

export type ClusterStoreOptions = {
  readonly nowMs: () => number;
  readonly plant: ClusterPlant;
  readonly trace: (what: string) => void;
  /** The route label that an instance carries; constant. */
  readonly routeOf: (instance: string) => string | undefined;
};

export function createClusterStore({nowMs, plant, trace, routeOf}: ClusterStoreOptions): ClusterStore {
  const violations: string[] = [];
  const inner = createMemoryJobStore();
  const leases = createMemoryLeases({
    nowMs,
    onChange(before, after) {
      if (before !== undefined && after.fence < before.fence)
        violations.push(`the fence of ${after.name} fell from ${before.fence} to ${after.fence}`);
    },
  });
  const labels = createMemoryInstanceLabels();
  const rows = new Map<number, StoredJob>();
  let takeOvers = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** One transaction after the other. */
  function commit(writes: readonly JobWrite[]): Promise<readonly WriteOutcome[]> {
    const committed = last.then(() => Promise.all(writes.map(apply)));
    last = committed.catch(() => undefined);
    return committed;
  }

  async function apply(write: JobWrite): Promise<WriteOutcome> {
    const id = write.type === 'insert' ? write.row.id : write.id;
    const committing = inner.commit([planted(write, rows.get(id))]);
    const after = await inner.get(id);
    if (after !== undefined) changed(after);
    const [outcome] = await committing;
    if (outcome === undefined) throw new Error('no outcome');
    const isKeyTaken = outcome.type === 'refused' && outcome.failure.message.includes('idempotency');
    return isKeyTaken ? {...outcome, failure: {...outcome.failure, code: keyTakenCode}} : outcome;
  }

  function planted(write: JobWrite, before: StoredJob | undefined): JobWrite {
    if (write.type === 'insert' || before === undefined) return write;
    const {instances} = before.row;
    if (plant === 'noFence') return {...write, owner: instances};
    const next = write.set.instances;
    if (plant !== 'epochNotRaised' || next === undefined) return write;
    return {
      ...write,
      set: {...write.set, instances: printOwner({...parseOwner(next), epoch: parseOwner(instances).epoch})},
    };
  }

  function changed(after: StoredJob): void {
    const {row, facts} = after;
    const before = rows.get(row.id);
    rows.set(row.id, after);
    if (before === after) return;
    trace(
      `row ${row.id}: ${row.status} ${row.instances} attempt ${facts.attempt} ${facts.engineId} ${facts.killedBy ?? ''}`,
    );
    const owner = parseOwner(row.instances);
    const label = routeLabelOf(row.labels);
    if (label !== undefined && routeOf(owner.instance) !== label)
      violations.push(`job ${row.id} asks for route=${label} and is owned by ${row.instances}`);
    if (before === undefined) return;
    checkMove(row.id, before.row.status, row.status);
    if (facts.attempt < before.facts.attempt)
      violations.push(`job ${row.id} went back from attempt ${before.facts.attempt} to ${facts.attempt}`);
    if (before.row.instances === row.instances) return;
    takeOvers += 1;
    if (owner.epoch <= parseOwner(before.row.instances).epoch)
      violations.push(`job ${row.id} went from ${before.row.instances} to ${row.instances}`);
  }

  function checkMove(id: number, before: JobStatus, after: JobStatus): void {
    if (isTerminal(before) && before !== after) violations.push(`job ${id} went from ${before} to ${after}`);
    // Merged records skip statuses in between, so reachability is what must hold.
    else if (before !== after && !reachable(before).has(after))
      violations.push(`job ${id} can't go from ${before} to ${after}`);
  }

  /** What a node that ignores labels takes a row for. */
  const withoutRoute = (stored: StoredJob, instance: string): StoredJob => {
    const labelled: unknown = JSON.parse(stored.row.labels);
    const {route: _, ...others} = labelled as Record<string, unknown>;
    const own = routeOf(instance);
    const all = own === undefined ? others : {...others, route: own};
    return {...stored, row: {...stored.row, labels: JSON.stringify(all)}};
  };

  return {
    rows,
    violations,
    takeOvers: () => takeOvers,
    holders: () => [...leases.rows.values()].filter(isHeld).map(({incarnation}) => incarnation),
    view({ask, instance}) {
      const asked =
        <Args extends readonly unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
        (...args: Args): Promise<Result> =>
          ask(() => call(...args));
      const unfinished = asked(inner.unfinished);
      return {
        ping: () => ask(() => undefined),
        jobs: {
          reserveIds: asked(inner.reserveIds),
          commit: asked(commit),
          get: asked(inner.get),
          list: asked(inner.list),
          countByStatus: asked(inner.countByStatus),
          unfinished:
            plant === 'labelIgnored'
              ? async (...args) => (await unfinished(...args)).map(stored => withoutRoute(stored, instance))
              : unfinished,
          byIdempotencyKey: asked(inner.byIdempotencyKey),
          removeEnded: asked(inner.removeEnded),
        },
        leases: {
          // Two statements, as in the real store: the second one compares with what the first one saw.
          async acquire(name, ...values) {
            const stampOf = async (): Promise<string | undefined> =>
              (await leases.list(name)).find(lease => lease.name === name)?.stamp;
            const seen = await ask(stampOf);
            return ask(async () =>
              (await stampOf()) === seen ? leases.acquire(name, ...values) : undefined,
            );
          },
          renew: asked(leases.renew),
          declareDead: asked(leases.declareDead),
          list: asked(leases.list),
        },
        labels: {
          instances: asked(labels.instances),
          labelsOf: asked(labels.labelsOf),
          register: asked(labels.register),
          replace: asked(labels.replace),
          detach: asked(labels.detach),
          remove: asked(labels.remove),
          version: asked(labels.version),
        },
      };
    },
  };
}

export function routeLabelOf(labels: string): string | undefined {
  const {route} = JSON.parse(labels) as {readonly route?: unknown};
  return typeof route === 'string' ? route : undefined;
}

function reachable(from: JobStatus): ReadonlySet<JobStatus> {
  const found = new Set<JobStatus>();
  const open = [from];
  for (let status = open.pop(); status !== undefined; status = open.pop()) {
    for (const next of successors[status]) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}
