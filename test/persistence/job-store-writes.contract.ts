/** What every `JobStore` must do with what is committed. */
import {storedJob} from '../support/stored-jobs.ts';
import {at, insert, owner, types, update, type Register} from './job-store-world.ts';

export function writesContract(it: Register): void {
  it('a committed job is read back field for field', async (t, store) => {
    const job = storedJob(
      {
        id: 41,
        instances: owner,
        createdTime: at,
        updatedTime: at + 1,
        status: 'Failed',
        progress: '0.25',
        source: '{"scriptPath":"/π/ñ"}',
        params: '{"variable":{"a":"😀"}}',
        errorCode: -3,
        errorDesc: 'it\'s \\ "quoted"\n',
        metrics: '{"engineInstance":"host:1"}',
        executionCode: 'echo "日本語" \u0000 \\0 %_',
        observeInfo: '{}',
      },
      {
        attempt: 3,
        engineId: 'engine-1',
        tenant: 'T',
        priority: 7,
        killedBy: 'bob',
        idempotencyKey: 'k',
        requestId: 'R',
        codeType: 'Shell',
        preparedCode: 'echo prepared',
        logLines: 12,
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
      status: 'Scheduled',
      progress: '0.1',
      errorCode: 5,
      errorDesc: 'd',
      metrics: '{"a":1}',
      logPath: '/l',
      resultLocation: '/r',
      updatedTime: at + 9,
    } as const;
    const facts = {attempt: 1, engineId: 'e', killedBy: 'eve', logLines: 3, preparedCode: 'prepared later'};
    t.deepEqual(await store.commit([update(1, ['Inited'], set, {facts})]), [{type: 'written'}]);
    t.deepEqual(
      await store.get(1),
      before && {row: {...before.row, ...set}, facts: {...before.facts, ...facts}},
    );
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
    await store.commit([
      update(1, ['Inited'], {status: 'Scheduled'}, {facts: {attempt: 9, preparedCode: 'never'}}),
    ]);
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
    await store.commit([
      insert({id: 1}),
      insert({id: 2, status: 'Running'}),
      insert({id: 3, instances: 'dead:1#x#1'}),
    ]);
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
    const outcomes = await store.commit([
      insert({id: 1}),
      insert({id: 2, logPath: 'x'.repeat(201)}),
      insert({id: 3}),
    ]);
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
    const texts = {
      executionCode: 'é'.repeat(1_200_000),
      params: `{"p":"${'日'.repeat(40_000)}"}`,
      source: '{"s":1}'.padEnd(60_001),
    };
    t.deepEqual(types(await store.commit([insert({id: 1, ...texts}, {preparedCode: 'ü'.repeat(80_000)})])), [
      'written',
    ]);
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
}
