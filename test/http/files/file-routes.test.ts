import {mkdir, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {startFiles, type FilesWorld} from '../../support/files-world.ts';
import {writeTable} from '../../support/result-files.ts';

test("a job's results are listed in numeric order, as Linkis lists them", async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  for (const n of [10, 9, 0]) await writeTable(job, n, []);
  const {data, method, status} = await world.ask('ann', 'getDirFileTrees', {path: job.resultLocation});
  t.is(method, '/api/filesystem/getDirFileTrees');
  t.is(status, 0);
  const {mtimeMs} = await stat(join(job.resultLocation, '_0.dolphin'));
  const tree = data['dirFileTrees'] as {children: {name: string}[]};
  t.deepEqual(
    tree.children.map(({name}) => name),
    ['_0.dolphin', '_9.dolphin', '_10.dolphin'],
  );
  t.deepEqual(tree, {
    name: String(job.taskID),
    path: `file://${job.resultLocation}`,
    properties: null,
    children: tree.children,
    isLeaf: false,
    parentPath: null,
  });
  t.deepEqual(tree.children[0] as unknown, {
    name: '_0.dolphin',
    path: `file://${job.resultLocation}/_0.dolphin`,
    properties: {size: '88', modifytime: String(Math.round(mtimeMs))},
    children: null,
    isLeaf: true,
    parentPath: `file://${job.resultLocation}`,
  });
  const again = await world.ask('ann', 'getDirFileTrees', {path: `file://${job.resultLocation}/`});
  t.deepEqual(again.data, data);
});

test('a job without results has an empty tree, and what is not there has none', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const empty = await world.ask('ann', 'getDirFileTrees', {path: job.resultLocation});
  t.like(empty.data['dirFileTrees'], {children: [], isLeaf: false});
  const missing = await world.ask('ann', 'getDirFileTrees', {path: `${job.resultLocation}/sub`});
  t.is(missing.data['dirFileTrees'], null);
});

test("a page of a table is answered as in the contract's example, also past the end", async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const path = await writeTable(job, 0, [
    ['1', 'a'],
    ['2', null],
  ]);
  const response = await world.get('ann', 'openFile', {path, nullValue: 'LINKIS_NULL', charset: 'utf-8'});
  t.is(
    await response.text(),
    '{"method":"/api/filesystem/openFile","status":0,"message":"OK","data":{' +
      '"totalColumn":2,"metadata":[{"columnName":"id","comment":"NULL","dataType":"int"},' +
      '{"columnName":"name","comment":"NULL","dataType":"string"}],' +
      '"fileContent":[["1","a"],["2",null]],"type":"2","totalLine":2,"page":1,"totalPage":0}}',
  );
  const shown = async (query: Record<string, string>): Promise<unknown> =>
    (await world.ask('ann', 'openFile', {path, ...query})).data['fileContent'];
  t.deepEqual(await shown({}), [
    ['1', 'a'],
    ['2', 'NULL'],
  ]);
  t.deepEqual(await shown({nullValue: 'BLANK'}), [
    ['1', 'a'],
    ['2', 'NULL'],
  ]);
  t.deepEqual(await shown({nullValue: '-'}), [
    ['1', 'a'],
    ['2', '-'],
  ]);
  t.deepEqual(await shown({page: '2', pageSize: '1'}), [['2', 'NULL']]);
  t.deepEqual(await shown({page: '0', pageSize: '0'}), [
    ['1', 'a'],
    ['2', 'NULL'],
  ]);
  t.deepEqual(await shown({maskedFieldNames: 'NAME, x'}), [['1'], ['2']]);
  t.deepEqual(await shown({enableLimit: 'true', columnPage: '2', columnPageSize: '1'}), [['a'], ['NULL']]);
  const past = await world.ask('ann', 'openFile', {path, page: '3'});
  t.like(past.data, {fileContent: [], totalLine: 0, page: 3});
  t.is((past.data['metadata'] as unknown[]).length, 2);
});

test('a text result and a plain text are answered in their own forms', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  await mkdir(job.resultLocation, {recursive: true});
  await writeFile(join(job.resultLocation, '_0.dolphin'), 'dolphin00000000010000000004NULL00000000011');
  const result = await world.ask('ann', 'openFile', {path: join(job.resultLocation, '_0.dolphin')});
  t.deepEqual(result.data, {
    metadata: 'NULL',
    fileContent: [['1']],
    type: '1',
    totalLine: 1,
    page: 1,
    totalPage: 0,
  });
  await writeFile(join(job.resultLocation, 'a.sql'), 'select 1;\nselect 2;');
  const text = await world.ask('ann', 'openFile', {path: join(job.resultLocation, 'a.sql')});
  t.deepEqual(text.data, {
    metadata: {},
    fileContent: [['select 1;\nselect 2;']],
    type: 'script/text',
    totalLine: 2,
    page: 1,
    totalPage: 0,
  });
  await job.append('a "quoted"\nb\n');
  const log = await world.ask('ann', 'openFile', {path: job.logPath});
  t.deepEqual(log.data, {
    metadata: {},
    fileContent: [['a "quoted"\nb\n']],
    type: 'script/text',
    totalLine: 2,
    page: 1,
    totalPage: 0,
  });
});

test('limits of pages are refused with their codes', async t => {
  const world = await startFiles(t, {pageBytesMax: 2000, textBytesMax: 100});
  const job = world.addJob();
  const path = await writeTable(
    job,
    0,
    Array.from({length: 50}, (_, n) => [String(n), 'x'.repeat(100)]),
  );
  const code = async (query: Record<string, string>, call = 'openFile'): Promise<unknown> => {
    const {httpStatus, status, data} = await world.ask('ann', call, {path, ...query});
    t.is(httpStatus, 400);
    t.is(status, 1);
    return (data['errorMsg'] as {errCode: number}).errCode;
  };
  t.is(await code({pageSize: '100001'}), 80034);
  t.is(await code({}), 80034);
  t.is(await code({enableLimit: 'true', columnPageSize: '501'}), 80036);
  t.is(await code({enableLimit: 'true', columnPage: '0'}), 80036);
  t.is(await code({page: 'x'}), 11001);
  t.is(await code({path: ''}), 80004);
  t.is(await code({path: ' '}, 'getDirFileTrees'), 80004);
  t.is(await code({path: `${job.resultLocation}/_1.dolphin`}), 80105);
  await writeFile(join(job.resultLocation, '_2.dolphin'), 'no result set');
  t.is(await code({path: `${job.resultLocation}/_2.dolphin`}), 80106);
  await writeFile(join(job.resultLocation, 'long.txt'), 'x'.repeat(101));
  t.is(await code({path: `${job.resultLocation}/long.txt`}), 80032);
  await job.append(`${'x'.repeat(100)}\n`);
  t.is(await code({path: job.logPath}, 'openLog'), 80033);
  t.regex(
    (await world.ask('ann', 'openLog', {path: job.logPath})).message,
    /^error code\(错误码\): 80033, .*\/ws\/v1\/stream/,
  );
});

test('openLog sorts whole lines by the level they begin with, and lines that name none follow the one before', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const at = '2024-05-01 10:20:30.020';
  const lines = [
    'first, unnamed',
    `${at} ERROR broken`,
    '  at trace',
    '',
    `${at} WARN careful`,
    `${at} SYSTEM-INFO not counted`,
    `${at}  INFO spaced`,
    `x ${at} ERROR not at the start`,
    'ünï "quoted" \\ \u0001',
  ];
  await job.append(`${lines.join('\n')}\n`);
  const {data} = await world.ask('ann', 'openLog', {path: `file://${job.logPath}`});
  const text = (...numbers: number[]): string => numbers.map(number => `${lines[number]}\n`).join('');
  t.deepEqual(data, {log: [text(1, 2, 3), text(4, 5), text(0, 6, 7, 8), text(0, 1, 2, 3, 4, 5, 6, 7, 8)]});
  const some = await world.ask('ann', 'openLog', {path: job.logPath, logLevel: 'error,warn'});
  t.deepEqual(some.data, {log: [text(1, 2, 3), text(4, 5), '', '']});
});

test('openLog is the same while the job runs and after, over pieces of any size, and never blank', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const empty = await world.ask('ann', 'openLog', {path: job.logPath});
  t.regex((empty.data['log'] as string[])[3] ?? '', /\S.*\n$/);
  const at = '2024-05-01 10:20:30.020';
  for (let n = 0; n < 40; n++) {
    const batch = Array.from({length: 500}, (_, k) =>
      k % 50 === 0
        ? `${at} ${['ERROR', 'WARN', 'INFO'][k % 3]} ${n}.${k}`
        : `line ${n}.${k} ${'x'.repeat(30)}`,
    );
    await job.append(`${batch.join('\n')}\n`);
  }
  const running = await world.ask('ann', 'openLog', {path: job.logPath});
  await job.end('Succeed');
  const ended = await world.ask('ann', 'openLog', {path: job.logPath});
  t.deepEqual(ended, running);
  const [error = '', warn = '', info = '', all = ''] = running.data['log'] as string[];
  t.is(all.split('\n').length, 20_001);
  t.deepEqual((error + warn + info).split('\n').toSorted(), all.split('\n').toSorted());
  t.true(error.startsWith(`${at} ERROR 0.0\n`));
});

test('openLog names lines that are gone', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  await job.append('a\nb\nc\nd\n');
  const whyGone = 'Removed by retention.';
  world.setOnRead(async (_taskID, fromLine) =>
    fromLine < 2
      ? {fromLine: 2, lineCount: 1, bytes: Buffer.from('c\n'), whyGone}
      : {fromLine: 4, lineCount: 0, bytes: Buffer.alloc(0), whyGone},
  );
  const {data} = await world.ask('ann', 'openLog', {path: job.logPath});
  t.is(
    (data['log'] as string[])[3],
    'Lines 1 to 2 are missing. Removed by retention.\nc\nLines 4 to 4 are missing. Removed by retention.\n',
  );
});

test('what is there can be asked for, and the workspace is refused by name', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const path = await writeTable(job, 0, [['1', 'a']]);
  t.deepEqual((await world.ask('ann', 'isExist', {path})).data, {isExist: true});
  t.deepEqual((await world.ask('ann', 'isExist', {path: `${job.resultLocation}/_1.dolphin`})).data, {
    isExist: false,
  });
  t.deepEqual((await world.ask('ann', 'fileInfo', {path})).data, {path, colNumber: 2, rowNumber: 1});
  t.deepEqual((await world.ask('ann', 'getUserRootPath', {pathType: 'file'})).data, {
    userLocalRootPath: `file://${world.directory}/results`,
  });
  t.is((await world.ask('ann', 'getUserRootPath')).status, 1);
  const upload = (await (await world.post('ann', 'deleteDirOrFile', {path})).json()) as {message: string};
  t.regex(upload.message, /filesystem\/deleteDirOrFile is not offered here/);
  t.regex((await world.ask('ann', 'chmod', {path})).message, /filesystem\/chmod is not offered/);
});

test('a client that leaves in the middle of a large answer costs nothing afterwards', async t => {
  const world: FilesWorld = await startFiles(t);
  const job = world.addJob();
  await job.append(`${'x'.repeat(99)}\n`.repeat(200_000));
  await job.end('Succeed');
  for (let n = 0; n < 5; n++) {
    const leaving = new AbortController();
    const path = encodeURIComponent(job.logPath);
    const response = await fetch(`${world.url}/api/filesystem/openLog?path=${path}`, {
      headers: {'token-user': 'ann', 'token-code': 'T'},
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
  }
  await rm(job.logPath);
  t.is((await world.ask('ann', 'isExist', {path: job.resultLocation})).status, 0);
});
