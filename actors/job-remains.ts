/** What ended jobs leave in a node's data directory, as retention sees it. `persistence/files/` implements it. */

export type RemainsKind = 'logs' | 'results';

/** A job's log, or the directory of its results. */
export type Remains = {readonly taskID: number; readonly path: string; readonly modifiedAtMs: number};

/** Logs and results in this node's data directory, as retention sees them. */
export type JobRemains = {
  /**
   * All of jobs submitted before `createdBeforeMs`, and some of a day later; in batches of at most 100, the oldest days
   * first. What is removed meanwhile is left out.
   */
  readonly list: (kind: RemainsKind, createdBeforeMs: number) => AsyncIterable<readonly Remains[]>;
  /** Resolves to the bytes freed; 0 when there was nothing. Rejects as the file system does. */
  readonly remove: (kind: RemainsKind, path: string) => Promise<number>;
};
