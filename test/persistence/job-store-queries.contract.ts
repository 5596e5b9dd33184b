/** What every `JobStore` must find, count, hand out and remove. */
import {jobStatuses} from '../../actors/domain/job.ts';
import type {JobFilter, JobWrite} from '../../actors/ports.ts';
import {at, ids, insert, update, type Register} from './job-store-world.ts';

export function queriesContract(it: Register): void {
  it('reserved ids are never handed out twice, and lie above those in the history', async (t, store) => {
    await store.commit([insert({id: 500})]);
    const blocks = await Promise.all(Array.from({length: 20}, (_, index) => store.reserveIds(index + 1)));
    const all = blocks.flatMap(({first, count}) => Array.from({length: count}, (_, index) => first + index));
    t.is(new Set(all).size, 210);
    t.true(Math.min(...all) > 500);
  });

  it('unfinished jobs come in order of their ids, page by page', async (t, store) => {
    await store.commit(
      jobStatuses.flatMap((status, index) => [
        insert({id: 10 - index, status}),
        insert({id: 30 + index, status}),
      ]),
    );
    const open = [7, 8, 9, 10, 30, 31, 32, 33];
    t.deepEqual(ids(await store.unfinished(0, 100)), open);
    t.deepEqual(ids(await store.unfinished(0, 3)), open.slice(0, 3));
    t.deepEqual(ids(await store.unfinished(9, 3)), open.slice(3, 6));
    t.deepEqual(ids(await store.unfinished(0, 100, 'nobody:1')), []);
    await store.commit([
      update(7, ['Running'], {status: 'Succeed'}),
      update(9, ['Scheduled', 'WaitForRetry'], {status: 'Failed'}),
    ]);
    t.deepEqual(ids(await store.unfinished(0, 3)), [8, 10, 30]);
  });

  it('a list is newest first, ties by the higher id, and pages neither repeat nor skip', async (t, store) => {
    const times = [5, 1, 3, 3, 3, 9, 1];
    await store.commit(times.map((time, index) => insert({id: index + 1, createdTime: at + time})));
    const pages = await Promise.all([1, 2, 3, 4].map(number => store.list({}, {number, size: 2})));
    t.deepEqual(
      pages.flatMap(({jobs}) => ids(jobs)),
      [6, 1, 5, 4, 3, 7, 2],
    );
    t.deepEqual([pages[0]?.total, pages[0]?.totalIsCapped], [7, false]);
  });

  it('the longest jobs can be listed first', async (t, store) => {
    await store.commit([3, 9, 1].map((took, index) => insert({id: index + 1, updatedTime: at + took})));
    await store.commit([update(3, ['Inited'], {status: 'Scheduled', updatedTime: at + 20})]);
    t.deepEqual(ids((await store.list({orderBy: 'longest'}, {number: 1, size: 9})).jobs), [3, 2, 1]);
  });

  const variety: JobWrite[] = [
    insert({id: 1, submitUser: 'alice', executeUser: 'hadoop'}, {creator: 'IDE', codeType: 'shell'}),
    insert(
      {id: 2, submitUser: 'Alice', status: 'Running', engineType: 'spark', createdTime: at + 10},
      {codeType: 'sql'},
    ),
    insert(
      {id: 3, submitUser: 'bob', status: 'Failed', metrics: '{"x":1,"engineInstance":"engine_1:70"}'},
      {codeType: 'SQL'},
    ),
    insert(
      {id: 4, submitUser: 'bob', instances: 'HOST-2:9001#i#4', createdTime: at + 20},
      {creator: 'x%y', codeType: 'scala'},
    ),
    insert({
      id: 5,
      submitUser: 'b%',
      instances: 'host-2:90010#i#4',
      metrics: '{"engineInstance":"engineX1:70"}',
    }),
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
      t.is(
        Object.values(counts).reduce((sum, count) => sum + count),
        expected.length,
        what,
      );
    }
    t.like(await store.countByStatus({}), {Inited: 3, Running: 1, Failed: 1, Succeed: 0});
  });

  it('an id that somebody else had inserted is not handed out after its job was removed', async (t, store) => {
    await store.commit([insert({id: 900, status: 'Succeed'})]);
    t.is(await store.removeEnded(at + 1, 10), 1);
    t.true((await store.reserveIds(1)).first > 900);
  });

  it('totals are exact up to 10,000 and say when they are capped', async (t, store) => {
    const jobs = Array.from({length: 10_001}, (_, index) => insert({id: index + 1, status: 'Succeed'}));
    for (let from = 0; from < 10_000; from += 500)
      await store.commit(jobs.slice(from, Math.min(from + 500, 10_000)));
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
      insert(
        {id: 1, status: 'Failed', createdTime: at, updatedTime: at + 100, ...texts},
        {preparedCode: 'p', idempotencyKey: 'k'},
      ),
      insert({id: 2, status: 'Succeed', createdTime: at - 10, updatedTime: at + 99}),
      insert({id: 3, status: 'Running', createdTime: at - 20, updatedTime: at}),
      insert({id: 4, status: 'Timeout', createdTime: at - 5, updatedTime: at + 101}),
      insert({id: 5, status: 'Cancelled', createdTime: at + 1, updatedTime: at + 100}),
    ]);
    t.is(await store.removeEnded(at + 101, 2), 2);
    t.deepEqual(ids((await store.list({}, {number: 1, size: 10})).jobs), [5, 4, 3]);
    t.is(await store.removeEnded(at + 101, 10), 1);
    t.is(await store.removeEnded(at + 101, 10), 0);
    t.deepEqual(
      ids((await store.list({}, {number: 1, size: 10})).jobs),
      [4, 3],
      'the unfinished one and the younger one stay',
    );
    t.is(await store.get(1), undefined);
    t.is(await store.byIdempotencyKey('alice', 'k'), undefined);
    t.deepEqual(
      await store.commit([insert({id: 1, ...texts}, {preparedCode: 'again'})]),
      [{type: 'written'}],
      'no text was left',
    );
  });

  it('an id whose job was removed is not handed out again', async (t, store) => {
    const {first} = await store.reserveIds(1);
    await store.commit([insert({id: first, status: 'Succeed'})]);
    t.is(await store.removeEnded(at + 1_000_000, 10), 1);
    t.true((await store.reserveIds(1)).first > first);
  });
}
