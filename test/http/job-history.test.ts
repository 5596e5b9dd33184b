/** `jobhistory/*`: contract 3.2 and appendix A.4. */
import test from 'ava';
import type {JobStatus} from '../../actors/domain/job.ts';
import {startFacade} from '../support/facade-world.ts';

/** Appendix A.4, for alice and with our taskID at the end of the execID. */
const finished = {
  id: 45_200,
  jobReqId: 'IDE_alice_shell_45200',
  submitUser: 'alice',
  executeUser: 'alice',
  source: '{"scriptPath":"ip","requestIP":"10.0.0.9"}',
  labels: '{"engineType":"shell-1","userCreator":"alice-IDE","codeType":"shell"}',
  params: '{"configuration":{"runtime":{"submitUser":"alice","executeUser":"alice"}}}',
  progress: '1.0',
  status: 'Succeed' as JobStatus,
  logPath: '/data/logs/2024-05-01/IDE/alice/45200.log',
  resultLocation: '/data/results/2024-05-01/IDE/alice/45200',
  createdTime: 1_714_530_030_000,
  updatedTime: 1_714_530_041_000,
  metrics:
    '{"submitTime":"2024-05-01T10:20:30+0800","scheduleTime":"2024-05-01T10:20:31+0800","completeTime":"2024-05-01T10:20:41+0800","engineInstance":"host-02.example.com:34567","isReuse":false}',
  engineType: 'shell',
  executionCode: 'echo 1',
};

test('a finished job, key by key', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.add(finished);
  const {status, body} = await alice.get('/api/rest_j/v1/jobhistory/45200/get');
  t.is(status, 200);
  t.deepEqual(body, {
    method: '/api/jobhistory/45200/get',
    status: 0,
    message: 'OK',
    data: {
      task: {
        taskID: 45_200,
        instance: 'host-01.example.com:9104',
        execId: 'IDE_alice_shell_45200',
        umUser: 'alice',
        executeUser: 'alice',
        engineInstance: 'host-02.example.com:34567',
        executionCode: null,
        progress: '1.0',
        logPath: 'file:///data/logs/2024-05-01/IDE/alice/45200.log',
        resultLocation: 'file:///data/results/2024-05-01/IDE/alice/45200',
        status: 'Succeed',
        createdTime: 1_714_530_030_000,
        updatedTime: 1_714_530_041_000,
        engineType: 'shell',
        errCode: null,
        errDesc: null,
        executeApplicationName: 'shell',
        requestApplicationName: 'IDE',
        runType: 'shell',
        paramsJson: finished.params,
        costTime: 11_000,
        strongerExecId: 'exec_id018024linkis-cg-entrancehost-01.example.com:9104IDE_alice_shell_45200',
        sourceJson: finished.source,
        sourceTailor: 'ip-10.0.0.9',
        engineStartTime: null,
        labels: ['engineType:shell-1', 'userCreator:alice-IDE', 'codeType:shell'],
        canRetry: false,
        observeInfo: null,
        isReuse: false,
        requestStartTime: 1_714_530_030_000,
        requestEndTime: 1_714_530_031_000,
        requestSpendTime: 1000,
        metrics: finished.metrics,
        engineLogPath: null,
        ecmInstance: null,
        ticketId: null,
        subJobs: null,
      },
    },
  });
});

test('brief keeps every key, and the values of ten', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.add({...finished, errorCode: 20_001, errorDesc: 'why'});
  const full = (await alice.get('/api/jobhistory/45200/get')).body.data['task'] as Record<string, unknown>;
  const brief = (await alice.get('/api/jobhistory/45200/get?brief=true')).body.data['task'] as typeof full;
  t.deepEqual(Object.keys(brief), Object.keys(full));
  t.deepEqual(Object.fromEntries(Object.entries(brief).filter(([, value]) => value !== null)), {
    taskID: 45_200,
    execId: 'IDE_alice_shell_45200',
    umUser: 'alice',
    executeUser: 'alice',
    progress: '1.0',
    logPath: `file://${finished.logPath}`,
    resultLocation: `file://${finished.resultLocation}`,
    status: 'Succeed',
    errCode: 20_001,
    errDesc: 'why',
  });
});

test('a list is newest first, shows the code, and counts rows', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const ids = Array.from({length: 25}, (_, n) =>
    world.add({createdTime: 1_714_530_000_000 + n, executionCode: `c${n}`}),
  );
  const {body} = await alice.get('/api/rest_j/v1/jobhistory/list');
  const tasks = body.data['tasks'] as {taskID: number; executionCode: string}[];
  t.is(body.data['totalPage'], 25);
  t.deepEqual(
    tasks.map(({taskID}) => taskID),
    ids.toReversed().slice(0, 20),
  );
  t.is(tasks[0]?.executionCode, 'c24');
});

test('a page before the first is the first, one past the end the last again', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const ids = Array.from({length: 5}, (_, n) => world.add({createdTime: 1_714_530_000_000 + n})).toReversed();
  const page = async (pageNow: number | string, pageSize: number | string) => {
    const {data} = (await alice.get(`/api/jobhistory/list?pageNow=${pageNow}&pageSize=${pageSize}`)).body;
    t.is(data['totalPage'], 5);
    return (data['tasks'] as {taskID: number}[]).map(({taskID}) => taskID);
  };
  t.deepEqual(await page(1, 2), ids.slice(0, 2));
  t.deepEqual(await page(3, 2), ids.slice(4));
  t.deepEqual(await page(9, 2), ids.slice(4));
  t.deepEqual(await page(0, 2), ids.slice(0, 2));
  t.deepEqual(await page(-3, 2), ids.slice(0, 2));
  t.deepEqual(await page('', ''), ids);
  t.deepEqual(await page(1, 0), ids);
  t.deepEqual(await page(1, 10_000_000), ids);
});

test('a page size beyond the largest is cut to it', async t => {
  const world = await startFacade(t, {listPageSizeMax: 20});
  const alice = await world.as('alice');
  for (let n = 0; n < 30; n += 1) world.add();
  const {data} = (await alice.get('/api/jobhistory/list?pageSize=500')).body;
  t.is((data['tasks'] as unknown[]).length, 20);
});

const filters: readonly [query: string, found: string[]][] = [
  ['', ['a', 'b', 'c']],
  ['status=Succeed', ['a']],
  ['status=succeed,failed', ['a', 'b']],
  ['status=Scheduled', ['c']],
  ['status=all', ['a', 'b', 'c']],
  ['status=', ['a', 'b', 'c']],
  ['executeApplicationName=python', ['b']],
  ['creator=IDE', ['a', 'b', 'c']],
  ['creator=OTHER', []],
  ['runType=she', ['a', 'b', 'c']],
  ['runType=py', []],
  ['instance=host-01.example.com:9104', ['a', 'b', 'c']],
  ['instance=host-01.example.com:910', []],
  ['engineInstance=host-02.example.com:34567', ['a']],
  ['startDate=1714530030000&endDate=1714530030000', ['a', 'b', 'c']],
  ['startDate=1714530030001', ['b', 'c']],
  ['endDate=1714530030001', ['a', 'b']],
  ['taskID=1', ['a']],
  ['taskID=', ['a', 'b', 'c']],
  ['proxyUser=bob', ['a', 'b', 'c']],
];
for (const [query, expected] of filters) {
  test(`list?${query} finds ${expected.join(', ') || 'nothing'}`, async t => {
    const world = await startFacade(t);
    const alice = await world.as('alice');
    world.add({...finished, id: 1, executionCode: 'a'});
    world.add({
      id: 2,
      createdTime: 1_714_530_030_001,
      engineType: 'python',
      status: 'Failed',
      executionCode: 'b',
    });
    world.add({id: 3, createdTime: 1_714_530_030_002, status: 'WaitForRetry', executionCode: 'c'});
    const {body} = await alice.get(`/api/jobhistory/list?${query}`);
    const tasks = body.data['tasks'] as {executionCode: string}[];
    t.deepEqual(tasks.map(({executionCode}) => executionCode).toSorted(), expected);
    t.is(body.data['totalPage'], expected.length);
  });
}

for (const [query, desc] of [
  ["creator=x'or 1", "Invalid creator : x'or 1"],
  ['executeApplicationName=a%25', 'Invalid engineType : a%'],
  ['instance=a/b', 'Invalid instance : a/b'],
  ['runType=%22', 'Invalid runType : "'],
  ['status=Gone', 'Invalid status : Gone'],
] as const) {
  test(`list?${query} is refused with 21304`, async t => {
    const alice = await (await startFacade(t)).as('alice');
    const {status, body} = await alice.get(`/api/jobhistory/list?${query}`);
    t.is(status, 400);
    t.is(body.message, `error code(错误码): 21304, error message(错误信息): ${desc}.`);
    t.like(body.data['errorMsg'], {errCode: 21_304, serviceKind: 'linkis-ps-publicservice'});
  });
}

for (const query of ['startDate=yesterday', 'pageNow=1.5', 'isAdminView=perhaps', 'taskID=1&taskID=2']) {
  test(`list?${query} is no query`, async t => {
    const alice = await (await startFacade(t)).as('alice');
    const {status, body} = await alice.get(`/api/jobhistory/list?${query}`);
    t.is(status, 400);
    t.regex(body.message, /^error code\(错误码\): 11001, .*querystring\//);
  });
}

test('unfinished jobs of the last day, from an id on, and their number alone', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const day = 86_400_000;
  world.add({status: 'Running', createdTime: Date.now() - 2 * day});
  world.add({status: 'Succeed'});
  const [one, two] = [world.add({status: 'Running'}), world.add({status: 'WaitForRetry'})];
  const ids = async (query: string) => {
    const {data} = (await alice.get(`/api/jobhistory/listundonetasks?${query}`)).body;
    return (data['tasks'] as {taskID: number}[]).map(({taskID}) => taskID).toReversed();
  };
  t.deepEqual(await ids(''), [one, two]);
  t.deepEqual(await ids(`startTaskID=${two}`), [two]);
  t.deepEqual(await ids('status=Running'), [one]);
  t.deepEqual((await alice.get('/api/jobhistory/listundone')).body.data, {totalPage: 2});
});

test('several jobs by id, and what is wrong with a list of ids', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const [one, two] = [world.add(), world.add()];
  const ask = (csv: string) => alice.get(`/api/jobhistory/list-taskids?taskID=${csv}`);
  const found = (await ask(`${one},${two},9`)).body.data['jobHistoryList'] as {taskID: number}[];
  t.deepEqual(
    found.map(({taskID}) => taskID),
    [two, one],
  );
  t.is((await ask('')).body.message, 'Invalid taskID cannot be empty');
  t.is((await ask('1,x')).body.message, 'TaskID contains illegal characters');
  const many = Array.from({length: 31}, (_, n) => n + 1).join(',');
  t.is((await ask(many)).body.message, 'TaskID size cannot exceed 30');
});

test('the extra info has metrics, code and run time', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.add({
    ...finished,
    updatedTime: 1_714_530_092_000,
    metrics: '{"submitTime":"2024-05-01T10:20:30+0800"}',
  });
  const {data} = (await alice.get('/api/jobhistory/job-extra-info?jobId=45200')).body;
  t.deepEqual(data['metricsMap'], {
    submitTime: '2024-05-01T10:20:30+0800',
    executionCode: 'echo 1',
    runtime: '1m 2s',
  });
  const open = world.add({status: 'Running'});
  const running = (await alice.get(`/api/jobhistory/job-extra-info?jobId=${open}`)).body.data['metricsMap'];
  t.regex((running as {runtime: string}).runtime, /^The task did not end normally/);
  t.is((await alice.get('/api/jobhistory/job-extra-info')).body.message, 'Invalid jobId cannot be empty');
});

test('the diagnosis of a failed job is its error', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const failed = world.add({status: 'Failed', errorCode: 30_001, errorDesc: 'exit code 3'});
  const fine = world.add({status: 'Succeed'});
  const ask = async (taskID: number) =>
    (await alice.get(`/api/jobhistory/diagnosis-query?taskID=${taskID}`)).body.data['diagnosisMsg'];
  t.is(await ask(failed), '30001: exit code 3');
  t.is(await ask(fine), '');
});

test('statistics count by how jobs ended, and list the longest first', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const start = 1_714_530_000_000;
  const jobs: [JobStatus, number][] = [
    ['Succeed', 5],
    ['Succeed', 9],
    ['Failed', 1],
    ['Timeout', 7],
    ['Cancelled', 2],
    ['Running', 0],
  ];
  for (const [status, ms] of jobs) world.add({status, createdTime: start, updatedTime: start + ms});
  t.deepEqual((await alice.get('/api/jobhistory/jobstatistics/taskCount')).body.data, {
    sumCount: 6,
    succeedCount: 2,
    failedCount: 2,
    cancelledCount: 1,
  });
  const {data} = (await alice.get('/api/jobhistory/listDurationTop?pageSize=2')).body;
  t.deepEqual(
    (data['tasks'] as {updatedTime: number}[]).map(({updatedTime}) => updatedTime - start),
    [9, 7],
  );
});

test('what the caller may do is told to the console', async t => {
  const world = await startFacade(t);
  const ask = async (name: string) =>
    (await (await world.as(name)).get('/api/jobhistory/governanceStationAdmin')).body.data;
  t.like(await ask('alice'), {admin: false, historyAdmin: false, deptAdmin: false, canResultSet: true});
  t.like(await ask('root'), {admin: true, historyAdmin: true});
});

test('while the database is away history says so, and that it may be asked again', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.isAway = true;
  for (const path of ['list', '1/get', 'jobstatistics/taskCount', 'listundone']) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, body, headers} = await alice.get(`/api/jobhistory/${path}`);
    t.is(status, 400);
    t.regex(body.message, /20052.*running jobs go on/);
    t.is(headers.get('retry-after'), '2');
  }
});

test('a row whose stored texts are no JSON is still answered', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const taskID = world.add({metrics: '{cut', labels: 'x', source: '[]', status: 'Failed'});
  const {body} = await alice.get(`/api/jobhistory/${taskID}/get`);
  t.like(body.data['task'], {metrics: '{cut', labels: [], sourceTailor: '', canRetry: true});
});

test('a page of huge jobs stays small; a single job is answered whole', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const huge = 'x'.repeat(1_000_000);
  const params = JSON.stringify({variable: {huge}});
  const ids = Array.from({length: 5}, () => world.add({executionCode: huge, params, source: params}));
  const list = await alice.get('/api/jobhistory/list');
  t.true(list.text.length < 200_000);
  t.like((list.body.data['tasks'] as object[])[0], {paramsJson: '{}', sourceJson: '{}'});
  const one = (await alice.get(`/api/jobhistory/${ids[0]}/get`)).body.data['task'] as {paramsJson: string};
  t.is(one.paramsJson, params);
  const extra = (await alice.get(`/api/jobhistory/job-extra-info?jobId=${ids[0]}`)).body.data['metricsMap'];
  t.is((extra as {executionCode: string}).executionCode, huge);
});
