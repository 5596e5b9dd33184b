import test from 'ava';
import type {AuditEntry} from '../../actors/audit.ts';
import {createAuditWriter, type AuditWriterLimits} from '../../actors/audit-writer.ts';
import {manualClock} from '../support/manual-clock.ts';
import {auditEntry, createMemoryAudit} from '../support/memory-audit.ts';

const limits: AuditWriterLimits = {entriesMax: 10, charsMax: 100_000, batchMax: 4, gatherMs: 200};

function writerWorld(more: Partial<AuditWriterLimits> = {}) {
  const store = createMemoryAudit();
  const clock = manualClock();
  const batches: number[] = [];
  const warned: string[] = [];
  let refusal: Error | undefined;
  const writer = createAuditWriter({
    store: {
      async append(entries) {
        batches.push(entries.length);
        if (refusal !== undefined) throw refusal;
        await store.append(entries);
      },
    },
    clock,
    node: () => 'a:9104',
    writerId: 'life-1',
    log: {warn: (_facts, text) => void warned.push(text)},
    limits: {...limits, ...more},
  });
  const {entryId: _id, node: _node, ...entry} = auditEntry('');
  return {
    store,
    clock,
    batches,
    warned,
    writer,
    add: (user = 'alice', facts: Partial<AuditEntry> = {}) => writer.append({...entry, ...facts, user}),
    refuseWith(error: Error | undefined) {
      refusal = error;
    },
    users: () => store.rows.map(({user}) => user),
  };
}

/** Lets what was begun without a timer go on. */
const settle = () =>
  new Promise<void>(resolve => {
    setImmediate(resolve);
  });

test('entries gather for a moment and are written together, with the node and an id of their own', async t => {
  const {add, clock, batches, store, users} = writerWorld();
  add('a');
  add('b');
  await settle();
  t.deepEqual(batches, []);
  clock.advance(200);
  await settle();
  t.deepEqual(batches, [2]);
  t.deepEqual(users(), ['a', 'b']);
  t.like(store.rows[1], {entryId: 'life-1-2', node: 'a:9104'});
});

test('a full batch does not wait, and what came meanwhile follows it', async t => {
  const {add, batches, users, clock} = writerWorld();
  for (let n = 0; n < 9; n += 1) add(`u${n}`);
  await settle();
  t.is(batches[0], 4);
  clock.advance(200);
  await settle();
  clock.advance(200);
  await settle();
  t.deepEqual(users(), ['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8']);
});

test('while the database is away entries wait, in order, and new ones are turned down when there is no room', async t => {
  const {add, store, clock, writer, users, warned} = writerWorld();
  store.isAway = true;
  for (let n = 0; n < 10; n += 1) t.true(add(`u${n}`));
  t.false(add('one too many'));
  await settle();
  clock.advance(60_000);
  await settle();
  t.deepEqual(writer.counts(), {waiting: 10, written: 0, lost: 1});
  t.deepEqual(warned, ['the audit can not be written now']);
  store.isAway = false;
  for (let n = 0; n < 4; n += 1) {
    clock.advance(10_000);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  t.deepEqual(users(), ['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8', 'u9']);
  t.deepEqual(writer.counts(), {waiting: 0, written: 10, lost: 1});
  t.is(warned[1], 'the audit is written again');
});

test('pauses grow while the database stays away', async t => {
  const {add, store, clock, batches} = writerWorld();
  store.isAway = true;
  add();
  for (let second = 0; second < 60; second += 1) {
    clock.advance(1000);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  t.true(batches.length >= 5 && batches.length <= 12, `${batches.length} tries`);
});

test('large entries fill the room before their number does', t => {
  const {add, writer} = writerWorld({charsMax: 1000});
  t.true(add('a', {details: 'x'.repeat(700)}));
  t.false(add('b', {details: 'x'.repeat(700)}));
  t.like(writer.counts(), {waiting: 1, lost: 1});
});

test('a batch that the database refuses for another reason does not hold up those behind it', async t => {
  const {add, clock, refuseWith, users, writer} = writerWorld();
  refuseWith(new Error('a fault'));
  for (let n = 0; n < 5; n += 1) add(`u${n}`);
  for (let n = 0; n < 8; n += 1) {
    if (n === 4) refuseWith(undefined);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
    clock.advance(1000);
  }
  await settle();
  t.deepEqual(users(), ['u4']);
  t.deepEqual(writer.counts(), {waiting: 0, written: 1, lost: 4});
});

test('closing writes what waits, and takes no more', async t => {
  const {add, writer, users} = writerWorld();
  for (let n = 0; n < 6; n += 1) add(`u${n}`);
  await writer.close();
  t.is(users().length, 6);
  t.false(add('late'));
  t.like(writer.counts(), {waiting: 0, written: 6});
});

test('closing does not wait for a database that is away, and says what it leaves', async t => {
  const {add, store, writer, warned} = writerWorld();
  store.isAway = true;
  add();
  await writer.close();
  t.deepEqual(writer.counts(), {waiting: 0, written: 0, lost: 1});
  t.true(warned.some(text => text.includes('were not written')));
});
