/**
 * What must be recorded while the database is away waits here, on local disk and in order, until it is replayed (G8).
 * Each entry carries its owner, epoch and allowed predecessors, so a replay after a take-over is refused like any late
 * write. Implemented by `persistence/outbox-file.ts`.
 */
import type {JobUpdate} from './ports.ts';

export type Outbox = {
  /** Resolves when the updates are on disk, also after power loss. Rejects with `OutboxFullError` at its bound. */
  readonly append: (updates: readonly JobUpdate[]) => Promise<void>;
  /** What an earlier process left behind, oldest first. */
  readonly pending: () => Promise<readonly JobUpdate[]>;
  /** All appended updates are in the database. */
  readonly clear: () => Promise<void>;
};

export class OutboxFullError extends Error {
  override readonly name = 'OutboxFullError';

  constructor(bytes: number, bytesMax: number) {
    super(
      `The outbox holds ${bytes} bytes, its limit is ${bytesMax}. Bring the database back, or raise outboxBytesMax.`,
    );
  }
}
