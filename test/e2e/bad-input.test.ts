/** What clients and jobs get wrong, by mistake or on purpose: each has a clear answer, and costs nobody else anything. */
import {join} from 'node:path';
import test from 'ava';
import {run} from '../support/command.ts';
import {addPerson, type Person} from '../support/node-person.ts';
import {jobEnds, submitJob, untilStatus} from '../support/node-jobs.ts';
import {startNode, type Answer} from '../support/node-process.ts';
import {residentBytes} from '../support/process-table.ts';
import {projectRoot} from '../support/source-tree.ts';

const megabyte = 1024 * 1024;

type Refusal = {errorMsg?: {errCode: number}};

/** The number of an error, where Linkis' clients look for it. */
const codeOf = ({data, message}: Answer<Refusal>): number =>
  data?.errorMsg?.errCode ?? Number(/(?:错误码\): |errCode: )(\d+)/.exec(message)?.[1] ?? 0);

const jobsOf = async (person: Person): Promise<number> =>
  (await person.api<{totalPage: number}>('jobhistory/list')).data.totalPage;

const labels = {engineType: 'shell-1', userCreator: 'alice-IDE'};
const content = {code: 'echo x', runType: 'shell'};
const nested = (levels: number): unknown => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels));

const refusals: readonly [what: string, body: unknown, httpStatus: number, code: number][] = [
  ['half a JSON', '{"executionContent":', 400, 11_001],
  ['a list', [], 400, 11_001],
  ['nothing', {}, 400, 20_007],
  ['code that is a number', {executionContent: {code: 5}, labels}, 400, 11_001],
  ['code that is missing', {executionContent: {runType: 'shell'}, labels}, 400, 20_010],
  ['empty code', {executionContent: {...content, code: ''}, labels}, 400, 20_007],
  ['blank code', {executionContent: {...content, code: ' \n\t'}, labels}, 400, 20_007],
  ['content that is a text', {executionContent: 'echo x', labels}, 400, 11_001],
  ['no labels', {executionContent: content}, 400, 20_008],
  ['labels that are a list', {executionContent: content, labels: ['shell-1']}, 400, 11_001],
  ['no engine type', {executionContent: content, labels: {userCreator: 'alice-IDE'}}, 400, 20_009],
  [
    'an unknown engine',
    {executionContent: content, labels: {...labels, engineType: 'fortran-77'}},
    400,
    20_009,
  ],
  [
    'an engine type that climbs',
    {executionContent: content, labels: {...labels, engineType: '../../etc'}},
    400,
    20_009,
  ],
  ['a label that is a list', {executionContent: content, labels: {...labels, tenant: ['x']}}, 400, 20_009],
  ['a label with a line end', {executionContent: content, labels: {...labels, note: 'a\nb'}}, 400, 20_009],
  ['a label too long', {executionContent: content, labels: {...labels, note: 'x'.repeat(256)}}, 400, 20_009],
  [
    'a user creator in four parts',
    {executionContent: content, labels: {...labels, userCreator: 'a-b-c-d'}},
    400,
    20_009,
  ],
  [
    'a creator that climbs',
    {executionContent: content, labels: {...labels, userCreator: 'alice-../../x'}},
    400,
    20_039,
  ],
  [
    'a timeout that is no number',
    {executionContent: content, labels: {...labels, jobRunningTimeout: 'soon'}},
    400,
    20_009,
  ],
  ['params that are a text', {executionContent: content, labels, params: 'x'}, 400, 11_001],
  ['params nested 100 deep', {executionContent: content, labels, params: nested(100)}, 400, 20_039],
  [
    'a variable that is a list',
    {executionContent: content, labels, params: {variable: {day: []}}},
    400,
    20_039,
  ],
  ['a run type that is an object', {executionContent: {...content, runType: {}}, labels}, 400, 11_001],
  ['a 50 MB body', {executionContent: {...content, code: 'x'.repeat(50 * megabyte)}, labels}, 413, 11_001],
];

test.serial(
  'a submission that can’t be one is refused with its code in Linkis’ envelope, and leaves nothing behind',
  async t => {
    const node = await startNode(t);
    await node.login();
    const alice = await addPerson(node, 'alice');
    const before = residentBytes(node.pid());
    for (const [what, body, httpStatus, code] of refusals) {
      const answer = await alice.api<Refusal>('entrance/submit', {body});
      t.is(answer.httpStatus, httpStatus, `${what}: ${answer.message}`);
      t.is(answer.status, 1, what);
      t.is(codeOf(answer), code, `${what}: ${answer.message}`);
      t.regex(answer.method ?? '/api/', /^\/api\//, what);
    }
    t.is(await jobsOf(alice), 0);
    t.true(residentBytes(node.pid()) - before < 150 * megabyte);
    const {taskID} = await alice.accepted('echo fine');
    t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
  },
);

test.serial(
  'somebody else’s name in the label is a failed job of one’s own, recorded with its code',
  async t => {
    const node = await startNode(t);
    await node.login();
    const alice = await addPerson(node, 'alice');
    const answer = await alice.api<Refusal>('entrance/submit', {
      body: {executionContent: content, labels: {...labels, userCreator: 'bob-IDE'}},
    });
    t.is(answer.status, 1);
    t.is(codeOf(answer), 50_080);
    const {data} = await alice.api<{tasks: {status: string; errCode: number}[]}>('jobhistory/list');
    t.deepEqual(
      data.tasks.map(({status, errCode}) => [status, errCode]),
      [['Failed', 50_080]],
    );
  },
);

test.serial('fields and labels nobody knows are left alone, as Linkis does', async t => {
  const node = await startNode(t);
  await node.login();
  const {taskID} = await submitJob(node, 'echo x', {labels: {flavour: 'vanilla'}});
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Succeed');
  const {user} = node.credentials();
  const answer = await node.api<{taskID: number}>('entrance/submit', {
    body: {
      executionContent: {...content, colour: 'red'},
      labels: {...labels, userCreator: `${user}-IDE`},
      surprise: {deep: [1, 2, {three: null}]},
      params: {variable: {}, configuration: {runtime: {unheardOf: 1}}, other: true},
    },
  });
  t.is(answer.status, 0, answer.message);
  t.is((await untilStatus(node, answer.data.taskID, jobEnds)).status, 'Succeed');
});

test.serial('ids of any shape are answered, and are never somebody’s job', async t => {
  const node = await startNode(t);
  await node.login();
  const {execID, taskID} = await submitJob(node, 'echo x');
  await untilStatus(node, taskID, jobEnds);
  const ids = [
    '0',
    '-1',
    '1e3',
    '0x1',
    '1.0',
    ' 1',
    '99999999999999999999',
    '9007199254740993',
    'NaN',
    'null',
    'undefined',
    'exec_id',
    'exec_id018024',
    'exec_id999999x',
    `${execID}1`,
    execID.replace(/_\d+$/, '_999'),
    execID.replace('exec_id', 'exec_id0'),
    "1' or '1'='1",
    '..',
    '../../etc/passwd',
    '%',
    '\u0000',
    '🦊',
    'x'.repeat(5000),
    '__proto__',
    'constructor',
  ];
  for (const id of ids) {
    const one = encodeURIComponent(id);
    if (one === '..') continue;
    for (const path of [
      `entrance/${one}/status`,
      `entrance/${one}/progress`,
      `entrance/${one}/log`,
      `entrance/${one}/kill`,
      `jobhistory/${one}/get`,
    ]) {
      const answer = await node.api(path);
      t.not(answer.status, 0, path.slice(0, 100));
      t.true(answer.httpStatus < 500, path.slice(0, 100));
      t.notRegex(answer.message, /unexpected failure|\bat .*\.ts/, path.slice(0, 100));
    }
  }
  for (const query of ['fromLine=x', 'fromLine=1.5', 'size=x', `fromLine=${'9'.repeat(30)}`]) {
    const answer = await node.api(`entrance/${execID}/log?${query}`);
    t.is(answer.httpStatus, 400, query);
    t.is(answer.status, 1, query);
  }
  t.is((await node.api(`entrance/${execID}/log?fromLine=-5&size=-5`)).status, 0);
  t.is((await node.api(`jobhistory/list?pageNow=0&pageSize=1000000`)).httpStatus, 200);
  t.is((await node.api('jobhistory/list?startDate=yesterday')).status, 1);
  t.is((await node.api(`entrance/${execID}/status`)).status, 0);
});

test.serial('no path leads out of one’s own results', async t => {
  const node = await startNode(t);
  await node.login();
  const alice = await addPerson(node, 'alice');
  const {taskID} = await alice.accepted('echo mine');
  const {logPath, resultLocation} = await untilStatus(node, taskID, jobEnds);
  const {taskID: other} = await submitJob(node, 'echo a secret');
  const theirs = await untilStatus(node, other, jobEnds);
  const paths = [
    '/etc/passwd',
    'file:///etc/passwd',
    '../../../../etc/passwd',
    `${resultLocation}/../../../../../../../../etc/passwd`,
    `${resultLocation}/..`,
    `${resultLocation}/../${other}/_0.dolphin`,
    `${resultLocation}/%2e%2e/${other}/_0.dolphin`,
    `${resultLocation}/./../${other}`,
    `${logPath}/../${other}.log`,
    `${resultLocation}\u0000/etc/passwd`,
    `${resultLocation}//..//${other}`,
    node.dataDirectory,
    join(node.dataDirectory, 'tenon.db'),
    join(node.dataDirectory, 'credentials'),
    theirs.logPath,
    theirs.resultLocation,
    `${theirs.resultLocation}/_0.dolphin`,
    `hdfs://${resultLocation}/../${other}`,
    '\\\\host\\share',
    'x'.repeat(10_000),
    '~',
    '.',
    '/',
    '',
  ];
  for (const path of paths) {
    for (const call of [
      'openFile',
      'openLog',
      'getDirFileTrees',
      'isExist',
      'fileInfo',
      'resultsetToExcel',
      'resultsetsToExcel',
    ]) {
      const response = await alice.fetch(`filesystem/${call}?path=${encodeURIComponent(path)}`);
      const text = await response.text();
      const what = `${call} ${path.slice(0, 80)}: ${text.slice(0, 200)}`;
      t.true(response.status < 500, what);
      t.notRegex(text, /secret|root:x:0|password of/, what);
      // Names are taken literally: a strange one within one's own results is only not there.
      if (/"status":0/.test(text)) t.regex(text, /"dirFileTrees":null|"isExist":false/, what);
    }
    const download = await alice.fetch('filesystem/download', {body: {path}});
    t.notRegex(await download.text(), /secret|root:x:0|^user:/, path.slice(0, 80));
  }
  t.is((await alice.api(`filesystem/openFile?path=${resultLocation}/_0.dolphin`)).status, 0);
  t.is((await alice.api(`filesystem/openLog?path=${logPath}`)).status, 0);
});

test.serial('passwords can’t be guessed at speed, and who guesses locks out nobody else', async t => {
  const node = await startNode(t, {
    args: ['--set', 'http.loginFailuresPerUserMax=4', '--set', 'http.loginFailuresPerAddressMax=8'],
  });
  await node.login();
  const alice = await addPerson(node, 'alice');
  const attempt = (userName: string, password: unknown) =>
    node.api('user/login', {body: {userName, password}, headers: {cookie: ''}});
  const answers = [];
  for (let n = 0; n < 12; n += 1) answers.push(await attempt(n < 6 ? 'carol' : 'nobody', `guess ${n}`));
  const statuses = answers.map(({httpStatus}) => httpStatus);
  t.deepEqual(statuses.slice(0, 6), [...Array.from({length: 4}, () => statuses[0] ?? 0), 429, 429]);
  t.is(statuses.at(-1), 429);
  t.true(Number(answers.at(-1)?.headers.get('retry-after')) > 0);
  for (const answer of answers) t.not(answer.status, 0);
  // An unknown name and a wrong password read alike.
  t.is(new Set(answers.slice(0, 4).map(({message}) => message)).size, 1);
  // Sessions that are open go on.
  t.is((await alice.api('jobhistory/list')).status, 0);
  for (const [name, password] of [
    ['', 'x'],
    ['alice', ''],
    ['x'.repeat(10_000), 'x'],
    ['alice', {$ne: 1}],
    [null, null],
  ] as const) {
    const answer = await node.api('user/login', {body: {userName: name, password}, headers: {cookie: ''}});
    t.not(answer.status, 0);
    t.true(answer.httpStatus < 500);
  }
});

test.serial('the command line says what is wrong, and its exit code says of what kind it is', async t => {
  const node = await startNode(t);
  const {user, password} = node.credentials();
  const tenon = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
    run(process.execPath, [join(projectRoot, 'cli/tenon.ts'), ...args], {
      environment: {
        ...process.env,
        TENON_URL: node.url(),
        TENON_USER: user,
        TENON_PASSWORD: password,
        ...environment,
      },
      timeoutMs: 60_000,
    });
  const nobodyListens = {TENON_URL: 'http://127.0.0.1:9'};
  const cases: readonly [
    args: readonly string[],
    code: number,
    says: RegExp,
    environment?: Readonly<Record<string, string>>,
  ][] = [
    [['submit', '--follow', '--code', 'exit 7', '--engine-type', 'shell-1'], 1, /Failed|7/],
    [['submit', '--code', 'echo x', '--engine-type', 'fortran-77'], 5, /20009|no engine type "fortran"/],
    [['submit', '--code', ' ', '--engine-type', 'shell-1'], 2, /empty/],
    [
      ['submit', '--code', 'echo x', '--engine-type', 'shell-1', '--label', 'jobRunningTimeout=soon'],
      5,
      /20009/,
    ],
    [
      [
        'submit',
        '--follow',
        '--code',
        'sleep 60',
        '--engine-type',
        'shell-1',
        '--label',
        'jobRunningTimeout=1',
      ],
      4,
      /Timeout/,
    ],
    [['status', '99999'], 5, /99999|not found/i],
    [['log', '../../etc/passwd'], 2, /passwd/],
    [['kill', '99999'], 5, /99999|kill/i],
    [['status', '1'], 5, /password|密码/i, {TENON_PASSWORD: 'wrong'}],
    [['status', '1'], 6, /127\.0\.0\.1:9/, nobodyListens],
    [['frobnicate'], 2, /frobnicate/],
    [['status', '1', '--sideways'], 2, /--sideways/],
  ];
  for (const [args, code, says, environment] of cases) {
    const result = await tenon(args, environment);
    const what = `tenon ${args.join(' ')}: ${result.code} ${result.stdout} ${result.stderr}`;
    t.is(result.code, code, what);
    t.regex(result.stdout + result.stderr, says, what);
    t.notRegex(result.stderr, /\n\s+at .*:\d+/, what);
  }
});
