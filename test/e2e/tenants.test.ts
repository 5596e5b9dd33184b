/** Tenants are apart (G9), groups are fair and bounded (G10, G11), and labels do what they say, on a real node. */
import {readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {addPerson, administratorOf} from '../support/node-person.ts';
import {followJob} from '../support/node-stream.ts';
import {jobEnds, untilStatus, type TaskView} from '../support/node-jobs.ts';
import {startNode} from '../support/node-process.ts';
import {processesUsing} from '../support/process-table.ts';

const missingJob = /not found|Get job by ID error|is empty|不能找到/;

test.serial('somebody else’s job can’t be seen, followed, read or ended, and goes on', async t => {
  const node = await startNode(t);
  await node.login();
  const [alice, bob] = [await addPerson(node, 'alice'), await addPerson(node, 'bob')];
  const {taskID, execID} = await alice.accepted('echo a secret; sleep 2; echo still here');
  await untilStatus(node, taskID, ['Running']);
  const {task} = (await alice.api<{task: TaskView}>(`jobhistory/${taskID}/get`)).data;

  for (const path of [
    `entrance/${execID}/status`,
    `entrance/${execID}/progress`,
    `entrance/${execID}/progressWithResource`,
    `entrance/${execID}/log`,
    `entrance/${execID}/pause`,
    `entrance/${taskID}/status`,
    `entrance/${taskID}/kill`,
    `jobhistory/${taskID}/get`,
  ]) {
    const answer = await bob.api(path);
    t.is(answer.status, 1, path);
    t.regex(answer.message, missingJob, path);
    t.notRegex(JSON.stringify(answer), /secret/, path);
  }
  const kill = await bob.api(`entrance/${execID}/kill`);
  t.is(kill.status, 1);
  t.regex(kill.message, /no permission to kill this job/);
  const list = await bob.api<{tasks: unknown[]}>('jobhistory/list?isAdminView=true&proxyUser=alice');
  t.deepEqual(list.data.tasks, []);

  for (const [path, code] of [
    [`filesystem/openLog?path=${task.logPath}`, 80_018],
    [`filesystem/openFile?path=${task.logPath}`, 80_010],
    [`filesystem/openFile?path=${task.resultLocation}/_0.dolphin`, 80_010],
    [`filesystem/getDirFileTrees?path=${task.resultLocation}`, 80_010],
    [`filesystem/isExist?path=${task.logPath}`, 80_010],
  ] as const) {
    const answer = await bob.api<{errorMsg: {errCode: number}}>(path);
    t.is(answer.httpStatus, 400, path);
    t.is(answer.status, 1, path);
    t.is(answer.data.errorMsg.errCode, code, path);
  }

  // Linkis' clients expect the refusal of a download as a text.
  const download = await bob.fetch(`filesystem/resultsetToExcel?path=${task.resultLocation}/_0.dolphin`);
  t.regex(await download.text(), /has no permission to view/);

  const [his, none] = await Promise.all([
    followJob(node, bob.cookie(), taskID),
    followJob(node, bob.cookie(), taskID + 1000),
  ]);
  t.is(his.over, 'error');
  t.like(his.frames[0], {type: 'error', taskID, code: 80_018});
  t.deepEqual(his.lines, []);
  // Word for word what is said of a job that is not there.
  t.is(
    String(his.frames[0]?.['message']).replaceAll(String(taskID), '#'),
    String(none.frames[0]?.['message']).replaceAll(String(taskID + 1000), '#'),
  );

  const {status, logPath} = await untilStatus(node, taskID, jobEnds);
  t.is(status, 'Succeed');
  t.regex(readFileSync(logPath, 'utf8'), /a secret\n(?:.*\n)*still here\n/);
});

test.serial('who is not logged in gets nothing, on a socket either', async t => {
  const node = await startNode(t);
  for (const path of [
    'entrance/1/status',
    'jobhistory/list',
    'jobhistory/1/get',
    'filesystem/openLog?path=/etc/passwd',
  ]) {
    const answer = await node.api(path);
    t.is(answer.httpStatus, 401, path);
    t.not(answer.status, 0, path);
  }
  const refused = await node.api('entrance/submit', {
    body: {executionContent: {code: 'echo x', runType: 'shell'}, labels: {engineType: 'shell-1'}},
  });
  t.is(refused.httpStatus, 401);
  await t.throwsAsync(followJob(node, 'linkis_user_session_ticket_id_v1=made-up', 1), {message: /401/});
  await node.login();
  t.deepEqual((await node.api<{tasks: unknown[]}>('jobhistory/list')).data.tasks, []);
});

test.serial(
  'a tenant with a full queue is told so with 12001, and does not delay another tenant’s first job',
  async t => {
    const node = await startNode(t, {
      args: ['--set', 'governance.groupRunningMax=1', '--set', 'governance.groupWaitingMax=3'],
    });
    await node.login();
    const [alice, bob] = [await addPerson(node, 'alice'), await addPerson(node, 'bob')];
    const {taskID: first} = await alice.accepted('sleep 30');
    await untilStatus(node, first, ['Running']);
    const waiting: number[] = [];
    for (let n = 0; n < 3; n += 1) waiting.push((await alice.accepted('echo waited')).taskID);
    const before = (await alice.api<{totalPage: number}>('jobhistory/list')).data.totalPage;
    const refused = await alice.submit('echo too many');
    t.is(refused.status, 1);
    t.regex(refused.message, /12001/);
    const {totalPage} = (await alice.api<{totalPage: number}>('jobhistory/list')).data;
    const refusedTask = refused.data?.taskID;
    // Refused is not accepted: if a row tells of it, then as a job that has failed.
    if (totalPage !== before && typeof refusedTask === 'number') {
      t.is((await untilStatus(node, refusedTask, jobEnds)).status, 'Failed');
    }
    const {taskID: his} = await bob.accepted('echo first');
    t.is((await untilStatus(node, his, jobEnds, 10_000)).status, 'Succeed');
    t.is((await untilStatus(node, waiting[2] ?? 0, ['Inited', 'Scheduled'])).errCode, null);
    t.is((await alice.api(`entrance/${first}/kill`)).status, 0);
    for (const taskID of waiting) t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
  },
);

test.serial('queue and run timeouts by label end as Timeout, and say so', async t => {
  const node = await startNode(t, {
    args: ['--set', 'governance.groupRunningMax=1', '--set', 'governance.killGraceMs=500ms'],
  });
  await node.login();
  const alice = await addPerson(node, 'alice');
  const {taskID: long} = await alice.accepted('sleep 60', {labels: {jobRunningTimeout: '3'}});
  await untilStatus(node, long, ['Running']);
  const {taskID: queued} = await alice.accepted('echo never', {labels: {jobQueuingTimeout: '1'}});
  const timedOut = await untilStatus(node, queued, jobEnds);
  t.is(timedOut.status, 'Timeout');
  t.regex(timedOut.errDesc ?? '', /jobQueuingTimeout/);
  const ended = await untilStatus(node, long, jobEnds);
  t.is(ended.status, 'Timeout');
  t.regex(ended.errDesc ?? '', /jobRunningTimeout/);
  const {taskID: next} = await alice.accepted('echo on');
  t.is((await untilStatus(node, next, jobEnds)).status, 'Succeed');
  const wrong = await alice.submit('echo x', {labels: {jobRunningTimeout: 'soon'}});
  t.is(wrong.status, 1);
});

test.serial(
  'an engine for one job alone ends with it; otherwise the next job finds the same engine',
  async t => {
    const node = await startNode(t);
    await node.login();
    const alice = await addPerson(node, 'alice');
    const engines = () =>
      processesUsing(join(node.dataDirectory, 'engines')).filter(({pid}) => pid !== node.pid());
    const pidOf = async (labels: Record<string, unknown>): Promise<string> => {
      const {taskID} = await alice.accepted('echo "engine $PPID"', {labels});
      const {status, logPath} = await untilStatus(node, taskID, jobEnds);
      t.is(status, 'Succeed');
      return /^engine (\d+)$/m.exec(readFileSync(logPath, 'utf8'))?.[1] ?? '';
    };
    const alone = await pidOf({executeOnce: 'true'});
    t.not(alone, '');
    // No event tells of an engine's end.
    for (let n = 0; n < 200 && engines().some(({pid}) => String(pid) === alone); n += 1) {
      await new Promise(resolve => void setTimeout(resolve, 50));
    }
    t.false(engines().some(({pid}) => String(pid) === alone));
    const [first, second] = [await pidOf({}), await pidOf({})];
    t.not(first, alone);
    t.is(first, second);
  },
);

test.serial('an engine is nobody’s but its user’s', async t => {
  const node = await startNode(t);
  await node.login();
  const [alice, bob] = [await addPerson(node, 'alice'), await addPerson(node, 'bob')];
  const {taskID: hers} = await alice.accepted('secret = 42', {runType: 'python'});
  t.is((await untilStatus(node, hers, jobEnds)).status, 'Succeed');
  const {taskID: his} = await bob.accepted('secret', {runType: 'python'});
  const task = await untilStatus(node, his, jobEnds);
  t.is(task.status, 'Failed');
  t.regex(readFileSync(task.logPath, 'utf8'), /NameError/);
});

test.serial(
  'one idempotency key is one job, whoever loses how many answers, and each user’s keys are their own',
  async t => {
    const node = await startNode(t);
    await node.login();
    const [alice, bob] = [await addPerson(node, 'alice'), await addPerson(node, 'bob')];
    const witness = join(node.dataDirectory, 'witness');
    const headers = {'idempotency-key': 'load-2026-11-22'};
    const answers = await Promise.all(
      Array.from({length: 8}, () => alice.accepted(`echo once >> ${witness}`, {headers})),
    );
    const [{taskID} = {taskID: 0}] = answers;
    t.is(new Set(answers.map(answer => answer.taskID)).size, 1);
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
    await node.kill('SIGKILL');
    await node.restart();
    await node.login();
    t.is((await alice.accepted(`echo once >> ${witness}`, {headers})).taskID, taskID);
    t.not((await bob.accepted('echo other', {headers})).taskID, taskID);
    t.is(readFileSync(witness, 'utf8'), 'once\n');
    t.is((await alice.submit('echo x', {headers: {'idempotency-key': 'with blank'}})).status, 1);
  },
);

test.serial(
  'a job whose engine dies is run again as often as its label allows, and fails with the reason without one',
  async t => {
    const node = await startNode(t);
    await node.login();
    const alice = await addPerson(node, 'alice');
    const witness = join(node.dataDirectory, 'witness');
    // The engine host is the parent of the job's shell.
    const code = `echo try >> ${witness}; if [ $(wc -l < ${witness}) -lt 2 ]; then kill -9 $PPID; sleep 30; fi; echo made it`;
    const {taskID: once} = await alice.accepted(code);
    const failed = await untilStatus(node, once, jobEnds);
    t.is(failed.status, 'Failed');
    t.regex(failed.errDesc ?? '', /jobRetryCount/);
    t.is(readFileSync(witness, 'utf8'), 'try\n');
    rmSync(witness);
    const {taskID: again} = await alice.accepted(code, {
      labels: {jobRetryCount: '2', jobRetryTimeout: '200'},
    });
    const task = await untilStatus(node, again, jobEnds);
    t.is(task.status, 'Succeed', task.errDesc ?? '');
    t.is(readFileSync(witness, 'utf8'), 'try\ntry\n');
    t.regex(readFileSync(task.logPath, 'utf8'), /Attempt 1 of 3 failed(?:.*\n)*made it\n/);
  },
);

test.serial('an administrator sees and ends everybody’s jobs, and the log says who did', async t => {
  const node = await startNode(t);
  await node.login();
  const [alice, root] = [await addPerson(node, 'alice'), await administratorOf(node)];
  const {taskID, execID} = await alice.accepted('sleep 30');
  await untilStatus(node, taskID, ['Running']);
  t.is((await root.api(`entrance/${execID}/kill`)).status, 0);
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Cancelled');
  t.regex(node.log(), /"owner":"alice".*"action":"killAsAdministrator"/);
});
