import test from 'ava';
import {startFiles} from '../../support/files-world.ts';
import {writeTable} from '../../support/result-files.ts';
import {unzip} from '../../support/unzip.ts';

test('downloads are files with a name; refusals are texts', async t => {
  const world = await startFiles(t);
  const job = world.addJob();
  const path = await writeTable(job, 0, [
    ['007', 'a,b'],
    ['2', null],
  ]);
  await writeTable(job, 10, [['10', 'ten']]);
  await writeTable(job, 2, [['2', 'two']]);
  const csv = await world.get('ann', 'resultsetToExcel', {
    path,
    outputFileName: 'my "re/sült"\r\n',
    outputFileType: 'csv',
  });
  t.is(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
  t.is(
    csv.headers.get('content-disposition'),
    "attachment;filename=my__re_s_lt___.csv;filename*=UTF-8''my%20_re_s%C3%BClt___.csv",
  );
  t.is(await csv.text(), 'id,name\n7,"a,b"\n2,NULL\n');
  const tabs = await world.get('ann', 'resultsetToExcel', {
    path,
    csvSeperator: '\\t',
    nullValue: 'BLANK',
    limit: '1',
  });
  t.is(await tabs.text(), 'id\tname\n7\ta,b\n');
  const xlsx = await world.get('ann', 'resultsetToExcel', {path, outputFileType: 'xlsx', sheetName: 'S'});
  t.is(xlsx.headers.get('content-disposition'), 'attachment;filename=downloadResultset.xlsx');
  t.regex(unzip(Buffer.from(await xlsx.arrayBuffer())).get('xl/workbook.xml') ?? '', /name="S"/);
  const all = unzip(
    Buffer.from(
      await (await world.get('ann', 'resultsetsToExcel', {path: job.resultLocation})).arrayBuffer(),
    ),
  );
  t.regex(all.get('xl/worksheets/sheet3.xml') ?? '', />ten</);
  const wrong: [Record<string, string>, RegExp][] = [
    [{outputFileType: 'pdf'}, /outputFileType is pdf/],
    [{charset: 'gbk'}, /charset is gbk/],
    [{csvSeparator: '""'}, /csvSeparator/],
    [{path: `${job.resultLocation}/_7.dolphin`}, /There is no file/],
  ];
  for (const [query, expected] of wrong) {
    const response = await world.get('ann', 'resultsetToExcel', {path, ...query});
    t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    const text = await response.text();
    t.regex(text, /^error\(错误\):/);
    t.regex(text, expected);
  }
  await job.append('log\n');
  await job.end('Succeed');
  const log = await world.post('ann', 'download', {path: job.logPath});
  t.is(log.headers.get('content-disposition'), `attachment;filename=${job.taskID}.log`);
  t.is(log.headers.get('content-length'), '4');
  t.is(await log.text(), 'log\n');
});
