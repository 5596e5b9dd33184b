/** The history's calls by name, over the store in memory and a writer that commits at once. */
import test from 'ava';
import {isTerminal, jobStatuses, successors} from '../../actors/domain/job.ts';
import {merged} from '../../actors/history-writer.ts';
import {createJobHistoryService} from '../../actors/job-history-service.ts';
import type {JobStore, JobWrite, WriteOutcome} from '../../actors/ports.ts';
import {manualClock} from '../support/manual-clock.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import {storedJob} from '../support/stored-jobs.ts';

const alice = {user: 'alice', isAdmin: false};
const bob = {user: 'bob', isAdmin: false};
const root = {user: 'root', isAdmin: true};

function world(before: (store: JobStore, write: JobWrite) => Promise<unknown> = async () => undefined) {
  const store = createMemoryJobStore();
  const clock = manualClock(1_800_000_000_000);
  const record = async (write: JobWrite): Promise<WriteOutcome> => {
    await before(store, write);
    const [outcome] = await store.commit([write]);
    return outcome ?? {type: 'written'};
  };
  const service = createJobHistoryService({store, history: {details: async () => []}, record, clock});
  return {store, service};
}

test('a new job is saved, and one that is no new job is not', async t => {
  const {store, service} = world();
  const job = storedJob({id: 1});
  await service.saveJobHistory(job.row, job.facts);
  t.deepEqual(await store.get(1), job);
  for (const status of jobStatuses.filter(each => each !== 'Inited' && each !== 'Failed')) {
    // oxlint-disable-next-line no-await-in-loop
    await t.throwsAsync(service.saveJobHistory({...job.row, id: 2, status}, job.facts), {
      name: 'NotANewJobError',
    });
  }
  t.is(await store.get(2), undefined);
  const taken = storedJob({id: 1, createdTime: 5});
  await t.throwsAsync(service.saveJobHistory(taken.row, taken.facts), {name: 'HistoryWriteError'});
});

test('a page holds the viewer’s own jobs, an administrator’s all', async t => {
  const {store, service} = world();
  await store.commit([
    {type: 'insert', ...storedJob({id: 1})},
    {type: 'insert', ...storedJob({id: 2, submitUser: 'bob'})},
  ]);
  const page = {number: 1, size: 9};
  const found = async (viewer: typeof alice, filter = {}) =>
    (await service.queryJobHistory(filter, page, viewer)).jobs.map(({row}) => row.id);
  t.deepEqual(await found(alice), [1]);
  t.deepEqual(await found(bob, {submitUser: 'alice'}), [2]);
  t.deepEqual(await found(root), [2, 1]);
});

test('details are the owner’s and an administrator’s; of a job without any, what its row says', async t => {
  const {store, service} = world();
  await store.commit([{type: 'insert', ...storedJob({id: 1, status: 'Failed'}, {attempt: 2})}]);
  const {details} = await service.getJobDetails(1, alice);
  t.like(details, [{ordinal: 2, status: 'Failed', executionContent: 'echo 1', resultArraySize: null}]);
  t.is((await service.getJobDetails(1, root)).job.row.id, 1);
  await t.throwsAsync(service.getJobDetails(1, bob), {name: 'JobNotInHistoryError'});
  await t.throwsAsync(service.getJobDetails(2, alice), {name: 'JobNotInHistoryError'});
});

test('a status moves along the table of statuses and in no other way', async t => {
  for (const from of jobStatuses) {
    for (const status of jobStatuses) {
      const {store, service} = world();
      // oxlint-disable-next-line no-await-in-loop
      await store.commit([{type: 'insert', ...storedJob({id: 1, status: from})}]);
      const change = {taskID: 1, status, errorCode: 7, errorDesc: 'why'};
      if (successors[from].includes(status)) {
        // oxlint-disable-next-line no-await-in-loop
        await service.updateJobStatus(change);
        // oxlint-disable-next-line no-await-in-loop
        const row = (await store.get(1))?.row;
        t.like(row, {status, errorCode: 7, errorDesc: 'why', updatedTime: 1_800_000_000_000});
        t.is(row?.progress, isTerminal(status) ? '1.0' : '0.0');
        t.is(/completeTime/.test(row?.metrics ?? ''), isTerminal(status));
      } else {
        // oxlint-disable-next-line no-await-in-loop
        await t.throwsAsync(
          service.updateJobStatus(change),
          {name: 'StatusMoveError'},
          `${from} → ${status}`,
        );
        // oxlint-disable-next-line no-await-in-loop
        t.is((await store.get(1))?.row.status, from);
      }
    }
  }
});

test('who is overtaken between looking and writing changes nothing, and is told', async t => {
  const overtake = (set: object) =>
    world(async (store, write) => {
      if (write.type === 'insert') return;
      await store.commit([
        {type: 'update', id: 1, owner: 'o#i#1', from: ['Running'], set: {updatedTime: 9, ...set}},
      ]);
    });
  for (const [set, message] of [
    [{status: 'Succeed'}, /ended as Succeed/],
    [{instances: 'other#j#2'}, /another node/],
  ] as const) {
    const {store, service} = overtake(set);
    // oxlint-disable-next-line no-await-in-loop
    await store.commit([{type: 'insert', ...storedJob({id: 1, status: 'Running'})}]);
    // oxlint-disable-next-line no-await-in-loop
    await t.throwsAsync(service.updateJobStatus({taskID: 1, status: 'Failed'}), {
      name: 'StatusRaceError',
      message,
    });
    // oxlint-disable-next-line no-await-in-loop
    t.like((await store.get(1))?.row, set);
  }
  const {service} = world();
  await t.throwsAsync(service.updateJobStatus({taskID: 5, status: 'Failed'}), {name: 'JobNotInHistoryError'});
});

test('two changes of a job that become one commit keep what both executed', t => {
  const detail = (ordinal: number) => ({
    ordinal,
    status: 'Succeed' as const,
    executionContent: '',
    resultLocation: '',
    resultArraySize: 0,
    createdTime: 1,
    updatedTime: 2,
  });
  const write = (status: 'WaitForRetry' | 'Failed', ordinal: number) => ({
    write: {
      type: 'update' as const,
      id: 1,
      owner: 'o#i#1',
      from: ['Running' as const],
      set: {status, updatedTime: ordinal},
      details: [detail(ordinal)],
    },
    settled: () => undefined,
    misses: 0,
  });
  const [update] = merged([write('WaitForRetry', 1), write('Failed', 2)]);
  t.like(update, {set: {status: 'Failed'}, details: [detail(1), detail(2)]});
});
