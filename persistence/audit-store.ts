/**
 * The audit over SQL. Rows are added under the lock of `tenon_audit_head`'s one row, so that writers of several nodes make
 * one chain. No statement here updates or replaces a row of `tenon_audit`; the one that deletes takes the oldest, and leaves
 * the hash of the last one it took in the head.
 */
import {chainOf} from '../actors/audit-chain.ts';
import type {
  AuditEntry,
  AuditFilter,
  AuditHead,
  AuditOutcome,
  AuditStore,
  StoredAudit,
} from '../actors/audit.ts';
import {cutToBytes, cutToCharacters} from './column-limits.ts';
import {integerOf, textOf} from './sql-row.ts';
import {
  placeholders,
  type SqlRow,
  type SqlSession,
  type SqlStatements,
  type SqlValue,
} from './sql-session.ts';

const table = 'tenon_audit';
const headTable = 'tenon_audit_head';
const columns = `id, entry_id, at_ms, user_name, action, target, outcome, address, request_id, node, before_text, after_text,
  details, chain`;
const columnCount = 14;
/** Small enough for a statement of a server, large enough to be quick. */
const rowsPerInsert = 50;
const pageSizeMax = 1_000;
const totalMax = 10_000;
const textBytesMax = 65_535;

export function auditStore(session: SqlSession): AuditStore {
  const {words} = session;

  async function readHead(from: Pick<SqlStatements, 'all'>, lock = ''): Promise<AuditHead> {
    const [row = {}] = await from.all(
      `select last_id, last_chain, removed_id, removed_chain from ${headTable} where name = 'audit'${lock}`,
    );
    return {
      lastId: integerOf(row, 'last_id'),
      lastChain: textOf(row, 'last_chain'),
      removedThrough: integerOf(row, 'removed_id'),
      removedChain: textOf(row, 'removed_chain'),
    };
  }

  async function fresh(
    inside: SqlStatements,
    entries: readonly AuditEntry[],
  ): Promise<readonly AuditEntry[]> {
    const ids = entries.map(({entryId}) => entryId);
    const rows = await inside.all(
      `select entry_id from ${table} where entry_id in (${placeholders(ids.length)})`,
      ids,
    );
    const known = new Set(rows.map(row => textOf(row, 'entry_id')));
    return entries.filter(({entryId}) => !known.has(entryId));
  }

  return {
    append: given =>
      session.transaction(async inside => {
        const head = await readHead(inside, words.forUpdate);
        const entries = await fresh(inside, given.map(fitted));
        if (entries.length === 0) return;
        let {lastId: id, lastChain: chain} = head;
        const rows = entries.map(entry => {
          id += 1;
          chain = chainOf(chain, id, entry);
          return valuesOf({...entry, id, chain});
        });
        for (let n = 0; n < rows.length; n += rowsPerInsert) {
          const some = rows.slice(n, n + rowsPerInsert);
          const tuple = `(${placeholders(columnCount)})`;
          await inside.run(
            `insert into ${table} (${columns}) values ${some.map(() => tuple).join(', ')}`,
            some.flat(),
          );
        }
        await inside.run(`update ${headTable} set last_id = ?, last_chain = ? where name = 'audit'`, [
          id,
          chain,
        ]);
      }),

    async list(filter, {number, size}) {
      const {sql, values} = conditionsOf(filter);
      const limit = Math.min(Math.max(1, size), pageSizeMax);
      const rows = await session.all(
        `select ${columns} from ${table} where ${sql} order by id desc limit ? offset ?`,
        [...values, limit, (Math.max(1, number) - 1) * limit],
      );
      const [counted = {}] = await session.all(
        `select count(*) as total from (select 1 from ${table} where ${sql} limit ${totalMax + 1}) capped`,
        values,
      );
      const total = integerOf(counted, 'total');
      return {
        entries: rows.map(readEntry),
        total: Math.min(total, totalMax),
        totalIsCapped: total > totalMax,
      };
    },

    head: () => readHead(session),

    async readAfter(id, max) {
      const rows = await session.all(`select ${columns} from ${table} where id > ? order by id limit ?`, [
        id,
        Math.min(Math.max(1, max), pageSizeMax),
      ]);
      return rows.map(readEntry);
    },

    removeBefore: (beforeMs, max) =>
      session.transaction(async inside => {
        const {removedThrough} = await readHead(inside, words.forUpdate);
        const rows = await inside.all(
          `select id, at_ms, chain from ${table} where id > ? order by id limit ?`,
          [removedThrough, Math.min(Math.max(1, max), pageSizeMax)],
        );
        // Clocks of nodes differ a little, so times are not quite in order; ids are.
        const young = rows.findIndex(row => integerOf(row, 'at_ms') >= beforeMs);
        const due = young < 0 ? rows : rows.slice(0, young);
        const last = due.at(-1);
        if (last === undefined) return 0;
        const id = integerOf(last, 'id');
        await inside.run(`delete from ${table} where id <= ?`, [id]);
        await inside.run(`update ${headTable} set removed_id = ?, removed_chain = ? where name = 'audit'`, [
          id,
          textOf(last, 'chain'),
        ]);
        return due.length;
      }),
  };
}

function conditionsOf({user, action, target, fromMs, toMs}: AuditFilter): {
  readonly sql: string;
  readonly values: readonly SqlValue[];
} {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  const add = (sql: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    parts.push(sql);
    values.push(value);
  };
  add('user_name = ?', user);
  add('action = ?', action);
  add('target = ?', target);
  add('at_ms >= ?', fromMs);
  add('at_ms <= ?', toMs);
  return {sql: parts.length === 0 ? '1 = 1' : parts.join(' and '), values};
}

/** As the columns take it: nothing is refused for being long, since what happened must be told. */
function fitted(entry: AuditEntry): AuditEntry {
  const {entryId, at, user, action, target, outcome, address, requestId, node} = entry;
  return {
    entryId: cutToCharacters(entryId, 64),
    at: Math.round(at),
    user: cutToCharacters(user, 128),
    action: cutToCharacters(action, 64),
    target: cutToCharacters(target, 255),
    outcome,
    address: cutToCharacters(address, 64),
    requestId: cutToCharacters(requestId, 64),
    node: cutToCharacters(node, 128),
    before: cutToBytes(entry.before, textBytesMax),
    after: cutToBytes(entry.after, textBytesMax),
    details: cutToBytes(entry.details, textBytesMax),
  };
}

function valuesOf(row: StoredAudit): readonly SqlValue[] {
  const {id, entryId, at, user, action, target, outcome, address, requestId, node} = row;
  const {before, after, details, chain} = row;
  return [
    id,
    entryId,
    at,
    user,
    action,
    target,
    outcome,
    address,
    requestId,
    node,
    before,
    after,
    details,
    chain,
  ];
}

const readEntry = (row: SqlRow): StoredAudit => ({
  id: integerOf(row, 'id'),
  entryId: textOf(row, 'entry_id'),
  at: integerOf(row, 'at_ms'),
  user: textOf(row, 'user_name'),
  action: textOf(row, 'action'),
  target: textOf(row, 'target'),
  outcome: readOutcome(textOf(row, 'outcome')),
  address: textOf(row, 'address'),
  requestId: textOf(row, 'request_id'),
  node: textOf(row, 'node'),
  before: textOf(row, 'before_text'),
  after: textOf(row, 'after_text'),
  details: textOf(row, 'details'),
  chain: textOf(row, 'chain'),
});

/** Another word was put there by somebody else. As `failed` it does not fit the row's hash, which is what it should do. */
const readOutcome = (text: string): AuditOutcome => (text === 'done' || text === 'refused' ? text : 'failed');
