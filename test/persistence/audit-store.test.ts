import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {verifyAudit} from '../../actors/audit-chain.ts';
import {auditEntry, createMemoryAudit} from '../support/memory-audit.ts';
import {auditStoreContract} from './audit-store.contract.ts';
import {freshDatabase, freshDatabaseAt} from './database-fixture.ts';

auditStoreContract('memory', async () => createMemoryAudit());

auditStoreContract('SQLite', async t => (await freshDatabase(t)).audit);

for (const [how, sql, found] of [
  [
    'edited',
    "update tenon_audit set user_name = 'carol' where id = 5",
    {id: 5, why: /not as it was written/},
  ],
  ['edited in its time', 'update tenon_audit set at_ms = at_ms + 1 where id = 1', {id: 1, why: /not as it/}],
  ['removed', 'delete from tenon_audit where id = 4', {id: 4, why: /row 4 is missing/}],
  ['removed at the beginning', 'delete from tenon_audit where id <= 2', {id: 1, why: /row 1 is missing/}],
  ['cut off at the end', 'delete from tenon_audit where id > 8', {id: 9, why: /row 9 is missing/}],
  [
    'cut off at the end together with the head’s number',
    'delete from tenon_audit where id > 8; update tenon_audit_head set last_id = 8',
    {id: 8, why: /the end of the record does not fit/},
  ],
  [
    'put in the place of another',
    'update tenon_audit set id = 99 where id = 2; update tenon_audit set id = 2 where id = 3; update tenon_audit set id = 3 where id = 99',
    {id: 2, why: /not as it was written/},
  ],
] as const) {
  test(`a row that somebody ${how} is noticed`, async t => {
    const {database, directory} = await freshDatabaseAt(t);
    const {audit} = database;
    await audit.append(Array.from({length: 10}, (_, n) => auditEntry(`w-${n}`)));
    t.like(await verifyAudit(audit), {type: 'intact', rows: 10});
    const file = new DatabaseSync(join(directory, 'tenon.db'));
    file.exec(sql);
    file.close();
    const verdict = await verifyAudit(audit);
    t.is(verdict.type, 'broken');
    if (verdict.type !== 'broken') return;
    t.is(verdict.id, found.id);
    t.regex(verdict.why, found.why);
  });
}

test('a record that was written anew as a whole is noticed by what was remembered of it', async t => {
  const [before, after] = [createMemoryAudit(), createMemoryAudit()];
  await before.append(Array.from({length: 5}, (_, n) => auditEntry(`w-${n}`)));
  const {lastId, lastChain} = await before.head();
  await after.append(
    Array.from({length: 7}, (_, n) => auditEntry(`w-${n}`, {user: n === 2 ? 'carol' : 'alice'})),
  );
  t.like(await verifyAudit(after), {type: 'intact'});
  t.like(await verifyAudit(after, {id: lastId, chain: lastChain}), {type: 'broken', id: 5});
  const shorter = createMemoryAudit();
  await shorter.append([auditEntry('w-0')]);
  t.like(await verifyAudit(shorter, {id: lastId, chain: lastChain}), {type: 'broken', id: 5});
});

test('what is too long for its column is cut, not refused, and fits its hash', async t => {
  const {audit} = await freshDatabase(t);
  await audit.append([
    auditEntry('w-1', {target: 'x'.repeat(300), user: 'ü'.repeat(200), details: '你'.repeat(30_000)}),
  ]);
  const [row] = await audit.readAfter(0, 1);
  t.is(row?.target.length, 255);
  t.is(row?.user.length, 128);
  t.true(Buffer.byteLength(row?.details ?? '') <= 65_535);
  t.like(await verifyAudit(audit), {type: 'intact', rows: 1});
});

test('nothing that the store offers changes or removes a row out of order', async t => {
  const {audit} = await freshDatabase(t);
  t.deepEqual(Object.keys(audit).toSorted(), ['append', 'head', 'list', 'readAfter', 'removeBefore']);
});
