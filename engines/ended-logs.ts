/** What engines said last, for a while after their directories are gone. */
import type {Clock} from '../actors/runtime/clock.ts';
import {readHostLogTail} from './engine-log-file.ts';

export type EndedLog = {readonly directory: string; readonly text: Buffer};

export type EndedLogs = {
  /** Reads what there is now. Never rejects. */
  readonly keep: (engineId: string, directory: string) => Promise<void>;
  readonly read: (engineId: string) => EndedLog | undefined;
};

const keptMs = 600_000;
const keptMax = 200;

export function createEndedLogs(clock: Clock): EndedLogs {
  const kept = new Map<string, EndedLog & {readonly untilMs: number}>();
  return {
    async keep(engineId, directory) {
      const tail = await readHostLogTail(engineId, directory).catch(() => Buffer.alloc(0));
      const nowMs = clock.monotonicMs();
      // A copy: what was read may be a small part of a large buffer.
      kept.set(engineId, {directory, text: Buffer.from(tail), untilMs: nowMs + keptMs});
      // Oldest first.
      for (const [id, {untilMs}] of kept) if (untilMs < nowMs || kept.size > keptMax) kept.delete(id);
    },
    read(engineId) {
      const log = kept.get(engineId);
      return log === undefined || log.untilMs < clock.monotonicMs() ? undefined : log;
    },
  };
}
