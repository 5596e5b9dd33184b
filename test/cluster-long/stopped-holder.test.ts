/** A node that is stopped while it holds the write lock of the embedded database: a peer ends it (decision 23). */
import {join} from 'node:path';
import test from 'ava';
import {setTimeout as sleep} from 'node:timers/promises';
import {lockHoldersOf} from '../../persistence/stopped-holder.ts';
import {startClusterProcesses, type ClusterProcesses} from '../support/cluster-processes.ts';
import {doubleEnds} from '../support/job-audit.ts';

/** G7 for a paused process. */
const takeOverMsMax = 15_000;

test('a node stopped in the middle of a commit is ended by a peer, and its jobs are taken over', async t => {
  t.timeout(110_000);
  const cluster = await startClusterProcesses(t, {
    nodes: [
      {name: 'rest', roles: ['gateway', 'manager', 'jobhistory', 'ecm']},
      {name: 'one', roles: ['entrance']},
      {name: 'two', roles: ['entrance']},
    ],
  });
  const {taskID} = await cluster.submit(
    'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line $i; sleep 1; done',
  );
  await cluster.until(taskID, 'running', ({status}) => status === 'Running');
  const owner = cluster.nameOf((await cluster.status(taskID)).instance);
  const pid = cluster.node(owner).pid();
  const file = join(cluster.directory, 'shared', 'tenon.db');

  // Something to be committed all the time.
  let isEnough = false;
  const accepted: number[] = [];
  const load = Promise.all(
    Array.from({length: 8}, async () => {
      while (!isEnough) {
        const answer = await cluster.trySubmit('true').catch(() => undefined);
        if (answer?.status === 0) accepted.push(answer.data.taskID);
        else await sleep(200);
      }
    }),
  );
  let stoppedMs = 0;
  let tries = 0;
  for (; tries < 2000; tries += 1) {
    stoppedMs = Date.now();
    cluster.pause(owner);
    await sleep(2);
    if (lockHoldersOf(file).includes(pid)) break;
    cluster.resume(owner);
    await sleep(7);
  }
  t.log(`caught with the lock after ${tries + 1} tries`);
  t.deepEqual(lockHoldersOf(file), [pid]);
  isEnough = true;

  t.is(await cluster.node(owner).exited(), 'SIGKILL');
  t.log(`ended after ${Date.now() - stoppedMs} ms`);
  await cluster.until(
    taskID,
    'owned by the other',
    ({instance}) => cluster.nameOf(instance) !== owner,
    30_000,
  );
  const tookMs = Date.now() - stoppedMs;
  t.log(`taken over after ${tookMs} ms`);
  t.true(tookMs <= takeOverMsMax, `${tookMs} ms`);
  await load;
  t.is((await cluster.ended(taskID)).status, 'Succeed');
  for (const id of accepted) t.is((await cluster.ended(id)).status, 'Succeed');
  t.deepEqual(doubleEnds(await cluster.audit.changes()), []);
  noneElseDied(t, cluster, owner);
  saysWho(t, cluster, owner);
});

/** The lock kept the others from renewing too: none of them may be taken for dead when it is free. */
function noneElseDied(
  t: Parameters<typeof startClusterProcesses>[0],
  cluster: ClusterProcesses,
  owner: string,
): void {
  for (const name of ['rest', 'one', 'two']) {
    if (name === owner) continue;
    t.true(cluster.node(name).isRunning(), `${name} lives`);
    t.notRegex(cluster.node(name).log(), /is not ours any more/);
  }
}

function saysWho(
  t: Parameters<typeof startClusterProcesses>[0],
  cluster: ClusterProcesses,
  owner: string,
): void {
  const others = ['rest', 'one', 'two'].filter(name => name !== owner);
  const told = others.filter(name => /held the lock of the database/.test(cluster.node(name).log()));
  t.true(told.length > 0, 'whoever ended it says so');
}
