/**
 * Adopts unfinished jobs whose owner is not alive (decision 2): the same code after a restart, on another address, and for
 * a neighbour that died. The row decides who owns a job; the engine's spool decides what became of it.
 *
 *   row             engine found with the attempt      engine found, attempt unknown     nothing found
 *   Inited, …       (not asked)                        (not asked)                       back into the queue
 *   Running         re-attached, true result           never begun: next attempt         Failed, and says so
 *
 * Engines of this process are known before; those of other nodes are looked for after the row was taken over, since only
 * its owner may attach them.
 */
import {parseOwner, printOwner, type Owner} from './domain/owner.ts';
import type {JobStatus} from './domain/job.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {JobCommand, JobState} from './job-protocol.ts';
import {
  DatabaseAwayError,
  type EngineHandle,
  type JobStore,
  type JobUpdate,
  type StoredJob,
} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';

export type FoundEngine = {readonly handle: EngineHandle; readonly ref: Ref<EngineCommand>};

export type RecoveryDependencies = {
  readonly store: Pick<JobStore, 'unfinished' | 'commit'>;
  readonly clock: Clock;
  readonly self: Omit<Owner, 'epoch'>;
  /** Whether that incarnation may still act for its jobs. */
  readonly isAlive: (owner: Owner) => boolean;
  /** Resolves when who is alive was looked up again: an owner that joined since the last look is not dead. */
  readonly lookAgain?: () => Promise<void>;
  /** Only jobs of this owner, `host:port`; without it all. */
  readonly instance?: string;
  /** Whether this node may have the job: one with another route label is left to its own instances (G6). */
  readonly mayTake?: (stored: StoredJob) => boolean;
  /** Where log and results go from now on, if the former owner's place can't be reached from here. */
  readonly newPlace?: (stored: StoredJob) => Pick<JobUpdate['set'], 'logPath' | 'resultLocation'> | undefined;
  /** Looks for an engine on other nodes, once the job is ours. */
  readonly find?: (stored: StoredJob) => Promise<FoundEngine | undefined>;
  /** The job is ours, and its engine is being looked for. */
  readonly searching?: (taskID: number, search: Promise<void>) => void;
  /** A job that was found never begun goes back into the queue: it holds no slot any more. */
  readonly leaveGroup?: (stored: StoredJob) => void;
  /** Engines found on this host, by engine id. */
  readonly engines: ReadonlyMap<string, FoundEngine>;
  readonly spawn: (stored: StoredJob, known: Partial<JobState>) => Ref<JobCommand>;
  readonly enqueue: (stored: StoredJob) => void;
  readonly occupy: (stored: StoredJob) => void;
  /** Paging: at most this many rows in memory at a time. */
  readonly pageSize: number;
};

export type RecoveryReport = {
  queued: number;
  resumed: number;
  restarted: number;
  lost: number;
  /** Running ones whose engine is looked for on other nodes. */
  searched: number;
  leftToOthers: number;
};

/**
 * Waits while the database is away: each step can be asked again, and a take-over whose answer was lost comes out as taken.
 * Rejects only with what is no `DatabaseAwayError`.
 */
export async function recover(dependencies: RecoveryDependencies): Promise<RecoveryReport> {
  const {store, clock, isAlive, lookAgain, instance, mayTake, pageSize} = dependencies;
  const report: RecoveryReport = {
    queued: 0,
    resumed: 0,
    restarted: 0,
    lost: 0,
    searched: 0,
    leftToOthers: 0,
  };
  for (let afterId = 0; ;) {
    const page = await untilAnswered(clock, () => store.unfinished(afterId, pageSize, instance));
    const last = page.at(-1);
    if (last === undefined) return report;
    afterId = last.row.id;
    await lookAgain?.();
    const orphans = page.filter(
      stored => !isAlive(parseOwner(stored.row.instances)) && (mayTake?.(stored) ?? true),
    );
    const taken = await takeOver(orphans, dependencies);
    report.leftToOthers += page.length - taken.length;
    for (const {stored, plan} of taken) {
      carryOn(stored, plan, dependencies);
      report[plan.type] += 1;
    }
  }
}

export type Plan =
  | {readonly type: 'queued' | 'restarted' | 'lost' | 'searched'}
  | {readonly type: 'resumed'; readonly engine: FoundEngine};

/** What is to become of an unfinished job, from its row and what was found of its engine. */
export function planOf(
  stored: StoredJob,
  engines: ReadonlyMap<string, FoundEngine>,
  maySearch = false,
): Plan {
  const {row, facts} = stored;
  if (row.status !== 'Running') return {type: 'queued'};
  const engine = engines.get(facts.engineId);
  if (engine === undefined) return {type: maySearch ? 'searched' : 'lost'};
  return planWith(stored, engine);
}

function planWith({row, facts}: StoredJob, engine: FoundEngine): Plan {
  const {task} = engine.handle;
  // Row first, engine second: an engine that has not heard of this attempt never began it.
  return task?.taskID === row.id && task.attempt === facts.attempt
    ? {type: 'resumed', engine}
    : {type: 'restarted'};
}

async function takeOver(
  orphans: readonly StoredJob[],
  {store, clock, self, engines, find, newPlace}: RecoveryDependencies,
): Promise<{stored: StoredJob; plan: Plan}[]> {
  if (orphans.length === 0) return [];
  const plans = orphans.map(stored => planOf(stored, engines, find !== undefined));
  const updates = orphans.map((stored, index): JobUpdate => {
    const {row} = stored;
    const owner = parseOwner(row.instances);
    const status: JobStatus | undefined = plans[index]?.type === 'restarted' ? 'WaitForRetry' : undefined;
    return {
      type: 'update',
      id: row.id,
      owner: row.instances,
      from: [row.status],
      set: {
        instances: printOwner({...self, epoch: owner.epoch + 1}),
        updatedTime: clock.now(),
        ...(status === undefined ? {} : {status}),
        ...newPlace?.(stored),
      },
    };
  });
  const outcomes = await untilAnswered(clock, () => store.commit(updates));
  return orphans.flatMap((stored, index) => {
    const plan = plans[index];
    const set = updates[index]?.set;
    if (plan === undefined || outcomes[index]?.type !== 'written') return [];
    return [{stored: {...stored, row: {...stored.row, ...set}}, plan}];
  });
}

const awayRetryMs = 500;

/** Asks until the database answers. Only for what may be asked again. */
export async function untilAnswered<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) throw error;
      await new Promise<void>(resolve => void clock.after(awayRetryMs, resolve));
    }
  }
}

function carryOn(stored: StoredJob, plan: Plan, dependencies: RecoveryDependencies): void {
  const {spawn, enqueue, occupy, searching} = dependencies;
  switch (plan.type) {
    case 'queued':
    case 'restarted':
      enqueue(stored);
      return;
    case 'resumed': {
      const {
        engine: {
          handle: {engineId},
          ref,
        },
      } = plan;
      occupy(stored);
      spawn(stored, {}).tell({type: 'resume', engine: {engineId, ref, isReused: true}});
      return;
    }
    case 'searched':
      occupy(stored);
      searching?.(stored.row.id, search(stored, dependencies));
      return;
    case 'lost':
      spawn(stored, {isInGroup: false}).tell(engineLost(stored));
  }
}

/** Ends with an actor that has the job, whatever was found. */
async function search(stored: StoredJob, dependencies: RecoveryDependencies): Promise<void> {
  const {find, spawn, enqueue, leaveGroup, store, clock} = dependencies;
  const engine = await find?.(stored).catch(() => undefined);
  const plan: Plan = engine === undefined ? {type: 'lost'} : planWith(stored, engine);
  if (plan.type === 'resumed') {
    const {ref, handle} = plan.engine;
    spawn(stored, {}).tell({type: 'resume', engine: {engineId: handle.engineId, ref, isReused: true}});
    return;
  }
  if (plan.type === 'lost') {
    spawn(stored, {}).tell(engineLost(stored));
    return;
  }
  const {row} = stored;
  const set = {status: 'WaitForRetry', updatedTime: clock.now()} as const;
  const update: JobUpdate = {type: 'update', id: row.id, owner: row.instances, from: ['Running'], set};
  const [outcome] = await untilAnswered(clock, () => store.commit([update]));
  leaveGroup?.(stored);
  if (outcome?.type === 'written') enqueue({...stored, row: {...row, ...set}});
}

const engineLost = ({row, facts}: StoredJob): JobCommand => ({
  type: 'resumeFailed',
  failure: {
    code: 13005,
    retryable: false,
    message:
      `Engine ${facts.engineId} ran attempt ${facts.attempt} of job ${row.id} when its node stopped, and nothing` +
      ' was found of it afterwards. Whether the code ran to its end is not known; submit it again if it may run twice.',
  },
});
