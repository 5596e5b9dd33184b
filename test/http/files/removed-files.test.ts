/** What is said of logs and results that are gone because of their age. */
import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {startFiles} from '../../support/files-world.ts';
import {writeTable} from '../../support/result-files.ts';

const why = 'The results of this job, if it had any, were removed by retention: that is why.';

test('results that retention removed are listed as none, with the reason, and reading one tells it too', async t => {
  const world = await startFiles(t, {whyRemoved: () => why});
  const job = world.addJob();
  const path = await writeTable(job, 0, [['1', 'a']]);
  t.is((await world.ask('ann', 'getDirFileTrees', {path: job.resultLocation})).message, 'OK', 'still there');
  await rm(job.resultLocation, {recursive: true});
  const tree = await world.ask('ann', 'getDirFileTrees', {path: job.resultLocation});
  t.like(tree, {status: 0, message: why});
  t.like(tree.data['dirFileTrees'], {children: []});
  for (const call of ['openFile', 'fileInfo']) {
    const {status, message} = await world.ask('ann', call, {path});
    t.is(status, 1, call);
    t.true(message.includes('80110') && message.includes(why), message);
  }
  const text = await world.ask('ann', 'openFile', {path: join(job.resultLocation, 'notes.txt')});
  t.true(text.message.includes(why));
  const download = await (await world.get('ann', 'resultsetToExcel', {path})).text();
  t.true(download.includes(why), download);
  const {data} = await world.ask('ann', 'isExist', {path});
  t.is(data['isExist'], false);
});

test('a log that retention removed is not said to be there, and can not be downloaded', async t => {
  const world = await startFiles(t, {whyRemoved: () => why});
  const job = world.addJob();
  const {data} = await world.ask('ann', 'isExist', {path: job.logPath});
  t.is(data['isExist'], false);
  const answer = await world.post('ann', 'download', {path: job.logPath});
  t.true((await answer.text()).includes(why));
});

test('nobody learns from it what is not theirs', async t => {
  const world = await startFiles(t, {whyRemoved: () => why});
  const job = world.addJob({submitUser: 'bob'});
  const {message} = await world.ask('ann', 'getDirFileTrees', {path: job.resultLocation});
  t.false(message.includes('retention'));
});
