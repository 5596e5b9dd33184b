/**
 * The truth of a simulated world: rows in memory, every change checked against the rules (I1: one terminal status, never
 * overwritten; I2: only the owner writes), and a view for each node whose database may be away, slow, or lose answers.
 */
import {isTerminal, successors, type JobStatus} from '../../actors/domain/job.ts';
import {
  DatabaseAwayError,
  type JobStore,
  type JobWrite,
  type StoredJob,
  type WriteOutcome,
} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';

export type DatabaseMood = 'up' | 'away' | 'losesAnswers' | 'slow' | 'hangs';

export type Plant = 'none' | 'noCompareAndSet' | 'noOutbox' | 'noTombstone' | 'noAdoption' | 'rereadsSpool';

export type CheckedStore = {
  readonly rows: ReadonlyMap<number, StoredJob>;
  readonly violations: readonly string[];
  mood: DatabaseMood;
  /** A node's view; `cut` it and nothing it asked for is ever answered. */
  readonly view: () => JobStore & {cut(): void; ping(): Promise<void>};
};

export function createCheckedStore(clock: Clock, plant: Plant): CheckedStore {
  const rows = new Map<number, StoredJob>();
  const violations: string[] = [];
  let nextBlock = 1;

  function apply(write: JobWrite): WriteOutcome {
    if (write.type === 'insert') {
      const {row, facts} = write;
      const known = rows.get(row.id);
      if (known === undefined) rows.set(row.id, {row, facts});
      else if (known.row.createdTime !== row.createdTime)
        violations.push(`id ${row.id} was handed out twice`);
      return {type: 'written'};
    }
    const stored = rows.get(write.id);
    if (stored === undefined) return {type: 'displaced', owner: ''};
    const {row, facts} = stored;
    const target = write.set.status ?? row.status;
    const changed = (): WriteOutcome => {
      checkMove(row.id, row.status, target);
      rows.set(row.id, {row: {...row, ...write.set}, facts: {...facts, ...write.facts}});
      return {type: 'written'};
    };
    if (plant === 'noCompareAndSet') return changed();
    const isDone =
      row.status === target && (row.instances === write.owner || row.instances === write.set.instances);
    if (row.instances !== write.owner && !isDone) return {type: 'displaced', owner: row.instances};
    if (write.from.includes(row.status)) return changed();
    if (isDone) return {type: 'written'};
    return isTerminal(row.status)
      ? {type: 'ended', status: row.status}
      : {type: 'displaced', owner: row.instances};
  }

  function checkMove(id: number, before: JobStatus, target: JobStatus): void {
    if (before === target) {
      if (isTerminal(before)) violations.push(`job ${id} was written again after ${before}`);
      return;
    }
    // Merged records skip statuses in between, so reachability is what must hold.
    if (!reachable(before).has(target)) violations.push(`job ${id} went from ${before} to ${target}`);
  }

  const world: CheckedStore = {
    rows,
    violations,
    mood: 'up',
    view() {
      let isCut = false;
      const never = new Promise<never>(() => undefined);

      async function ask<T>(run: () => T): Promise<T> {
        if (isCut) return never;
        const {mood} = world;
        if (mood === 'away') throw new DatabaseAwayError('away', {isUndone: true});
        if (mood === 'slow') await waits(20);
        if (mood === 'hangs') {
          await waits(2000);
          throw new DatabaseAwayError('no answer in 2000 ms');
        }
        const result = isCut ? never : run();
        if (mood === 'losesAnswers') throw new DatabaseAwayError('the answer was lost');
        await Promise.resolve();
        return isCut ? never : result;
      }

      const waits = (ms: number): Promise<void> => new Promise(resolve => void clock.after(ms, resolve));

      return {
        cut() {
          isCut = true;
        },
        ping: () => ask(() => undefined),
        commit: writes =>
          ask(() =>
            writes
              .filter(
                write => plant !== 'noTombstone' || write.type === 'insert' || write.set.errorCode !== 20052,
              )
              .map(apply),
          ),
        reserveIds: count =>
          ask(() => {
            const first = nextBlock;
            nextBlock += count;
            return {first, count};
          }),
        get: id => ask(() => rows.get(id)),
        list: () => ask(() => ({jobs: [...rows.values()], total: rows.size, totalIsCapped: false})),
        countByStatus: () => Promise.reject(new Error('not simulated')),
        removeEnded: () => Promise.reject(new Error('not simulated')),
        unfinished: (afterId, limit) =>
          ask(() =>
            [...rows.values()]
              .filter(({row}) => row.id > afterId && !isTerminal(row.status))
              .toSorted((a, b) => a.row.id - b.row.id)
              .slice(0, limit),
          ),
        byIdempotencyKey: (user, key) =>
          ask(() =>
            [...rows.values()].find(
              ({row, facts}) => row.submitUser === user && facts.idempotencyKey === key,
            ),
          ),
      };
    },
  };
  return world;
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
