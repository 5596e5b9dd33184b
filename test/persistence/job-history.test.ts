import {join} from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {openBackend} from '../../persistence/backend.ts';
import {parseDatabaseUrl} from '../../persistence/database-url.ts';
import type {JobFilter} from '../../actors/ports.ts';
import {freshDatabaseAt, openFixture} from './database-fixture.ts';
import {
  firstDayMs,
  jobHistoryContract,
  keepUpAll,
  statementsOf,
  type OpenHistory,
} from './job-history.contract.ts';
import {insert} from './job-store-world.ts';

const open: OpenHistory = async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const target = parseDatabaseUrl('sqlite:tenon.db', directory);
  const {session} = await openBackend({target, leaseMs: 10_000, lockWaitMsMax: 10_000}, () => undefined);
  t.teardown(() => session.close());
  return {database, session};
};

jobHistoryContract('SQLite', open);

test('every page of a large history is read by its index', async t => {
  const {database, session} = await open(t);
  await database.jobs.commit(
    Array.from({length: 300}, (_, index) =>
      insert(
        {id: index + 1, createdTime: firstDayMs + index, submitUser: `u${index % 3}`, status: 'Succeed'},
        {tenant: `t${index % 2}`},
      ),
    ),
  );
  await keepUpAll(session);
  const plansOf = async (filter: JobFilter): Promise<string> => {
    const plans: string[] = [];
    for (const {sql, values} of await statementsOf(session, filter)) {
      const rows = await session.all(`explain query plan ${sql}`, values);
      plans.push(...rows.map(({detail}) => String(detail)));
    }
    return plans.filter(detail => / j( |$)/.test(detail)).join('; ');
  };
  const covering = 'USING COVERING INDEX';
  for (const [filter, expected] of [
    [{}, `SCAN j ${covering} idx_tenon_job_created`],
    [{submitUser: 'u1'}, `SEARCH j ${covering} idx_tenon_job_submit_user (submit_user=?)`],
    [{statuses: ['Succeed']}, `SEARCH j ${covering} idx_tenon_job_status (status=?)`],
    [{tenant: 't1'}, `SEARCH j ${covering} idx_tenon_job_facet (facet=?)`],
    [
      {submitUser: 'u1', statuses: ['Failed'], createdFromMs: firstDayMs + 5},
      `SEARCH j ${covering} idx_tenon_job_facet (facet=? AND status=? AND created_ms>?)`,
    ],
    [
      {tenant: 't1', createdFromMs: firstDayMs + 5, createdToMs: firstDayMs + 50},
      `SEARCH j ${covering} idx_tenon_job_facet (facet=? AND status=? AND created_ms>? AND created_ms<?)`,
    ],
    [
      {engineInstance: 'e'},
      'SEARCH j USING INDEX idx_tenon_job_engine (engine_instance>? AND engine_instance<?)',
    ],
    [{taskIDs: [1, 2]}, 'SEARCH j USING INTEGER PRIMARY KEY (rowid=?)'],
  ] as const) {
    const plans = await plansOf(filter);
    t.true(plans.includes(expected), `${JSON.stringify(filter)}: ${plans}`);
    t.notRegex(plans, /SCAN j( |$)(?!USING)/, JSON.stringify(filter));
  }
});

test('a database of the version before is brought up to date with its jobs in it', async t => {
  const {database, directory} = await freshDatabaseAt(t);
  const jobs = Array.from({length: 30}, (_, index) =>
    insert(
      {id: index + 1, createdTime: firstDayMs + index, status: index % 2 === 0 ? 'Succeed' : 'Running'},
      {tenant: `t${index % 3}`},
    ),
  );
  await database.jobs.commit(jobs);
  await database.close();
  const file = new DatabaseSync(join(directory, 'tenon.db'));
  for (const index of ['took', 'facet', 'engine']) file.exec(`drop index idx_tenon_job_${index}`);
  for (const column of ['facet', 'took_ms', 'queued_ms', 'launch_ms', 'waits']) {
    file.exec(`alter table tenon_job drop column ${column}`);
  }
  for (const table of ['facet', 'day', 'sealed_day']) file.exec(`drop table tenon_job_${table}`);
  file.exec('create index idx_tenon_job_open on tenon_job (is_open)');
  file.exec("delete from tenon_migration where name = '0004-job-facets'");
  file.close();

  const again = await openFixture(t, {dataDirectory: directory});
  const found = async (): Promise<readonly unknown[]> =>
    Promise.all(
      [{}, {tenant: 't1'}, {tenant: 't1', statuses: ['Running' as const]}, {orderBy: 'longest' as const}].map(
        async filter => {
          const page = await again.jobs.list(filter, {number: 1, size: 7});
          return [page.total, page.jobs.map(({row}) => row.id)];
        },
      ),
    );
  const before = await found();
  t.deepEqual(
    before.map(page => (page as readonly unknown[])[0]),
    [30, 10, 5, 30],
  );
  const target = parseDatabaseUrl('sqlite:tenon.db', directory);
  const {session} = await openBackend({target, leaseMs: 10_000, lockWaitMsMax: 10_000}, () => undefined);
  t.teardown(() => session.close());
  await keepUpAll(session);
  t.deepEqual(await found(), before);
  t.is((await again.jobs.unfinished(0, 100)).length, 15);
});
