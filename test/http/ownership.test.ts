/** Tenants are apart (G9): who may see and end whose job, and what is left in the log about it. */
import test from 'ava';
import {startFacade} from '../support/facade-world.ts';

const execIdOf = (taskID: number, executeUser: string): string =>
  `exec_id018024linkis-cg-entrancehost-01.example.com:9104IDE_${executeUser}_shell_${taskID}`;

type Right = 'sees' | 'is told there is none';

const matrix: readonly [who: string, submitUser: string, executeUser: string, right: Right][] = [
  ['alice', 'alice', 'alice', 'sees'],
  ['alice', 'alice', 'etl', 'sees'],
  ['alice', 'etl', 'alice', 'sees'],
  ['bob', 'alice', 'alice', 'is told there is none'],
  ['bob', 'alice', 'etl', 'is told there is none'],
  ['root', 'alice', 'alice', 'sees'],
];

const readers = [
  (id: string) => `/api/entrance/${id}/status`,
  (id: string) => `/api/entrance/${id}/progress`,
  (id: string) => `/api/entrance/${id}/progressWithResource`,
  (id: string) => `/api/entrance/${id}/log`,
  (id: string) => `/api/entrance/${id}/pause`,
  (id: string) => `/api/entrance/${id}/why`,
  (_id: string, taskID: number) => `/api/jobhistory/${taskID}/get`,
  (_id: string, taskID: number) => `/api/jobhistory/${taskID}/get?brief=true`,
  (_id: string, taskID: number) => `/api/jobhistory/job-extra-info?jobId=${taskID}`,
  (_id: string, taskID: number) => `/api/jobhistory/diagnosis-query?taskID=${taskID}`,
];

for (const [who, submitUser, executeUser, right] of matrix) {
  test(`${who} ${right} of a job that ${submitUser} submitted to run as ${executeUser}`, async t => {
    const world = await startFacade(t);
    const client = await world.as(who);
    const taskID = world.add({submitUser, executeUser, status: 'Running', executionCode: 'select secret'});
    world.play(taskID).log('a secret line');
    for (const id of [execIdOf(taskID, executeUser), String(taskID)]) {
      for (const path of readers) {
        // oxlint-disable-next-line no-await-in-loop
        const there = await client.get(path(id, taskID));
        t.is(there.body.status, right === 'sees' ? 0 : 1, path(id, taskID));
        if (right === 'sees') continue;
        t.false(there.text.includes('secret'));
        // Word for word what is said of a job that does not exist.
        const absent = taskID + 1;
        // oxlint-disable-next-line no-await-in-loop
        const none = await client.get(path(id.replace(String(taskID), String(absent)), absent));
        t.is(
          there.body.message.replaceAll(String(taskID), '#'),
          none.body.message.replaceAll(String(absent), '#'),
        );
      }
    }
  });
}

test('lists show what is one’s own, whatever they are asked for', async t => {
  const world = await startFacade(t);
  const bob = await world.as('bob');
  const [his, hers] = [world.add({submitUser: 'bob'}), world.add({submitUser: 'alice'})];
  for (const query of [
    'list',
    'list?isAdminView=true',
    'list?isAdminView=true&proxyUser=alice',
    'list?isDeptView=true',
    `list?taskID=${hers}`,
    'listundonetasks',
    'listDurationTop?proxyUser=alice',
    `list-taskids?taskID=${his},${hers}`,
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    const {data} = (await bob.get(`/api/jobhistory/${query}`)).body;
    const tasks = (data['tasks'] ?? data['jobHistoryList']) as {taskID: number}[];
    const ids = tasks.map(({taskID}) => taskID);
    t.deepEqual(ids, query.endsWith(`taskID=${hers}`) && query.startsWith('list?') ? [] : [his], query);
  }
  t.is((await bob.get('/api/jobhistory/jobstatistics/taskCount')).body.data['sumCount'], 1);
});

test('an administrator lists everybody’s on asking, or one user’s, and that is audited', async t => {
  const world = await startFacade(t);
  const root = await world.as('root');
  world.add({submitUser: 'bob'});
  world.add({submitUser: 'alice'});
  const count = async (query: string) =>
    (await root.get(`/api/jobhistory/list?${query}`)).body.data['totalPage'];
  t.is(await count(''), 0);
  t.is(await count('isAdminView=true'), 2);
  t.is(await count('isAdminView=true&proxyUser=bob'), 1);
  const audited = world.logged.filter(({action}) => action === 'listAsAdministrator');
  t.is(audited.length, 2);
});

test('somebody else’s job is not killed; who knows its execID hears whose it is, a guesser of numbers does not', async t => {
  const world = await startFacade(t);
  const bob = await world.as('bob');
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  const known = await bob.get(`/api/entrance/${execIdOf(taskID, 'alice')}/kill`);
  t.is(known.status, 400);
  t.is(known.body.message, 'You have no permission to kill this job, excecute by user:alice');
  const missing = 'Get job by ID error, kill failed.(获取job时发生异常，kill失败)';
  t.is((await bob.get(`/api/entrance/${taskID}/kill`)).body.message, missing);
  t.is((await bob.get(`/api/entrance/${execIdOf(1, 'bob')}/kill?taskID=${taskID}`)).body.message, missing);
  t.deepEqual(world.killed, []);
  t.is(world.logged.filter(({action}) => action === 'killRefused').length, 2);
});

test('one job of somebody else in killJobs ends the whole call before anything is killed', async t => {
  const world = await startFacade(t);
  const bob = await world.as('bob');
  const his = world.add({submitUser: 'bob', executeUser: 'bob', status: 'Running'});
  const hers = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  const idList = [execIdOf(his, 'bob'), execIdOf(hers, 'alice')];
  const {status, body} = await bob.post(`/api/entrance/${idList[0]}/killJobs`, {
    idList,
    taskIDList: [his, hers],
  });
  t.is(status, 400);
  t.is(body.message, 'You have no permission to kill this job, excecute by user:alice');
  t.deepEqual(world.killed, []);
});

test('an administrator’s reading and killing of others’ jobs is audited, an owner’s kill too', async t => {
  const world = await startFacade(t);
  const root = await world.as('root');
  const taskID = world.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  await root.get(`/api/entrance/${taskID}/status`);
  await root.get(`/api/entrance/${taskID}/status`);
  await root.get(`/api/entrance/${taskID}/kill`);
  const his = world.add({submitUser: 'root', executeUser: 'root', status: 'Running'});
  await root.get(`/api/entrance/${his}/status`);
  await root.get(`/api/entrance/${his}/kill`);
  const audited = world.logged
    .filter(line => line['audit'] === true && line['action'] !== 'login')
    .map(line => [line['action'], line['user'], line['taskID'], line['owner']]);
  t.deepEqual(audited, [
    // A poll every second is one line a minute.
    ['readAsAdministrator', 'root', taskID, 'alice'],
    ['killAsAdministrator', 'root', taskID, 'alice'],
    ['kill', 'root', his, 'root'],
  ]);
});

test('figures about others’ jobs are for administrators', async t => {
  const world = await startFacade(t);
  world.add({submitUser: 'alice', executeUser: 'alice', status: 'Running'});
  world.add({submitUser: 'bob', executeUser: 'bob', status: 'Scheduled'});
  const path = '/api/entrance/operation/metrics/taskinfo';
  const [bob, root] = [await world.as('bob'), await world.as('root')];
  t.deepEqual((await bob.get(path)).body.data, {taskNumber: 1, runningNumber: 0, queuedNumber: 1});
  t.is(
    (await bob.get(`${path}?user=alice`)).body.message,
    "Non-administrators cannot view other users' task information",
  );
  t.deepEqual((await root.get(path)).body.data, {taskNumber: 2, runningNumber: 1, queuedNumber: 1});
  t.deepEqual((await root.get(`${path}?user=alice&ecType=shell-1`)).body.data, {
    taskNumber: 1,
    runningNumber: 1,
    queuedNumber: 0,
  });
  t.is((await bob.get('/api/entrance/operation/consumer/info')).body.message, 'only admin can do this');
  t.is((await root.get('/api/entrance/operation/consumer/info')).body.data['consumerNum'], 2);
  t.deepEqual((await bob.get('/api/entrance/operation/metrics/runningtask')).body.data, {
    runningTaskNumber: 2,
    isCompleted: false,
  });
});
