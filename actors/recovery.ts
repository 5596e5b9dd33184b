/**
 * Adopts every unfinished job whose owner is not alive (decision 2): the same code after a restart, on another address,
 * and for a neighbour that died. The row decides who owns a job; the engine's spool decides what became of it.
 *
 *   row             engine found with the attempt      engine found, attempt unknown     nothing found
 *   Inited, …       (not asked)                        (not asked)                       back into the queue
 *   Running         re-attached, true result           never begun: next attempt         Failed, and says so
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
  leftToOthers: number;
};

/**
 * Waits while the database is away: each step can be asked again, and a take-over whose answer was lost comes out as taken.
 * Rejects only with what is no `DatabaseAwayError`.
 */
export async function recover(dependencies: RecoveryDependencies): Promise<RecoveryReport> {
  const {store, clock, isAlive, pageSize} = dependencies;
  const report: RecoveryReport = {queued: 0, resumed: 0, restarted: 0, lost: 0, leftToOthers: 0};
  for (let afterId = 0; ;) {
    const page = await untilAnswered(clock, () => store.unfinished(afterId, pageSize));
    const last = page.at(-1);
    if (last === undefined) return report;
    afterId = last.row.id;
    const orphans = page.filter(({row}) => !isAlive(parseOwner(row.instances)));
    const taken = await takeOver(orphans, dependencies);
    report.leftToOthers += page.length - taken.length;
    for (const {stored, plan} of taken) {
      carryOn(stored, plan, dependencies);
      report[plan.type] += 1;
    }
  }
}

export type Plan =
  | {readonly type: 'queued' | 'restarted' | 'lost'}
  | {readonly type: 'resumed'; readonly engine: FoundEngine};

/** What is to become of an unfinished job, from its row and what was found of its engine. */
export function planOf({row, facts}: StoredJob, engines: ReadonlyMap<string, FoundEngine>): Plan {
  if (row.status !== 'Running') return {type: 'queued'};
  const engine = engines.get(facts.engineId);
  if (engine === undefined) return {type: 'lost'};
  const {task} = engine.handle;
  // Row first, engine second: an engine that has not heard of this attempt never began it.
  return task?.taskID === row.id && task.attempt === facts.attempt
    ? {type: 'resumed', engine}
    : {type: 'restarted'};
}

async function takeOver(
  orphans: readonly StoredJob[],
  {store, clock, self, engines}: RecoveryDependencies,
): Promise<{stored: StoredJob; plan: Plan}[]> {
  if (orphans.length === 0) return [];
  const plans = orphans.map(stored => planOf(stored, engines));
  const updates = orphans.map(({row}, index): JobUpdate => {
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

function carryOn(stored: StoredJob, plan: Plan, {spawn, enqueue, occupy}: RecoveryDependencies): void {
  const {row, facts} = stored;
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
    case 'lost':
      spawn(stored, {isInGroup: false}).tell({
        type: 'resumeFailed',
        failure: {
          code: 13005,
          retryable: false,
          message:
            `Engine ${facts.engineId} ran attempt ${facts.attempt} of job ${row.id} when its node stopped, and nothing` +
            ' was found of it afterwards. Whether the code ran to its end is not known; submit it again if it may run twice.',
        },
      });
  }
}
