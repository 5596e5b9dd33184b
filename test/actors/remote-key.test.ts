/** What a gateway makes of an entrance that does not know whether it accepted a submission. */
import test from 'ava';
import {LinkisError} from '../../actors/domain/errors.ts';
import type {Governance} from '../../actors/governance.ts';
import {SubmissionUnknownError} from '../../actors/submission-unknown.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {caller, entranceCluster} from '../support/entrance-cluster.ts';

const body = {executionContent: {code: 'echo 1', runType: 'shell'}, labels: {engineType: 'shell-1'}};
const options = {idempotencyKey: 'k'};
const limitMs = 30_000;

/** Lets messages cross, and moves time until `promise` settles. Resolves what it came to, and after how long. */
async function settle(clock: ManualClock, promise: Promise<unknown>): Promise<{value: unknown; ms: number}> {
  let settled: {value: unknown} | undefined;
  promise.then(
    value => void (settled = {value}),
    (error: unknown) => void (settled = {value: error}),
  );
  for (let ms = 0; ms < limitMs; ms += 100) {
    for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => void setImmediate(resolve));
    if (settled !== undefined) return {...settled, ms};
    clock.advance(100);
  }
  throw new Error(`Not settled within ${limitMs} ms.`);
}

/** a:1 does not know; the others accept. */
const unknownAt =
  (instance: string, isUnknown: () => boolean = () => true) =>
  (inner: Governance, at: string): Governance => ({
    ...inner,
    submit: (...args) =>
      at === instance && isUnknown()
        ? Promise.reject(new SubmissionUnknownError(at, 'k', 'does not know'))
        : inner.submit(...args),
  });

test('a job that was scheduled meanwhile is the answer', async t => {
  const clock = manualClock();
  const {governance, add, keepFacts, entrance} = entranceCluster(t, {clock, wrap: unknownAt('a:1')});
  const taskID = add('b:1', {status: 'Scheduled'});
  keepFacts(taskID, {idempotencyKey: 'k'});
  const {value, ms} = await settle(clock, governance.submit(body, caller, options));
  t.like(value, {taskID});
  t.regex(String(Reflect.get(Object(value), 'execID')), /b:1/);
  t.is(ms, 0);
  t.is(entrance('b:1').submitted.length, 0);
});

test('whoever has the waiting job is asked, with its key', async t => {
  const clock = manualClock();
  const {governance, add, keepFacts, entrance} = entranceCluster(t, {clock, wrap: unknownAt('a:1')});
  keepFacts(add('b:1'), {idempotencyKey: 'k'});
  const {value} = await settle(clock, governance.submit(body, caller, options));
  t.false(value instanceof Error);
  t.like(entrance('b:1').submitted, [{idempotencyKey: 'k'}]);
});

test('the job of an entrance that can not be reached is waited for until it is taken over', async t => {
  const clock = manualClock();
  const {governance, add, keepFacts, hub, takeOver, announce, entrance} = entranceCluster(t, {
    clock,
    entrances: ['a:1', 'b:1', 'c:1'],
    wrap: unknownAt('a:1'),
  });
  const taskID = add('c:1');
  keepFacts(taskID, {idempotencyKey: 'k'});
  hub.cut('c:1');
  const submitting = governance.submit(body, caller, options);
  clock.after(4000, () => {
    takeOver(taskID, 'b:1');
    announce('c:1');
  });
  const {value, ms} = await settle(clock, submitting);
  t.like(value, {taskID});
  t.is(ms, 4000);
  t.is(entrance('b:1').submitted.length, 0);
});

test('when no job has the key it is submitted again with it, elsewhere', async t => {
  const clock = manualClock();
  const {governance, entrance} = entranceCluster(t, {clock, wrap: unknownAt('a:1')});
  const {value} = await settle(clock, governance.submit(body, caller, {}));
  t.false(value instanceof Error);
  t.like(entrance('b:1').submitted, [{idempotencyKey: 'tenon:id-1', isFreshKey: false}]);
});

test('when nobody knows in time the client is told so', async t => {
  const clock = manualClock();
  const {governance, add, keepFacts, hub, entrance} = entranceCluster(t, {clock, wrap: unknownAt('a:1')});
  keepFacts(add('b:1'), {idempotencyKey: 'k'});
  hub.cut('b:1');
  const {value, ms} = await settle(clock, governance.submit(body, caller, options));
  t.true(value instanceof LinkisError && value.code === 20_962);
  t.true(ms >= 10_000 && ms <= 11_000);
  t.is(entrance('b:1').submitted.length, 0);
});

test('while the database is away it is waited for', async t => {
  const clock = manualClock();
  const cluster = entranceCluster(t, {clock, wrap: unknownAt('a:1')});
  cluster.isStoreAway = true;
  clock.after(3000, () => void (cluster.isStoreAway = false));
  const {value, ms} = await settle(clock, cluster.governance.submit(body, caller, options));
  t.false(value instanceof Error);
  t.true(ms >= 3000 && ms <= 4000);
  t.is(cluster.entrance('b:1').submitted.length, 1);
});

test('a submission without any key is not repeated: nothing would tell the two apart', async t => {
  const clock = manualClock();
  const {governance, entrance} = entranceCluster(t, {clock, local: 'a:1'});
  entrance('a:1').refusal = new SubmissionUnknownError('a:1', undefined, 'does not know');
  const {value, ms} = await settle(clock, governance.submit(body, caller, {}));
  t.true(value instanceof SubmissionUnknownError);
  t.is(ms, 0);
  t.is(entrance('b:1').submitted.length, 0);
});
