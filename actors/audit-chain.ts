/**
 * The chain of hashes over `tenon_audit`, and the walk that checks it. It shows changes made beside the product: an edited
 * row no longer fits its hash, a missing one leaves a gap, and what was cut from the end is missed by the head. Whoever can
 * write the database can also rewrite the whole chain; against that, keep a former `id:hash` elsewhere and have it checked.
 */
import {createHash} from 'node:crypto';
import type {AuditEntry, AuditStore, StoredAudit} from './audit.ts';

/** Hash of a row that follows one with the hash `before` (empty for the first row ever). */
export function chainOf(before: string, id: number, entry: AuditEntry): string {
  const {entryId, at, user, action, target, outcome, address, requestId, node} = entry;
  const values = [before, id, entryId, at, user, action, target, outcome, address, requestId, node];
  return createHash('sha256')
    .update(JSON.stringify([...values, entry.before, entry.after, entry.details]))
    .digest('hex');
}

/** A row as it was at some time, remembered outside the database. */
export type AuditAnchor = {readonly id: number; readonly chain: string};

export type AuditVerdict =
  | {
      readonly type: 'intact';
      readonly rows: number;
      /** Rows that retention has removed before these. */
      readonly removed: number;
      /** The newest row: what to remember as an anchor. Id 0: there is none. */
      readonly last: AuditAnchor;
    }
  | {readonly type: 'broken'; readonly id: number; readonly why: string};

const rowsAtOnce = 500;

/** Reads the whole chain. Rows that are added meanwhile are not looked at. Rejects with `DatabaseAwayError`. */
export async function verifyAudit(
  store: Pick<AuditStore, 'head' | 'readAfter'>,
  anchor?: AuditAnchor,
): Promise<AuditVerdict> {
  const head = await store.head();
  if (anchor !== undefined && anchor.id > head.lastId) {
    return broken(anchor.id, `row ${anchor.id} was remembered, and the record ends at row ${head.lastId}`);
  }
  let id = head.removedThrough;
  let chain = head.removedChain;
  let rows = 0;
  while (id < head.lastId) {
    // One page after the other: each begins where the one before it ended.
    // oxlint-disable-next-line no-await-in-loop
    const page = await store.readAfter(id, Math.min(rowsAtOnce, head.lastId - id));
    if (page.length === 0) return await missing(id + 1, store);
    for (const row of page) {
      // oxlint-disable-next-line no-await-in-loop
      if (row.id !== id + 1) return await missing(id + 1, store);
      const fault = faultOf(row, chain, anchor);
      if (fault !== undefined) return broken(row.id, fault);
      ({id, chain} = row);
      rows += 1;
    }
  }
  if (chain !== head.lastChain) return broken(id, `the end of the record does not fit row ${id}`);
  return {type: 'intact', rows, removed: head.removedThrough, last: {id, chain}};
}

function faultOf(row: StoredAudit, before: string, anchor: AuditAnchor | undefined): string | undefined {
  if (chainOf(before, row.id, row) !== row.chain) return `row ${row.id} is not as it was written`;
  if (row.id === anchor?.id && row.chain !== anchor.chain) {
    return `row ${row.id} has another hash than the one remembered: the record was written anew`;
  }
  return undefined;
}

/** Retention may have gone on while we read; then the rest was not looked at, and a second walk will tell. */
async function missing(id: number, store: Pick<AuditStore, 'head'>): Promise<AuditVerdict> {
  const {removedThrough} = await store.head();
  const why =
    removedThrough >= id
      ? `row ${id} was removed by retention while the record was read; check again`
      : `row ${id} is missing, and retention has not removed it`;
  return broken(id, why);
}

const broken = (id: number, why: string): AuditVerdict => ({type: 'broken', id, why});
