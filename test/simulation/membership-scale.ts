/** How fast a large simulated cluster agrees, and what it asks of the database meanwhile. */
import type {LeaseState} from '../../actors/domain/lease.ts';
import {createMembershipWorld, type MembershipWorld} from './membership-world.ts';
import type {SimulatedProcess} from './membership-process.ts';

export type Agreement = {
  /** Until every other node saw it, in virtual time. */
  readonly afterMs: number;
  /** The most looks at the table that any node made meanwhile; and since the row said it. */
  readonly looksMax: number;
  readonly looksOfRowMax: number;
};

export type Traffic = {readonly statements: number; readonly renewals: number; readonly looks: number};

const settleMs = 12_000;
const stepMs = 50;
const limitMs = 30_000;

/** A cluster that has been quiet for a while. Each node is on a machine of its own. */
export async function quietCluster(nodes: number, seed = 1): Promise<MembershipWorld> {
  const world = createMembershipWorld(seed);
  for (let index = 0; index < nodes; index += 1) {
    world.start(`n${index}:1`, `boot-${index}`);
    await world.run(20);
  }
  await world.run(settleMs);
  return world;
}

export async function joinOne(world: MembershipWorld): Promise<Agreement> {
  const before = looksOf(world);
  const {incarnation, instance} = world.start('joiner:1', 'boot-joiner');
  return untilAll(world, before, `node:${instance}`, 'up', process =>
    seenBy(process).some(member => member.incarnation === incarnation && member.state === 'up'),
  );
}

/** `process`: its machine lives on and refuses. `machine`: nothing answers. */
export async function loseOne(world: MembershipWorld, what: 'process' | 'machine'): Promise<Agreement> {
  const before = looksOf(world);
  const lost = world.processes.find(({mode}) => mode === 'running');
  if (lost === undefined) throw new Error('nobody is left');
  lost.end();
  if (what === 'machine') world.links.off.add(lost.bootId);
  return untilAll(world, before, `node:${lost.instance}`, 'dead', process =>
    seenBy(process).every(({incarnation}) => incarnation !== lost.incarnation),
  );
}

/** For each node and second. */
export async function trafficOf(world: MembershipWorld, seconds: number): Promise<Traffic> {
  const counted = (kind: 'renew' | 'list' | 'all'): number =>
    world.processes
      .flatMap(({statements}) => (kind === 'all' ? Object.values(statements) : [statements[kind]]))
      .reduce((sum, one) => sum + one, 0);
  const before = {all: counted('all'), renew: counted('renew'), list: counted('list')};
  await world.run(seconds * 1000);
  const nodeSeconds = world.processes.filter(({mode}) => mode === 'running').length * seconds;
  return {
    statements: (counted('all') - before.all) / nodeSeconds,
    renewals: (counted('renew') - before.renew) / nodeSeconds,
    looks: (counted('list') - before.list) / nodeSeconds,
  };
}

const seenBy = (
  process: SimulatedProcess,
): ReturnType<NonNullable<SimulatedProcess['membership']>['members']> => process.membership?.members() ?? [];

const looksOf = (world: MembershipWorld): ReadonlyMap<SimulatedProcess, number> =>
  new Map(world.processes.map(process => [process, process.statements.list]));

async function untilAll(
  world: MembershipWorld,
  before: ReadonlyMap<SimulatedProcess, number>,
  row: string,
  state: LeaseState,
  sees: (process: SimulatedProcess) => boolean,
): Promise<Agreement> {
  const startedMs = world.clock.monotonicMs();
  const others = [...before.keys()].filter(({mode}) => mode === 'running');
  const looksMaxSince = (counts: ReadonlyMap<SimulatedProcess, number>): number =>
    Math.max(...others.map(process => process.statements.list - (counts.get(process) ?? 0)));
  let atRow: ReadonlyMap<SimulatedProcess, number> | undefined;
  while (!others.every(sees)) {
    if (world.clock.monotonicMs() - startedMs > limitMs) throw new Error(`no agreement within ${limitMs} ms`);
    await world.run(stepMs);
    if (world.leases.rows.get(row)?.state === state) atRow ??= looksOf(world);
  }
  return {
    afterMs: world.clock.monotonicMs() - startedMs,
    looksMax: looksMaxSince(before),
    looksOfRowMax: looksMaxSince(atRow ?? before),
  };
}
