import test from 'ava';
import {LinkisError, QueueFullError} from '../../actors/domain/errors.ts';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {RemoteLinkisError} from '../../actors/remote-failure.ts';
import {LogUnavailableError} from '../../actors/remote-log.ts';
import {EntranceUnreachableError} from '../../actors/remote-submit.ts';
import {KillUndeliveredError} from '../../actors/remote-kill.ts';
import {RouteNotFoundError} from '../../actors/route.ts';
import {SubmissionUnknownError} from '../../actors/submission-unknown.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {caller, entranceCluster} from '../support/entrance-cluster.ts';

const body = {executionContent: {code: 'echo 1', runType: 'shell'}, labels: {engineType: 'shell-1'}};

/** Lets messages cross, and moves time until `promise` settles. */
async function within<T>(
  clock: ManualClock,
  promise: Promise<T>,
  stepMs = 100,
  limitMs = 60_000,
): Promise<T> {
  let isSettled = false;
  const settled = (): void => {
    isSettled = true;
  };
  promise.then(settled, settled);
  for (let waitedMs = 0; !isSettled && waitedMs < limitMs; waitedMs += stepMs) {
    for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => void setImmediate(resolve));
    if (!isSettled) clock.advance(stepMs);
  }
  return promise;
}

test('a job of another entrance is found live, with its progress, without a look at its row each time', async t => {
  const {governance, add, entrance, storeReads} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running'});
  entrance('a:1').play(taskID).progress(0.4);
  t.like(await governance.find(taskID), {taskID, status: 'Running', progress: 0.4});
  const before = storeReads();
  entrance('a:1').play(taskID).progress(0.5);
  t.like(await governance.find(taskID), {progress: 0.5});
  t.is(storeReads(), before);
  t.is(await governance.find(9999), undefined);
});

test('when its owner cannot be reached a job is shown as its row says', async t => {
  const {governance, add, hub, takeOver} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running', progress: '0.3'});
  hub.cut('a:1');
  t.like(await governance.find(taskID), {status: 'Running', progress: 0.3});
  takeOver(taskID, 'b:1', {status: 'Scheduled'});
  t.like(await governance.find(taskID), {status: 'Scheduled'});
});

test('a former owner shows the row, and the next look goes to the present one', async t => {
  const {governance, add, takeOver, entrance} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running'});
  await governance.find(taskID);
  takeOver(taskID, 'b:1');
  entrance('b:1').play(taskID).progress(0.8);
  t.like(await governance.find(taskID), {status: 'Running', progress: 0});
  t.like(await governance.find(taskID), {progress: 0.8});
});

test('what an entrance refuses keeps code, text and whether to try again', async t => {
  const {governance, entrance} = entranceCluster(t);
  const refusal = new QueueFullError('IDE_alice_shell', 5, 5);
  entrance('a:1').refusal = refusal;
  const error = await t.throwsAsync(governance.submit(body, caller, {}), {instanceOf: RemoteLinkisError});
  t.like(error, {code: 12_001, message: refusal.message, retryable: true, name: 'QueueFullError'});
  entrance('a:1').isAway = true;
  await t.throwsAsync(governance.submit(body, caller, {}), {instanceOf: DatabaseAwayError});
  entrance('a:1').isAway = false;
  entrance('a:1').refusal = new TypeError('x is not a function');
  const fault = await t.throwsAsync(governance.submit(body, caller, {}));
  t.false(fault instanceof LinkisError);
  t.regex(fault.message, /^a:1 failed with TypeError: x is not a function$/);
});

test('an instance that lost its label since it was chosen is left for another one, then the route is refused by name', async t => {
  const {governance, entrance} = entranceCluster(t);
  entrance('a:1').refusal = new RouteNotFoundError('et1');
  const accepted = await governance.submit({...body, labels: {route: 'et1'}}, caller, {});
  t.is(entrance('b:1').submitted.length, 1);
  t.true(accepted.taskID > 0);
  entrance('b:1').refusal = new RouteNotFoundError('et1');
  const error = await t.throwsAsync(governance.submit({...body, labels: {route: 'et1'}}, caller, {}), {
    instanceOf: RouteNotFoundError,
  });
  t.is(error.route, 'et1');
});

test('a submission whose instance cannot be reached goes to another candidate; with none, nothing was accepted', async t => {
  const {governance, entrance, hub} = entranceCluster(t);
  hub.cut('a:1');
  await governance.submit(body, caller, {});
  t.is(entrance('b:1').submitted.length, 1);
  hub.cut('b:1');
  await t.throwsAsync(governance.submit(body, caller, {}), {
    instanceOf: EntranceUnreachableError,
    message: /Nothing was accepted: a:1 and b:1/,
  });
});

test('a lost answer does not double a job: the second try carries the key of the first', async t => {
  const clock = manualClock();
  const {governance, entrance, hub} = entranceCluster(t, {clock});
  const heal = hub.lose(message => JSON.stringify(message).includes('"execID"'));
  const submitting = governance.submit(body, caller, {});
  await within(clock, Promise.resolve());
  for (let turn = 0; turn < 20; turn += 1) await new Promise(resolve => void setImmediate(resolve));
  heal();
  await within(clock, submitting, 1000);
  const [first, second] = [...entrance('a:1').submitted, ...entrance('b:1').submitted];
  t.truthy(first?.idempotencyKey);
  t.is(second?.idempotencyKey, first?.idempotencyKey);
});

test('a submission whose instance is lost while it answers is tried elsewhere at once', async t => {
  const clock = manualClock();
  const {governance, entrance, hub} = entranceCluster(t, {
    clock,
    wrap: (inner, instance) =>
      instance === 'a:1' ? {...inner, submit: () => new Promise(() => undefined)} : inner,
  });
  const submitting = governance.submit(body, caller, {});
  while (hub.arrived('submit') === 0) await new Promise(resolve => void setImmediate(resolve));
  hub.cut('a:1');
  await submitting;
  t.like(entrance('b:1').submitted, [{idempotencyKey: 'tenon:id-1', isFreshKey: false}]);
  t.is(clock.monotonicMs(), 0);
});

test('when no answer came at all the client learns that nobody knows, and how to repeat it safely', async t => {
  const clock = manualClock();
  const {governance, hub} = entranceCluster(t, {clock});
  hub.lose(message => JSON.stringify(message).includes('"execID"'));
  await t.throwsAsync(within(clock, governance.submit(body, caller, {}), 1000, 120_000), {
    instanceOf: SubmissionUnknownError,
    message: /before you submit again/,
  });
  await t.throwsAsync(within(clock, governance.submit(body, caller, {idempotencyKey: 'k'}), 1000, 120_000), {
    message: /same idempotency key/,
  });
});

test('a node that is an entrance itself takes its own, and asks others for theirs', async t => {
  const {governance, entrance, add, hub} = entranceCluster(t, {local: 'a:1'});
  const {taskID} = await governance.submit(body, caller, {});
  t.is(entrance('a:1').submitted[0]?.idempotencyKey, undefined);
  t.like(await governance.find(taskID), {taskID});
  const other = add('b:1', {status: 'Running'});
  entrance('b:1').play(other).progress(0.7);
  t.like(await governance.find(other), {progress: 0.7});
  t.is(hub.arrived('submit'), 0);
});

test('a kill is carried out by the owner', async t => {
  const {governance, add, entrance} = entranceCluster(t);
  const taskID = add('b:1', {status: 'Running'});
  t.deepEqual(await governance.kill(taskID, caller), {taskID, result: 'ended', status: 'Cancelled'});
  t.deepEqual(entrance('b:1').killed, [{taskID, user: 'alice'}]);
  t.like(await governance.kill(taskID, caller), {result: 'alreadyEnded', status: 'Cancelled'});
  await t.throwsAsync(governance.kill(424_242, caller), {message: /no job with taskID 424242/});
});

test('a kill that meets a former owner finds the present one', async t => {
  const {governance, add, entrance, takeOver} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running'});
  await governance.find(taskID);
  takeOver(taskID, 'b:1');
  t.like(await governance.kill(taskID, caller), {result: 'ended'});
  t.is(entrance('a:1').killed.length, 0);
  t.is(entrance('b:1').killed.length, 1);
});

test('a kill whose owner lives but cannot be reached fails after 8 s, and says so', async t => {
  const clock = manualClock();
  const {governance, add, hub, committed} = entranceCluster(t, {clock});
  const taskID = add('a:1', {status: 'Running'});
  hub.cut('a:1');
  const error = await t.throwsAsync(within(clock, governance.kill(taskID, caller)), {
    instanceOf: KillUndeliveredError,
  });
  t.like(error, {code: 20_964, retryable: true});
  t.is(clock.monotonicMs(), 8000);
  t.is(committed.length, 0);
});

test('the wish to end a job of a dead owner is written down, and carried out by whoever takes it over', async t => {
  const clock = manualClock();
  const {governance, add, hub, committed, dead, takeOver, announce} = entranceCluster(t, {clock});
  const waiting = add('a:1', {status: 'Running'});
  const moved = add('a:1', {status: 'Running'});
  hub.cut('a:1');
  dead.add('a:1');
  t.like(await within(clock, governance.kill(waiting, caller)), {result: 'underWay', status: 'Running'});
  t.like(committed, [{id: waiting, owner: 'a:1#i-a:1#1', facts: {killedBy: 'Cancelled:alice'}}]);
  const killing = governance.kill(moved, caller);
  await within(clock, Promise.resolve());
  takeOver(moved, 'b:1');
  announce('a:1');
  t.like(await within(clock, killing), {result: 'ended', status: 'Cancelled'});
});

test('logs are read through their holder, whole also where one line is larger than a message', async t => {
  const {governance, add, entrance} = entranceCluster(t);
  const taskID = add('a:1', {status: 'Running'});
  const huge = 'x'.repeat(700_000);
  entrance('a:1').play(taskID).log('one', 'two');
  t.deepEqual(await governance.logPosition(taskID), {lines: 2, bytes: 8, spoolOffset: 0});
  const chunk = await governance.readLog(taskID, 1, Infinity, 1_000_000);
  t.like(chunk, {fromLine: 1, lineCount: 1});
  t.is(Buffer.from(chunk?.bytes ?? []).toString(), 'two\n');
  t.is(await governance.readLog(9999, 0, 1, 1), undefined);
  const bare = entranceCluster(t, {
    wrap: inner => ({
      ...inner,
      readLog: async (_taskID, fromLine) => ({fromLine, lineCount: 1, bytes: Buffer.from(`${huge}\n`)}),
    }),
  });
  const other = bare.add('a:1', {status: 'Running'});
  const line = await bare.governance.readLog(other, 0, 1, 10);
  t.is(line?.bytes.length, 700_001);
  t.is(bare.hub.arrived('readLog'), 3);
});

test('a log whose holder cannot be reached is named, never shown as empty', async t => {
  const clock = manualClock();
  const {governance, add, hub, dead} = entranceCluster(t, {clock});
  const ended = add('a:1', {status: 'Succeed'});
  const running = add('a:1', {status: 'Running'});
  hub.cut('a:1');
  await t.throwsAsync(within(clock, governance.readLog(ended, 0, 10, 1000)), {
    instanceOf: LogUnavailableError,
    message: /lies on a:1, which this node can not reach/,
  });
  t.is(clock.monotonicMs(), 0);
  await t.throwsAsync(within(clock, governance.logPosition(running)), {instanceOf: LogUnavailableError});
  t.is(clock.monotonicMs(), 2000);
  dead.add('a:1');
  await t.throwsAsync(within(clock, governance.logPosition(running)), {message: /a:1, which is not running/});
  t.is(clock.monotonicMs(), 17_000);
});

test('a log that the row holds whole is read without its holder', async t => {
  const {governance, add, hub, keepFacts, entrance} = entranceCluster(t, {local: 'b:1'});
  const taskID = add('a:1', {status: 'Succeed'});
  keepFacts(taskID, {logLines: 1, logText: 'hello\n'});
  // What the reader of this node's logs makes of the row.
  entrance('b:1').add({id: taskID, instances: 'a:1#i-a:1#1', status: 'Succeed'});
  entrance('b:1').play(taskID).log('hello');
  hub.cut('a:1');
  t.is(Buffer.from((await governance.readLog(taskID, 0, 10, 100))?.bytes ?? []).toString(), 'hello\n');
});

test('the log file of an ended job is read by a neighbour of its host; that of one that may still run is not', async t => {
  const clock = manualClock();
  const isWithinReach = (path: string): boolean => path.startsWith('/shared/');
  const {governance, add, hub, entrance} = entranceCluster(t, {clock, local: 'b:1', isWithinReach});
  const here = add('a:1', {status: 'Succeed', logPath: '/shared/1.log'});
  const elsewhere = add('a:1', {status: 'Succeed', logPath: '/far/2.log'});
  const running = add('a:1', {status: 'Running', logPath: '/shared/3.log'});
  for (const id of [here, elsewhere, running]) {
    entrance('b:1').add({id, instances: 'a:1#i-a:1#1'});
    entrance('b:1').play(id).log('hello');
  }
  hub.cut('a:1');
  t.is(Buffer.from((await governance.readLog(here, 0, 10, 100))?.bytes ?? []).toString(), 'hello\n');
  for (const taskID of [elsewhere, running]) {
    await t.throwsAsync(within(clock, governance.readLog(taskID, 0, 10, 100)), {
      instanceOf: LogUnavailableError,
    });
  }
});

test('a reader of a job whose owner died waits for the next owner', async t => {
  const clock = manualClock();
  const {governance, add, hub, dead, takeOver, announce, entrance} = entranceCluster(t, {clock});
  const taskID = add('a:1', {status: 'Running'});
  await governance.find(taskID);
  hub.cut('a:1');
  dead.add('a:1');
  const reading = governance.readLog(taskID, 0, 10, 1000);
  await within(clock, Promise.resolve());
  takeOver(taskID, 'b:1');
  entrance('b:1').play(taskID).log('from b');
  announce('a:1');
  t.is(Buffer.from((await within(clock, reading))?.bytes ?? []).toString(), 'from b\n');
  t.true(clock.monotonicMs() < 2000);
});

test('while the database is away jobs are served by whoever has them', async t => {
  const {governance, add, entrance, hub} = entranceCluster(t);
  const cluster = entranceCluster(t, {local: 'a:1'});
  const own = cluster.add('a:1', {status: 'Running'});
  cluster.isStoreAway = true;
  t.like(await cluster.governance.find(own), {status: 'Running'});
  const taskID = add('b:1', {status: 'Running'});
  await governance.find(taskID);
  entrance('b:1').play(taskID).progress(0.2);
  t.like(await governance.find(taskID), {progress: 0.2});
  t.is(hub.arrived('find'), 2);
});

test('load is the sum of what all entrances said last', async t => {
  const {governance, add, hub} = entranceCluster(t);
  add('a:1', {status: 'Running'});
  add('b:1', {status: 'Inited'});
  t.deepEqual(governance.load(), []);
  while (hub.arrived('load') < 2) await new Promise(resolve => void setImmediate(resolve));
  for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => void setImmediate(resolve));
  t.deepEqual(governance.load(), [
    {
      group: 'IDE_alice_shell',
      tenant: '',
      user: 'alice',
      creator: 'IDE',
      engineType: 'shell',
      running: 1,
      queued: 1,
    },
  ]);
});

test('a gateway is ready while it reaches an entrance', t => {
  const {governance, hub} = entranceCluster(t);
  t.true(governance.readiness().isReady);
  hub.cut('a:1');
  hub.cut('b:1');
  t.like(governance.readiness(), {isReady: false, why: 'no entrance of the cluster can be reached'});
});

test('an entrance that serves as many calls as it may says so', async t => {
  const {governance, add} = entranceCluster(t, {callsMax: 0});
  const taskID = add('a:1', {status: 'Running'});
  await t.throwsAsync(governance.find(taskID), {message: /serves 0 calls for other nodes/});
});
