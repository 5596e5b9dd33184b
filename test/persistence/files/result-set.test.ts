import {appendFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import * as fc from 'fast-check';
import {
  ResultPageTooLargeError,
  ResultSetDamagedError,
  type JobFiles,
  type ResultPageRequest,
} from '../../../actors/job-files.ts';
import {cellText, parseTypeName} from '../../../persistence/files/cell-text.ts';
import {createJobFiles} from '../../../persistence/files/job-files.ts';
import {ResultSetWriter, type StoredColumn} from '../../../persistence/files/result-set-writer.ts';

type World = {readonly files: JobFiles; readonly directory: string; readonly path: string};

async function setUp(t: ExecutionContext, pageBytesMax?: number): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-results-'));
  t.teardown(async () => rm(directory, {recursive: true, force: true}));
  await mkdir(join(directory, 'results', '7'), {recursive: true});
  const files = createJobFiles({directory, ...(pageBytesMax !== undefined && {pageBytesMax})});
  return {files, directory, path: join(directory, 'results', '7', '_0.dolphin')};
}

const firstPage: ResultPageRequest = {
  page: 1,
  pageSize: 5000,
  nullValue: {type: 'default'},
  maskedColumns: [],
};

async function write(
  path: string,
  columns: readonly StoredColumn[],
  rows: readonly (readonly (string | null)[])[],
): Promise<void> {
  const writer = await ResultSetWriter.table(path, columns);
  for (const row of rows) await writer.row(row);
  await writer.close();
}

const idAndName: StoredColumn[] = [
  {name: 'id', type: 'int'},
  {name: 'name', type: 'string'},
];

test("a table is written byte for byte as in the contract's example", async t => {
  const {path} = await setUp(t);
  await write(path, idAndName, [
    ['1', 'a'],
    ['2', null],
  ]);
  t.is(
    await readFile(path, 'utf8'),
    'dolphin0000000002' +
      '000000006100000000142,3,11,4,6,11,idintLINKIS_NULLnamestringLINKIS_NULL' +
      '000000001600000000041,1,1a' +
      '000000002700000000051,11,2LINKIS_NULL',
  );
});

test('a table is read with its columns, and null as the text NULL unless it is to be kept', async t => {
  const {files, path} = await setUp(t);
  await write(path, idAndName, [
    ['1', 'a'],
    ['2', null],
  ]);
  const page = await files.resultPage(path, firstPage);
  t.deepEqual(page, {
    type: 2,
    metadata: [
      {name: 'id', type: 'int', comment: 'NULL'},
      {name: 'name', type: 'string', comment: 'NULL'},
    ],
    rows: [
      ['1', 'a'],
      ['2', 'NULL'],
    ],
    columnCount: 2,
  });
  const kept = await files.resultPage(path, {...firstPage, nullValue: {type: 'keep'}});
  t.deepEqual(kept.rows[1], ['2', null]);
});

test("a text result has one line a row, and Linkis' metadata", async t => {
  const {files, path} = await setUp(t);
  await writeFile(path, 'dolphin00000000010000000004NULL00000000011');
  t.deepEqual(await files.resultPage(path, firstPage), {
    type: 1,
    metadata: 'NULL',
    rows: [['1']],
    columnCount: 0,
  });
});

test("the example in the source of Linkis' format is read", async t => {
  const {files, path} = await setUp(t);
  await write(
    path,
    ['name', 'full', 'id', 'isThere', 'size'].map(name => ({name, type: 'string'})),
    [],
  );
  await appendFile(path, '000000004900000000116,10,3,4,5,peace1johnnwang1101true11.51');
  const {rows} = await files.resultPage(path, firstPage);
  t.deepEqual(rows, [['peace1', 'johnnwang1', '101', 'true', '11.51']]);
});

test('pages go on where the page before ended, in any order, and past the end keep the columns', async t => {
  const {files, path} = await setUp(t);
  const all = Array.from({length: 1234}, (_, n) => [String(n), `name ${n}`]);
  await write(path, idAndName, all);
  for (const page of [1, 2, 13, 12, 3, 11, 1]) {
    const {rows} = await files.resultPage(path, {...firstPage, page, pageSize: 100});
    t.deepEqual(rows, all.slice((page - 1) * 100, page * 100));
  }
  const past = await files.resultPage(path, {...firstPage, page: 14, pageSize: 100});
  t.deepEqual(past.rows, []);
  t.is(past.metadata.length, 2);
  t.deepEqual((await files.resultPage(path, {...firstPage, page: 999_999})).rows, []);
});

test('a result set that was replaced is read from its new beginning', async t => {
  const {files, path} = await setUp(t);
  await write(
    path,
    idAndName,
    Array.from({length: 30}, (_, n) => [String(n), 'old and longer']),
  );
  await files.resultPage(path, {...firstPage, pageSize: 10});
  await rm(path);
  await write(
    path,
    idAndName,
    Array.from({length: 40}, (_, n) => [String(n), 'new']),
  );
  const {rows} = await files.resultPage(path, {...firstPage, page: 2, pageSize: 10});
  t.deepEqual(rows[0], ['10', 'new']);
});

test('columns can be paged and masked', async t => {
  const {files, path} = await setUp(t);
  const names = ['a', 'b', 'c', 'd', 'e'];
  await write(
    path,
    names.map(name => ({name, type: 'string'})),
    [names.map(name => name.toUpperCase())],
  );
  const page = await files.resultPage(path, {
    ...firstPage,
    maskedColumns: ['B'],
    columnPage: {page: 2, size: 2},
  });
  t.deepEqual(page.rows, [['D', 'E']]);
  t.is(page.columnCount, 4);
});

test('any table comes back as it was written, whatever its texts and the size of its rows', async t => {
  const {files, directory} = await setUp(t);
  let number = 0;
  const anyCell = fc.oneof(
    fc.constant(null),
    fc.string({unit: 'binary'}).filter(text => text !== 'LINKIS_NULL' && text.isWellFormed()),
    // Five of them fit into a record, which ends at 2 MiB.
    fc.integer({min: 0, max: 200_000}).map(length => 'ü'.repeat(length)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc
        .integer({min: 1, max: 5})
        .chain(width => fc.array(fc.array(anyCell, {minLength: width, maxLength: width}), {maxLength: 12})),
      fc.integer({min: 1, max: 5}),
      async (rows, pageSize) => {
        const path = join(directory, 'results', '7', `_${++number}.dolphin`);
        const width = rows[0]?.length ?? 1;
        await write(
          path,
          Array.from({length: width}, (_, n) => ({name: `c${n}`, type: 'string'})),
          rows,
        );
        const read: unknown[] = [];
        for (let page = 1; ; page++) {
          const answer = await files.resultPage(path, {
            ...firstPage,
            page,
            pageSize,
            nullValue: {type: 'keep'},
          });
          if (answer.rows.length === 0) break;
          read.push(...answer.rows);
        }
        t.deepEqual(read, rows);
      },
    ),
    {numRuns: 60},
  );
});

test('a file that was cut, or is something else, is refused with the place', async t => {
  const {files, path} = await setUp(t);
  await write(path, idAndName, [
    ['1', 'a'],
    ['2', 'b'],
  ]);
  await truncate(path, 17 + 71 + 26 + 12);
  const error = await t.throwsAsync(files.resultPage(path, firstPage), {instanceOf: ResultSetDamagedError});
  t.regex(error.message, /_0\.dolphin.*a record of 16 bytes is cut at byte 114/);
  for (const text of [
    '',
    'dolphin',
    'hello world, no result',
    'dolphin0000000009',
    'dolphin0000000002xx',
    'dolphin00000000029999999999',
  ]) {
    await writeFile(path, text);
    await t.throwsAsync(files.resultPage(path, firstPage), {instanceOf: ResultSetDamagedError}, text);
  }
  for (const record of [
    '0000000003abc',
    '00000000120000000099xx',
    '00000000140000000002x,yy',
    '00000000140000000003-1,y',
  ]) {
    await rm(path);
    await write(path, idAndName, []);
    await appendFile(path, record);
    await t.throwsAsync(files.resultPage(path, firstPage), {instanceOf: ResultSetDamagedError}, record);
  }
});

test('fewer than ten bytes after the last record are its end', async t => {
  const {files, path} = await setUp(t);
  await writeFile(path, 'dolphin00000000010000000004NULL00000000011000000');
  t.deepEqual((await files.resultPage(path, firstPage)).rows, [['1']]);
});

test('a page that would not fit into memory is refused, and a smaller one is not', async t => {
  const {files, path} = await setUp(t, 10_000);
  await write(
    path,
    idAndName,
    Array.from({length: 30}, (_, n) => [String(n), 'x'.repeat(1000)]),
  );
  await t.throwsAsync(files.resultPage(path, {...firstPage, pageSize: 30}), {
    instanceOf: ResultPageTooLargeError,
  });
  t.is((await files.resultPage(path, {...firstPage, pageSize: 5, page: 6})).rows.length, 5);
});

test('types are read from their stored names as Linkis reads them', t => {
  const names = {
    int: 'int',
    integer: 'int',
    smallint: 'int',
    bigint: 'bigint',
    long: 'long',
    short: 'short',
    double: 'double',
    float: 'float',
    'decimal(10,2)': 'decimal',
    'varchar(20)': 'varchar',
    'char(3)': 'char',
    tinyint: 'string',
    null: 'void',
    void: 'void',
    'array<int>': 'array',
    'my map': 'map',
    INT: 'string',
    timestamp: 'timestamp',
    boolean: 'boolean',
    date: 'date',
    binary: 'binary',
    string: 'string',
    '': 'string',
  };
  t.deepEqual(Object.fromEntries(Object.keys(names).map(name => [name, parseTypeName(name)])), names);
});

const shown = test.macro({
  exec(t: ExecutionContext, type: string, stored: string, expected: string) {
    t.is(cellText(stored, type, {type: 'default'}), expected);
  },
  title: (_ = '', type: string, stored: string, expected: string) =>
    `${type} ${stored} is shown as ${expected}`,
});

test(shown, 'int', '007', '7');
test(shown, 'int', '+5', '5');
test(shown, 'int', '-0', '0');
test(shown, 'int', '2147483648', '2147483648');
test(shown, 'int', '1.5', '1.5');
test(shown, 'int', 'abc', 'abc');
test(shown, 'short', '00032768', '00032768');
test(shown, 'bigint', '0009223372036854775807', '9223372036854775807');
test(shown, 'long', '09223372036854775808', '09223372036854775808');
test(shown, 'double', '1.0', '1');
test(shown, 'double', '1.50', '1.5');
test(shown, 'double', '1e10', '10000000000');
test(shown, 'double', '1.5E-7', '0.00000015');
test(shown, 'double', '1e-400', '0');
test(shown, 'double', '1e300', `1${'0'.repeat(300)}`);
test(shown, 'double', 'NaN', 'NaN');
test(shown, 'double', '0.1', '0.1');
test(shown, 'float', '.5', '0.5');
test(shown, 'decimal', '1E+3', '1000');
test(shown, 'decimal', '1.50', '1.50');
test(shown, 'decimal', '-12.5e-3', '-0.0125');
test(shown, 'decimal', '123456789012345678901234567890.10', '123456789012345678901234567890.10');
test(shown, 'decimal', '1e999999999', '1e999999999');
test(shown, 'decimal', '.', '.');
test(shown, 'boolean', 'TRUE', 'true');
test(shown, 'boolean', 'yes', 'yes');
test(shown, 'timestamp', '2024-05-01 10:20:30.0', '2024-05-01 10:20:30');
test(shown, 'string', '007', '007');

test('null, the text NULL and empty texts are shown as the request says', t => {
  const row = [null, 'NULL', '', 'x'];
  const show = (nullValue: Parameters<typeof cellText>[2]): unknown[] =>
    row.map(cell => cellText(cell, 'string', nullValue));
  t.deepEqual(show({type: 'default'}), ['NULL', 'NULL', '', 'x']);
  t.deepEqual(show({type: 'keep'}), [null, 'NULL', '', 'x']);
  t.deepEqual(show({type: 'text', text: '-'}), ['-', '-', '-', 'x']);
});
