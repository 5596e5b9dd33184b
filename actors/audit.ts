/**
 * The record of who changed what, as a port that `persistence/` implements over `tenon_audit`. Rows are added and never
 * changed; only retention takes them away, oldest first. Each row carries a hash over itself and the row before it, so that
 * one which was edited, put in between or taken out is noticed (`audit-chain.ts`).
 */
export type AuditOutcome = 'done' | 'refused' | 'failed';

export type AuditEntry = {
  /** Unique for ever: an append that is repeated because its answer got lost stores nothing twice. */
  readonly entryId: string;
  /** Epoch milliseconds, by the clock of the node. */
  readonly at: number;
  /** Who did it; `os:NAME` is an account of the operating system, which worked on the database itself. */
  readonly user: string;
  readonly action: string;
  /** On what: `job:7`, `engine:…`, `host:port`, a path; empty for nothing in particular. */
  readonly target: string;
  readonly outcome: AuditOutcome;
  readonly address: string;
  readonly requestId: string;
  /** `host:port` of the node that took the call. */
  readonly node: string;
  /** JSON texts without secrets; empty when there is nothing to say. */
  readonly before: string;
  readonly after: string;
  readonly details: string;
};

export type StoredAudit = AuditEntry & {
  /** Counted from 1 without gaps, in the order of the rows. */
  readonly id: number;
  /** Hash of this row and of the chain so far, hexadecimal. */
  readonly chain: string;
};

export type AuditFilter = {
  readonly user?: string;
  readonly action?: string;
  readonly target?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
};

export type AuditPage = {
  /** Newest first. */
  readonly entries: readonly StoredAudit[];
  /** Exact up to a limit, then that limit. */
  readonly total: number;
  readonly totalIsCapped: boolean;
};

/** Where the chain begins and ends. What retention removed is known by its last id and hash. */
export type AuditHead = {
  /** 0: nothing was ever recorded. */
  readonly lastId: number;
  readonly lastChain: string;
  /** 0: nothing was ever removed. */
  readonly removedThrough: number;
  readonly removedChain: string;
};

/** All reject with `DatabaseAwayError`. There is deliberately nothing that changes a row. */
export type AuditStore = {
  /** Adds the entries in their order, all or none; those whose `entryId` is there already are left out. */
  readonly append: (entries: readonly AuditEntry[]) => Promise<void>;
  readonly list: (
    filter: AuditFilter,
    page: {readonly number: number; readonly size: number},
  ) => Promise<AuditPage>;
  readonly head: () => Promise<AuditHead>;
  /** At most `max` rows with a greater id, in order. */
  readonly readAfter: (id: number, max: number) => Promise<readonly StoredAudit[]>;
  /**
   * Removes at most `max` rows older than that, the oldest first and none behind a younger one, and moves the chain's
   * beginning. Returns their number.
   */
  readonly removeBefore: (beforeMs: number, max: number) => Promise<number>;
};

/** Takes an entry without making its caller wait. */
export type AuditTrail = {
  /** False: it can't be kept (the database has been away for too long); a line of the log is all there will be. */
  readonly append: (entry: Omit<AuditEntry, 'entryId' | 'node'>) => boolean;
};
