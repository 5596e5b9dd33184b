/** Lists, details, statistics and removal of a history, as every database must give them. */
import fc from 'fast-check';
import test, {type ExecutionContext} from 'ava';
import {jobStatuses, type JobStatus} from '../../actors/domain/job.ts';
import type {StatisticsQuery} from '../../actors/job-history.ts';
import type {JobFilter, JobWrite} from '../../actors/ports.ts';
import type {Database} from '../../persistence/database.ts';
import {keepUp} from '../../persistence/history-upkeep.ts';
import {findPage} from '../../persistence/job-pages.ts';
import type {SqlSession, SqlValue} from '../../persistence/sql-session.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import {ids, insert, update} from './job-store-world.ts';

export type HistoryWorld = {
  readonly database: Database;
  /** A session of its own on the same database. */
  readonly session: SqlSession;
};

export type OpenHistory = (t: ExecutionContext) => Promise<HistoryWorld>;

const dayMs = 86_400_000;
/** In the future, so that the upkeep in the background of a database leaves the days to the tests'. */
export const firstDayMs = Date.parse('2083-05-01T00:00:00Z');
const laterMs = firstDayMs + 400 * dayMs;

/** All the upkeep there is to do. */
export async function keepUpAll(session: SqlSession, nowMs = laterMs): Promise<void> {
  for (let steps = 0; (await keepUp(session, nowMs)).hasMore; steps += 1) {
    if (steps > 1000) throw new Error('The upkeep does not end.');
  }
}

/** What a node of the version before leaves: no number, and no time of the end. */
const asOlder = (session: SqlSession, condition: string): Promise<unknown> =>
  session.run(`update tenon_job set facet = null, took_ms = null where ${condition}`);

export function jobHistoryContract(name: string, open: OpenHistory, isSerial = false): void {
  const it = (title: string, run: (t: ExecutionContext, world: HistoryWorld) => Promise<void>): void =>
    (isSerial ? test.serial : test)(`${name}: ${title}`, async t => run(t, await open(t)));
  lists(it);
  details(it);
  statistics(it);
  removal(it);
}

type It = (title: string, run: (t: ExecutionContext, world: HistoryWorld) => Promise<void>) => void;

const names = {
  user: ['alice', 'bob', 'b%', 'Alice'],
  creator: ['IDE', 'etl'],
  engineType: ['shell', 'spark'],
  codeType: ['sql', 'sh', 's'],
  tenant: ['', 'blue'],
  instance: ['host-1:1', 'HOST-1:1', 'host-1:10'],
} as const;

const anyJob = fc.record({
  user: fc.constantFrom(...names.user),
  executeUser: fc.constantFrom(...names.user),
  creator: fc.constantFrom(...names.creator),
  engineType: fc.constantFrom(...names.engineType),
  codeType: fc.constantFrom(...names.codeType),
  tenant: fc.constantFrom(...names.tenant),
  instance: fc.constantFrom(...names.instance),
  status: fc.constantFrom(...jobStatuses),
  engine: fc.constantFrom('', 'e_1', 'eX1'),
  created: fc.nat(5),
  took: fc.nat(5),
});

const anyFilter: fc.Arbitrary<JobFilter> = fc
  .record(
    {
      submitUser: fc.constantFrom(...names.user, 'nobody'),
      executeUser: fc.constantFrom(...names.user),
      creator: fc.constantFrom(...names.creator),
      engineType: fc.constantFrom(...names.engineType, 'none'),
      runType: fc.constantFrom('s', 'sq', 'sql', ''),
      tenant: fc.constantFrom(...names.tenant),
      instance: fc.constantFrom('host-1:1', 'Host-1:1'),
      engineInstance: fc.constantFrom('e_1', 'e', ''),
      statuses: fc.subarray([...jobStatuses]),
      createdFromMs: fc.nat(6).map(ms => firstDayMs + ms),
      createdToMs: fc.nat(6).map(ms => firstDayMs + ms),
      idFrom: fc.integer({min: 1, max: 40}),
      orderBy: fc.constantFrom<('newest' | 'longest')[]>('newest', 'longest'),
    },
    {requiredKeys: []},
  )
  // Few conditions at a time: otherwise hardly anything is found.
  .chain(all => fc.subarray(Object.entries(all), {maxLength: 4}).map(some => Object.fromEntries(some)));

function lists(it: It): void {
  it('any filter finds what a look at every job finds, with and without upkeep', async (t, {
    database,
    session,
  }) => {
    const jobs = fc.sample(anyJob, {numRuns: 40, seed: 5});
    const model = createMemoryJobStore();
    const writes: JobWrite[] = jobs.map((job, index) =>
      insert(
        {
          id: index + 1,
          submitUser: job.user,
          executeUser: job.executeUser,
          engineType: job.engineType,
          instances: `${job.instance}#i#1`,
          status: job.status,
          createdTime: firstDayMs + job.created,
          updatedTime: firstDayMs + job.created + job.took,
          metrics: job.engine === '' ? '{}' : `{"engineInstance":"${job.engine}"}`,
        },
        {creator: job.creator, codeType: job.codeType, tenant: job.tenant},
      ),
    );
    await model.commit(writes);
    await database.jobs.commit(writes);
    const agree = (): Promise<void> =>
      fc.assert(
        fc.asyncProperty(
          anyFilter,
          fc.integer({min: 1, max: 3}),
          fc.constantFrom(3, 100),
          async (filter, number, size) => {
            const [expected, actual] = [
              await model.list(filter, {number, size}),
              await database.jobs.list(filter, {number, size}),
            ];
            t.deepEqual(ids(actual.jobs), ids(expected.jobs), JSON.stringify(filter));
            t.is(actual.total, expected.total, JSON.stringify(filter));
            t.deepEqual(await database.jobs.countByStatus(filter), await model.countByStatus(filter));
          },
        ),
        {numRuns: 120},
      );
    await agree();
    await asOlder(session, 'id % 3 = 0');
    await agree();
    await keepUpAll(session);
    await agree();
    const [left] = await session.all('select count(*) as loose from tenon_job where facet is null');
    t.is(Number(left?.['loose']), 0);
  });

  it('a job that moved to another host is found there, whoever moved it', async (t, {
    database: {jobs},
    session,
  }) => {
    await jobs.commit([insert({id: 1, instances: 'a:1#i#1'}), insert({id: 2, instances: 'a:1#i#1'})]);
    const take = {instances: 'b:1#j#2', status: 'Scheduled'} as const;
    await jobs.commit([update(1, ['Inited'], take, {owner: 'a:1#i#1'})]);
    // As the version before does it, which knows nothing of numbers.
    await session.run("update tenon_job set instance = 'b:1' where id = 2");
    const at = async (instance: string): Promise<number[]> =>
      ids((await jobs.list({instance}, {number: 1, size: 9})).jobs);
    t.deepEqual(await at('b:1'), [1]);
    await keepUpAll(session);
    t.deepEqual([await at('b:1'), await at('a:1')], [[2, 1], []]);
  });

  it('beyond 10,000 the counters of the days say how many there are', async (t, {
    database: {jobs},
    session,
  }) => {
    const count = 10_600;
    for (let from = 1; from <= count; from += 500) {
      await jobs.commit(
        Array.from({length: Math.min(500, count + 1 - from)}, (_, index) => {
          const id = from + index;
          const createdTime = firstDayMs + (id % 20) * dayMs;
          return insert(
            {id, status: id % 50 === 0 ? 'Failed' : 'Succeed', createdTime, updatedTime: createdTime + 5},
            {tenant: id % 2 === 0 ? 'even' : 'odd'},
          );
        }),
      );
    }
    const first = {number: 1, size: 20};
    const before = await jobs.list({}, first);
    t.deepEqual([before.total, before.totalIsCapped, before.approximateTotal], [10_000, true, undefined]);
    await keepUpAll(session);
    for (const filter of [{}, {submitUser: 'alice'}, {engineType: 'shell'}, {createdToMs: laterMs}]) {
      const page = await jobs.list(filter, first);
      t.deepEqual(
        [page.total, page.totalIsCapped, page.approximateTotal],
        [10_000, true, count],
        JSON.stringify(filter),
      );
    }
    t.is((await jobs.list({statuses: ['Succeed']}, first)).approximateTotal, count - count / 50);
    const half = await jobs.list({tenant: 'even'}, first);
    t.deepEqual([half.total, half.totalIsCapped, half.approximateTotal], [count / 2, false, undefined]);
    const pages = await Promise.all(
      [1, 2, 3].map(number => jobs.list({engineType: 'shell'}, {number, size: 700})),
    );
    const order = pages.flatMap(page => page.jobs.map(({row}) => [row.createdTime, row.id] as const));
    t.deepEqual(
      order,
      order.toSorted(([a, one], [b, other]) => b - a || other - one),
    );
    t.is(new Set(order.map(([, id]) => id)).size, 2100);
  });

  it('more combinations than a statement names are looked up inside it', async (t, {database, session}) => {
    const jobs = 1_200;
    for (let from = 0; from < jobs; from += 400) {
      await database.jobs.commit(
        Array.from({length: 400}, (_, index) =>
          insert({
            id: from + index + 1,
            createdTime: firstDayMs + from + index,
            submitUser: `u${from + index}`,
            engineType: 'wide',
          }),
        ),
      );
    }
    await keepUpAll(session);
    const filter: JobFilter = {engineType: 'wide', statuses: ['Inited']};
    const page = await database.jobs.list(filter, {number: 2, size: 20});
    t.is(page.total, jobs);
    t.deepEqual(
      ids(page.jobs),
      Array.from({length: 20}, (_, index) => jobs - 20 - index),
    );
    t.is((await database.jobs.countByStatus({engineType: 'wide'})).Inited, jobs);
    const asked = await statementsOf(session, filter);
    t.true(
      asked.every(({values}) => values.length < 1_020),
      'the numbers do not stand in the statement',
    );
  });
}

function details(it: It): void {
  const facts = (attempt: number) => ({facts: {attempt}});

  it('each attempt that ends leaves a row, and a job that never ran none', async (t, {
    database: {jobs, history},
  }) => {
    const code = `echo ${'é'.repeat(2000)}`;
    await jobs.commit([
      insert({id: 1, executionCode: code}),
      insert({id: 2}),
      insert({id: 3, status: 'Failed'}),
    ]);
    await jobs.commit([update(1, ['Inited'], {status: 'Scheduled'}, facts(1))]);
    await jobs.commit([update(1, ['Scheduled'], {status: 'Running'})]);
    t.deepEqual(await history.details(1), []);
    await jobs.commit([update(1, ['Running'], {status: 'WaitForRetry', updatedTime: 1_700_000_000_500})]);
    await jobs.commit([
      update(1, ['WaitForRetry'], {status: 'Scheduled', updatedTime: 1_700_000_000_600}, facts(2)),
    ]);
    await jobs.commit([update(1, ['Scheduled'], {status: 'Running', updatedTime: 1_700_000_000_700})]);
    const end = update(1, ['Running'], {status: 'Succeed', updatedTime: 1_700_000_000_800});
    await jobs.commit([end, update(2, ['Inited'], {status: 'Cancelled'})]);
    await jobs.commit([end]);
    t.deepEqual(
      (await history.details(1)).map(({ordinal, status, executionContent, resultArraySize}) => [
        ordinal,
        status,
        executionContent,
        resultArraySize,
      ]),
      [
        [1, 'Failed', code.slice(0, 1000), null],
        [2, 'Succeed', code.slice(0, 1000), null],
      ],
    );
    t.deepEqual([await history.details(2), await history.details(3)], [[], []]);
  });

  it('what an engine reports of its statements is kept instead, with the end or not at all', async (t, {
    database: {jobs, history},
  }) => {
    await jobs.commit([insert({id: 7, status: 'Running'}, {attempt: 1})]);
    const statement = (ordinal: number, status: JobStatus) => ({
      ordinal,
      status,
      executionContent: `select ${ordinal}`,
      resultLocation: `/results/7/_${ordinal}.dolphin`,
      resultArraySize: 1,
      createdTime: 1_700_000_000_100,
      updatedTime: 1_700_000_000_200,
    });
    const statements = [statement(1, 'Succeed'), statement(2, 'Failed')];
    const missed = update(7, ['Scheduled'], {status: 'Failed'}, {details: statements});
    t.is((await jobs.commit([missed]))[0]?.type, 'refused');
    t.deepEqual(await history.details(7), []);
    await jobs.commit([update(7, ['Running'], {status: 'Failed'}, {details: statements})]);
    t.deepEqual(await history.details(7), statements);
  });
}

function statistics(it: It): void {
  const all = {fromMs: firstDayMs, toMs: firstDayMs + 4 * dayMs};
  const metrics = (queuedS: number, launchS: number, more = ''): string => {
    const at = (s: number): string => new Date(firstDayMs + s * 1000).toISOString().replace('.000Z', '+0000');
    return `{"submitTime":"${at(0)}","scheduleTime":"${at(queuedS)}","runningTime":"${at(queuedS + launchS)}"${more}}`;
  };

  it('counts, durations and waits are the same from rows and from the counters of sealed days', async (t, {
    database,
    session,
  }) => {
    const {jobs, history} = database;
    const owner = 'o#i#1';
    for (let id = 1; id <= 120; id += 1) {
      const createdTime = firstDayMs + (id % 3) * dayMs + id;
      const submitUser = id % 4 === 0 ? 'bob' : 'alice';
      await jobs.commit([
        insert(
          {
            id,
            submitUser,
            instances: owner,
            status: 'Running',
            createdTime,
            engineType: id % 2 === 0 ? 'shell' : 'spark',
          },
          {attempt: 1, tenant: submitUser === 'bob' ? 'blue' : 'red'},
        ),
      ]);
      const waits = id % 10 === 0 ? ',"waits":{"quota":3000,"launch":500}' : '';
      await jobs.commit([
        update(
          id,
          ['Running'],
          {
            status: id % 6 === 0 ? 'Failed' : 'Succeed',
            updatedTime: createdTime + 1000 * id,
            metrics: metrics(id % 7, 2, waits),
          },
          {owner},
        ),
      ]);
    }
    const questions: readonly Omit<StatisticsQuery, 'fromMs' | 'toMs'>[] = [
      {groupBy: 'day'},
      {groupBy: 'tenant'},
      {groupBy: 'user'},
      {groupBy: 'engineType', submitUser: 'alice'},
      {groupBy: 'status', tenant: 'blue'},
      {groupBy: 'creator', engineType: 'spark'},
    ];
    const ask = (): Promise<unknown> =>
      Promise.all(questions.map(question => history.statistics({...all, ...question})));
    const fromRows = await ask();
    await keepUpAll(session);
    t.deepEqual(
      (await session.all('select day from tenon_job_sealed_day order by day')).map(
        ({day}) => Number(day) * dayMs,
      ),
      [0, 1, 2].map(day => firstDayMs + day * dayMs),
    );
    t.deepEqual(await ask(), fromRows);

    const byUser = await history.statistics({...all, groupBy: 'user'});
    t.deepEqual(
      byUser.rows.map(({key, jobs: count}) => [key, count]),
      [
        ['alice', 90],
        ['bob', 30],
      ],
    );
    t.like(byUser.total, {jobs: 120, byStatus: {Succeed: 100, Failed: 20, Running: 0}});
    const {p50, p95} = byUser.total.duration;
    t.true(Math.abs((p50 ?? 0) - 60_000) < 0.05 * 60_000, `p50 ${p50}`);
    t.true(Math.abs((p95 ?? 0) - 114_000) < 0.05 * 114_000, `p95 ${p95}`);
    t.deepEqual(
      byUser.total.waitingByCause.map(({cause, jobs: count}) => [cause, count]),
      [
        ['launch', 120],
        ['queue', 108],
        ['quota', 12],
      ],
    );
    const quota = byUser.total.waitingByCause.at(-1);
    t.true(Math.abs((quota?.p50 ?? 0) - 3000) < 150);
  });

  it('a part of a day, and a day with an unfinished job, are counted from their rows', async (t, {
    database: {jobs, history},
    session,
  }) => {
    const job = (id: number, createdTime: number, status: JobStatus): JobWrite =>
      insert({id, createdTime, updatedTime: createdTime + 10, status});
    await jobs.commit([
      job(1, firstDayMs, 'Succeed'),
      job(2, firstDayMs + dayMs / 2, 'Succeed'),
      job(3, firstDayMs + dayMs, 'Running'),
      job(4, firstDayMs + dayMs + 1, 'Succeed'),
      job(5, firstDayMs + 2 * dayMs, 'Failed'),
    ]);
    await keepUpAll(session);
    const sealed = await session.all('select day from tenon_job_sealed_day order by day');
    t.deepEqual(
      sealed.map(({day}) => Number(day) * dayMs),
      [firstDayMs, firstDayMs + 2 * dayMs],
    );
    const noon = await history.statistics({...all, fromMs: firstDayMs + dayMs / 2, groupBy: 'day'});
    t.deepEqual(
      noon.rows.map(({key, jobs: count}) => [key, count]),
      [
        ['2083-05-01', 1],
        ['2083-05-02', 2],
        ['2083-05-03', 1],
      ],
    );
    t.is(noon.total.byStatus.Running, 1);
  });
}

function removal(it: It): void {
  const old = (id: number, day: number): JobWrite => {
    const createdTime = firstDayMs + day * dayMs + id;
    return insert({id, createdTime, updatedTime: createdTime + 1, status: 'Succeed'}, {attempt: 1});
  };

  it('what is due is read whole, and only that is removed; its day is counted again', async (t, {
    database: {jobs, history},
    session,
  }) => {
    await jobs.commit([
      old(1, 0),
      insert(
        {id: 2, createdTime: firstDayMs, updatedTime: firstDayMs + 9, executionCode: 'x'.repeat(70_000)},
        {attempt: 1},
      ),
      old(3, 1),
      insert({id: 4, createdTime: firstDayMs, status: 'Running'}),
    ]);
    await jobs.commit([update(2, ['Inited'], {status: 'Failed', updatedTime: firstDayMs + 20})]);
    await jobs.commit([update(4, ['Running'], {status: 'Failed', updatedTime: firstDayMs + 3 * dayMs})]);
    await keepUpAll(session);
    const question = {fromMs: firstDayMs, toMs: firstDayMs + 3 * dayMs, groupBy: 'day'} as const;
    t.is((await history.statistics(question)).total.jobs, 4);
    const endedBeforeMs = firstDayMs + dayMs;
    const due = await history.due(endedBeforeMs, 10);
    t.deepEqual(
      due.map(({row}) => row.id),
      [2, 1],
    );
    t.is(due[0]?.row.executionCode.length, 70_000);
    t.deepEqual(
      due[0]?.details.map(({status}) => status),
      ['Failed'],
    );
    t.is(await history.removeDue(endedBeforeMs, [2, 3, 4]), 1, 'the others are not due');
    t.deepEqual([await jobs.get(2), await history.details(2)], [undefined, []]);
    t.is((await history.statistics(question)).total.jobs, 3);
    await keepUpAll(session);
    t.is((await history.statistics(question)).total.jobs, 3);
  });
}

export type Statement = {readonly sql: string; readonly values: readonly SqlValue[]};

/** What a page is asked with. */
export async function statementsOf(session: SqlSession, filter: JobFilter): Promise<readonly Statement[]> {
  const asked: Statement[] = [];
  const listening: SqlSession = {
    kind: session.kind,
    words: session.words,
    run: (...given) => session.run(...given),
    transaction: work => session.transaction(work),
    ping: () => session.ping(),
    close: () => session.close(),
    all(sql, values = []) {
      asked.push({sql, values});
      return session.all(sql, values);
    },
  };
  await findPage(listening, filter, {offset: 0, size: 20});
  return asked;
}
