/** Who must not become a member: a second process on one address, and one that does not know the secret. */
import {randomBytes} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {startClusterProcesses} from '../support/cluster-processes.ts';

test('a second process on one cluster address refuses to start and says so; the first one works on', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [{name: 'one', roles: ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory']}],
  });
  const {instance} = cluster.node('one');
  const error = await t.throwsAsync(cluster.start({name: 'second', roles: ['entrance']}, instance));
  t.regex(error?.message ?? '', /ended with [1-9]/);
  t.true(error?.message.includes(instance), error?.message);
  t.regex(error?.message ?? '', /in use|EADDRINUSE|belongs to|another process|taken/i);
  const {taskID} = await cluster.submit('true');
  t.is((await cluster.ended(taskID)).status, 'Succeed');
});

test('two processes that advertise one address but listen at two: the second refuses to start and says so', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [{name: 'one', roles: ['gateway', 'entrance', 'manager', 'ecm', 'jobhistory']}],
  });
  const {instance} = cluster.node('one');
  const error = await t.throwsAsync(
    cluster.start({name: 'second', roles: ['entrance'], args: ['--cluster-listen', '127.0.0.1:0']}, instance),
  );
  t.regex(error?.message ?? '', /ended with [1-9]/);
  t.true(error?.message.includes(instance), error?.message);
  const {taskID} = await cluster.submit('true');
  t.is((await cluster.ended(taskID)).status, 'Succeed');
});

test('a node with a wrong secret is refused and says so; no job reaches it, and none is lost on the way', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [{name: 'one', roles: ['gateway', 'manager', 'ecm', 'entrance', 'jobhistory']}],
  });
  const wrong = join(cluster.directory, 'wrong-secret');
  writeFileSync(wrong, randomBytes(48).toString('base64'), {mode: 0o600});
  const stranger = await cluster.add({
    name: 'stranger',
    roles: ['entrance', 'ecm'],
    args: ['--cluster-secret-file', wrong],
  });
  // Whether it ends or goes on alone: it must say why.
  await stranger.start().catch(() => undefined);
  for (let count = 0; count < 8; count += 1) {
    const {taskID} = await cluster.submit('true');
    const task = await cluster.ended(taskID);
    t.is(task.status, 'Succeed');
    t.is(cluster.nameOf(task.instance), 'one');
  }
  t.regex(stranger.log(), /secret/);
  t.regex(cluster.node('one').log(), /secret/);
  type Preview = {readonly candidates: readonly {readonly instance: string}[]};
  const {data} = await cluster.api<Preview>('gateway/route/preview');
  t.deepEqual(
    data.candidates.map(({instance}) => cluster.nameOf(instance)),
    ['one'],
  );
});
