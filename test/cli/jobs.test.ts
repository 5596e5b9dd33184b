import {createServer, type AddressInfo} from 'node:net';
import test from 'ava';
import {exitCodes} from '../../cli/exit-code.ts';
import {startStandIn, token, type StandIn} from '../support/facade-stand-in.ts';
import {captureTerminal} from '../support/capture-terminal.ts';
import {clientEnvironment, runClient} from '../support/client-run.ts';

const withJob = (standIn: StandIn, status: string, more: object = {}): void => {
  standIn.jobs.set(7, {taskID: 7, status, lines: [], ...more});
};

test('submit prints the number of the job, or JSON', async t => {
  const {url, jobs} = await startStandIn(t);
  t.deepEqual(
    await runClient(url, [
      'submit',
      '--code',
      'echo hello',
      '--label',
      'jobRunningTimeout=60',
      '--var',
      'k=v',
    ]),
    {
      code: 0,
      stdout: '1\n',
      stderr: '',
    },
  );
  const submission = jobs.get(1)?.submission;
  t.is(submission?.code, 'echo hello');
  t.is(submission?.labels['jobRunningTimeout'], '60');
  t.deepEqual(submission?.params['variable'], {k: 'v'});
  const {stdout} = await runClient(url, ['submit', '--json'], {terminal: captureTerminal('print(1)\n')});
  t.like(JSON.parse(stdout), {taskID: 2});
  t.is(jobs.get(2)?.submission?.code, 'print(1)\n');
});

test('a refused submission ends with the words of the node', async t => {
  const {url} = await startStandIn(t);
  t.deepEqual(await runClient(url, ['submit', '--code', 'x', '--engine-type', 'cobol-1']), {
    code: exitCodes.refused,
    stdout: '',
    stderr:
      'tenon: 20009 Label params invalid There is no engine type "cobol" here. Known engine types: shell, python, jdbc.\n',
  });
});

test('a submission whose answer was lost is sent again and makes one job', async t => {
  const standIn = await startStandIn(t);
  standIn.onRequest = (path, count) => (path === 'entrance/submit' && count < 2 ? 'cutAfter' : undefined);
  const {code, stdout} = await runClient(standIn.url, ['submit', '--code', 'echo once']);
  t.deepEqual([code, stdout, standIn.jobs.size], [0, '1\n', 1]);
  t.is(standIn.requests.filter(request => request.includes('entrance/submit')).length, 3);
});

test('submitting with the same key gives the same job', async t => {
  const {url, jobs} = await startStandIn(t);
  const argv = ['submit', '--code', 'x', '--idempotency-key', 'nightly-5'];
  t.is((await runClient(url, argv)).stdout, '1\n');
  t.is((await runClient(url, argv)).stdout, '1\n');
  t.is(jobs.size, 1);
});

test('status shows the job, and its fate as exit code', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Running');
  const running = await runClient(standIn.url, ['status', '7']);
  t.is(running.code, 0);
  t.regex(running.stdout, /^job {8}7\nstatus {5}Running\nprogress {3}40 %\nuser {7}hadoop\n/);
  for (const [status, code] of [
    ['Succeed', 0],
    ['Failed', 1],
    ['Cancelled', 3],
    ['Timeout', 4],
  ] as const) {
    withJob(standIn, status);
    t.is((await runClient(standIn.url, ['status', '7'])).code, code, status);
  }
  withJob(standIn, 'Failed', {errCode: 50_080, errDesc: 'not yours'});
  t.regex((await runClient(standIn.url, ['status', '7'])).stdout, /code {7}50080\nreason {5}not yours\n/);
  t.like(JSON.parse((await runClient(standIn.url, ['status', '7', '--json'])).stdout), {
    taskID: 7,
    status: 'Failed',
    errCode: 50_080,
  });
});

test('an execID names a job as well', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  const execID = 'exec_id018014linkis-cg-entrancelocalhost:9001IDE_hadoop_shell_7';
  t.regex((await runClient(standIn.url, ['status', execID])).stdout, /^job {8}7\n/);
});

test('a job that is not there, or not ours', async t => {
  const {url} = await startStandIn(t);
  for (const command of ['status', 'log', 'result', 'kill']) {
    const {code, stdout, stderr} = await runClient(url, [command, '99']);
    t.deepEqual([code, stdout], [exitCodes.refused, ''], command);
    t.regex(stderr, /^tenon: The corresponding job was not found\n$/);
  }
});

test('kill tells what was done', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Running');
  t.deepEqual(await runClient(standIn.url, ['kill', '7']), {
    code: 0,
    stdout: 'Job 7 was ended: Cancelled\n',
    stderr: '',
  });
  t.deepEqual(JSON.parse((await runClient(standIn.url, ['kill', '7', '--json'])).stdout), {
    taskID: 7,
    result: 'ended',
    status: 'Cancelled',
  });
  t.true(standIn.requests.includes('POST entrance/7/kill?taskID=7'));
});

test('list shows jobs in columns, newest first, and how many there are', async t => {
  const standIn = await startStandIn(t);
  await runClient(standIn.url, ['submit', '--code', 'echo one\necho two\t\u001b[31m']);
  await runClient(standIn.url, [
    'submit',
    '--code',
    'print(2)',
    '--engine-type',
    'python',
    '--creator',
    'nightly',
  ]);
  const {stdout, stderr} = await runClient(standIn.url, ['list', '--limit', '1']);
  t.regex(
    stdout,
    /^JOB {2}STATUS {2}PROGRESS {2}USER {4}CREATOR {2}ENGINE {2}SUBMITTED .* CODE\n2 {4}Inited .* nightly {2}python .* 3\.0 s {2}print\(2\)\n$/,
  );
  t.is(stderr, '1 of 2 jobs, page 1\n');
  const all = await runClient(standIn.url, [
    'list',
    '--all',
    '--of',
    'bob',
    '--status',
    'Failed',
    '--engine-type',
    'shell',
  ]);
  t.regex(all.stdout, /echo one\\necho two\\t\ufffd\[31m/, 'nothing moves the cursor');
  t.regex(
    standIn.requests.find(request => request.includes('isAdminView')) ?? '',
    /status=Failed&executeApplicationName=shell&pageNow=1&pageSize=20&isAdminView=true&proxyUser=bob/,
  );
  const {tasks, total} = JSON.parse((await runClient(standIn.url, ['list', '--json'])).stdout) as {
    tasks: object[];
    total: number;
  };
  t.deepEqual([tasks.length, total], [2, 2]);
});

const table = {
  type: '2',
  metadata: [
    {columnName: 'name', dataType: 'string', comment: ''},
    {columnName: 'n', dataType: 'int', comment: 'how many'},
  ],
  rows: [
    ['peace', '1'],
    ['a "b", c', null],
    ['', '30'],
  ],
};
const text = {type: '1', metadata: 'NULL', rows: [['hello\n'], ['world']]};

test('result shows tables in columns and texts as they are', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed', {results: [table, text]});
  t.deepEqual(await runClient(standIn.url, ['result', '7']), {
    code: 0,
    stdout: 'name      n\npeace     1\na "b", c  NULL\n          30\n\nhello\nworld\n',
    stderr: '',
  });
  t.is((await runClient(standIn.url, ['result', '7', '--set', '1'])).stdout, 'hello\nworld\n');
});

test('result as CSV quotes what needs it, and null is an empty field', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed', {results: [table]});
  t.is(
    (await runClient(standIn.url, ['result', '7', '--csv'])).stdout,
    'name,n\npeace,1\n"a ""b"", c",\n,30\n',
  );
});

test('result as JSON is one document, and null stays null', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed', {results: [table, text, {...table, rows: []}]});
  t.deepEqual(JSON.parse((await runClient(standIn.url, ['result', '7', '--json'])).stdout), {
    taskID: 7,
    results: [
      {set: 0, path: '/results/7/_0.dolphin', type: 'table', columns: table.metadata, rows: table.rows},
      {set: 1, path: '/results/7/_1.dolphin', type: 'text', rows: text.rows},
      {set: 2, path: '/results/7/_2.dolphin', type: 'table', columns: table.metadata, rows: []},
    ],
  });
});

test('a result of many pages is read page by page, in one format after the other', async t => {
  const standIn = await startStandIn(t);
  const rows = Array.from({length: 2000}, (_, index) => [`row ${index}`, String(index)]);
  withJob(standIn, 'Succeed', {results: [{...table, rows}]});
  const {stdout} = await runClient(standIn.url, ['result', '7', '--csv']);
  t.is(stdout, `name,n\n${rows.map(row => `${row.join(',')}\n`).join('')}`);
  const {results} = JSON.parse((await runClient(standIn.url, ['result', '7', '--json'])).stdout) as {
    results: {rows: unknown}[];
  };
  t.deepEqual(results[0]?.rows, rows);
  const lines = (await runClient(standIn.url, ['result', '7'])).stdout.split('\n');
  t.deepEqual([lines.length, lines[0], lines[2000]], [2002, 'name     n', 'row 1999  1999']);
});

test('ten result sets come in the order of their numbers', async t => {
  const standIn = await startStandIn(t);
  const results = Array.from({length: 12}, (_, index) => ({
    type: '1',
    metadata: 'NULL',
    rows: [[`set ${index}`]],
  }));
  withJob(standIn, 'Succeed', {results});
  const {stdout} = await runClient(standIn.url, ['result', '7']);
  t.is(stdout, results.map(({rows}) => `${rows[0]?.[0]}\n`).join('\n'));
});

test('a job without results, an unfinished one, a set that is not there', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Failed', {errCode: 30_004, errDesc: 'exit code 3'});
  t.deepEqual(await runClient(standIn.url, ['result', '7']), {
    code: exitCodes.failed,
    stdout: '',
    stderr: 'Job 7 has no results.\nJob 7: Failed – 30004 exit code 3\n',
  });
  withJob(standIn, 'Running');
  const running = await runClient(standIn.url, ['result', '7']);
  t.is(running.code, exitCodes.refused);
  t.regex(running.stderr, /Job 7 is Running; its results come when it has ended.*tenon log 7 --follow/);
  withJob(standIn, 'Succeed', {results: [text]});
  t.regex(
    (await runClient(standIn.url, ['result', '7', '--set', '1'])).stderr,
    /has 1 result sets, and none with number 1/,
  );
});

test('a session is opened once and ended with the command', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed', {results: [table, text]});
  await runClient(standIn.url, ['result', '7']);
  await runClient(standIn.url, ['status', '99']);
  t.is(standIn.requests.filter(request => request === 'POST user/login').length, 2);
  t.is(standIn.sessions.size, 0);
});

test('a session that runs out meanwhile is opened again', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed', {results: [text]});
  standIn.onRequest = (path, count) =>
    path === 'filesystem/openFile' && count === 0 ? 'notLoggedIn' : undefined;
  t.is((await runClient(standIn.url, ['result', '7'])).stdout, 'hello\nworld\n');
});

test('a token needs no login', async t => {
  const standIn = await startStandIn(t);
  withJob(standIn, 'Succeed');
  const environment = {TENON_URL: standIn.url, TENON_USER: 'hadoop', TENON_TOKEN: token};
  t.is((await runClient(standIn.url, ['status', '7'], {environment})).code, 0);
  t.deepEqual(standIn.requests, ['GET jobhistory/7/get']);
  const wrong = await runClient(standIn.url, ['status', '7'], {
    environment: {...environment, TENON_TOKEN: 'other'},
  });
  t.deepEqual(
    [wrong.code, wrong.stderr],
    [exitCodes.refused, 'tenon: Not logged in: You are not logged in\n'],
  );
});

test('a wrong password', async t => {
  const {url} = await startStandIn(t);
  const environment = {...clientEnvironment(url), TENON_PASSWORD: 'wrong'};
  const {code, stderr} = await runClient(url, ['list'], {environment});
  t.deepEqual(
    [code, stderr],
    [exitCodes.refused, 'tenon: wrong user name or password(用户名或密码错误)！\n'],
  );
});

test('where nothing listens, the message says what to do', async t => {
  const url = `http://127.0.0.1:${await closedPort()}`;
  const {code, stderr} = await runClient(url, ['submit', '--code', 'x']);
  t.is(code, exitCodes.connection);
  t.is(
    stderr,
    `tenon: No node answers at ${url} (ECONNREFUSED). Start one with "tenon start", or give --url or TENON_URL.\n`,
  );
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const {port} = server.address() as AddressInfo;
  await new Promise(resolve => {
    server.close(resolve);
  });
  return port;
}

test('a connection that breaks, and a server that is something else', async t => {
  const standIn = await startStandIn(t);
  standIn.onRequest = path => (path === 'jobhistory/list' ? 'cut' : undefined);
  const cut = await runClient(standIn.url, ['list']);
  t.is(cut.code, exitCodes.connection);
  t.regex(cut.stderr, /^tenon: The connection to http:\S+ failed: /);
  withJob(standIn, 'Nonsense');
  const other = await runClient(standIn.url, ['status', '7']);
  t.is(other.code, exitCodes.connection);
  t.regex(other.stderr, /something that is no job/);
});
