/**
 * The real Java SDK (org.apache.linkis:linkis-computation-client) against a running node: what the SDK makes of our answers,
 * not what we think it should. Maven builds `test/sdk/java` into the cache once.
 */
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {jsonLines, run, type CommandResult} from '../support/command.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {projectRoot} from '../support/source-tree.ts';

type Line = Readonly<Record<string, unknown>> & {readonly event: string};

const output = join(projectRoot, '.ci', 'cache', 'sdk-java');

test.before('the program is built with Maven', async t => {
  t.timeout(300_000);
  const {code, stdout, stderr} = await run(
    'mvn',
    ['-q', '-B', 'compile', '-Dproject.build.sourceEncoding=UTF-8', `-Doutput.directory=${output}`],
    {
      cwd: join(projectRoot, 'test', 'sdk', 'java'),
    },
  );
  t.is(code, 0, stdout + stderr);
});

const submit = (
  url: string,
  {user, password}: {user: string; password: string},
  ...job: string[]
): Promise<CommandResult> =>
  run('java', [
    // On a bare machine Java would take the world for ASCII, source files and answers alike.
    '-Dfile.encoding=UTF-8',
    '-Dsun.stdout.encoding=UTF-8',
    '-cp',
    `${join(output, 'classes')}:${join(output, 'dependency')}/*`,
    'org.tenon.sdk.Run',
    url,
    user,
    password,
    ...job,
  ]);

async function submitTo(t: ExecutionContext, node: NodeProcess, ...job: string[]): Promise<Line[]> {
  const result = await submit(node.url(), node.credentials(), ...job);
  t.is(result.code, 0, `${result.stdout}\n${result.stderr.slice(-4000)}`);
  return jsonLines<Line>(result);
}

const only = (lines: readonly Line[], event: string): Line => {
  const found = lines.find(line => line.event === event);
  if (found === undefined) throw new Error(`The SDK reported no '${event}': ${JSON.stringify(lines)}`);
  return found;
};

test('a shell job is submitted, polled and its result read', async t => {
  const node = await startNode(t);
  const lines = await submitTo(t, node, 'shell-1', 'shell', 'echo hello; echo 你好');
  t.like(only(lines, 'ended'), {status: 'Succeed', user: node.credentials().user, engineType: 'shell'});
  t.is(String(only(lines, 'ended')['taskID']), String(only(lines, 'submitted')['taskID']));
  const {fileContent} = only(lines, 'result') as Line & {fileContent: string[][]};
  t.deepEqual(fileContent, [['hello'], ['你好']]);
  t.true(String(only(lines, 'log')['all']).length > 0, 'a finished job has a log that can be read');
});

test('a Python table arrives with its columns and rows', async t => {
  const node = await startNode(t);
  const code = 'print("working")\nshowDF([{"name": "a", "size": 1}, {"name": "b", "size": 2}])';
  const lines = await submitTo(t, node, 'python-python3', 'python', code);
  t.is(only(lines, 'ended')['status'], 'Succeed');
  t.true(String(only(lines, 'log')['all']).includes('working'));
  const {metadata, fileContent} = only(lines, 'result') as Line & {
    metadata: {columnName: string}[];
    fileContent: string[][];
  };
  t.deepEqual(
    metadata.map(({columnName}) => columnName),
    ['name', 'size'],
  );
  t.deepEqual(
    fileContent.map(row => row.map(String)),
    [
      ['a', '1'],
      ['b', '2'],
    ],
  );
});

test('a failing job ends with its code and reason', async t => {
  const node = await startNode(t);
  const lines = await submitTo(t, node, 'shell-1', 'shell', 'echo before; exit 3');
  const ended = only(lines, 'ended');
  t.is(ended['status'], 'Failed');
  t.true(Number(ended['errCode']) > 0);
  t.true(String(ended['errDesc']).length > 0);
});

test('a running job is killed', async t => {
  const node = await startNode(t);
  const lines = await submitTo(t, node, 'shell-1', 'shell', 'sleep 60', '1000');
  t.is(only(lines, 'killed').event, 'killed');
  t.is(only(lines, 'ended')['status'], 'Cancelled');
});

test('a wrong password is said so', async t => {
  const node = await startNode(t);
  const {user} = node.credentials();
  const result = await submit(node.url(), {user, password: 'wrong'}, 'shell-1', 'shell', 'echo hello');
  t.is(result.code, 1);
  t.is(jsonLines<Line>(result)[0]?.event, 'failed');
  t.notRegex(String(jsonLines<Line>(result)[0]?.['class']), /NullPointer|ClassCast/);
});
