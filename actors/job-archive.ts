/**
 * Where retention puts what it removes, when it is told to keep it. What `keep…` has resolved for is on disk for good, so that
 * it may be removed afterwards; what was kept and not removed, since the node died in between, is kept once more.
 */
import type {ArchivedJob, JobHistoryStore} from './job-history.ts';
import type {RemainsKind} from './job-remains.ts';

export type JobArchive = {
  /** Into one new file. Rejects with `ArchiveError`. */
  readonly keepJobs: (jobs: readonly ArchivedJob[]) => Promise<void>;
  /** A log, or the directory of a job's results, compressed file by file. Rejects with `ArchiveError`. */
  readonly keepFiles: (kind: RemainsKind, path: string) => Promise<void>;
};

/** What a sweep needs to keep what it removes. */
export type Archiving = {
  readonly archive: JobArchive;
  readonly history: Pick<JobHistoryStore, 'due' | 'removeDue'>;
  /** Logs and results, too. */
  readonly keepsFiles: boolean;
};

/** Removes at most `removedMax` rows of ended jobs, each after it was kept; resolves to how many. */
export async function removeKept(
  {archive, history}: Archiving,
  endedBeforeMs: number,
  removedMax: number,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  while (removed < removedMax && !signal.aborted) {
    const jobs = await history.due(endedBeforeMs, removedMax - removed);
    if (jobs.length === 0) break;
    await archive.keepJobs(jobs);
    const count = await history.removeDue(
      endedBeforeMs,
      jobs.map(({row}) => row.id),
    );
    // Another node removed these, and will have kept them: it goes on with what is left.
    if (count === 0) break;
    removed += count;
  }
  return removed;
}
