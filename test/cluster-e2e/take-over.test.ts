/** A labelled entrance is killed in the middle of a job (G7, and "Done when" of the cluster). */
import {appendFileSync, existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {doubleEnds} from '../support/job-audit.ts';

const takeOverMsMax = 5000;
const linesMax = 3000;

type Long = {readonly code: string; readonly witness: string; readonly goesOn: () => void};

/** Prints its lines in a hurry, halts after the first half until it is told to go on, and says that it began and ended. */
function longJob({directory}: ClusterProcesses): Long {
  const witness = join(directory, 'witness');
  const gate = join(directory, 'gate');
  const code = `echo begun >> ${witness}; i=0; while [ $i -lt ${linesMax} ]; do echo line $i; i=$((i+1));
    if [ $i = ${linesMax / 2} ]; then echo half >> ${witness}; while [ ! -e ${gate} ]; do sleep 0.1; done; fi
    [ $((i % 100)) = 0 ] && sleep 0.05; done; echo done >> ${witness}`;
  return {code, witness, goesOn: () => appendFileSync(gate, '')};
}

async function reachesHalf({witness}: Long): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!existsSync(witness) || !readFileSync(witness, 'utf8').includes('half')) {
    if (performance.now() > deadline) throw new Error('the job did not get half way in 30 s');
    await sleep(20);
  }
}

/** Its true end, its whole log, one run. */
async function endsTruly(
  t: ExecutionContext,
  cluster: ClusterProcesses,
  taskID: number,
  {witness}: Long,
): Promise<void> {
  const task = await cluster.ended(taskID);
  t.is(task.status, 'Succeed', JSON.stringify(task));
  t.is(readFileSync(witness, 'utf8'), 'begun\nhalf\ndone\n');
  const lines = (await cluster.log(task)).filter(line => line.startsWith('line '));
  t.deepEqual(
    lines,
    Array.from({length: linesMax}, (_, index) => `line ${index}`),
  );
  t.deepEqual(doubleEnds(await cluster.audit.changes()), []);
}

test('a second entrance with the label takes a running job over within 5 s and ends it truly, log and all', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory']},
      {name: 'plain', roles: ['entrance', 'ecm']},
      {name: 'one', roles: ['entrance'], label: 'et1'},
      {name: 'two', roles: ['entrance'], label: 'et1'},
    ],
  });
  const job = longJob(cluster);
  const {taskID} = await cluster.submit(job.code, {label: 'et1'});
  await reachesHalf(job);
  const owner = cluster.nameOf((await cluster.status(taskID)).instance);
  const other = owner === 'one' ? 'two' : 'one';
  t.true(owner === 'one' || owner === 'two', owner);
  const killedMs = await cluster.kill(owner);
  await cluster.until(
    taskID,
    `owned by ${other}`,
    ({instance}) => cluster.nameOf(instance) === other,
    takeOverMsMax * 3,
  );
  const taken = (await cluster.audit.changes()).find(
    change => change.taskID === taskID && change.toOwner.startsWith(cluster.node(other).instance),
  );
  const tookMs = (taken?.atMs ?? Infinity) - killedMs;
  t.log(`taken over after ${tookMs} ms`);
  t.true(tookMs <= takeOverMsMax, `${tookMs} ms`);
  job.goesOn();
  await endsTruly(t, cluster, taskID, job);
});

test('with no other entrance of its label a job waits for its node, never runs elsewhere, and ends truly after the restart', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory']},
      {name: 'plain', roles: ['entrance', 'ecm']},
      {name: 'one', roles: ['entrance'], label: 'et1'},
    ],
    args: ['--set', 'governance.groupRunningMax=1'],
  });
  const job = longJob(cluster);
  const {taskID} = await cluster.submit(job.code, {label: 'et1'});
  await reachesHalf(job);
  const queued = await cluster.submit('echo queued', {label: 'et1'});
  const killedMs = await cluster.kill('one');
  job.goesOn();
  // Twice the time that a take-over by the wrong one would need.
  while (Date.now() - killedMs < takeOverMsMax * 2) {
    for (const id of [taskID, queued.taskID]) {
      const {status, instance} = await cluster.status(id);
      t.true(['Running', 'Scheduled', 'Inited'].includes(status), status);
      t.is(cluster.nameOf(instance), 'one');
    }
    await sleep(250);
  }
  t.regex((await cluster.trySubmit('true', {label: 'et1'})).message, /11011/);
  await cluster.restart('one');
  await endsTruly(t, cluster, taskID, job);
  t.is((await cluster.ended(queued.taskID)).status, 'Succeed');
  const owners = (await cluster.audit.changes()).map(({toOwner}) =>
    cluster.nameOf(toOwner.split('#')[0] ?? ''),
  );
  t.deepEqual([...new Set(owners)], ['one']);
});

test('queued jobs of a dead entrance keep their order', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory', 'ecm']},
      {name: 'one', roles: ['entrance']},
    ],
    args: ['--set', 'governance.groupRunningMax=1'],
  });
  const job = longJob(cluster);
  const first = await cluster.submit(job.code);
  await reachesHalf(job);
  const order = join(cluster.directory, 'order');
  const ids: number[] = [];
  for (let number = 0; number < 8; number += 1) {
    ids.push((await cluster.submit(`echo ${number} >> ${order}`)).taskID);
  }
  await cluster.start({name: 'two', roles: ['entrance']});
  await cluster.kill('one');
  await cluster.until(
    ids.at(-1) ?? 0,
    'owned by two',
    ({instance}) => cluster.nameOf(instance) === 'two',
    15_000,
  );
  job.goesOn();
  t.is((await cluster.ended(first.taskID)).status, 'Succeed');
  for (const id of ids) t.is((await cluster.ended(id)).status, 'Succeed');
  t.is(readFileSync(order, 'utf8'), '0\n1\n2\n3\n4\n5\n6\n7\n');
});

test('a node that is entrance and ECM of its label dies with kill -9: its engine works on, and the job ends truly after the restart', async t => {
  t.timeout(100_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'gateway', roles: ['gateway', 'manager', 'jobhistory']},
      {name: 'plain', roles: ['entrance']},
      {name: 'one', roles: ['entrance', 'ecm'], label: 'et1'},
      {name: 'two', roles: ['entrance'], label: 'et1'},
    ],
  });
  await cluster.stop('two');
  const job = longJob(cluster);
  const {taskID} = await cluster.submit(job.code, {label: 'et1'});
  await reachesHalf(job);
  await cluster.restart('two');
  await cluster.kill('one');
  await cluster.until(taskID, 'owned by two', ({instance}) => cluster.nameOf(instance) === 'two', 15_000);
  job.goesOn();
  await cluster.restart('one');
  await endsTruly(t, cluster, taskID, job);
});
