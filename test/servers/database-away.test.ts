/** G8 on a real server: the database is killed under a whole node, and comes back. */
import {existsSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {jobEnds, submitJob, taskOf, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {freshServerDatabase, startServer} from './server-fixture.ts';

test('jobs go on while the database is away, new ones are refused, and every end is recorded afterwards', async t => {
  const started = startServer('mariadb');
  if ('absent' in started) return t.fail(started.absent);
  let server = started;
  t.teardown(() => server.remove());
  const node = await startNode(t, {args: ['--database', await freshServerDatabase(server)]});
  await node.login();
  const witness = join(node.dataDirectory, 'witness');
  const runs = await submitJob(node, `sleep 4; echo done > ${witness}`);
  const killed = await submitJob(node, 'sleep 600');
  await untilStatus(node, runs.taskID, ['Running']);
  await untilStatus(node, killed.taskID, ['Running']);

  process.kill(server.pid, 'SIGKILL');
  while (!existsSync(witness)) await sleep(50);
  const refused = await node.api('entrance/submit', {
    body: {executionContent: {code: 'true', runType: 'shell'}, labels: {engineType: 'shell-1'}},
  });
  t.is(refused.status, 1);
  // The second, when it came just before the node had noticed.
  t.regex(refused.message, /20052|20962/);
  const ready = await fetch(new URL('/health/ready', node.url()));
  t.is(ready.status, 503);
  const answer = node.api(`entrance/${killed.execID}/kill`);
  const outbox = join(node.dataDirectory, 'outbox', 'outbox.jsonl');
  while (!existsSync(outbox) || statSync(outbox).size === 0) await sleep(50);
  t.notRegex(readFileSync(outbox, 'utf8'), /sleep 600/, 'the outbox holds changes, not code');

  server = server.restart();
  t.is((await answer).status, 0);
  t.is((await untilStatus(node, runs.taskID, jobEnds)).status, 'Succeed');
  t.is((await untilStatus(node, killed.taskID, jobEnds)).status, 'Cancelled');
  t.is((await untilStatus(node, (await submitJob(node, 'true')).taskID, jobEnds)).status, 'Succeed');
  t.is(statSync(outbox).size, 0);
});

test('a node that dies while the database is away replays its outbox at the next start', async t => {
  const started = startServer('mariadb');
  if ('absent' in started) return t.fail(started.absent);
  let server = started;
  t.teardown(() => server.remove());
  const node = await startNode(t, {args: ['--database', await freshServerDatabase(server)]});
  await node.login();
  const witness = join(node.dataDirectory, 'witness');
  const {taskID} = await submitJob(node, `echo begun >> ${witness}; sleep 2; echo done >> ${witness}`);
  while (!existsSync(witness)) await sleep(50);
  process.kill(server.pid, 'SIGKILL');
  while (!readFileSync(witness, 'utf8').includes('done')) await sleep(50);
  await node.kill('SIGKILL');
  server = server.restart();
  await node.restart();
  await node.login();
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
  t.is(readFileSync(witness, 'utf8'), 'begun\ndone\n');
  t.truthy((await taskOf(node, taskID)).logPath);
});
