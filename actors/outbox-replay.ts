/** What an earlier process could not record, at the start of the next one. */
import type {NodeLog} from './governance-node.ts';
import type {Outbox} from './outbox.ts';
import type {JobStore} from './ports.ts';
import {untilAnswered} from './recovery.ts';
import type {Clock} from './runtime/clock.ts';

/** A row that has another owner by now refuses it. */
export async function replayOutbox(
  outbox: Outbox,
  store: JobStore,
  clock: Clock,
  log: NodeLog,
): Promise<void> {
  const updates = await outbox.pending();
  if (updates.length === 0) return;
  for (let at = 0; at < updates.length; at += 500) {
    await untilAnswered(clock, () => store.commit(updates.slice(at, at + 500)));
  }
  await outbox.clear();
  log.info({updates: updates.length}, 'outbox of the earlier process replayed');
}
