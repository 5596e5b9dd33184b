/**
 * Entrances and a gateway in one process: each entrance a governance in memory behind its service, rows as one store that
 * all see, a job's owner the test's to change.
 */
import type {ExecutionContext} from 'ava';
import {clusterGovernance, type ClusterGovernance} from '../../actors/cluster-governance.ts';
import {startEntranceService} from '../../actors/entrance-service.ts';
import type {Owner} from '../../actors/domain/owner.ts';
import type {Caller, Governance} from '../../actors/governance.ts';
import type {JobFacts, JobRow, JobStore, JobUpdate, StoredJob} from '../../actors/ports.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {systemClock, type Clock} from '../../actors/runtime/clock.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import type {Resolve} from '../../actors/remote-submit.ts';
import {createFakeGovernance, type FakeGovernance} from './fake-governance.ts';
import {createReceptionistHub, type ReceptionistHub} from './receptionist-hub.ts';

export const gateway = 'gateway:9000';

export const caller: Caller = {
  user: 'alice',
  isAdmin: false,
  hasAdminToken: false,
  address: '::1',
  requestId: 'r',
};

export type EntranceCluster = {
  readonly hub: ReceptionistHub;
  readonly governance: ClusterGovernance;
  readonly entrance: (instance: string) => FakeGovernance;
  /** A job owned by that entrance. */
  readonly add: (instance: string, row?: Partial<JobRow>) => number;
  /** The job is the other entrance's from now on, with the next epoch and that status. */
  readonly takeOver: (taskID: number, by: string, row?: Partial<JobRow>) => void;
  /** What the row says of the job besides. */
  readonly keepFacts: (taskID: number, known: Partial<JobFacts>) => void;
  readonly dead: Set<string>;
  /** Tells the gateway that jobs of that instance have moved. */
  readonly announce: (instance: string) => void;
  readonly committed: JobUpdate[];
  readonly storeReads: () => number;
  isStoreAway: boolean;
};

export type ClusterOptions = {
  readonly clock?: Clock;
  readonly entrances?: readonly string[];
  readonly resolve?: Resolve;
  /** The gateway is that entrance, too. */
  readonly local?: string;
  /** What stands in front of an entrance's governance. */
  readonly wrap?: (governance: Governance, instance: string) => Governance;
  readonly callsMax?: number;
  readonly isWithinReach?: (path: string) => boolean;
};

export function entranceCluster(t: ExecutionContext, options: ClusterOptions = {}): EntranceCluster {
  const {clock = systemClock, entrances = ['a:1', 'b:1'], local, wrap = governance => governance} = options;
  const {resolve = (_label, _caller, tried) => ({instance: choose(entrances, tried), why: 'test'})} = options;
  const hub = createReceptionistHub();
  const system = startActorSystem({
    name: 'test',
    clock,
    random: seededRandom(1),
    log: {warn() {}, error() {}},
  });
  const fakes = new Map<string, FakeGovernance>();
  const owners = new Map<number, string>();
  const facts = new Map<number, Partial<JobFacts>>();
  const committed: JobUpdate[] = [];
  const dead = new Set<string>();
  const listeners = new Set<(instance: string) => void>();
  let reads = 0;
  let lastId = 100;
  let lastMade = 0;

  const entrance = (instance: string): FakeGovernance => {
    const fake = fakes.get(instance);
    if (fake === undefined) throw new Error(`no entrance ${instance}`);
    return fake;
  };
  const rows = new Map<number, StoredJob>();
  async function refresh(taskID: number): Promise<StoredJob | undefined> {
    const job = await fakes.get(owners.get(taskID) ?? '')?.jobs.get(taskID);
    const stored = job && {row: job.row, facts: {...job.facts, ...facts.get(taskID)}};
    if (stored !== undefined) rows.set(taskID, stored);
    return stored;
  }
  const store: Pick<JobStore, 'get' | 'commit' | 'byIdempotencyKey'> = {
    async get(taskID) {
      reads += 1;
      if (world.isStoreAway) return createAway().jobs.get(taskID);
      for (const [instance, fake] of fakes) {
        if (!owners.has(taskID) && (await fake.jobs.get(taskID)) !== undefined) owners.set(taskID, instance);
      }
      return refresh(taskID);
    },
    async byIdempotencyKey(user, key) {
      if (world.isStoreAway) return createAway().jobs.get(0);
      for (const taskID of owners.keys()) {
        const stored = await refresh(taskID);
        if (stored?.row.submitUser === user && stored.facts.idempotencyKey === key) return stored;
      }
      return undefined;
    },
    async commit(writes) {
      for (const write of writes) {
        if (write.type !== 'update') continue;
        committed.push(write);
        facts.set(write.id, {...facts.get(write.id), ...write.facts});
      }
      return writes.map(() => ({type: 'written'}));
    },
  };
  const selfOf = (instance: string): Omit<Owner, 'epoch'> => ({instance, incarnation: `i-${instance}`});
  for (const instance of entrances) {
    const fake = createFakeGovernance(clock.now);
    fakes.set(instance, fake);
    const stop = startEntranceService({
      system,
      receptionist: hub.node(instance),
      governance: wrap(fake.governance, instance),
      store,
      self: selfOf(instance),
      log: {error() {}},
      ...(options.callsMax !== undefined && {callsMax: options.callsMax}),
    });
    t.teardown(stop);
  }
  const governance = clusterGovernance({
    receptionist: hub.node(local ?? gateway),
    self: selfOf(local ?? gateway),
    ...(local !== undefined && {local: entrance(local).governance}),
    store,
    ...(options.isWithinReach !== undefined && {isWithinReach: options.isWithinReach}),
    isAlive: ({instance}) => !dead.has(instance),
    resolve,
    onOwnerChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    clock,
    makeId: () => `id-${++lastMade}`,
    log: {warn() {}, error() {}},
    system,
  });
  t.teardown(() => governance.close());

  const world: EntranceCluster = {
    hub,
    governance,
    entrance,
    dead,
    committed,
    isStoreAway: false,
    storeReads: () => reads,
    add(instance, row = {}) {
      lastId += 1;
      const id = row.id ?? lastId;
      entrance(instance).add({id, instances: `${instance}#i-${instance}#1`, ...row});
      owners.set(id, instance);
      return id;
    },
    takeOver(taskID, by, row = {}) {
      const before = rows.get(taskID)?.row;
      const instances = `${by}#i-${by}#2`;
      for (const fake of fakes.values()) fake.play(taskID).change({instances});
      entrance(by).add({...before, ...row, id: taskID, instances});
      owners.set(taskID, by);
    },
    keepFacts: (taskID, known) => void facts.set(taskID, {...facts.get(taskID), ...known}),
    announce(instance) {
      for (const listener of listeners) listener(instance);
    },
  };
  return world;
}

function createAway(): FakeGovernance {
  const fake = createFakeGovernance(() => 0);
  fake.isAway = true;
  return fake;
}

const choose = (entrances: readonly string[], tried: readonly string[]): string =>
  entrances.find(instance => !tried.includes(instance)) ?? entrances[0] ?? '';
