/** `AuditStore` in memory: the port's rules written down a second time, and a switch that takes it away. */
import {chainOf} from '../../actors/audit-chain.ts';
import type {AuditEntry, AuditStore, StoredAudit} from '../../actors/audit.ts';
import {DatabaseAwayError} from '../../actors/ports.ts';

export type MemoryAudit = AuditStore & {
  isAway: boolean;
  readonly rows: StoredAudit[];
};

export function createMemoryAudit(): MemoryAudit {
  let removed = {id: 0, chain: ''};
  let last = {id: 0, chain: ''};

  async function orAway<Answer>(answer: () => Answer): Promise<Answer> {
    if (store.isAway) throw new DatabaseAwayError('the memory is away');
    return answer();
  }

  const store: MemoryAudit = {
    isAway: false,
    rows: [],
    append: entries =>
      orAway(() => {
        for (const entry of entries) {
          if (store.rows.some(({entryId}) => entryId === entry.entryId)) continue;
          const id = last.id + 1;
          last = {id, chain: chainOf(last.chain, id, entry)};
          store.rows.push({...entry, ...last});
        }
      }),
    list: ({user, action, target, fromMs = 0, toMs = Infinity}, {number, size}) =>
      orAway(() => {
        const is = (wanted: string | undefined, value: string): boolean =>
          wanted === undefined || wanted === value;
        const found = store.rows
          .filter(row => is(user, row.user) && is(action, row.action) && is(target, row.target))
          .filter(({at}) => at >= fromMs && at <= toMs)
          .toReversed();
        const entries = found.slice((number - 1) * size, number * size);
        return {entries, total: found.length, totalIsCapped: false};
      }),
    head: () =>
      orAway(() => ({
        lastId: last.id,
        lastChain: last.chain,
        removedThrough: removed.id,
        removedChain: removed.chain,
      })),
    readAfter: (id, max) => orAway(() => store.rows.filter(row => row.id > id).slice(0, max)),
    removeBefore: (beforeMs, max) =>
      orAway(() => {
        const young = store.rows.findIndex(({at}) => at >= beforeMs);
        const due = Math.min(max, young < 0 ? store.rows.length : young);
        const gone = store.rows.splice(0, due).at(-1);
        if (gone !== undefined) removed = {id: gone.id, chain: gone.chain};
        return due;
      }),
  };
  return store;
}

/** An entry with something in every field. */
export const auditEntry = (entryId: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  entryId,
  at: 1_700_000_000_000,
  user: 'alice',
  action: 'kill',
  target: 'job:7',
  outcome: 'done',
  address: '192.0.2.1',
  requestId: 'r1',
  node: 'a:9104',
  before: '{"status":"Running"}',
  after: '{"status":"Cancelled"}',
  details: '{"owner":"bob"}',
  ...more,
});
