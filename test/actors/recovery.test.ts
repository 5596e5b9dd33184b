import test from 'ava';
import {planOf, recover, type FoundEngine, type Plan} from '../../actors/recovery.ts';
import type {EngineHandle, StoredJob} from '../../actors/ports.ts';
import {manualClock} from '../support/manual-clock.ts';
import {nowhere} from '../support/jobs.ts';
import {storedJob} from '../support/stored-jobs.ts';
import {createCheckedStore} from '../simulation/checked-store.ts';

const engine = (engineId: string, task?: EngineHandle['task']): FoundEngine => ({
  ref: nowhere,
  handle: {
    engineId,
    pid: 1,
    engineType: 'shell',
    user: 'alice',
    creator: 'IDE',
    ...(task === undefined ? {} : {task}),
    execute: async () => undefined,
    follow() {},
    kill() {},
    publishResults: async () => 0,
    confirm: async () => undefined,
    shutdown: async () => undefined,
    detach() {},
    exited: new Promise(() => undefined),
  },
});

const running = storedJob({id: 7, status: 'Running'}, {attempt: 2, engineId: 'e1'});
const plan = test.macro<[StoredJob, FoundEngine[], Plan['type']]>((t, stored, engines, expected) => {
  t.is(planOf(stored, new Map(engines.map(found => [found.handle.engineId, found]))).type, expected);
});

test(
  'a job that no engine had goes back into the queue',
  plan,
  storedJob({id: 1, status: 'Scheduled'}),
  [],
  'queued',
);
test(
  'a job whose engine has its attempt is resumed',
  plan,
  running,
  [engine('e1', {taskID: 7, attempt: 2, epoch: 1})],
  'resumed',
);
test('an engine that never heard of the attempt never began it', plan, running, [engine('e1')], 'restarted');
test(
  'an engine with another task never began this one',
  plan,
  running,
  [engine('e1', {taskID: 8, attempt: 2, epoch: 1})],
  'restarted',
);
test('without its engine a running job is lost, and says so', plan, running, [], 'lost');

test('only jobs of owners that are gone are taken, page by page, and their epoch rises', async t => {
  const store = createCheckedStore(manualClock(), 'none').view();
  const job = (id: number): StoredJob =>
    storedJob({id, instances: id % 2 === 0 ? 'h:1#dead#3' : 'h:2#alive#1'});
  await store.commit(Array.from({length: 10}, (_, index) => ({type: 'insert', ...job(index + 1)})));
  const queued: number[] = [];
  const report = await recover({
    store,
    self: {instance: 'h:3', incarnation: 'me'},
    clock: manualClock(),
    pageSize: 3,
    engines: new Map(),
    isAlive: ({incarnation}) => incarnation !== 'dead',
    enqueue: ({row}) => queued.push(row.id),
    occupy: () => t.fail(),
    spawn: () => t.fail() as never,
  });
  t.deepEqual(queued, [2, 4, 6, 8, 10]);
  t.like(report, {queued: 5, leftToOthers: 5});
  t.is((await store.get(2))?.row.instances, 'h:3#me#4');
  t.is((await store.get(1))?.row.instances, 'h:2#alive#1');
});
