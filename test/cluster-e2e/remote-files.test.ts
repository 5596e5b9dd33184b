/** Logs and results lie where they were written; every gateway reads them there, and says so when it can't. */
import {renameSync} from 'node:fs';
import test from 'ava';
import {canPretendHosts} from '../support/cluster-node.ts';
import {startClusterProcesses} from '../support/cluster-processes.ts';

// Too much for the row.
const linesCount = 5000;
const wanted = Array.from({length: linesCount}, (_, index) => `line ${index}`);
const code = `i=0; while [ $i -lt ${linesCount} ]; do echo line $i; i=$((i+1)); done`;

const files = test.macro<[readonly string[]]>(async (t, [here, there]) => {
  t.timeout(100_000);
  const hostOf = (host: string | undefined) => (host === undefined ? {} : {host});
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'one', roles: ['gateway', 'manager', 'jobhistory'], ...hostOf(here)},
      {name: 'two', roles: ['gateway'], ...hostOf(here)},
      {name: 'holder', roles: ['entrance', 'ecm'], ...hostOf(there)},
    ],
  });
  const {taskID, execID} = await cluster.submit(code);
  const task = await cluster.ended(taskID);
  t.is(task.status, 'Succeed');
  const reads = async (via: string): Promise<void> => {
    t.deepEqual(
      (await cluster.log(task, via)).filter(line => line.startsWith('line ')),
      wanted,
    );
    const rows = await cluster.results(task, via);
    t.deepEqual(rows.flat().join('\n').split('\n'), wanted, `the result through ${via}`);
  };
  for (const via of ['one', 'two']) {
    await reads(via);
    const live = await cluster.api<{status: string}>(`entrance/${execID}/status`, {via});
    t.is(live.data.status, 'Succeed');
  }

  const {instance, dataDirectory} = cluster.node('holder');
  await cluster.kill('holder');
  if (there === undefined) {
    // The disk is here: read whole, or said where it lies. Nothing in between.
    for (const via of ['one', 'two']) {
      const why = await reads(via).then(
        () => undefined,
        (error: unknown) => String(error),
      );
      t.log(why ?? `read whole through ${via}`);
      t.true(why === undefined || why.includes(instance), why);
    }
    return;
  }
  renameSync(dataDirectory, `${dataDirectory}-away`);
  for (const via of ['one', 'two']) {
    t.is((await cluster.status(taskID, via)).status, 'Succeed');
    for (const path of [
      `filesystem/openLog?path=${encodeURIComponent(task.logPath)}`,
      `filesystem/getDirFileTrees?path=${encodeURIComponent(task.resultLocation)}`,
      `filesystem/openFile?path=${encodeURIComponent(`${task.resultLocation}/_0.dolphin`)}`,
      `entrance/${execID}/log?fromLine=1&size=100`,
    ]) {
      const answer = await cluster.api(path, {via});
      t.not(answer.status, 0, `${path} via ${via}: ${JSON.stringify(answer).slice(0, 500)}`);
      t.true(answer.message.includes(instance), `${path} via ${via}: ${answer.message}`);
    }
  }
  renameSync(`${dataDirectory}-away`, dataDirectory);
  await cluster.restart('holder');
  await reads('two');
});

test(
  'an ended job is read through any gateway, also when the node that holds it is dead but its disk is here',
  files,
  [],
);
const remote = 'an ended job is read through any gateway; when its host is lost, every answer names it';
if (canPretendHosts()) test(remote, files, ['here', 'there']);
else test.skip(`${remote}: this machine does not let a test mount`, files, ['here', 'there']);
