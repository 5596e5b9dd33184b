/** `jobhistory/statistics`, details and downloads, over a real history: whose figures one sees, and what is refused. */
import test, {type ExecutionContext} from 'ava';
import type {JobStatus} from '../../actors/domain/job.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {workbook} from '../../persistence/files/workbook.ts';
import {freshDatabase} from '../persistence/database-fixture.ts';
import {insert} from '../persistence/job-store-world.ts';
import {startFacade} from '../support/facade-world.ts';
import {createMemoryEngineRecords} from '../support/memory-engine-records.ts';

const atMs = Date.parse('2083-05-01T10:00:00Z');
const dayMs = 86_400_000;

async function world(t: ExecutionContext) {
  const database = await freshDatabase(t);
  const jobs: readonly (readonly [
    id: number,
    submitUser: string,
    tenant: string,
    status: JobStatus,
    tookMs: number,
  ])[] = [
    [1, 'alice', 'red', 'Succeed', 1000],
    [2, 'alice', 'red', 'Failed', 3000],
    [3, 'bob', 'blue', 'Succeed', 5000],
    [4, 'bob', 'blue', 'Running', 10],
  ];
  await database.jobs.commit(
    jobs.map(([id, submitUser, tenant, status, tookMs]) =>
      insert(
        {
          id,
          submitUser,
          executeUser: submitUser,
          status,
          createdTime: atMs + id,
          updatedTime: atMs + id + tookMs,
          executionCode: `select ${id} from secrets_of_${submitUser}`,
        },
        {tenant, attempt: 1},
      ),
    ),
  );
  const facade = await startFacade(t, {}, systemClock, {
    jobs: database.jobs,
    history: database.history,
    exportRows: (name, head, rows) => workbook([{name, head, isNumeric: head.map(() => false), rows}]),
  });
  return {facade, database};
}

const range = `from=${atMs - dayMs}&to=${atMs + dayMs}`;
type Rows = readonly {readonly key: string; readonly jobs: number}[];

test('everybody gets the figures of their own jobs, whoever they ask for; an administrator gets all, or one user’s', async t => {
  const {facade} = await world(t);
  for (const [who, query, expected] of [
    ['alice', 'groupBy=user', [['alice', 2]]],
    ['alice', 'groupBy=user&user=bob', [['alice', 2]]],
    ['bob', 'groupBy=tenant', [['blue', 2]]],
    ['bob', 'groupBy=tenant&tenant=red', []],
    [
      'root',
      'groupBy=user',
      [
        ['alice', 2],
        ['bob', 2],
      ],
    ],
    [
      'root',
      'groupBy=status&user=bob',
      [
        ['Running', 1],
        ['Succeed', 1],
      ],
    ],
    ['root', 'groupBy=tenant&tenant=red', [['red', 2]]],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    const {body} = await (await facade.as(who)).get(`/api/rest_j/v1/jobhistory/statistics?${range}&${query}`);
    t.is(body.status, 0, query);
    const rows = body.data['rows'] as Rows;
    t.deepEqual(
      rows.map(({key, jobs}) => [key, jobs]),
      expected.map(row => [...row]),
      `${who} ${query}`,
    );
  }
  const audited = facade.logged.filter(({action}) => action === 'listAsAdministrator');
  t.true(audited.length >= 1, 'an administrator’s look is audited');
  t.is(
    (await facade.client().get('/api/jobhistory/statistics')).body.status === 0,
    false,
    'nobody gets none',
  );
});

test('figures tell counts, durations and the days', async t => {
  const {facade} = await world(t);
  const alice = await facade.as('alice');
  const {data} = (await alice.get(`/api/jobhistory/statistics?from=2083-05-01&to=2083-05-02&groupBy=day`))
    .body;
  t.like(data, {groupBy: 'day', isPartial: false, from: Date.parse('2083-05-01T00:00:00Z')});
  const [row] = data['rows'] as {
    key: string;
    byStatus: Record<string, number>;
    durationMs: {p50: number; p95: number};
  }[];
  t.is(row?.key, '2083-05-01');
  t.like(row?.byStatus, {Succeed: 1, Failed: 1, Running: 0});
  t.true(Math.abs((row?.durationMs.p95 ?? 0) - 3000) < 150);
});

for (const [query, message] of [
  ['groupBy=colour', /groupBy is colour; there are tenant, user/],
  ['from=yesterday', /from is yesterday; epoch milliseconds or a date/],
  ['from=2083-05-02&to=2083-05-01', /from has to be before to/],
  ['from=0&to=9999999999999', /At most ten years/],
  ['user=a%20b', /Invalid proxyUser|20645|user/],
  ['tenant=%27', /Invalid tenant/],
] as const) {
  test(`statistics?${query} is refused`, async t => {
    const {facade} = await world(t);
    const {status, body} = await (await facade.as('root')).get(`/api/jobhistory/statistics?${query}`);
    t.is(status, 400);
    t.regex(body.message, message);
  });
}

test('what a job executed is shown to its owner alone', async t => {
  const {facade} = await world(t);
  facade.add({
    id: 1,
    submitUser: 'alice',
    executeUser: 'alice',
    executionCode: 'select 1 from secrets_of_alice',
  });
  const [alice, bob] = [await facade.as('alice'), await facade.as('bob')];
  const {data} = (await alice.get('/api/jobhistory/1/details')).body;
  t.like(data, {taskID: 1, details: []});
  const foreign = await bob.get('/api/jobhistory/1/details');
  const none = await bob.get('/api/jobhistory/999/details');
  t.deepEqual([foreign.body.status, foreign.body.message], [1, none.body.message]);
  t.false(foreign.text.includes('secret'));
});

test('a list is downloaded as a workbook, with one’s own jobs in it', async t => {
  const {facade} = await world(t);
  const answer = await (
    await facade.as('bob')
  ).get('/api/jobhistory/download-job-list?isAdminView=true&proxyUser=alice');
  t.is(answer.status, 200);
  t.is(
    answer.headers.get('content-type'),
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  );
  t.is(answer.headers.get('content-disposition'), 'attachment;filename=bob_0_history.xlsx');
  t.true(answer.text.startsWith('PK'));
  const refused = await (await facade.as('bob')).get('/api/jobhistory/download-job-list?creator=%22');
  t.is(refused.status, 400);
});

test('more than 10,000 jobs are counted about, and said to be', async t => {
  const {facade} = await world(t);
  const alice = await facade.as('alice');
  const {data} = (await alice.get(`/api/jobhistory/list?endDate=${atMs + dayMs}`)).body;
  t.deepEqual(
    [data['totalPage'], data['totalIsCapped'], data['totalIsApproximate']],
    [2, undefined, undefined],
  );
});

test('engines are counted by how they ended: one’s own, or for an administrator all', async t => {
  const engineRecords = createMemoryEngineRecords();
  for (const [ticketId, user, status] of [
    ['e1', 'alice', 'Success'],
    ['e2', 'alice', 'Failed'],
    ['e3', 'bob', 'Failed'],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    await engineRecords.append({
      ticketId,
      user,
      creator: 'IDE',
      engineType: 'shell',
      version: '1',
      instance: `host:${ticketId}`,
      ecm: 'host:1',
      logDirSuffix: '',
      requested: {memoryBytes: 1, cores: 1, instances: 1},
      createTime: Date.now() - 1000,
    });
    // oxlint-disable-next-line no-await-in-loop
    await engineRecords.update(ticketId, {status});
  }
  const facade = await startFacade(t, {}, systemClock, {engineRecords});
  const ask = async (who: string, query = '') =>
    (await (await facade.as(who)).get(`/api/jobhistory/jobstatistics/engineCount?${query}`)).body;
  t.deepEqual((await ask('root')).data, {
    countEngine: 3,
    countEngineSucceed: 1,
    countEngineFailed: 2,
    countEngineShutting: 0,
  });
  t.is((await ask('alice', 'proxyUser=bob')).data['countEngine'], 2);
  t.is((await ask('root', 'proxyUser=bob')).data['countEngine'], 1);
  t.is((await ask('root', 'creator=IDE')).status, 1);
});
