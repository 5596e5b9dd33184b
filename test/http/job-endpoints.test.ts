/** `entrance/{id}/…`: contract 3.1, 7.1 and appendix A.3, A.6. */
import test from 'ava';
import {request} from 'node:http';
import {startFacade} from '../support/facade-world.ts';

const execIdOf = (taskID: number, user = 'alice'): string =>
  `exec_id018024linkis-cg-entrancehost-01.example.com:9104IDE_${user}_shell_${taskID}`;
const at = '2024-05-01 10:20:30.020';

test('status, by execID and by taskID, before and after the end', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const execID = execIdOf(taskID);
  const {status, body} = await alice.get(`/api/rest_j/v1/entrance/${execID}/status`);
  t.is(status, 200);
  t.deepEqual(body, {
    method: `/api/entrance/${execID}/status`,
    status: 0,
    message: 'OK',
    data: {status: 'Running', execID},
  });
  world.play(taskID).status('Succeed');
  t.is((await alice.get(`/api/entrance/${execID}/status`)).body.data['status'], 'Succeed');
  t.is((await alice.get(`/api/entrance/${taskID}/status`)).body.data['status'], 'Succeed');
});

test('WaitForRetry is called Scheduled, which linkis-cli knows', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'WaitForRetry'});
  t.is((await alice.get(`/api/entrance/${execIdOf(taskID)}/status`)).body.data['status'], 'Scheduled');
  const {body} = await alice.get(`/api/jobhistory/${taskID}/get`);
  t.like(body.data['task'], {status: 'Scheduled'});
});

test('progress is a number, with the parts that have tasks', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const execID = execIdOf(taskID);
  const part = {id: 'jobId-1', succeedTasks: 5, failedTasks: 0, runningTasks: 5, totalTasks: 10};
  world.play(taskID).progress(0.5, [part, {...part, id: 'empty', totalTasks: 0}]);
  const plain = await alice.get(`/api/entrance/${execID}/progress`);
  t.deepEqual(plain.body.data, {progress: 0.5, execID, progressInfo: [part]});
  const more = await alice.get(`/api/entrance/${execID}/progressWithResource`);
  t.deepEqual(more.body.data, {progress: 0.5, execID, progressInfo: [part], yarnResource: null});
});

test('the log comes in four levels, and the answer names the next line', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const execID = execIdOf(taskID);
  const accepted = `${at} INFO Job with jobId : ${taskID} and execID : IDE_alice_shell_${taskID} submitted `;
  world.play(taskID).log(accepted);
  const {body} = await alice.get(`/api/entrance/${execID}/log`);
  t.deepEqual(body, {
    method: `/api/entrance/${execID}/log`,
    status: 0,
    message: 'OK',
    data: {log: ['', '', accepted, accepted], execID, fromLine: 2},
  });
});

test('polling the log from its last answer brings every line once; 0 and 1 are the first', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const poll = async (fromLine: number, size: number) => {
    const {data} = (
      await alice.get(`/api/entrance/${execIdOf(taskID)}/log?fromLine=${fromLine}&size=${size}`)
    ).body;
    return [(data['log'] as string[])[3], data['fromLine']];
  };
  world.play(taskID).log('one', '', 'three', 'four');
  t.deepEqual(await poll(0, 2), ['one', 3]);
  t.deepEqual(await poll(1, 2), ['one', 3]);
  t.deepEqual(await poll(-7, 1), ['one', 2]);
  t.deepEqual(await poll(3, 2), ['three\nfour', 5]);
  t.deepEqual(await poll(5, 2), ['', 5]);
  t.deepEqual(await poll(99, 2), ['', 99]);
  t.deepEqual(await poll(0, -1), ['one\nthree\nfour', 5]);
  world.play(taskID).status('Succeed');
  t.deepEqual(await poll(3, 100), ['three\nfour', 5]);
});

test('a poll beyond what one answer holds goes on where that one ended', async t => {
  const world = await startFacade(t, {logBytesMax: 64 * 1024});
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const long = 'x'.repeat(100_000);
  world.play(taskID).log('short', long, 'end');
  const seen: string[] = [];
  let fromLine = 1;
  for (let polls = 0; polls < 5 && fromLine < 4; polls += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const {data} = (await alice.get(`/api/entrance/${taskID}/log?fromLine=${fromLine}`)).body;
    seen.push((data['log'] as string[])[3] ?? '');
    fromLine = data['fromLine'] as number;
  }
  t.deepEqual(seen.join('\n').split('\n'), ['short', long, 'end']);
});

test('distinctLevel=false gives one text', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  world.play(taskID).log('a', `${at} ERROR b`);
  const {body} = await alice.get(`/api/entrance/${taskID}/log?distinctLevel=false`);
  t.is(body.data['log'], `a\n${at} ERROR b`);
});

test('a poll with nothing new is held until a line comes', async t => {
  const world = await startFacade(t, {logPollHoldMs: 20_000});
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  world.play(taskID).log('old');
  const poll = alice.get(`/api/entrance/${taskID}/log?fromLine=2`);
  await until(() => world.play(taskID).followers() === 1);
  world.play(taskID).log('new');
  const {data} = (await poll).body;
  t.deepEqual(data['log'], ['', '', 'new', 'new']);
  t.is(data['fromLine'], 3);
  t.is(world.play(taskID).followers(), 0);
});

test('a held poll is answered when the job ends, and when the hold is over', async t => {
  const world = await startFacade(t, {logPollHoldMs: 20_000});
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const poll = alice.get(`/api/entrance/${taskID}/log`);
  await until(() => world.play(taskID).followers() === 1);
  world.play(taskID).status('Failed');
  t.deepEqual((await poll).body.data['log'], ['', '', '', '']);

  const short = await startFacade(t, {logPollHoldMs: 30});
  const other = short.add({status: 'Running'});
  const {body} = await (await short.as('alice')).get(`/api/entrance/${other}/log`);
  t.deepEqual(body.data, {log: ['', '', '', ''], fromLine: 1, execID: String(other)});
  t.is(short.play(other).followers(), 0);
});

test('polls beyond the number that may be held are answered at once', async t => {
  const world = await startFacade(t, {logPollHoldMs: 20_000, logPollsHeldMax: 1});
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const held = alice.get(`/api/entrance/${taskID}/log`);
  await until(() => world.play(taskID).followers() === 1);
  t.is((await alice.get(`/api/entrance/${taskID}/log`)).body.data['fromLine'], 1);
  world.play(taskID).log('x');
  t.is((await held).body.data['fromLine'], 2);
});

test('a client that hangs up stops following', async t => {
  const world = await startFacade(t, {logPollHoldMs: 20_000});
  const {cookie} = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const poll = request(`${world.url}/api/entrance/${taskID}/log`, {headers: {cookie}});
  poll.end();
  await until(() => world.play(taskID).followers() === 1);
  poll.on('error', () => undefined);
  poll.destroy();
  await until(() => world.play(taskID).followers() === 0);
  t.pass();
});

test('closing the facade answers held polls instead of waiting for them', async t => {
  const world = await startFacade(t, {logPollHoldMs: 25_000});
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const poll = alice.get(`/api/entrance/${taskID}/log`);
  await until(() => world.play(taskID).followers() === 1);
  await world.facade.close();
  t.is((await poll).body.status, 0);
});

for (const method of ['GET', 'POST'] as const) {
  test(`kill by ${method} ends the job and says so`, async t => {
    const world = await startFacade(t);
    const alice = await world.as('alice');
    const taskID = world.add({status: 'Running'});
    const execID = execIdOf(taskID);
    const path = `/api/rest_j/v1/entrance/${execID}/kill`;
    const {status, body} = await (method === 'GET' ? alice.get(path) : alice.post(path));
    t.is(status, 200);
    t.is(body.method, `/api/entrance/${execID}/kill`);
    t.is(body.message, 'Successfully killed the job(成功kill了job)');
    t.deepEqual(body.data, {execID, killResult: 'ended', jobStatus: 'Cancelled'});
    t.deepEqual(world.killed, [{taskID, user: 'alice'}]);
  });
}

test('a kill that is still under way says that', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  world.killResult = 'underWay';
  const {body} = await alice.get(`/api/entrance/${execIdOf(taskID)}/kill`);
  t.is(body.status, 0);
  t.like(body.data, {killResult: 'underWay', jobStatus: 'Running'});
});

test('killing what has ended: an exception text when it succeeded, ok when it was cancelled or is forced', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const [done, gone] = [world.add({status: 'Succeed'}), world.add({status: 'Cancelled'})];
  const failed = await alice.get(`/api/entrance/${execIdOf(done)}/kill`);
  t.is(failed.status, 400);
  t.is(
    failed.body.message,
    'An exception occurred while killing the job, kill failed(kill job的时候出现了异常，kill失败) with error:the job has already ended as Succeed',
  );
  t.is((await alice.get(`/api/entrance/${execIdOf(gone)}/kill`)).body.status, 0);
  const forced = await alice.get(`/api/entrance/${execIdOf(done)}/kill?taskID=${done}`);
  t.is(forced.body.message, 'Forced Kill task (强制杀死任务)');
  t.deepEqual(world.killed, []);
});

test('HEAD runs no handler: a link checker kills nothing', async t => {
  const world = await startFacade(t);
  const {cookie} = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const {status} = await fetch(`${world.url}/api/entrance/${execIdOf(taskID)}/kill`, {
    method: 'HEAD',
    headers: {cookie},
  });
  t.is(status, 404);
  t.deepEqual(world.killed, []);
});

test('killJobs answers one message a job', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const [one, two, lost] = [world.add({status: 'Running'}), world.add({status: 'Inited'}), 999_999];
  const idList = [execIdOf(one), execIdOf(two), execIdOf(lost)];
  const path = `/api/entrance/${idList[0]}/killJobs`;
  const {body} = await alice.post(path, {idList, taskIDList: [one, two, lost]});
  t.like(body, {method: path, status: 0, message: 'success'});
  const messages = body.data['messages'] as {method: string; status: number; message: string}[];
  t.deepEqual(
    messages.map(({method, status}) => ({method, status})),
    idList.map((id, n) => ({method: `/api/entrance/${id}/kill`, status: n === 2 ? 1 : 0})),
  );
  t.deepEqual(
    world.killed.map(({taskID}) => taskID),
    [one, two],
  );
});

test('killJobs with lists that are none, or of unequal length, kills nothing', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const path = `/api/entrance/${execIdOf(taskID)}/killJobs`;
  const array = 'Request parameter error, please use array(请求参数错误，请使用数组)';
  const unequal =
    'The length of the ID list does not match the length of the TASKID list(id列表的长度与taskId列表的长度不一致)';
  const cases: [unknown, string][] = [
    [{}, array],
    [undefined, array],
    [{idList: 'x', taskIDList: [1]}, array],
    [{idList: [{}], taskIDList: [1]}, array],
    [{idList: [execIdOf(taskID)], taskIDList: []}, unequal],
  ];
  for (const [body, message] of cases) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await alice.post(path, body)).body.message, message);
  }
  t.deepEqual(world.killed, []);
});

test('pause says what Linkis says, and does as little', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const {body} = await alice.get(`/api/entrance/${execIdOf(taskID)}/pause`);
  t.is(body.message, 'success to pause job (成功pause了job)');
  t.is((await alice.get(`/api/entrance/${taskID}/status`)).body.data['status'], 'Running');
});

const missing: readonly [endpoint: string, message: (id: string) => string][] = [
  [
    'status',
    () =>
      'Get job by ID error and cannot obtain the corresponding task status.(获取job时发生异常，不能获取相应的任务状态)',
  ],
  [
    'progress',
    () =>
      'The job corresponding to the ID is empty, and the corresponding task progress cannot be obtained.(ID 对应的job为空，不能获取相应的任务进度)',
  ],
  [
    'log',
    id =>
      `Can't find execID(不能找到execID): ${id}Corresponding job, can not get the corresponding log(对应的job，不能获得对应的日志)`,
  ],
  [
    'pause',
    id =>
      `can not find the job of exexID :${id} can not pause (不能找到execID: ${id}对应的job，不能进行pause)`,
  ],
  ['kill', () => 'Get job by ID error, kill failed.(获取job时发生异常，kill失败)'],
];
for (const [endpoint, message] of missing) {
  test(`${endpoint} of a job that does not exist answers in Linkis’ words`, async t => {
    const alice = await (await startFacade(t)).as('alice');
    const id = execIdOf(7);
    const {status, body} = await alice.get(`/api/entrance/${id}/${endpoint}`);
    t.is(status, 400);
    t.is(body.message, message(id));
    t.is(body.method, `/api/entrance/${id}/${endpoint}`);
  });
}

test('an execID without a job, beside a taskID with one, answers for that', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Succeed'});
  const {body} = await alice.get(`/api/entrance/${execIdOf(3)}/status?taskID=${taskID}`);
  t.is(body.data['status'], 'Succeed');
});

const shapes = [
  'exec_id018030linkis-cg-entrancelocalhost:9205IDE_peacewong_shell_0',
  'exec_id018018linkis-cg-entrancelocalhost2:9205IDE_peacewong_shell_0',
  '030514IDEspark127.0.0.1:9104IDE_hadoop_spark_3',
  'exec_id999999x',
  'exec_id',
  '0',
  '-1',
  '1.5',
  '1e3',
  '99999999999999999999',
  'null',
  '..%2f..%2fetc',
  '%00',
  '%F0%9F%92%A9',
  'a'.repeat(900),
];
for (const id of shapes) {
  test(`the id ${id.slice(0, 70)} belongs to no job, and says so`, async t => {
    const alice = await (await startFacade(t)).as('alice');
    for (const endpoint of ['status', 'progress', 'log', 'kill', 'pause']) {
      // oxlint-disable-next-line no-await-in-loop
      const {status, body} = await alice.get(`/api/entrance/${id}/${endpoint}`);
      t.is(body.status, 1);
      t.true(status === 200 || status === 400, `${endpoint}: ${status}`);
      t.is(typeof body.message, 'string');
    }
    const got = await alice.get(`/api/jobhistory/${id}/get`);
    t.is(got.body.status, 1);
  });
}

test('an id of five thousand characters, or with a broken escape, is refused in the envelope', async t => {
  const alice = await (await startFacade(t)).as('alice');
  for (const id of ['1'.repeat(5000), '%zz']) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, body} = await alice.get(`/api/entrance/${id}/status`);
    t.true(status >= 400 && status < 500);
    t.not(body.status, 0);
    t.is(typeof body.message, 'string');
  }
});

test('an execID made up around a real number is no key to that job', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({status: 'Running'});
  const {body} = await alice.get(`/api/entrance/${execIdOf(taskID, 'mallory')}/status`);
  t.is(body.status, 1);
});

/** For what only the fake knows: it changes within turns of the loop. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 5 s in vain');
    // oxlint-disable-next-line no-await-in-loop
    await new Promise(resolve => setImmediate(resolve));
  }
}
