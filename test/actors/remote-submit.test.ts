/** Submissions that one entrance was given and never answered: what the others say must not hide that. */
import test from 'ava';
import {QueueFullError} from '../../actors/domain/errors.ts';
import type {Governance} from '../../actors/governance.ts';
import {RouteNotFoundError} from '../../actors/route.ts';
import {SubmissionUnknownError} from '../../actors/submission-unknown.ts';
import {manualClock} from '../support/manual-clock.ts';
import {caller, entranceCluster} from '../support/entrance-cluster.ts';

const body = {executionContent: {code: 'echo 1', runType: 'shell'}, labels: {engineType: 'shell-1'}};
const turns = async (isDone: () => boolean): Promise<void> => {
  while (!isDone()) await new Promise(resolve => void setImmediate(resolve));
};

/** a:1 takes what it is given and says nothing. */
const silentAt =
  (silent: string) =>
  (inner: Governance, instance: string): Governance =>
    instance === silent ? {...inner, submit: () => new Promise(() => undefined)} : inner;

test('no instance is left after one fell silent: that is unknown, not a route without instances', async t => {
  const {governance, hub} = entranceCluster(t, {
    clock: manualClock(),
    wrap: silentAt('a:1'),
    resolve(route, _caller, tried) {
      if (tried.length > 0) throw new RouteNotFoundError(route ?? 'none');
      return {instance: 'a:1', why: 'the only one'};
    },
  });
  const failed = t.throwsAsync(governance.submit(body, caller, {}), {
    instanceOf: SubmissionUnknownError,
    message: /^a:1 was given this submission/,
  });
  await turns(() => hub.arrived('submit') > 0);
  hub.cut('a:1');
  await failed;
});

test('who refuses what another one was given before does not speak for that one', async t => {
  const {governance, hub, entrance} = entranceCluster(t, {clock: manualClock(), wrap: silentAt('a:1')});
  entrance('b:1').refusal = new QueueFullError('IDE_alice_shell', 5, 5);
  const failed = t.throwsAsync(governance.submit(body, caller, {idempotencyKey: 'k'}), {
    instanceOf: SubmissionUnknownError,
    message: /^a:1 was given this submission.*same idempotency key/,
  });
  await turns(() => hub.arrived('submit') > 0);
  hub.cut('a:1');
  await failed;
});

test('what the silent one has made of it is found by its key', async t => {
  const {governance, hub, entrance, add, keepFacts} = entranceCluster(t, {
    clock: manualClock(),
    wrap: silentAt('a:1'),
  });
  entrance('b:1').refusal = new QueueFullError('IDE_alice_shell', 5, 5);
  const submitting = governance.submit(body, caller, {idempotencyKey: 'k'});
  await turns(() => hub.arrived('submit') > 0);
  const taskID = add('a:1', {status: 'Scheduled'});
  keepFacts(taskID, {idempotencyKey: 'k'});
  hub.cut('a:1');
  t.is((await submitting).taskID, taskID);
});
