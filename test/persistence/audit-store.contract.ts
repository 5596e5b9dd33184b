/** What every `AuditStore` must do. */
import test, {type ExecutionContext} from 'ava';
import {verifyAudit} from '../../actors/audit-chain.ts';
import type {AuditFilter, AuditStore} from '../../actors/audit.ts';
import {auditEntry} from '../support/memory-audit.ts';

export type OpenAudit = (t: ExecutionContext) => Promise<AuditStore>;

const second = 1000;
const begin = 1_700_000_000_000;

export function auditStoreContract(title: string, open: OpenAudit, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (what: string, run: (t: ExecutionContext, audit: AuditStore) => Promise<void>): void =>
    register(`${title}: ${what}`, async t => run(t, await open(t)));

  it('entries come back as they were given, newest first, and counted from 1', async (t, audit) => {
    const [one, two] = [
      auditEntry('w-1'),
      auditEntry('w-2', {user: 'bob', details: '{"x":"ü 你好 \\"q\\""}'}),
    ];
    await audit.append([one]);
    await audit.append([two]);
    const {entries, total} = await audit.list({}, {number: 1, size: 10});
    t.is(total, 2);
    t.like(entries[0], {...two, id: 2});
    t.like(entries[1], {...one, id: 1});
    t.deepEqual(await audit.readAfter(1, 10), [entries[0]]);
  });

  it('an append that is repeated stores nothing twice', async (t, audit) => {
    await audit.append([auditEntry('w-1'), auditEntry('w-2')]);
    await audit.append([auditEntry('w-1'), auditEntry('w-2'), auditEntry('w-3')]);
    const rows = await audit.readAfter(0, 10);
    t.deepEqual(
      rows.map(({id, entryId}) => [id, entryId]),
      [
        [1, 'w-1'],
        [2, 'w-2'],
        [3, 'w-3'],
      ],
    );
  });

  it('what is asked for is found, page by page', async (t, audit) => {
    const entries = Array.from({length: 7}, (_, n) =>
      auditEntry(`w-${n + 1}`, {
        at: begin + n * second,
        user: n % 2 === 0 ? 'alice' : 'bob',
        action: n < 3 ? 'kill' : 'drain',
        target: `job:${n}`,
      }),
    );
    await audit.append(entries);
    const ids = async (filter: AuditFilter, number = 1, size = 10): Promise<number[]> =>
      (await audit.list(filter, {number, size})).entries.map(({id}) => id);
    t.deepEqual(await ids({user: 'bob'}), [6, 4, 2]);
    t.deepEqual(await ids({user: 'bob', action: 'drain'}), [6, 4]);
    t.deepEqual(await ids({target: 'job:3'}), [4]);
    t.deepEqual(await ids({fromMs: begin + second, toMs: begin + 2 * second}), [3, 2]);
    t.deepEqual(await ids({}, 2, 3), [4, 3, 2]);
    t.deepEqual(await ids({user: 'BOB'}), []);
    t.deepEqual(await ids({user: 'nobody'}), []);
    t.is((await audit.list({action: 'drain'}, {number: 1, size: 2})).total, 4);
  });

  it('the chain holds over batches, writers and what retention removed', async (t, audit) => {
    t.deepEqual(await verifyAudit(audit), {
      type: 'intact',
      rows: 0,
      removed: 0,
      last: {id: 0, chain: ''},
    });
    const many = Array.from({length: 120}, (_, n) => auditEntry(`w-${n}`, {at: begin + n * second}));
    await audit.append(many);
    // From two nodes at once.
    await Promise.all(
      Array.from({length: 6}, (_, n) =>
        audit.append([auditEntry(`x-${n}`, {at: begin + 200 * second, node: `n${n % 2}`})]),
      ),
    );
    t.like(await verifyAudit(audit), {type: 'intact', rows: 126, removed: 0});
    const head = await audit.head();
    t.is(head.lastId, 126);
    t.is(await audit.removeBefore(begin + 100 * second, 60), 60);
    t.is(await audit.removeBefore(begin + 100 * second, 60), 40);
    t.is(await audit.removeBefore(begin + 100 * second, 60), 0);
    t.like(await verifyAudit(audit), {type: 'intact', rows: 26, removed: 100, last: {id: 126}});
    await audit.append([auditEntry('y-1')]);
    t.like(await verifyAudit(audit, {id: 126, chain: head.lastChain}), {type: 'intact', rows: 27});
  });

  it('a younger row keeps those behind it, so that the order has no holes', async (t, audit) => {
    await audit.append([
      auditEntry('w-1', {at: begin}),
      auditEntry('w-2', {at: begin + 10 * second}),
      auditEntry('w-3', {at: begin + second}),
    ]);
    t.is(await audit.removeBefore(begin + 5 * second, 10), 1);
    t.deepEqual(
      (await audit.readAfter(0, 10)).map(({id}) => id),
      [2, 3],
    );
  });
}
