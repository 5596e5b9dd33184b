import {readFileSync, existsSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {jobEnds, submitJob, taskOf, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';

test.serial(
  'a job that runs while the node is killed and started again ends with its true result and its whole log',
  async t => {
    const node = await startNode(t);
    await node.login();
    const witness = join(node.dataDirectory, 'witness');
    const {taskID} = await submitJob(
      node,
      `echo begun >> ${witness}; i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.1; done; echo done >> ${witness}`,
    );
    await untilStatus(node, taskID, ['Running']);
    await node.kill('SIGKILL');
    await node.restart();
    await node.login();
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
    t.is(readFileSync(witness, 'utf8'), 'begun\ndone\n');
    const lines = readFileSync((await taskOf(node, taskID)).logPath, 'utf8')
      .split('\n')
      .filter(line => line.startsWith('line '));
    t.deepEqual(
      lines,
      Array.from({length: 2000}, (_, index) => `line ${index}`),
    );
  },
);

test.serial('queued jobs keep their place through a kill -9, and each runs once', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  const witness = join(node.dataDirectory, 'witness');
  const ids: number[] = [];
  for (let number = 0; number < 5; number += 1) {
    ids.push((await submitJob(node, `echo ${number} >> ${witness}; sleep 0.3`)).taskID);
  }
  await untilStatus(node, ids[0] ?? 0, ['Running', 'Succeed']);
  await node.kill('SIGKILL');
  await node.restart();
  await node.login();
  for (const id of ids) t.is((await untilStatus(node, id, jobEnds)).status, 'Succeed');
  const [first] = ids;
  t.is(
    readFileSync(witness, 'utf8'),
    '0\n1\n2\n3\n4\n',
    readFileSync((await taskOf(node, first ?? 0)).logPath, 'utf8') + node.log(),
  );
});

test.serial(
  'a job that ignores TERM, and what it started in other sessions, are dead when kill answers',
  async t => {
    const node = await startNode(t);
    await node.login();
    const pids = join(node.dataDirectory, 'pids');
    const {taskID, execID} = await submitJob(
      node,
      `trap '' TERM; (setsid sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 1; done' &) ; echo $$ >> ${pids}; while :; do sleep 1; done`,
    );
    while (!existsSync(pids) || readFileSync(pids, 'utf8').split('\n').length < 3) await sleep(20);
    const answer = await node.api(`entrance/${execID}/kill`);
    t.is(answer.status, 0);
    for (const pid of readFileSync(pids, 'utf8').trim().split('\n'))
      t.false(existsSync(`/proc/${pid}`), `process ${pid} lives`);
    t.is((await taskOf(node, taskID)).status, 'Cancelled');
  },
);

test.serial('SIGTERM leaves a running job at work, and the next start finds it', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, 'sleep 3; echo finished');
  await untilStatus(node, taskID, ['Running']);
  t.is(await node.stop(), 0);
  await node.restart();
  await node.login();
  const task = await untilStatus(node, taskID, jobEnds);
  t.is(task.status, 'Succeed');
  t.regex(readFileSync(task.logPath, 'utf8'), /finished/);
});

test.serial('a second node on the same data directory refuses to start, and says why', async t => {
  const node = await startNode(t);
  const error = await t.throwsAsync(startNode(t, {dataDirectory: node.dataDirectory, leavesEngines: true}));
  t.regex(error?.message ?? '', /in use/i);
});

test.serial('a port in use is said in one clear sentence', async t => {
  const node = await startNode(t);
  const {port} = new URL(node.url());
  const error = await t.throwsAsync(startNode(t, {args: ['--listen', `127.0.0.1:${port}`]}));
  t.regex(error?.message ?? '', /EADDRINUSE|in use/);
});
