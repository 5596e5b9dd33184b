/**
 * What one scheduling decision costs with 100,000 jobs waiting in 1,000 groups and 1,000 engines, against the 50 µs that the
 * design allows; and how long a tenant's first job waits behind another tenant's ten thousand, with fair shares and without.
 */
import type {EngineKey} from '../actors/engine-key.ts';
import {fixedQuotas, unlimited} from '../actors/fixed-quotas.ts';
import {decideQueue} from '../actors/job-queue.ts';
import {emptyQueue, type GroupKey, type QueueState} from '../actors/job-queue-state.ts';
import {decideManager, type ManagerMessage} from '../actors/manager.ts';
import type {EcmReport, ManagerNotice} from '../actors/manager-protocol.ts';
import {emptyManager, type ManagerState} from '../actors/manager-state.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import {EngineMarket, keyFor} from '../test/support/engine-market.ts';
import {interleaved, median, percentile, row, type BenchOptions, type Row} from './row.ts';

const groups = 1000;
const jobs = 100_000;
const engines = 1000;
const limitUs = 50;

const quotas = fixedQuotas(
  {runningMax: 10, waitingMax: 1_000_000},
  {enginesMax: 1_000_000, enginesPerUserMax: 1_000_000, idleMs: 60_000},
);

export async function benchScheduling({isShort}: BenchOptions): Promise<Row[]> {
  const turns = isShort ? 5000 : 20_000;
  const samples = await interleaved(isShort ? 3 : 7, {
    queue: async () => turnOfQueue(fullQueue(), turns),
    manager: async () => turnOfManager(fullManager(), isShort ? 500 : 2000),
  });
  const fair = shareWithNoisy(true);
  const unfair = shareWithNoisy(false);
  const limit = {unit: 'µs', against: 'limit', theirs: limitUs, atMost: 1} as const;
  return [
    row({
      name: `a job ends, the next of its group starts: ${jobs} waiting in ${groups} groups`,
      ours: median(samples.queue),
      ...limit,
    }),
    row({
      name: `an engine is given back and granted anew: ${engines} engines, ${groups} keys that wait`,
      ours: median(samples.manager),
      ...limit,
    }),
    row({
      name: 'p99 wait of one job a tick behind 10,000 of another tenant',
      ours: percentile(fair.waitedTicks, 0.99),
      unit: 'ticks',
      against: 'first come, first served',
      theirs: percentile(unfair.waitedTicks, 0.99),
      atMost: 0.1,
      note: '8 engines, each job takes one tick',
    }),
    row({
      name: 'jobs ended meanwhile, by both tenants',
      ours: fair.ended,
      unit: 'jobs',
      against: 'first come, first served',
      theirs: unfair.ended,
      atLeast: 0.95,
      note: 'an engine that changes tenants is ended and started anew',
    }),
  ];
}

/* ---- the job queue ---- */

const keyOf = (n: number): GroupKey => ({
  tenant: `t${n % 10}`,
  user: `u${n}`,
  creator: 'IDE',
  engineType: 'shell',
});

function fullQueue(): QueueState {
  const state = emptyQueue({group: quotas.quotaOf, tenant: quotas.tenantQuotaOf, priorityAgeMs: 60_000});
  for (let taskID = 1; taskID <= jobs; taskID += 1) enqueue(state, taskID);
  return state;
}

function enqueue(state: QueueState, taskID: number): readonly number[] {
  const {effects} = decideQueue(state, {
    type: 'group',
    key: keyOf(taskID % groups),
    command: {type: 'enqueue', taskID, priority: 100, sinceMs: taskID, bytes: 10, isReserved: false},
  });
  return effects.flatMap(effect => (effect.type === 'start' ? [effect.taskID] : []));
}

/** Microseconds for one end, the start that follows, and a new job in its place. */
function turnOfQueue(state: QueueState, turns: number): number {
  const running = [...state.groups.values()].flatMap(group => [...group.running]);
  const startedMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    const taskID = running[turn % running.length] ?? 0;
    const {effects} = decideQueue(state, {
      type: 'group',
      key: keyOf(taskID % groups),
      command: {type: 'leave', taskID, ranMs: 5},
    });
    for (const effect of effects) if (effect.type === 'start') running[turn % running.length] = effect.taskID;
    enqueue(state, jobs + turn + 1);
  }
  return ((performance.now() - startedMs) * 1000) / turns;
}

/* ---- the manager ---- */

const nobody: Ref<ManagerNotice> = {path: '/nobody', uid: 0, tell: () => true};
const entrance = {entrance: 'a:1', incarnation: 'a', fence: 1};

const engineKey = (n: number): EngineKey => ({
  engineType: 'shell',
  user: `u${n}`,
  creator: 'IDE',
  tenant: `t${n % 10}`,
  pin: '',
});

const ecm = (n: number): EcmReport => ({
  instance: `h${n}:1`,
  engineTypes: ['shell'],
  labels: {},
  capacity: {...unlimited, instances: 50},
  enginesPerUserMax: 1000,
  health: 'Healthy',
  healthReason: '',
  engines: [],
});

function fullManager(): ManagerState {
  const settings = {
    instance: 'm:1',
    fence: 1,
    idPrefix: 'e',
    gatherMs: 0,
    grantMs: 1e9,
    lostMs: 1e9,
    impossibleMs: 1e9,
  };
  const state = emptyManager(settings, {...quotas, engineTypeMax: {}}, 0);
  for (let n = 0; n < engines / 50; n += 1) tell(state, {type: 'ecm', report: ecm(n), atMs: 1});
  for (let n = 0; n < groups; n += 1) tell(state, wants(n, 2, n, 2));
  return state;
}

const tell = (state: ManagerState, message: ManagerMessage): number =>
  decideManager(state, message).effects.filter(
    effect => effect.type === 'notify' && effect.notice.type === 'grant',
  ).length;

const wants = (
  n: number,
  wanted: number,
  sequence: number,
  atMs: number,
  gone: readonly string[] = [],
): ManagerMessage => ({
  type: 'state',
  statement: {
    ...entrance,
    sequence,
    isFull: false,
    gone,
    keys: [
      {
        key: engineKey(n),
        life: 1,
        wanted,
        sinceMs: n + 1,
        grantsTaken: 0,
        recallsTaken: 0,
        idle: 0,
        ending: 0,
      },
    ],
  },
  replyTo: nobody,
  atMs,
});

/** Microseconds from "this engine is gone" to the grant of its place to whoever has least. */
function turnOfManager(state: ManagerState, turns: number): number {
  let sequence = groups;
  let grants = 0;
  const ids = [...state.ledger.reservations.keys()];
  const startedMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) {
    sequence += 1;
    const engineId = ids[turn] ?? [...state.ledger.reservations.keys()].at(-1) ?? '';
    grants += tell(state, wants(turn % groups, 3, sequence, 3 + turn, [engineId]));
  }
  const tookUs = ((performance.now() - startedMs) * 1000) / turns;
  if (grants < turns / 2) throw new Error(`only ${grants} grants in ${turns} turns`);
  return tookUs;
}

/* ---- a noisy neighbour ---- */

/**
 * One tenant has ten thousand jobs, another brings one each tick: what each job of the latter waits, and how many of both ended.
 * Unfair: both are one user of one tenant, served in order of arrival.
 */
function shareWithNoisy(isFair: boolean): {readonly waitedTicks: readonly number[]; readonly ended: number} {
  const places = 8;
  const ticks = 500;
  const market = new EngineMarket({
    ecms: {'a:1': {capacity: {...unlimited, instances: places}, enginesPerUserMax: places}},
  });
  const noisy = keyFor('noisy', {tenant: 'noisy'});
  const quiet = isFair ? keyFor('quiet', {tenant: 'quiet'}) : noisy;
  const sinceTick = new Map<number, number>();
  const waited: number[] = [];
  for (let taskID = 1; taskID <= 10_000; taskID += 1) market.submit(taskID, noisy);
  let served = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    const taskID = 100_000 + tick;
    sinceTick.set(taskID, tick);
    market.submit(taskID, quiet);
    market.pass(25);
    for (; served < market.served.length; served += 1) {
      const since = sinceTick.get(market.served[served] ?? 0);
      if (since === undefined) continue;
      waited.push(tick - since);
      sinceTick.delete(market.served[served] ?? 0);
    }
    for (const running of [...market.jobs.keys()]) market.end(running);
  }
  // Those that never had their turn have waited to the end at least.
  const waitedTicks = [...waited, ...[...sinceTick.values()].map(since => ticks - since)];
  return {waitedTicks, ended: market.served.length};
}
