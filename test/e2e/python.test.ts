/** Python jobs on a real node: one interpreter after the other job, tables, failures, progress, kill. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import {jobEnds, submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {followJob} from '../support/node-stream.ts';

const python = {runType: 'python'};

test.serial('what one job defines the next one finds, also after the node was killed in between', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  const done = async (code: string) => {
    const {taskID} = await submitJob(node, code, python);
    const task = await untilStatus(node, taskID, jobEnds);
    // A job that prints nothing has no file.
    const {data} = await node.api<{log: readonly string[]}>(
      `filesystem/openLog?path=${encodeURIComponent(task.logPath)}`,
    );
    return {...task, log: data.log.at(-1) ?? ''};
  };
  t.is((await done('import os\ncount = 41\npid = os.getpid()')).status, 'Succeed');
  const second = await done('count += 1\nprint("count", count, pid == os.getpid())');
  t.is(second.status, 'Succeed', second.errDesc ?? '');
  t.regex(second.log, /^count 42 True$/m);
  await node.kill('SIGKILL');
  await node.restart();
  const third = await done('print("still", count, pid == os.getpid())');
  t.is(third.status, 'Succeed', third.errDesc ?? '');
  t.regex(third.log, /^still 42 True$/m);
});

test.serial('a list of dicts is a table, which openFile, CSV and Excel all show', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, '[{"name": "a,b", "n": 1}, {"name": "ü", "n": None}]', python);
  const {status, resultLocation} = await untilStatus(node, taskID, jobEnds);
  t.is(status, 'Succeed');
  const path = `${resultLocation}/_0.dolphin`;
  const {data} = await node.api<{metadata: {columnName: string}[]; fileContent: unknown[][]}>(
    `filesystem/openFile?path=${path}`,
  );
  t.deepEqual(
    data.metadata.map(({columnName}) => columnName),
    ['name', 'n'],
  );
  t.deepEqual(data.fileContent, [
    ['a,b', '1'],
    ['ü', 'NULL'],
  ]);
  const csv = await fetch(
    `${node.url()}/api/rest_j/v1/filesystem/resultsetToExcel?path=${path}&outputFileType=csv`,
    {headers: {cookie: node.cookie()}},
  );
  t.regex(await csv.text(), /name,n\r?\n"a,b",1\r?\nü,NULL/);
  const xlsx = await fetch(
    `${node.url()}/api/rest_j/v1/filesystem/resultsetToExcel?path=${path}&outputFileType=xlsx`,
    {headers: {cookie: node.cookie()}},
  );
  t.is(Buffer.from(await xlsx.arrayBuffer()).toString('latin1', 0, 2), 'PK');
});

test.serial('a traceback is the failure, and the interpreter goes on', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, 'kept = 1\ndef f():\n    return 1 / 0\nf()', python);
  const failed = await untilStatus(node, taskID, jobEnds);
  t.is(failed.status, 'Failed');
  t.regex(failed.errDesc ?? '', /ZeroDivisionError/);
  t.regex(
    readFileSync(failed.logPath, 'utf8'),
    /Traceback(?:.*\n)+.*line 3, in f\n(?:.*\n)*.*ZeroDivisionError/,
  );
  for (const [code, error] of [
    ['if', /SyntaxError/],
    ['raise SystemExit(3)', /SystemExit|3/],
  ] as const) {
    const job = await submitJob(node, code, python);
    const task = await untilStatus(node, job.taskID, jobEnds);
    t.is(task.status, 'Failed', code);
    t.regex(task.errDesc ?? '', error);
  }
  const {taskID: next} = await submitJob(node, 'kept + 1', python);
  t.is((await untilStatus(node, next, jobEnds)).status, 'Succeed');
});

test.serial('progress that code reports comes over the stream, and by REST', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID, execID} = await submitJob(
    node,
    'import time\nfor n in range(1, 5):\n    progress(n, 4)\n    time.sleep(0.6)',
    python,
  );
  const {frames, over} = await followJob(node, node.cookie(), taskID);
  t.is(over, 'end');
  const shares = frames.filter(({type}) => type === 'progress').map(({progress}) => Number(progress));
  t.deepEqual(
    shares,
    [...shares].toSorted((a, b) => a - b),
  );
  t.true(
    [0.25, 0.5, 0.75].every(share => shares.includes(share)),
    JSON.stringify(shares),
  );
  t.is((await node.api<{progress: number}>(`entrance/${execID}/progress`)).data.progress, 1);
});

test.serial('a kill ends the code, at whatever moment it comes, and the user’s next job runs', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  for (const code of [
    'import time\nprint("in it", flush=True)\ntime.sleep(600)',
    'print("in it", flush=True)\nwhile True: pass',
  ]) {
    const {taskID, execID} = await submitJob(node, code, python);
    await followJob(node, node.cookie(), taskID, {
      until: ({frames}) => frames.some(({status}) => status === 'Running'),
    });
    const before = performance.now();
    t.is((await node.api(`entrance/${execID}/kill`)).status, 0);
    t.true(performance.now() - before < 7000);
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Cancelled');
    const {taskID: next} = await submitJob(node, 'print("after")', python);
    t.is((await untilStatus(node, next, jobEnds)).status, 'Succeed');
  }
});
