/** A node's audit on a real database: what calls leave there, also while the database is away. */
import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {pino} from 'pino';
import {verifyAudit} from '../../actors/audit-chain.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {startAudit} from '../../node-audit.ts';
import {freshDatabaseAt} from '../persistence/database-fixture.ts';
import {startFacade} from '../support/facade-world.ts';

test('calls are rows of the database, with the node that took them, in one chain', async t => {
  const {database} = await freshDatabaseAt(t);
  const {audit, close, metrics} = startAudit({
    database,
    clock: systemClock,
    log: pino({enabled: false}),
    incarnation: 'life-1',
    instance: () => 'a:9104',
    submissions: true,
  });
  const facade = await startFacade(t, {}, systemClock, {audit, auditStore: database.audit, metrics});
  const alice = await facade.as('alice');
  const taskID = facade.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  await alice.get(`/api/entrance/${taskID}/kill`);
  await close();
  const root = await facade.as('root');
  const {body} = await root.get('/api/audit/list?action=kill');
  t.like((body.data['entries'] as object[])[0], {
    user: 'alice',
    node: 'a:9104',
    target: `job:${taskID}`,
    before: {status: 'Running'},
    after: {status: 'Cancelled', result: 'ended'},
  });
  t.like(await verifyAudit(database.audit), {type: 'intact', rows: 2});
  const page = await (await fetch(`${facade.url}/metrics`, {headers: {cookie: root.cookie}})).text();
  t.regex(page, /tenon_audit_written_total 2\n/);
  // The login of root came after the close.
  t.regex(page, /tenon_audit_lost_total 1\n/);
});

test('while the database is away answers do not wait, and the rows come when it is back', async t => {
  const {database, directory} = await freshDatabaseAt(t, {queryTimeoutMs: 400});
  const {audit, close} = startAudit({
    database,
    clock: systemClock,
    log: pino({enabled: false}),
    incarnation: 'life-1',
    instance: () => 'a:9104',
    submissions: true,
  });
  const facade = await startFacade(t, {}, systemClock, {audit, auditStore: database.audit});
  const alice = await facade.as('alice');
  const lock = new DatabaseSync(join(directory, 'tenon.db'), {timeout: 5000});
  t.teardown(() => lock.isOpen && lock.close());
  lock.exec('begin immediate');
  const begunMs = systemClock.monotonicMs();
  const kills = await Promise.all(
    Array.from({length: 20}, () => {
      const taskID = facade.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
      return alice.get(`/api/entrance/${taskID}/kill`);
    }),
  );
  t.true(kills.every(({body}) => body.status === 0));
  t.true(systemClock.monotonicMs() - begunMs < 2000);
  // Long enough for a write to be tried in vain.
  await new Promise<void>(resolve => {
    systemClock.after(1200, resolve);
  });
  // The login may have been written before.
  t.true((await database.audit.head()).lastId <= 1);
  lock.exec('commit');
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop
    const {lastId} = await database.audit.head();
    if (lastId === 21) break;
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>(resolve => {
      systemClock.after(50, resolve);
    });
  }
  await close();
  t.like(await verifyAudit(database.audit), {type: 'intact', rows: 21});
});
