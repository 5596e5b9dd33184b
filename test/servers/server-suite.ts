/** What must hold on each real server; run by `mariadb.test.ts` and `mysql.test.ts`. */
import {readFile} from 'node:fs/promises';
import {MikroORM} from '@mikro-orm/core';
import {MySqlDriver} from '@mikro-orm/mysql';
import test, {type ExecutionContext} from 'ava';
import {DatabaseAwayError, type JobUpdate, type JobWrite} from '../../actors/ports.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {openDatabase, type Database} from '../../persistence/database.ts';
import type {SqlSession} from '../../persistence/sql-session.ts';
import {allEntities, seedEntities} from '../../persistence/entities/all-entities.ts';
import {accountStoreContract} from '../persistence/account-store.contract.ts';
import {auditStoreContract} from '../persistence/audit-store.contract.ts';
import {engineRecordContract} from '../persistence/engine-record-store.contract.ts';
import {configurationContract} from '../persistence/configuration-store.contract.ts';
import {instanceLabelContract} from '../persistence/instance-label-store.contract.ts';
import {
  firstDayMs,
  jobHistoryContract,
  keepUpAll,
  statementsOf,
} from '../persistence/job-history.contract.ts';
import {jobStoreContract} from '../persistence/job-store.contract.ts';
import {leaseStoreContract} from '../persistence/lease-store.contract.ts';
import {openInProcesses} from '../persistence/opener-processes.ts';
import {storedJob} from '../support/stored-jobs.ts';
import {sessionOf} from './orm-session.ts';
import {
  bareOrm,
  freshServerDatabase,
  openServerDatabase,
  startServer,
  type Server,
  type ServerName,
} from './server-fixture.ts';

const tables = [
  'tenon_audit',
  'linkis_cg_ec_resource_info_record',
  'tenon_job',
  'tenon_job_text',
  'tenon_job_day',
  'tenon_job_sealed_day',
  'linkis_ps_job_history_detail',
  'tenon_user',
  'tenon_session',
  'tenon_shared_secret',
  'tenon_token',
  'linkis_mg_gateway_auth_token',
  'linkis_ps_job_history_group_history',
  'linkis_ps_common_lock',
  'linkis_ps_instance_info',
  'linkis_ps_instance_label',
  'linkis_ps_instance_label_relation',
];
const seedTables = seedEntities('server').map(entity => entity.meta.tableName);

const insert = (row: Parameters<typeof storedJob>[0]): JobWrite => ({type: 'insert', ...storedJob(row)});

export function serverSuite(name: ServerName): void {
  const started = startServer(name);
  if ('absent' in started) {
    test.skip(`${name}: ${started.absent}`, () => undefined);
    return;
  }
  // Hooks run side by side, and a connection must not outlive its server.
  const closers: (() => Promise<void>)[] = [];
  test.after.always('connections and server end', async () => {
    for (const close of closers) await close();
    started.remove();
  });
  closers.push(contracts(started));
  schema(started);
  openings(started);
  foreignRows(started);
  locks(started);
}

/** The contracts, on one database that is emptied before each test. Returns what closes it. */
function contracts(server: Server): () => Promise<void> {
  type World = {
    readonly database: Database;
    readonly session: SqlSession;
    readonly run: (sql: string) => Promise<void>;
    readonly close: () => Promise<void>;
  };
  let world: Promise<World> | undefined;
  const open = async (): Promise<World> => {
    const url = await freshServerDatabase(server);
    const database = await openDatabase({url, dataDirectory: '/', log: () => undefined, clock: systemClock});
    const admin = await bareOrm(url);
    return {
      database,
      session: sessionOf(admin, server.name),
      run: async sql => void (await admin.driver.getConnection().execute(sql)),
      async close() {
        await database.close();
        await admin.close(true);
      },
    };
  };
  const emptied = async (): Promise<World> => {
    world ??= open();
    const {run} = await world;
    // Deleted, not truncated: a truncate is DDL, and waits for every session that has seen the table.
    await run(
      `${tables.map(table => `delete from ${table}`).join('; ')}; update tenon_id_block set next_id = 1;
       update tenon_audit_head set last_id = 0, last_chain = '', removed_id = 0, removed_chain = ''`,
    );
    return world;
  };
  jobStoreContract(server.name, async () => (await emptied()).database.jobs, {isReal: true, isSerial: true});
  jobHistoryContract(server.name, () => emptied(), true);
  accountStoreContract(server.name, async () => (await emptied()).database.accounts, true);
  auditStoreContract(server.name, async () => (await emptied()).database.audit, true);
  engineRecordContract(server.name, async () => (await emptied()).database.engineRecords, true);
  instanceLabelContract(server.name, async () => (await emptied()).database.labels, true);
  configurationContract(server.name, async () => (await emptied()).database.configuration, true);
  leaseStoreContract(
    server.name,
    async () => {
      const {database, run} = await emptied();
      const expire = (lease: string): Promise<void> =>
        run(
          `update linkis_ps_common_lock set update_time = update_time - interval 12 second where lock_object = '${lease}'`,
        );
      return {leases: database.leases, expire};
    },
    true,
  );
  titled(server)('every page of a large history is read by its index', async t => {
    const {database, session} = await emptied();
    await database.jobs.commit(
      Array.from({length: 600}, (_, index) =>
        insert({id: index + 1, createdTime: firstDayMs + index, submitUser: `u${index % 3}`}),
      ),
    );
    await keepUpAll(session);
    const explain = server.name === 'mysql' ? 'explain format = traditional' : 'explain';
    for (const [filter, index] of [
      [{}, 'idx_tenon_job_created'],
      [{submitUser: 'u1'}, 'idx_tenon_job_submit_user'],
      [{statuses: ['Inited', 'Failed']}, 'idx_tenon_job_status'],
      [{engineType: 'shell'}, 'idx_tenon_job_facet'],
      [{tenant: '', createdFromMs: firstDayMs + 5, createdToMs: firstDayMs + 90}, 'idx_tenon_job_facet'],
      [{submitUser: 'u1', statuses: ['Failed']}, 'idx_tenon_job_facet'],
      [{engineInstance: 'e'}, 'idx_tenon_job_engine'],
      [{taskIDs: [1, 2]}, 'PRIMARY'],
    ] as const) {
      const used = new Set<string>();
      for (const {sql, values} of await statementsOf(session, filter)) {
        for (const {table, key, type} of await session.all(`${explain} ${sql}`, values)) {
          if (table !== 'j') continue;
          t.not(type, 'ALL', `${JSON.stringify(filter)}: ${sql}`);
          used.add(String(key));
        }
      }
      t.true(used.has(index), `${JSON.stringify(filter)}: ${[...used].join()}`);
    }
  });
  return async () => (await world)?.close();
}

function schema(server: Server): void {
  const it = titled(server);

  async function ormFor(
    url: string,
    entities: ReturnType<typeof seedEntities> | ReturnType<typeof allEntities>,
  ) {
    const driver = server.name === 'mysql' ? MySqlDriver : (await import('@mikro-orm/mariadb')).MariaDbDriver;
    return MikroORM.init<MySqlDriver>({
      driver,
      clientUrl: url,
      entities,
      ensureDatabase: false,
      charset: 'utf8mb4',
    });
  }
  async function seedDatabase(): Promise<string> {
    const url = await freshServerDatabase(server);
    const ddl = await readFile(new URL('./seed-schema.sql', import.meta.url), 'utf8');
    await server.ask(ddl, databaseOf(url));
    return url;
  }

  it("the seeds' own DDL has no difference to the entities", async t => {
    const orm = await ormFor(await seedDatabase(), seedEntities('server'));
    t.teardown(() => orm.close(true));
    t.is(await orm.schema.getUpdateSchemaSQL({wrap: false}), '');
  });

  it('a database made by the migrations has no difference to the entities', async t => {
    const url = await freshServerDatabase(server);
    await openServerDatabase(t, url);
    const orm = await ormFor(url, allEntities('server'));
    t.teardown(() => orm.close(true));
    t.is(await orm.schema.getUpdateSchemaSQL({wrap: false, dropTables: false}), '');
  });

  it("the migrations make the seeds' tables column for column, index for index", async t => {
    const [seed, made] = [await seedDatabase(), await freshServerDatabase(server)];
    await openServerDatabase(t, made);
    for (const question of [
      `select table_name, ordinal_position, column_name, column_default, is_nullable, column_type, character_set_name,
        collation_name, extra, column_comment from information_schema.columns`,
      'select table_name, index_name, seq_in_index, non_unique, column_name from information_schema.statistics',
      'select table_name, table_collation, engine from information_schema.tables',
    ]) {
      const of = (url: string) =>
        server.ask(
          `${question} where table_schema = '${databaseOf(url)}' and table_name in ('${seedTables.join("','")}') order by 1, 2, 3`,
        );
      const [expected, actual] = [await of(seed), await of(made)];
      t.true(expected.length >= seedTables.length);
      t.deepEqual(actual, expected);
    }
  });
}

function openings(server: Server): void {
  const it = titled(server);

  it('three processes that start at once on an empty database all come up', async t => {
    const url = await freshServerDatabase(server);
    const firsts = await openInProcesses(3, url, '/', 20);
    t.is(new Set(firsts).size, 3);
    const database = await openServerDatabase(t, url);
    t.is((await database.jobs.list({}, {number: 1, size: 1})).total, 60);
  });

  it('opening again changes nothing and finds everything', async t => {
    const url = await freshServerDatabase(server);
    const first = await openServerDatabase(t, url);
    await first.jobs.commit([insert({id: 7, executionCode: 'echo "ßж日本😀"'})]);
    await first.close();
    const second = await openServerDatabase(t, url);
    t.is(second.kind, server.name);
    t.is((await second.jobs.get(7))?.row.executionCode, 'echo "ßж日本😀"');
  });

  it('a database that can not hold every character is refused with the remedy', async t => {
    const url = await freshServerDatabase(server, 'latin1');
    await t.throwsAsync(openServerDatabase(t, url), {
      name: 'DatabaseCharsetError',
      message: /latin1.*alter database/s,
    });
  });

  it('a history table of another character set is refused with the remedy', async t => {
    const url = await freshServerDatabase(server);
    const ddl = await readFile(new URL('./seed-schema.sql', import.meta.url), 'utf8');
    const [history = ''] = ddl.slice(ddl.indexOf('CREATE')).split(';');
    await server.ask(`${history} default charset=latin1`, databaseOf(url));
    await t.throwsAsync(openServerDatabase(t, url), {name: 'DatabaseCharsetError', message: /alter table/});
  });

  it('a wrong password is told without telling it', async t => {
    const url = new URL(await freshServerDatabase(server));
    url.password = 'not-this-one';
    const error = await t.throwsAsync(openServerDatabase(t, url.href), {instanceOf: DatabaseAwayError});
    t.regex(error?.message ?? '', /refuses the user or password/);
    t.false(error?.message.includes('not-this-one'));
  });

  it('a database that does not exist is named', async t => {
    const error = await t.throwsAsync(openServerDatabase(t, `${server.url}/nowhere`), {
      instanceOf: DatabaseAwayError,
    });
    t.regex(error?.message ?? '', /127\.0\.0\.1:\d+\/nowhere/);
    t.regex(error?.message ?? '', /does not exist/);
  });

  it('a copy of the database is left to the server and its tools', async t => {
    const database = await openServerDatabase(t, await freshServerDatabase(server));
    await t.throwsAsync(database.backup('/tmp/x'), {name: 'BackupNotOfferedError', message: /mysqldump/});
  });
}

/** What Linkis, or somebody by hand, has written. */
function foreignRows(server: Server): void {
  const it = titled(server);
  const linkisRow = (id: number, status: string): string =>
    `insert into linkis_ps_job_history_group_history
      (id, job_req_id, submit_user, execute_user, labels, status, instances, created_time, updated_time, engine_type, progress)
      values (${id}, 'IDE_carol_spark_${id}', 'carol', 'carol', '{"userCreator":"carol-IDE","codeType":"sql"}', '${status}',
      'old-host:9104', '2024-05-06 07:08:09.123', '2024-05-06 07:08:10', 'spark', '0.5')`;

  it('the jobs of a Linkis installation are in the history after the first start', async t => {
    const url = await freshServerDatabase(server);
    const ddl = await readFile(new URL('./seed-schema.sql', import.meta.url), 'utf8');
    await server.ask(`${ddl} ${linkisRow(40, 'Succeed')}; ${linkisRow(41, 'Running')}`, databaseOf(url));
    const {jobs} = await openServerDatabase(t, url);
    const page = await jobs.list(
      {creator: 'IDE', runType: 'sq', instance: 'old-host:9104'},
      {number: 1, size: 9},
    );
    t.deepEqual(
      page.jobs.map(({row}) => row.id),
      [41, 40],
    );
    t.is(page.jobs[0]?.row.createdTime, Date.parse('2024-05-06T07:08:09.123Z'));
    t.deepEqual(
      (await jobs.unfinished(0, 9)).map(({row}) => row.id),
      [41],
    );
    t.true((await jobs.reserveIds(1)).first > 41);
  });

  it('a row that somebody inserts later is found, and can be updated', async t => {
    const url = await freshServerDatabase(server);
    const {jobs} = await openServerDatabase(t, url);
    await server.ask(linkisRow(7, 'Running'), databaseOf(url));
    t.is((await jobs.get(7))?.row.jobReqId, 'IDE_carol_spark_7');
    const update: JobUpdate = {
      type: 'update',
      id: 7,
      owner: 'old-host:9104',
      from: ['Running'],
      set: {status: 'Failed', errorCode: 1, updatedTime: Date.parse('2024-05-07T00:00:00Z')},
      facts: {attempt: 2},
    };
    t.deepEqual(await jobs.commit([update]), [{type: 'written'}]);
    t.like(await jobs.get(7), {row: {status: 'Failed', errorCode: 1}, facts: {attempt: 2}});
    t.is((await jobs.list({submitUser: 'carol'}, {number: 1, size: 1})).total, 1);
  });
}

function locks(server: Server): void {
  const it = titled(server);
  const owner = 'o#i#1';

  it('committers whose batches cross in opposite order all get through', async t => {
    const url = await freshServerDatabase(server);
    const stores = await Promise.all([openServerDatabase(t, url), openServerDatabase(t, url)]);
    const ids = Array.from({length: 400}, (_, index) => index + 1);
    await stores[0].jobs.commit(ids.map(id => insert({id, instances: owner})));
    for (let round = 0; round < 6; round += 1) {
      const batch = ids.map((id): JobUpdate => ({
        type: 'update',
        id,
        owner,
        from: ['Inited'],
        set: {updatedTime: 1_700_000_000_000 + round, progress: `0.${(id * 7 + round) % 10}`},
      }));
      const outcomes = await Promise.all([
        stores[0].jobs.commit(batch),
        stores[1].jobs.commit(batch.toReversed()),
      ]);
      t.deepEqual(new Set(outcomes.flat().map(({type}) => type)), new Set(['written']));
    }
  });

  it('a row that another client holds longer than our limit makes the commit fail as away, and then succeed', async t => {
    const url = await freshServerDatabase(server);
    const {jobs} = await openServerDatabase(t, url, {commitTimeoutMs: 2000});
    await jobs.commit([insert({id: 1, instances: owner})]);
    const holder = await bareOrm(url);
    t.teardown(() => holder.close(true));
    const connection = holder.driver.getConnection();
    await connection.transactional(async transaction => {
      const hold = 'select id from linkis_ps_job_history_group_history where id = 1 for update';
      await connection.execute(hold, [], 'all', transaction);
      await t.throwsAsync(jobs.commit([end]), {instanceOf: DatabaseAwayError});
    });
    t.deepEqual(await jobs.commit([end]), [{type: 'written'}]);
  });
  const end: JobUpdate = {
    type: 'update',
    id: 1,
    owner,
    from: ['Inited'],
    set: {status: 'Failed', updatedTime: 1_700_000_000_001},
  };

  it('connections that the server closes under load cost nothing that was acknowledged', async t => {
    const url = await freshServerDatabase(server);
    const {jobs} = await openServerDatabase(t, url);
    const acknowledged: number[] = [];
    let isOver = false;
    const committing = (async () => {
      for (let id = 1; !isOver; id += 20) {
        const batch = Array.from({length: 20}, (_, index) => insert({id: id + index}));
        for (;;) {
          const outcomes = await jobs.commit(batch).catch((error: unknown) => {
            t.true(error instanceof DatabaseAwayError, String(error));
            return undefined;
          });
          if (outcomes === undefined) continue;
          t.true(
            outcomes.every(({type}) => type === 'written'),
            JSON.stringify(outcomes),
          );
          acknowledged.push(...batch.map((_, index) => id + index));
          break;
        }
      }
    })();
    for (let round = 0; round < 8; round += 1) {
      const victims = await server.ask(
        `select id from information_schema.processlist where db = '${databaseOf(url)}'`,
      );
      for (const row of victims) {
        await server.ask(`kill ${String(row['id'] ?? row['ID'])}`).catch(() => undefined);
      }
    }
    isOver = true;
    await committing;
    t.true(acknowledged.length > 0);
    const {total} = await jobs.list({}, {number: 1, size: 1});
    t.is(total, Math.min(acknowledged.length, 10_000));
  });
}

const databaseOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

type Run = (t: ExecutionContext) => Promise<void>;

const titled =
  (server: Server) =>
  (title: string, run: Run): void =>
    test.serial(`${server.name}: ${title}`, run);
