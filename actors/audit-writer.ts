/**
 * Brings entries of the audit into the database behind the back of whoever makes them: they wait in memory, bounded in
 * number and size, and are written in batches. While the database is away they stay; when there is no more room, new ones
 * are turned down, which their maker learns at once.
 *
 *   append ──▶ waiting ── a moment later, or a full batch ──▶ writing ──▶ waiting | empty
 *                ▲                                               │
 *                └──────────── pause, which grows ◀── away ──────┘
 */
import type {AuditEntry, AuditStore, AuditTrail} from './audit.ts';
import {DatabaseAwayError} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

export type AuditWriterLimits = {
  readonly entriesMax: number;
  /** Characters of all texts that wait. */
  readonly charsMax: number;
  readonly batchMax: number;
  /** How long an entry may wait for others to join it. */
  readonly gatherMs: number;
};

export const auditWriterLimits: AuditWriterLimits = {
  entriesMax: 20_000,
  charsMax: 16 * 1024 * 1024,
  batchMax: 500,
  gatherMs: 200,
};

const pauseMs = {first: 500, max: 10_000};
/** Refused for another reason than an absent database, a batch is tried so often, and then given up. */
const attemptsMax = 3;

export type AuditCounts = {
  readonly waiting: number;
  readonly written: number;
  /** Turned down, or given up: only the log has them. */
  readonly lost: number;
};

export type AuditWriter = AuditTrail & {
  readonly counts: () => AuditCounts;
  /** Writes what waits, as far as the database takes it, and takes no more. Never rejects. */
  readonly close: () => Promise<void>;
};

export type AuditWriterDependencies = {
  readonly store: Pick<AuditStore, 'append'>;
  readonly clock: Clock;
  /** `host:port`; known only when the node listens, so it is asked when an entry is made. */
  readonly node: () => string;
  /** Unlike that of any other writer, ever: the node's incarnation. */
  readonly writerId: string;
  readonly log: {readonly warn: (facts: object, text: string) => void};
  readonly limits?: AuditWriterLimits;
};

export function createAuditWriter({
  store,
  clock,
  node,
  writerId,
  log,
  limits = auditWriterLimits,
}: AuditWriterDependencies): AuditWriter {
  const waiting: AuditEntry[] = [];
  let chars = 0;
  let made = 0;
  let written = 0;
  let lost = 0;
  let failures = 0;
  let cancelTimer: (() => void) | undefined;
  let writing: Promise<boolean> | undefined;
  let isClosed = false;

  function writeIn(delayMs: number): void {
    cancelTimer?.();
    cancelTimer = clock.after(delayMs, () => void write());
  }

  /** Resolves to whether it may go on at once. */
  function write(): Promise<boolean> {
    cancelTimer?.();
    cancelTimer = undefined;
    writing ??= writeBatch().finally(() => {
      writing = undefined;
      if (waiting.length === 0 || isClosed) return;
      const isFull = waiting.length >= limits.batchMax;
      writeIn(failures > 0 ? pauseAfter(failures) : isFull ? 0 : limits.gatherMs);
    });
    return writing;
  }

  async function writeBatch(): Promise<boolean> {
    const batch = waiting.slice(0, limits.batchMax);
    if (batch.length === 0) return false;
    try {
      await store.append(batch);
    } catch (error) {
      return failed(batch, error);
    }
    if (failures > 0) log.warn({entries: waiting.length}, 'the audit is written again');
    failures = 0;
    written += batch.length;
    take(batch);
    return true;
  }

  function failed(batch: readonly AuditEntry[], error: unknown): boolean {
    failures += 1;
    const why = error instanceof Error ? error.message : String(error);
    if (failures === 1) log.warn({error: why, entries: waiting.length}, 'the audit can not be written now');
    if (error instanceof DatabaseAwayError || failures < attemptsMax) return false;
    log.warn({error: why, entries: batch.length}, 'entries of the audit are given up; the log has them');
    lost += batch.length;
    failures = 0;
    take(batch);
    return true;
  }

  function take(batch: readonly AuditEntry[]): void {
    waiting.splice(0, batch.length);
    chars -= batch.reduce((sum, entry) => sum + sizeOf(entry), 0);
  }

  return {
    append(given) {
      const entry: AuditEntry = {...given, entryId: `${writerId}-${(made += 1)}`, node: node()};
      const size = sizeOf(entry);
      if (isClosed || waiting.length >= limits.entriesMax || chars + size > limits.charsMax) {
        lost += 1;
        return false;
      }
      waiting.push(entry);
      chars += size;
      if (writing !== undefined || failures > 0) return true;
      if (waiting.length >= limits.batchMax) void write();
      else if (waiting.length === 1) writeIn(limits.gatherMs);
      return true;
    },
    counts: () => ({waiting: waiting.length, written, lost}),
    async close() {
      isClosed = true;
      // A batch that was refused is not asked for again: the database is being closed, too.
      // oxlint-disable-next-line no-await-in-loop
      while (waiting.length > 0 && (await write()));
      cancelTimer?.();
      lost += waiting.length;
      if (waiting.length > 0) {
        log.warn({entries: waiting.length}, 'entries of the audit were not written; the log has them');
      }
      take([...waiting]);
    },
  };
}

const pauseAfter = (failures: number): number =>
  Math.min(pauseMs.max, pauseMs.first * 2 ** Math.min(failures - 1, 10));

function sizeOf(entry: AuditEntry): number {
  const {entryId, user, action, target, address, requestId, node, before, after, details} = entry;
  const texts = [entryId, user, action, target, address, requestId, node, before, after, details];
  return texts.reduce((sum, text) => sum + text.length, 0);
}
