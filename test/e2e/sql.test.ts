/** SQL jobs on a real node: no database is set up, and it works. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {jobEnds, taskOf, untilStatus} from '../support/node-jobs.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {followJob} from '../support/node-stream.ts';

async function submitSql(
  node: NodeProcess,
  code: string,
  runtime: Readonly<Record<string, unknown>> = {},
  runType = 'sql',
): Promise<{readonly taskID: number; readonly execID: string}> {
  const {user} = node.credentials();
  const answer = await node.api<{taskID: number; execID: string}>('entrance/submit', {
    body: {
      executionContent: {code, runType},
      labels: {engineType: 'jdbc-4', userCreator: `${user}-SQL`},
      params: {configuration: {runtime}},
    },
  });
  if (answer.status !== 0) throw new Error(answer.message);
  return answer.data;
}

type Sheet = {
  readonly metadata: readonly {readonly columnName: string; readonly dataType: string}[];
  readonly fileContent: readonly (readonly string[])[];
};

const sheet = async (node: NodeProcess, path: string): Promise<Sheet> =>
  (await node.api<Sheet>(`filesystem/openFile?path=${path}`)).data;

test.serial('two statements give two result sets, in the embedded database and in a file', async t => {
  const node = await startNode(t);
  await node.login();
  const file = join(node.dataDirectory, 'e2e.db');
  for (const [runType, runtime] of [
    ['sql', {}],
    ['jdbc', {'wds.linkis.jdbc.connect.url': `jdbc:sqlite:${file}`}],
  ] as const) {
    const {taskID} = await submitSql(
      node,
      "create table k (n int, s varchar(9));\ninsert into k values (1, 'ü;'), (2, null);\nselect n, s from k order by n;\nselect count(*) as c from k;",
      runtime,
      runType,
    );
    const {status, resultLocation, errDesc} = await untilStatus(node, taskID, jobEnds);
    t.is(status, 'Succeed', errDesc ?? '');
    const first = await sheet(node, `${resultLocation}/_0.dolphin`);
    t.deepEqual(
      first.metadata.map(({columnName}) => columnName),
      ['n', 's'],
    );
    t.deepEqual(first.fileContent, [
      ['1', 'ü;'],
      ['2', 'NULL'],
    ]);
    t.deepEqual((await sheet(node, `${resultLocation}/_1.dolphin`)).fileContent, [['2']]);
  }
});

test.serial('a select that would take hours is killed, and the next job runs on the same engine', async t => {
  const node = await startNode(t, {args: ['--set', 'governance.groupRunningMax=1']});
  await node.login();
  await submitSql(node, 'create table kept as select 42 as n');
  const {taskID, execID} = await submitSql(
    node,
    'select count(*) from generate_series(1, 100000000) a(x), generate_series(1, 1000000) b(y) where (x * y) % 7 = 3',
  );
  await followJob(node, node.cookie(), taskID, {
    until: ({frames}) => frames.some(({status}) => status === 'Running'),
  });
  await node.api(`entrance/${execID}/kill`);
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Cancelled');
  // What it has kept shows that the statement was interrupted, and not its process ended.
  const next = await submitSql(node, 'select n from kept');
  const {status, resultLocation, errDesc} = await untilStatus(node, next.taskID, jobEnds);
  t.is(status, 'Succeed', errDesc ?? '');
  t.deepEqual((await sheet(node, `${resultLocation}/_0.dolphin`)).fileContent, [['42']]);
});

test.serial('what the database says is the failure, and a password is shown to nobody', async t => {
  const node = await startNode(t);
  await node.login();
  const wrong = await submitSql(node, 'select 1;\nselec 2');
  const failed = await untilStatus(node, wrong.taskID, jobEnds);
  t.is(failed.errCode, 26014);
  t.regex(failed.errDesc ?? '', /^Statement 2 of 2 \(line 2\) failed: .*syntax error/);
  const {taskID} = await submitSql(node, 'select 1', {
    'wds.linkis.jdbc.connect.url': 'jdbc:postgresql://127.0.0.1:1/db?password=hush-url',
    'wds.linkis.jdbc.password': 'hush-hush',
  });
  const {errCode, logPath} = await untilStatus(node, taskID, jobEnds);
  t.is(errCode, 26013);
  const shown = JSON.stringify([
    await taskOf(node, taskID),
    (await node.api(`jobhistory/list?taskID=${taskID}`)).data,
    readFileSync(logPath, 'utf8'),
    node.log(),
  ]);
  t.notRegex(shown, /hush/);
  t.regex(shown, /wds\.linkis\.jdbc\.password/);
});
