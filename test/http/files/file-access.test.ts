import {mkdir, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {startFiles} from '../../support/files-world.ts';
import {writeTable} from '../../support/result-files.ts';

const readingCalls = ['getDirFileTrees', 'openFile', 'isExist', 'fileInfo'];

test("no path leads out of the caller's own jobs, however it is spelt", async t => {
  const world = await startFiles(t);
  const mine = world.addJob();
  const others = world.addJob({submitUser: 'bob'});
  const path = await writeTable(others, 0, [['1', 'secret']]);
  await writeTable(mine, 0, [['1', 'mine']]);
  await others.append('secret\n');
  await writeFile(join(world.directory, 'credentials'), 'secret');
  await symlink(path, join(mine.resultLocation, '_1.dolphin'));
  await symlink(others.resultLocation, join(mine.resultLocation, 'way'));
  await symlink(join(world.directory, 'credentials'), join(mine.resultLocation, 'c.txt'));
  const own = mine.resultLocation;
  const wrong = [
    path,
    others.resultLocation,
    others.logPath,
    `file://${path}`,
    `file://localhost${path}`,
    `file:${path}`,
    `${own}/../${others.taskID}/_0.dolphin`,
    `${own}/./.././../ann/../../IDE/bob/${others.taskID}/_0.dolphin`,
    `file://${own}/../../bob/${others.taskID}`,
    `${own}/../../../../../credentials`,
    join(world.directory, 'credentials'),
    world.directory,
    `${world.directory}/results`,
    `${world.directory}/logs`,
    '/etc/passwd',
    '/',
    '..',
    '.',
    'results',
    '~',
    `${own}/_1.dolphin`,
    `${own}/way/_0.dolphin`,
    `${own}/way`,
    `${own}/c.txt`,
    `${own}\0`,
    `${own}/_0.dolphin\0.txt`,
    `${own}-other`,
    `${own}0`,
    `//${path}`,
    `///etc/passwd`,
    `hdfs://${own}`,
    `s3://${own}`,
    'file://evil.example.com/etc/passwd',
    'http://127.0.0.1/',
    'javascript:alert(1)',
    'x'.repeat(5000),
    `/${'a/'.repeat(2000)}`,
    `${others.logPath}.idx`,
    `${mine.logPath}.idx`,
  ];
  for (const text of wrong) {
    for (const call of readingCalls) {
      const {status, data, httpStatus} = await world.ask('ann', call, {path: text});
      t.is(httpStatus, 400, `${call} ${text}`);
      t.is(status, 1);
      t.true([80010].includes((data['errorMsg'] as {errCode: number}).errCode), `${call} ${text}`);
    }
    const log = await world.ask('ann', 'openLog', {path: text});
    t.is((log.data['errorMsg'] as {errCode: number}).errCode, 80018, text);
    for (const call of ['resultsetToExcel', 'resultsetsToExcel']) {
      const response = await world.get('ann', call, {path: text});
      t.is(response.status, 200);
      t.regex(await response.text(), /^error\(错误\):The user: ann has no permission/, text);
    }
    const response = await world.post('ann', 'download', {path: text});
    t.regex(await response.text(), /^error\(错误\):The user: ann has no permission/, text);
  }
});

test('percent signs are taken literally: nothing is decoded a second time', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  await mkdir(join(job.resultLocation, '%2e%2e'), {recursive: true});
  await writeFile(join(job.resultLocation, '%2e%2e', 'a b.txt'), 'here');
  const {data} = await world.ask('ann', 'openFile', {path: `file://${job.resultLocation}/%2e%2e/a b.txt`});
  t.deepEqual(data['fileContent'], [['here']]);
});

test('the execute user sees what belongs to the job, administrators see all, and that is audited', async t => {
  const world = await startFiles(t);
  const job = world.addJob({submitUser: 'ann', executeUser: 'bob'});
  const path = await writeTable(job, 0, [['1', 'a']]);
  for (const user of ['ann', 'bob', 'root']) {
    t.is((await world.ask(user, 'openFile', {path})).status, 0, user);
  }
  const audited = world.logged.filter(({audit}) => audit === true);
  t.is(audited.length, 1);
  t.like(audited[0], {action: 'readAsAdministrator', user: 'root', taskID: job.taskID, owner: 'ann', path});
  const area = await world.ask('root', 'getDirFileTrees', {path: join(world.directory, 'results')});
  t.is(area.status, 0);
  t.is((await world.ask('root', 'openFile', {path: '/etc/passwd'})).status, 1);
});

test('nothing is answered to who is not logged in', async t => {
  const world = await startFiles(t);
  for (const call of [...readingCalls, 'openLog', 'resultsetToExcel', 'chmod']) {
    const response = await fetch(`${world.url}/api/rest_j/v1/filesystem/${call}?path=/`);
    t.is(response.status, 401, call);
  }
});
