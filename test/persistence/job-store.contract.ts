/** What every `JobStore` must do. Run against memory, SQLite, MariaDB and MySQL. */
import anyTest, {type ExecutionContext, type TestFn} from 'ava';
import fc from 'fast-check';
import {jobStatuses, successors, type JobStatus} from '../../actors/domain/job.ts';
import type {JobFacts, JobFilter, JobRow, JobStore, JobUpdate, JobWrite, StoredJob, WriteOutcome} from '../../actors/ports.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import {storedJob} from '../support/stored-jobs.ts';

export type OpenJobStore = (t: ExecutionContext) => Promise<JobStore>;

const owner = 'host-1:9001#incarnation-1#1';
const at = 1_700_000_000_123;

const insert = (row: Partial<JobRow> & {id: number}, facts: Partial<JobFacts> = {}): JobWrite => ({
  type: 'insert',
  ...storedJob({instances: owner, createdTime: at, updatedTime: at, ...row}, facts),
});

const update = (
  id: number,
  from: readonly JobStatus[],
  set: Partial<JobUpdate['set']>,
  more: Partial<JobUpdate> = {},
): JobUpdate => ({type: 'update', id, owner, from, set: {updatedTime: at + 5, ...set}, ...more});

const types = (outcomes: readonly WriteOutcome[]): string[] => outcomes.map(({type}) => type);

const ids = (jobs: readonly StoredJob[]): number[] => jobs.map(({row}) => row.id);

export type ContractOptions = {
  /** Adds what an object in memory does by its nature. */
  readonly isReal: boolean;
  /** One after another: `open` empties one database and gives it again. */
  readonly isSerial?: boolean;
};

/** Registers the contract's tests under `name`. */
export function jobStoreContract(name: string, open: OpenJobStore, {isReal, isSerial = false}: ContractOptions): void {
  const test = anyTest as TestFn;
  const register = isSerial ? test.serial : test;
  const it = (title: string, run: (t: ExecutionContext, store: JobStore) => Promise<void>): void =>
    register(`${name}: ${title}`, async t => run(t, await open(t)));

  it('a committed job is read back field for field', async (t, store) => {
    const job = storedJob(
      {
        id: 41, instances: owner, createdTime: at, updatedTime: at + 1, status: 'Failed', progress: '0.25',
        source: '{"scriptPath":"/π/ñ"}', params: '{"variable":{"a":"😀"}}', errorCode: -3, errorDesc: "it's \\ \"quoted\"\n",
        metrics: '{"engineInstance":"host:1"}', executionCode: 'echo "日本語" \u0000 \\0 %_', observeInfo: '{}',
      },
      {
        attempt: 3, engineId: 'engine-1', tenant: 'T', priority: 7, killedBy: 'bob', idempotencyKey: 'k', requestId: 'R',
        codeType: 'Shell', preparedCode: 'echo prepared', logLines: 12,
      },
    );
    t.deepEqual(await store.commit([{type: 'insert', ...job}]), [{type: 'written'}]);
    t.deepEqual(await store.get(41), job);
  });

  it('there is no job nobody inserted', async (t, store) => {
    t.is(await store.get(7), undefined);
  });

  it('an update changes what it sets and nothing else', async (t, store) => {
    await store.commit([insert({id: 1})]);
    const before = await store.get(1);
    const set = {
      status: 'Scheduled', progress: '0.1', errorCode: 5, errorDesc: 'd', metrics: '{"a":1}', logPath: '/l', resultLocation: '/r',
      updatedTime: at + 9,
    } as const;
    const facts = {attempt: 1, engineId: 'e', killedBy: 'eve', logLines: 3, preparedCode: 'prepared later'};
    t.deepEqual(await store.commit([update(1, ['Inited'], set, {facts})]), [{type: 'written'}]);
    t.deepEqual(await store.get(1), before && {row: {...before.row, ...set}, facts: {...before.facts, ...facts}});
  });

  it('an ended job stays as it ended', async (t, store) => {
    await store.commit([insert({id: 1, status: 'Running'}), update(1, ['Running'], {status: 'Succeed'})]);
    const late = await store.commit([update(1, ['Running'], {status: 'Failed', updatedTime: at + 6})]);
    t.deepEqual(late, [{type: 'ended', status: 'Succeed'}]);
    t.is((await store.get(1))?.row.status, 'Succeed');
  });

  it("a former owner's write is told who has the job now", async (t, store) => {
    const other = 'host-2:9001#incarnation-2#2';
    await store.commit([insert({id: 1})]);
    t.deepEqual(types(await store.commit([update(1, ['Inited'], {instances: other})])), ['written']);
    t.deepEqual(await store.commit([update(1, ['Inited'], {status: 'Scheduled', updatedTime: at + 6})]), [
      {type: 'displaced', owner: other},
    ]);
    t.is((await store.get(1))?.row.instances, other);
  });

  it('facts go along with their update or not at all', async (t, store) => {
    await store.commit([insert({id: 1, status: 'Running'})]);
    await store.commit([update(1, ['Inited'], {status: 'Scheduled'}, {facts: {attempt: 9, preparedCode: 'never'}})]);
    const stored = await store.get(1);
    t.deepEqual([stored?.facts.attempt, stored?.facts.preparedCode], [0, null]);
  });

  it('a write that misses is refused for it alone', async (t, store) => {
    await store.commit([insert({id: 1}), insert({id: 2, status: 'Running'})]);
    const outcomes = await store.commit([
      update(3, ['Inited'], {status: 'Scheduled'}),
      update(2, ['Inited'], {status: 'Scheduled'}),
      update(1, ['Inited'], {status: 'Scheduled'}),
      insert({id: 4}),
    ]);
    t.deepEqual(types(outcomes), ['refused', 'refused', 'written', 'written']);
    t.is((await store.get(2))?.row.status, 'Running');
  });

  it('a batch whose answer was lost comes out as written when it is committed again', async (t, store) => {
    await store.commit([insert({id: 1}), insert({id: 2, status: 'Running'}), insert({id: 3, instances: 'dead:1#x#1'})]);
    const batch = [
      insert({id: 5}, {preparedCode: 'p'}),
      insert({id: 6, executionCode: 'x'.repeat(70_000)}),
      update(1, ['Inited'], {status: 'Scheduled', progress: '0.0'}),
      update(2, ['Running'], {status: 'Failed', errorCode: 1, errorDesc: 'e'.repeat(2000), metrics: '{}'}),
      update(3, ['Inited'], {instances: owner}, {owner: 'dead:1#x#1'}),
    ];
    const first = await store.commit(batch);
    const second = await store.commit(batch);
    t.deepEqual([types(first), types(second)], [Array(5).fill('written'), Array(5).fill('written')]);
  });

  it('half a batch that was written before comes out as written with the other half', async (t, store) => {
    const batch = Array.from({length: 300}, (_, index) => insert({id: index + 1}));
    await store.commit(batch.slice(100, 220));
    t.deepEqual(new Set(types(await store.commit(batch))), new Set(['written']));
    t.is((await store.list({}, {number: 1, size: 1})).total, 300);
  });

  it('an id that another job has is refused for that job alone', async (t, store) => {
    await store.commit([insert({id: 1, submitUser: 'bob', createdTime: at - 1, jobReqId: 'other'})]);
    const outcomes = await store.commit([insert({id: 2}), insert({id: 1}), insert({id: 3})]);
    t.deepEqual(types(outcomes), ['written', 'refused', 'written']);
    t.is((await store.get(1))?.row.submitUser, 'bob');
  });

  it('a value too long for its column is refused for its job alone', async (t, store) => {
    const outcomes = await store.commit([insert({id: 1}), insert({id: 2, logPath: 'x'.repeat(201)}), insert({id: 3})]);
    t.deepEqual(types(outcomes), ['written', 'refused', 'written']);
    t.is(await store.get(2), undefined);
  });

  it('an execID is cut to 64 characters, an error text to 1000', async (t, store) => {
    const [jobReqId, errorDesc] = [`IDE_${'u'.repeat(80)}_1`, '😀'.repeat(1500)];
    t.deepEqual(types(await store.commit([insert({id: 1, jobReqId, errorDesc})])), ['written']);
    const row = (await store.get(1))?.row;
    t.deepEqual([row?.jobReqId, row?.errorDesc], [jobReqId.slice(0, 64), '😀'.repeat(1000)]);
  });

  it('texts of megabytes come back whole', async (t, store) => {
    const texts = {executionCode: 'é'.repeat(1_200_000), params: `{"p":"${'日'.repeat(40_000)}"}`, source: '{"s":1}'.padEnd(60_001)};
    t.deepEqual(types(await store.commit([insert({id: 1, ...texts}, {preparedCode: 'ü'.repeat(80_000)})])), ['written']);
    const stored = await store.get(1);
    t.true(stored?.row.executionCode === texts.executionCode, 'code');
    t.true(stored?.row.params === texts.params, 'params');
    t.true(stored?.row.source === texts.source, 'source');
    t.true(stored?.facts.preparedCode === 'ü'.repeat(80_000), 'prepared code');
    const [listed] = (await store.list({}, {number: 1, size: 10})).jobs;
    t.true(listed?.row.executionCode === texts.executionCode, 'in a list too');
  });

  it('several writes of one job in one batch take effect in order', async (t, store) => {
    const outcomes = await store.commit([
      insert({id: 1}),
      update(1, ['Inited'], {status: 'Scheduled'}),
      insert({id: 2}),
      update(1, ['Scheduled'], {status: 'Running', updatedTime: at + 6}),
      update(1, ['Running'], {status: 'Succeed', updatedTime: at + 7}),
      update(1, ['Running'], {status: 'Failed', updatedTime: at + 8}),
    ]);
    t.deepEqual(types(outcomes), ['written', 'written', 'written', 'written', 'written', 'ended']);
    t.is((await store.get(1))?.row.status, 'Succeed');
  });

  it('an empty batch is a commit too', async (t, store) => {
    t.deepEqual(await store.commit([]), []);
  });

  it('reserved ids are never handed out twice, and lie above those in the history', async (t, store) => {
    await store.commit([insert({id: 500})]);
    const blocks = await Promise.all(Array.from({length: 20}, (_, index) => store.reserveIds(index + 1)));
    const all = blocks.flatMap(({first, count}) => Array.from({length: count}, (_, index) => first + index));
    t.is(new Set(all).size, 210);
    t.true(Math.min(...all) > 500);
  });

  it('an idempotency key finds its job, and is taken once for each user', async (t, store) => {
    const outcomes = await store.commit([
      insert({id: 1}, {idempotencyKey: 'K'}),
      insert({id: 2}, {idempotencyKey: 'K'}),
      insert({id: 3, submitUser: 'bob'}, {idempotencyKey: 'K'}),
      insert({id: 4}, {idempotencyKey: 'k'}),
    ]);
    t.deepEqual(types(outcomes), ['written', 'refused', 'written', 'written']);
    t.is((await store.byIdempotencyKey('alice', 'K'))?.row.id, 1);
    t.is((await store.byIdempotencyKey('bob', 'K'))?.row.id, 3);
    t.is(await store.byIdempotencyKey('alice', 'other'), undefined);
    t.is(await store.get(2), undefined);
  });

  it('unfinished jobs come in order of their ids, page by page', async (t, store) => {
    await store.commit(
      jobStatuses.flatMap((status, index) => [insert({id: 10 - index, status}), insert({id: 30 + index, status})]),
    );
    const open = [7, 8, 9, 10, 30, 31, 32, 33];
    t.deepEqual(ids(await store.unfinished(0, 100)), open);
    t.deepEqual(ids(await store.unfinished(0, 3)), open.slice(0, 3));
    t.deepEqual(ids(await store.unfinished(9, 3)), open.slice(3, 6));
    await store.commit([update(7, ['Running'], {status: 'Succeed'}), update(9, ['Scheduled', 'WaitForRetry'], {status: 'Failed'})]);
    t.deepEqual(ids(await store.unfinished(0, 3)), [8, 10, 30]);
  });

  it('a list is newest first, ties by the higher id, and pages neither repeat nor skip', async (t, store) => {
    const times = [5, 1, 3, 3, 3, 9, 1];
    await store.commit(times.map((time, index) => insert({id: index + 1, createdTime: at + time})));
    const pages = await Promise.all([1, 2, 3, 4].map(number => store.list({}, {number, size: 2})));
    t.deepEqual(pages.flatMap(({jobs}) => ids(jobs)), [6, 1, 5, 4, 3, 7, 2]);
    t.deepEqual([pages[0]?.total, pages[0]?.totalIsCapped], [7, false]);
  });

  it('the longest jobs can be listed first', async (t, store) => {
    await store.commit([3, 9, 1].map((took, index) => insert({id: index + 1, updatedTime: at + took})));
    await store.commit([update(3, ['Inited'], {status: 'Scheduled', updatedTime: at + 20})]);
    t.deepEqual(ids((await store.list({orderBy: 'longest'}, {number: 1, size: 9})).jobs), [3, 2, 1]);
  });

  const variety: JobWrite[] = [
    insert({id: 1, submitUser: 'alice', executeUser: 'hadoop'}, {creator: 'IDE', codeType: 'shell'}),
    insert({id: 2, submitUser: 'Alice', status: 'Running', engineType: 'spark', createdTime: at + 10}, {codeType: 'sql'}),
    insert({id: 3, submitUser: 'bob', status: 'Failed', metrics: '{"x":1,"engineInstance":"engine_1:70"}'}, {codeType: 'SQL'}),
    insert({id: 4, submitUser: 'bob', instances: 'HOST-2:9001#i#4', createdTime: at + 20}, {creator: 'x%y', codeType: 'scala'}),
    insert({id: 5, submitUser: 'b%', instances: 'host-2:90010#i#4', metrics: '{"engineInstance":"engineX1:70"}'}),
  ];
  const filters: readonly (readonly [string, JobFilter, readonly number[]])[] = [
    ['none', {}, [4, 2, 5, 3, 1]],
    ['taskIDs', {taskIDs: [2, 4, 99]}, [4, 2]],
    ['no taskID at all', {taskIDs: []}, []],
    ['submitUser, by case', {submitUser: 'alice'}, [1]],
    ['submitUser with a sign of LIKE', {submitUser: 'b%'}, [5]],
    ['executeUser', {executeUser: 'hadoop'}, [1]],
    ['statuses', {statuses: ['Running', 'Failed']}, [2, 3]],
    ['no status at all', {statuses: []}, []],
    ['engineType', {engineType: 'spark'}, [2]],
    ['creator', {creator: 'x%y'}, [4]],
    ['the beginning of runType, by case', {runType: 's'}, [4, 2, 5, 1]],
    ['a longer beginning of runType', {runType: 'sq'}, [2]],
    ['instance, whatever its case', {instance: 'Host-2:9001'}, [4]],
    ['the beginning of engineInstance', {engineInstance: 'engine_1'}, [3]],
    ['createdFromMs, inclusive', {createdFromMs: at + 10}, [4, 2]],
    ['createdToMs, inclusive', {createdToMs: at}, [5, 3, 1]],
    ['idFrom, inclusive', {idFrom: 4}, [4, 5]],
    ['several at once', {submitUser: 'bob', statuses: ['Failed', 'Inited'], createdToMs: at + 1}, [3]],
  ];
  it('lists and counts agree with each filter', async (t, store) => {
    await store.commit(variety);
    for (const [what, filter, expected] of filters) {
      const page = await store.list(filter, {number: 1, size: 50});
      t.deepEqual(ids(page.jobs), expected, what);
      t.is(page.total, expected.length, what);
      const counts = await store.countByStatus(filter);
      t.is(Object.values(counts).reduce((sum, count) => sum + count), expected.length, what);
    }
    t.like(await store.countByStatus({}), {Inited: 3, Running: 1, Failed: 1, Succeed: 0});
  });

  it('totals are exact up to 10,000 and say when they are capped', async (t, store) => {
    const jobs = Array.from({length: 10_001}, (_, index) => insert({id: index + 1, status: 'Succeed'}));
    for (let from = 0; from < 10_000; from += 500) await store.commit(jobs.slice(from, Math.min(from + 500, 10_000)));
    const exact = await store.list({}, {number: 500, size: 20});
    t.deepEqual([exact.total, exact.totalIsCapped, exact.jobs.at(-1)?.row.id], [10_000, false, 1]);
    await store.commit(jobs.slice(10_000));
    const capped = await store.list({}, {number: 1, size: 1});
    t.deepEqual([capped.total, capped.totalIsCapped], [10_000, true]);
    t.is((await store.countByStatus({})).Succeed, 10_001);
  });

  it('jobs that ended long ago are removed with all that was theirs, the earliest first', async (t, store) => {
    const texts = {executionCode: 'x'.repeat(70_000)};
    await store.commit([
      insert({id: 1, status: 'Failed', createdTime: at, updatedTime: at + 100, ...texts}, {preparedCode: 'p', idempotencyKey: 'k'}),
      insert({id: 2, status: 'Succeed', createdTime: at - 10, updatedTime: at + 99}),
      insert({id: 3, status: 'Running', createdTime: at - 20, updatedTime: at}),
      insert({id: 4, status: 'Timeout', createdTime: at - 5, updatedTime: at + 101}),
      insert({id: 5, status: 'Cancelled', createdTime: at + 1, updatedTime: at + 100}),
    ]);
    t.is(await store.removeEnded(at + 101, 2), 2);
    t.deepEqual(ids((await store.list({}, {number: 1, size: 10})).jobs), [5, 4, 3]);
    t.is(await store.removeEnded(at + 101, 10), 1);
    t.is(await store.removeEnded(at + 101, 10), 0);
    t.deepEqual(ids((await store.list({}, {number: 1, size: 10})).jobs), [4, 3], 'the unfinished one and the younger one stay');
    t.is(await store.get(1), undefined);
    t.is(await store.byIdempotencyKey('alice', 'k'), undefined);
    t.deepEqual(await store.commit([insert({id: 1, ...texts}, {preparedCode: 'again'})]), [{type: 'written'}], 'no text was left');
  });

  it('an id whose job was removed is not handed out again', async (t, store) => {
    const {first} = await store.reserveIds(1);
    await store.commit([insert({id: first, status: 'Succeed'})]);
    t.is(await store.removeEnded(at + 1_000_000, 10), 1);
    t.true((await store.reserveIds(1)).first > first);
  });

  if (!isReal) return;

  it('fifty committers at once lose nothing', async (t, store) => {
    const batches = Array.from({length: 50}, (_, committer) =>
      Array.from({length: 40}, (__, index) => insert({id: committer * 40 + index + 1})),
    );
    const inserted = await Promise.all(batches.map(batch => store.commit(batch)));
    const ended = await Promise.all(
      batches.map(batch =>
        store.commit(batch.flatMap(write => (write.type === 'insert' ? [update(write.row.id, ['Inited'], {status: 'Failed'})] : []))),
      ),
    );
    t.deepEqual(new Set([...inserted, ...ended].flatMap(types)), new Set(['written']));
    t.is((await store.countByStatus({})).Failed, 2000);
  });

  it('agrees with the store in memory on any story', async (t, store) => {
    let block = 0;
    await fc.assert(
      fc.asyncProperty(stories, async story => {
        // Every story has ids of its own, so that one database serves them all.
        block += 100;
        const model = createMemoryJobStore();
        for (const steps of story) {
          const batch = steps.map(step => writeOf(step, block));
          const [expected, actual] = [await model.commit(batch), await store.commit(batch)];
          t.deepEqual(actual.map(essence), expected.map(essence));
        }
        for (let id = block; id < block + jobsMax; id += 1) t.deepEqual(await store.get(id), await model.get(id));
      }),
      {numRuns: 60},
    );
  });
}

const jobsMax = 4;

/** What of an outcome the port promises: of a refusal only that it is one. */
const essence = (outcome: WriteOutcome): unknown => (outcome.type === 'refused' ? outcome.type : outcome);

type Step = {
  readonly id: number;
  readonly kind: number;
  readonly from: JobStatus;
  readonly to: JobStatus;
  readonly owner: number;
  readonly newOwner: number | undefined;
  readonly time: number;
};

const stories = fc.array(
  fc.array(
    fc.record<Step>({
      id: fc.nat(jobsMax - 1),
      kind: fc.nat(5),
      from: fc.constantFrom(...jobStatuses),
      to: fc.constantFrom(...jobStatuses),
      owner: fc.nat(1),
      newOwner: fc.option(fc.nat(1), {nil: undefined}),
      time: fc.nat(3),
    }),
    {minLength: 1, maxLength: 6},
  ),
  {minLength: 1, maxLength: 6},
);

function writeOf({id, kind, from, to, owner: ownerIndex, newOwner, time}: Step, block: number): JobWrite {
  const ownerOf = (index: number): string => `host-${index}:1#i${index}#1`;
  const taskID = block + id;
  if (kind === 0) return insert({id: taskID, status: from, instances: ownerOf(ownerIndex), createdTime: at + time});
  return {
    type: 'update',
    id: taskID,
    owner: ownerOf(ownerIndex),
    // Mostly legal moves, so that stories get somewhere.
    from: kind === 1 ? [from] : jobStatuses.filter(status => successors[status].includes(to)),
    set: {
      updatedTime: at + 10 + time,
      status: to,
      ...(newOwner === undefined ? {} : {instances: ownerOf(newOwner)}),
      ...(kind === 5 ? {progress: `0.${time}`, errorDesc: time === 0 ? null : `because ${time}`} : {}),
    },
    facts: {attempt: time},
  };
}
