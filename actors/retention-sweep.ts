/** One bounded pass over the logs, the results or the rows of ended jobs, or the audit: asks which are due, and removes those. */
import type {AuditStore} from './audit.ts';
import {toFailure} from './domain/errors.ts';
import type {EngineRecordStore} from './engine-record.ts';
import {isTerminal} from './domain/job.ts';
import {removeKept, type Archiving} from './job-archive.ts';
import type {JobRemains, Remains, RemainsKind} from './job-remains.ts';
import type {JobStore, StoredJob} from './ports.ts';

export type SweptKind = RemainsKind | 'history' | 'audit';

export type Swept = {
  readonly removed: number;
  /** Of files; rows free no space that the system would see. */
  readonly freedBytes: number;
  /** What could not be removed, and why the first could not. */
  readonly failed: number;
  readonly firstFailure?: string;
  /** The bound was reached: there may be more. */
  readonly isFull: boolean;
};

const rowsAtOnceMax = 500;

export type SweepDependencies = {
  readonly store: Pick<JobStore, 'list' | 'removeEnded'>;
  readonly remains: JobRemains;
  /** Without it no rows of the audit are removed. */
  readonly audit?: Pick<AuditStore, 'removeBefore'>;
  /** Records of engines go with the rows of jobs. */
  readonly engineRecords?: Pick<EngineRecordStore, 'removeEnded'>;
  /** With it rows, and files if it says so, are kept in the archive before they go. */
  readonly archiving?: Archiving;
};

/**
 * Removes at most `removedMax`, the oldest first, and stops early when `signal` is aborted. Rejects with
 * `DatabaseAwayError`: without the rows nobody knows what is due.
 */
export async function sweep(
  kind: SweptKind,
  endedBeforeMs: number,
  removedMax: number,
  {store, remains, audit, engineRecords, archiving}: SweepDependencies,
  signal: AbortSignal,
): Promise<Swept> {
  switch (kind) {
    case 'history': {
      const jobs = await sweepRows(
        max =>
          archiving === undefined
            ? store.removeEnded(endedBeforeMs, max)
            : removeKept(archiving, endedBeforeMs, max, signal),
        removedMax,
        signal,
      );
      if (engineRecords === undefined || jobs.isFull) return jobs;
      const removeRecords = (max: number): Promise<number> => engineRecords.removeEnded(endedBeforeMs, max);
      const records = await sweepRows(removeRecords, removedMax - jobs.removed, signal);
      return {...records, removed: jobs.removed + records.removed};
    }
    case 'audit':
      return sweepRows(async max => audit?.removeBefore(endedBeforeMs, max) ?? 0, removedMax, signal);
    case 'logs':
    case 'results':
      return sweepFiles(
        kind,
        endedBeforeMs,
        removedMax,
        {store, remains, ...(archiving !== undefined && {archiving})},
        signal,
      );
  }
}

async function sweepFiles(
  kind: RemainsKind,
  endedBeforeMs: number,
  removedMax: number,
  {store, remains, archiving}: SweepDependencies,
  signal: AbortSignal,
): Promise<Swept> {
  let removed = 0;
  let freedBytes = 0;
  const failures: string[] = [];
  const swept = (isFull: boolean): Swept => ({
    removed,
    freedBytes,
    failed: failures.length,
    ...(failures[0] === undefined ? {} : {firstFailure: failures[0]}),
    isFull,
  });
  for await (const found of remains.list(kind, endedBeforeMs)) {
    const taskIDs = found.map(({taskID}) => taskID);
    const {jobs} = await store.list({taskIDs}, {number: 1, size: taskIDs.length});
    for (const {path} of dueOf(found, jobs, endedBeforeMs)) {
      if (removed >= removedMax) return swept(true);
      if (signal.aborted) return swept(false);
      try {
        // One after the other: what is removed must not keep the disk from the jobs that run.
        // oxlint-disable-next-line no-await-in-loop
        if (archiving?.keepsFiles === true) await archiving.archive.keepFiles(kind, path);
        // oxlint-disable-next-line no-await-in-loop
        freedBytes += await remains.remove(kind, path);
        removed += 1;
      } catch (error) {
        failures.push(toFailure(error).message);
      }
    }
  }
  return swept(false);
}

/**
 * What of `found` may go: it belongs to a job that ended long enough ago, or to none (its row was removed), and then its
 * own age counts.
 */
export function dueOf(
  found: readonly Remains[],
  jobs: readonly StoredJob[],
  endedBeforeMs: number,
): readonly Remains[] {
  const rows = new Map(jobs.map(({row}) => [row.id, row]));
  return found.filter(({taskID, modifiedAtMs}) => {
    const row = rows.get(taskID);
    if (row === undefined) return modifiedAtMs < endedBeforeMs;
    return isTerminal(row.status) && row.updatedTime < endedBeforeMs;
  });
}

async function sweepRows(
  remove: (max: number) => Promise<number>,
  removedMax: number,
  signal: AbortSignal,
): Promise<Swept> {
  let removed = 0;
  while (removed < removedMax && !signal.aborted) {
    const asked = Math.min(rowsAtOnceMax, removedMax - removed);
    // Small transactions, so that submissions get in between.
    // oxlint-disable-next-line no-await-in-loop
    const count = await remove(asked);
    removed += count;
    if (count < asked) return {removed, freedBytes: 0, failed: 0, isFull: false};
  }
  return {removed, freedBytes: 0, failed: 0, isFull: removed >= removedMax};
}
