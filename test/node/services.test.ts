/** The services by the names of their calls, on a node inside this process with real engines. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {createCluster} from '../../index.ts';

const body = (code: string) => ({
  executionContent: {code, runType: 'shell'},
  labels: {engineType: 'shell-1', userCreator: 'alice-IDE'},
  params: {},
  source: {},
});

test('entrance, manager, ECM and job history answer to their calls', async t => {
  t.timeout(60_000);
  const data = mkdtempSync(join(tmpdir(), 'tenon-services-'));
  const cluster = await createCluster({data, settings: {'governance.enginesMax': 3}});
  t.teardown(async () => {
    await cluster.close();
    rmSync(data, {recursive: true, force: true});
  });
  const {entrance, manager, ecm, jobHistory} = cluster.services;
  const alice = {user: 'alice', isAdmin: false};

  const {taskID} = await entrance.submitTask(body('echo hello'), 'alice');
  await cluster.ended(taskID);
  t.is(await entrance.getTaskStatus(taskID), 'Succeed');
  t.deepEqual((await entrance.getTaskResult(taskID))?.resultSets, ['_0.dolphin']);
  t.is(await entrance.getTaskStatus(taskID + 1000), undefined);
  const long = await entrance.submitTask(body('sleep 60'), 'alice');
  t.like(await entrance.cancelTask(long.taskID, 'alice'), {status: 'Cancelled'});

  const lent = await manager.requestEngine({engineType: 'shell', user: 'alice'});
  t.true(lent.isReused);
  t.is(await manager.getEngineStatus(lent.engineId), 'Busy');
  manager.releaseEngine(lent.engineId);
  while ((await manager.getEngineStatus(lent.engineId)) !== 'Unlock') await sleep(20);
  t.is(await manager.getEngineStatus('nobody'), undefined);
  const wait = manager.requestEngine({engineType: 'shell', user: 'bob', ecm: 'nowhere:1', timeoutMs: 300});
  t.like(await t.throwsAsync(wait), {code: 20_972});

  const made = await ecm.createEngineConnection({engineType: 'shell-1', user: 'alice'});
  t.false(made.isReused);
  t.not(made.engineId, lent.engineId);
  t.like(await ecm.reportEngineResourceUsage(made.engineId), {reserved: {instances: 1, cores: 1}});
  const receipt = await ecm.terminateEngineConnection(made.engineId, 'root');
  t.is(receipt?.returned.instances, 1);
  t.is(await ecm.terminateEngineConnection('nobody', 'root'), undefined);

  const page = await jobHistory.queryJobHistory({}, {number: 1, size: 10}, alice);
  t.deepEqual(page.jobs.map(({row}) => row.status).toSorted(), ['Cancelled', 'Succeed']);
  t.is((await jobHistory.getJobDetails(taskID, alice)).job.row.id, taskID);
  await t.throwsAsync(jobHistory.getJobDetails(taskID, {user: 'bob', isAdmin: false}));
  // What has ended stays ended.
  await t.throwsAsync(jobHistory.updateJobStatus({taskID, status: 'Running'}));
  const why = await cluster.why(taskID);
  t.is(why?.status, 'Succeed');
  t.true((why?.timeline.length ?? 0) > 0);
});
