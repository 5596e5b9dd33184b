import {readFileSync, existsSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {startNode, type NodeProcess} from '../support/node-process.ts';

type Task = {task: {status: string; errCode: number | null; errDesc: string | null; logPath: string; resultLocation: string}};

async function submit(node: NodeProcess, code: string, runType = 'shell', labels: Record<string, string> = {}): Promise<{taskID: number; execID: string}> {
  const engineType = runType === 'python' ? 'python-python3' : 'shell-1';
  const {user} = node.credentials();
  const answer = await node.api<{taskID: number; execID: string}>('entrance/submit', {
    body: {executionContent: {code, runType}, labels: {engineType, userCreator: `${user}-IDE`, ...labels}},
  });
  if (answer.status !== 0) throw new Error(answer.message);
  return answer.data;
}

async function jobOf(node: NodeProcess, taskID: number): Promise<Task['task']> {
  return (await node.api<Task>(`jobhistory/${taskID}/get`)).data.task;
}

/** Polls as clients do; there is no event across a restart. */
async function untilStatus(node: NodeProcess, taskID: number, wanted: readonly string[], limitMs = 30_000): Promise<Task['task']> {
  for (const startMs = performance.now(); ;) {
    const task = await jobOf(node, taskID);
    if (wanted.includes(task.status)) return task;
    if (performance.now() - startMs > limitMs) throw new Error(`job ${taskID} is ${task.status} after ${limitMs} ms`);
    await sleep(50);
  }
}

const ends = ['Succeed', 'Failed', 'Cancelled', 'Timeout'];

test.serial('a job that runs while the node is killed and started again ends with its true result and its whole log', async t => {
  const node = await startNode(t);
  await node.login();
  const witness = join(node.dataDirectory, 'witness');
  const {taskID} = await submit(node, `echo begun >> ${witness}; i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.1; done; echo done >> ${witness}`);
  await untilStatus(node, taskID, ['Running']);
  await node.kill('SIGKILL');
  await node.restart();
  await node.login();
  t.is((await untilStatus(node, taskID, ends)).status, 'Succeed');
  t.is(readFileSync(witness, 'utf8'), 'begun\ndone\n');
  const lines = readFileSync((await jobOf(node, taskID)).logPath, 'utf8').split('\n').filter(line => line.startsWith('line '));
  t.deepEqual(lines, Array.from({length: 2000}, (_, index) => `line ${index}`));
});

test.serial('queued jobs keep their place through a kill -9, and each runs once', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  const witness = join(node.dataDirectory, 'witness');
  const ids: number[] = [];
  for (let number = 0; number < 5; number += 1) {
    ids.push((await submit(node, `echo ${number} >> ${witness}; sleep 0.3`)).taskID);
  }
  await untilStatus(node, ids[0] ?? 0, ['Running', 'Succeed']);
  await node.kill('SIGKILL');
  await node.restart();
  await node.login();
  for (const id of ids) t.is((await untilStatus(node, id, ends)).status, 'Succeed');
  const [first] = ids;
  t.is(readFileSync(witness, 'utf8'), '0\n1\n2\n3\n4\n', readFileSync((await jobOf(node, first ?? 0)).logPath, 'utf8') + node.log());
});

test.serial('a job that ignores TERM, and what it started in other sessions, are dead when kill answers', async t => {
  const node = await startNode(t);
  await node.login();
  const pids = join(node.dataDirectory, 'pids');
  const {taskID, execID} = await submit(node, `trap '' TERM; (setsid sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 1; done' &) ; echo $$ >> ${pids}; while :; do sleep 1; done`);
  while (!existsSync(pids) || readFileSync(pids, 'utf8').split('\n').length < 3) await sleep(20);
  const answer = await node.api(`entrance/${execID}/kill`);
  t.is(answer.status, 0);
  for (const pid of readFileSync(pids, 'utf8').trim().split('\n')) t.false(existsSync(`/proc/${pid}`), `process ${pid} lives`);
  t.is((await jobOf(node, taskID)).status, 'Cancelled');
});

test.serial('SIGTERM leaves a running job at work, and the next start finds it', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submit(node, 'sleep 3; echo finished');
  await untilStatus(node, taskID, ['Running']);
  t.is(await node.stop(), 0);
  await node.restart();
  await node.login();
  const task = await untilStatus(node, taskID, ends);
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
