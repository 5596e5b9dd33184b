/** Engines that an operator lists: one in plain Perl, one on the Python kit, on a node as a user starts it. */
import {readFileSync, writeFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {jobEnds, submitJob, untilStatus, type TaskView} from '../support/node-jobs.ts';
import {startNode, type NodeProcess} from '../support/node-process.ts';
import {projectRoot} from '../support/source-tree.ts';

const perl = `perl=perl ${join(projectRoot, 'examples/perl-engine/engine.pl')}`;
const kit = join(projectRoot, 'engines/kit-python/tenon_engine.py');
const sqlite = `sqlite=python3 ${kit} ${join(projectRoot, 'examples/python-engine/sqlite_engine.py')}`;

/** A node that is told of both in its file. */
async function nodeWithPrograms(t: ExecutionContext, args: readonly string[] = []): Promise<NodeProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-programs-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const file = join(directory, 'tenon.yaml');
  writeFileSync(file, `governance:\n  enginePrograms:\n    - ${perl}\n    - ${sqlite}\n`);
  const node = await startNode(t, {args: ['--config', file, ...args]});
  await node.login();
  return node;
}

const submit = (node: NodeProcess, engineType: string, code: string) =>
  submitJob(node, code, {runType: engineType === 'sqlite-3' ? 'sql' : 'perl', labels: {engineType}});

const logOf = async (node: NodeProcess, {logPath}: TaskView): Promise<string> => {
  const {data} = await node.api<{log: readonly string[]}>(
    `filesystem/openLog?path=${encodeURIComponent(logPath)}`,
  );
  return data.log.at(-1) ?? '';
};

test.serial('a job with the label of a listed engine runs there, and its result set is shown', async t => {
  const node = await nodeWithPrograms(t);
  const {taskID} = await submit(node, 'perl-5', 'print "sum ", 40 + 2, "\\n"; warn "careful\\n";');
  const task = await untilStatus(node, taskID, jobEnds);
  t.is(task.status, 'Succeed', task.errDesc ?? '');
  t.regex(await logOf(node, task), /^sum 42$/m);
  t.regex(readFileSync(join(task.resultLocation, '_0.dolphin'), 'latin1'), /0000000006sum 42$/);
  const types = await node.api<{engineType: readonly string[]}>('configuration/engineType');
  t.true(types.data.engineType.includes('perl'));
});

test.serial('it fails with the engine’s own message, and a kill ends it', async t => {
  const node = await nodeWithPrograms(t);
  const failed = await untilStatus(node, (await submit(node, 'perl-5', 'die "no\\n"')).taskID, jobEnds);
  t.is(failed.status, 'Failed');
  t.regex(failed.errDesc ?? '', /The script failed: exit code/);
  const {taskID, execID} = await submit(node, 'perl-5', '$SIG{TERM} = "IGNORE"; sleep 1 for 1 .. 300;');
  await untilStatus(node, taskID, ['Running']);
  await node.api(`entrance/${execID}/kill?taskID=${taskID}`);
  t.is((await untilStatus(node, taskID, jobEnds)).status, 'Cancelled');
});

test.serial(
  'its job outlives a node that is killed, and is followed to its true end by the next',
  async t => {
    const node = await nodeWithPrograms(t);
    const {taskID} = await submit(
      node,
      'perl-5',
      '$| = 1; for (1 .. 40) { print "$_\\n"; select undef, undef, undef, 0.1 }',
    );
    await untilStatus(node, taskID, ['Running']);
    await node.kill('SIGKILL');
    await node.restart();
    const task = await untilStatus(node, taskID, jobEnds);
    t.is(task.status, 'Succeed', task.errDesc ?? '');
    const log = await logOf(node, task);
    t.regex(log, new RegExp(`^${Array.from({length: 40}, (_, index) => index + 1).join('\\n')}$`, 'm'));
  },
);

test.serial('an engine on the Python kit keeps its database from job to job', async t => {
  const node = await nodeWithPrograms(t, ['--set', 'governance.groupRunningMax=1']);
  const first = await submit(node, 'sqlite-3', "create table t (n, name); insert into t values (1, 'ä')");
  const done = await untilStatus(node, first.taskID, jobEnds);
  t.is(done.status, 'Succeed', done.errDesc ?? '');
  const {taskID} = await submit(node, 'sqlite-3', 'select n, name from t');
  const task = await untilStatus(node, taskID, jobEnds);
  t.is(task.status, 'Succeed', task.errDesc ?? '');
  const {data} = await node.api<{metadata: {columnName: string}[]; fileContent: unknown[][]}>(
    `filesystem/openFile?path=${task.resultLocation}/_0.dolphin`,
  );
  t.deepEqual(
    data.metadata.map(({columnName}) => columnName),
    ['n', 'name'],
  );
  t.deepEqual(data.fileContent, [['1', 'ä']]);
});

test.serial('a program that is not there is told at the start, not to a job', async t => {
  const error = await t.throwsAsync(
    startNode(t, {args: ['--set', 'governance.enginePrograms=ghost=/no/such/engine']}),
  );
  t.regex(error?.message ?? '', /engine type ghost can't be offered: \/no\/such\/engine is no program/);
});
