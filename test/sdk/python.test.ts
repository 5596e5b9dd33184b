/**
 * The real Python SDK (linkis-python-sdk) against a running node, synchronous and asynchronous. It reads tables only: on
 * text results it raises by itself, so the jobs here make tables.
 */
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {jsonLines, run} from '../support/command.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {projectRoot} from '../support/source-tree.ts';

type Answer = {
  readonly client: 'sync' | 'async';
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly total: number;
  readonly error: string;
};

const folder = join(projectRoot, 'test', 'sdk', 'python');
const environment = join(projectRoot, '.ci', 'cache', 'sdk-python');
const python = join(environment, 'bin', 'python');

test.before('the SDK is installed into an environment of its own', async t => {
  t.timeout(300_000);
  if (!existsSync(python)) {
    const made = await run('python3', ['-m', 'venv', environment]);
    t.is(made.code, 0, made.stderr);
  }
  const requirements = join(folder, 'requirements.txt');
  const installed = await run(python, ['-m', 'pip', 'install', '-q', '-r', requirements]);
  t.is(installed.code, 0, installed.stderr);
});

async function execute(
  node: NodeProcess,
  engineType: string,
  runType: string,
  columns: string,
  code: string,
): Promise<Answer[]> {
  const {user, password} = node.credentials();
  const job = [engineType, runType, columns, code];
  return jsonLines<Answer>(
    await run(python, ['-B', join(folder, 'run.py'), node.url(), user, password, ...job]),
  );
}

test('a table is read by both clients, with its types', async t => {
  const node = await startNode(t);
  const code = 'showDF([{"name": "a", "size": 1}, {"name": "b", "size": 2}])';
  const answers = await execute(node, 'python-python3', 'python', 'name,size', code);
  const data = [
    {name: 'a', size: 1},
    {name: 'b', size: 2},
  ];
  t.deepEqual(answers, [
    {client: 'sync', data, total: 2, error: ''},
    {client: 'async', data, total: 2, error: ''},
  ]);
});

test('a DataFrame that is the last expression is a table', async t => {
  const node = await startNode(t, {environment: {TENON_GOVERNANCE_PYTHON_PATH: python}});
  const code = 'import pandas\npandas.DataFrame({"city": ["Köln", None], "share": [0.5, 1.5]})';
  const answers = await execute(node, 'python-python3', 'python', 'city,share', code);
  t.is(answers.length, 2);
  for (const {data, error} of answers) {
    t.is(error, '');
    t.is(data[0]?.['city'], 'Köln');
    t.deepEqual(
      data.map(row => row['share']),
      [0.5, 1.5],
    );
  }
});

test('the reason of a failed job reaches both clients', async t => {
  const node = await startNode(t);
  const answers = await execute(node, 'python-python3', 'python', 'a', 'raise ValueError("no such luck")');
  t.is(answers.length, 2);
  for (const {error} of answers) t.regex(error, /no such luck/);
});
