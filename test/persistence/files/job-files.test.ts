import {execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {
  appendFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import test, {type ExecutionContext} from 'ava';
import {
  FileMissingError,
  FileNotAllowedError,
  ResultSetDamagedError,
  WorkbookTooLargeError,
  type JobFiles,
  type TableExport,
} from '../../../actors/job-files.ts';
import {createJobFiles} from '../../../persistence/files/job-files.ts';
import {ResultSetWriter} from '../../../persistence/files/result-set-writer.ts';
import {unzip} from '../../support/unzip.ts';

type World = {readonly files: JobFiles; readonly directory: string; readonly results: string};

async function setUp(t: ExecutionContext): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-files-'));
  t.teardown(async () => rm(directory, {recursive: true, force: true}));
  const results = join(directory, 'results', '2024-05-01', 'IDE', 'ann', '7');
  await mkdir(results, {recursive: true});
  await mkdir(join(directory, 'logs'));
  return {files: createJobFiles({directory}), directory, results};
}

const csv: TableExport = {
  format: 'csv',
  separator: ',',
  quotesAll: false,
  keepsNewlines: false,
  nullValue: 'NULL',
  rowsMax: 0,
  maskedColumns: [],
  sheetName: 'result',
};

async function write(
  path: string,
  columns: Record<string, string>,
  rows: readonly (readonly (string | null)[])[],
): Promise<void> {
  const writer = await ResultSetWriter.table(
    path,
    Object.entries(columns).map(([name, type]) => ({name, type})),
  );
  for (const row of rows) await writer.row(row);
  await writer.close();
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('a directory is listed in the order of the numbers in its names, without links and hidden files', async t => {
  const {files, results} = await setUp(t);
  for (const n of [10, 2, 0, 1, 100]) await writeFile(join(results, `_${n}.dolphin`), 'x'.repeat(n));
  await writeFile(join(results, '.part'), '');
  await symlink('/etc/passwd', join(results, '_3.dolphin'));
  await mkdir(join(results, 'sub'));
  const entries = await files.list(results);
  t.deepEqual(
    entries?.map(({name, sizeBytes, isDirectory}) => [name, isDirectory ? 'directory' : sizeBytes]),
    [
      ['_0.dolphin', 0],
      ['_1.dolphin', 1],
      ['_2.dolphin', 2],
      ['_10.dolphin', 10],
      ['_100.dolphin', 100],
      ['sub', 'directory'],
    ],
  );
  t.is(await files.list(join(results, 'nothing')), undefined);
  t.is(await files.list(join(results, '_0.dolphin')), undefined);
});

test('what is not below logs or results is refused, however it is spelt', async t => {
  const {files, directory, results} = await setUp(t);
  await writeFile(join(directory, 'credentials'), 'secret');
  await mkdir(join(directory, 'results-of-others'));
  const paths = [
    directory,
    join(directory, 'credentials'),
    `${results}/../../../../../credentials`,
    '/etc/passwd',
    '/',
    '',
    '.',
    'results',
    join(directory, 'results-of-others'),
    `${results}/\0`,
    `${directory}/results/../credentials`,
  ];
  for (const path of paths) {
    await t.throwsAsync(files.list(path), {instanceOf: FileNotAllowedError}, path);
    await t.throwsAsync(files.entry(path), {instanceOf: FileNotAllowedError}, path);
    await t.throwsAsync(files.read(path), {instanceOf: FileNotAllowedError}, path);
  }
});

test('a link leads nowhere: neither a file, nor a directory on the way', async t => {
  const {files, directory, results} = await setUp(t);
  const others = join(directory, 'results', '2024-05-01', 'IDE', 'bob', '8');
  await mkdir(others, {recursive: true});
  await writeFile(join(others, '_0.dolphin'), 'secret');
  await symlink(join(others, '_0.dolphin'), join(results, '_0.dolphin'));
  await symlink(others, join(results, 'way'));
  await symlink('_9.dolphin', join(results, 'loop'));
  await symlink('loop', join(results, '_9.dolphin'));
  for (const name of ['_0.dolphin', 'way/_0.dolphin', 'way']) {
    await t.throwsAsync(files.read(join(results, name)), {instanceOf: FileNotAllowedError}, name);
    await t.throwsAsync(files.entry(join(results, name)), {instanceOf: FileNotAllowedError}, name);
  }
  await t.throwsAsync(files.list(join(results, 'way')), {instanceOf: FileNotAllowedError});
  await t.throwsAsync(files.read(join(results, 'loop')));
});

test('a data directory that is itself reached through a link serves its files', async t => {
  const {directory, results} = await setUp(t);
  const linked = `${directory}-link`;
  await symlink(directory, linked);
  t.teardown(async () => rm(linked));
  await writeFile(join(results, 'a.txt'), 'hello');
  const files = createJobFiles({directory: linked});
  const {bytes} = await files.read(join(results.replace(directory, linked), 'a.txt'));
  t.is(String(await collect(bytes)), 'hello');
});

test('what is no file is not opened, not even to wait for it', async t => {
  const {files, results} = await setUp(t);
  execFileSync('mkfifo', [join(results, '_0.dolphin')]);
  await t.throwsAsync(files.read(join(results, '_0.dolphin')), {instanceOf: FileNotAllowedError});
  await t.throwsAsync(files.read(results), {instanceOf: FileNotAllowedError});
  await t.throwsAsync(files.read(join(results, '_1.dolphin')), {instanceOf: FileMissingError});
  await t.throwsAsync(files.read(join(results, 'x'.repeat(300))), {instanceOf: FileMissingError});
  t.is(await files.entry(join(results, '_0.dolphin')), undefined);
});

test('files that are swapped for links while they are opened never show what the links lead to', async t => {
  const {files, directory, results} = await setUp(t);
  const secret = join(directory, 'secret');
  await writeFile(secret, 'secret');
  const path = join(results, '_0.dolphin');
  let reads = 0;
  const reading = (async () => {
    for (let n = 0; n < 400; n++) {
      try {
        const {bytes} = await files.read(path);
        t.is(String(await collect(bytes)), 'mine');
        reads++;
      } catch (error) {
        if (!(error instanceof FileNotAllowedError) && !(error instanceof FileMissingError)) throw error;
      }
    }
    return 'done';
  })();
  for (let n = 0; (await Promise.race([reading, Promise.resolve('going on')])) !== 'done'; n++) {
    const fresh = join(results, `.new-${n}`);
    if (n % 8 === 0) await symlink(secret, fresh);
    else await writeFile(fresh, 'mine');
    await rename(fresh, path);
  }
  t.log(`${reads} of 400 reads met the file`);
  t.pass();
});

test('a file is read as long as it was when it was opened', async t => {
  const {files, directory} = await setUp(t);
  const path = join(directory, 'logs', '7.log');
  await writeFile(path, 'a\n'.repeat(300_000));
  const {sizeBytes, bytes} = await files.read(path);
  await appendFile(path, 'more\n');
  t.is(sizeBytes, 600_000);
  t.is((await collect(bytes)).length, 600_000);
  await writeFile(path, '');
  t.is((await collect((await files.read(path)).bytes)).length, 0);
});

test('a csv has a head, quotes what needs it, and shows nulls as asked', async t => {
  const {files, results} = await setUp(t);
  const path = join(results, '_0.dolphin');
  await write(path, {id: 'int', text: 'string', secret: 'string'}, [
    ['007', 'a,b', 'x'],
    ['2', 'say "hi"', 'x'],
    [null, 'two\nlines', 'x'],
    ['4', '', 'x'],
  ]);
  const asText = async (options: Partial<TableExport>): Promise<string> =>
    String(await collect(await files.exportTables([path], {...csv, maskedColumns: ['SECRET'], ...options})));
  t.is(await asText({}), 'id,text\n7,"a,b"\n2,"say ""hi"""\nNULL,two lines\n4,NULL\n');
  t.is(
    await asText({separator: ';', quotesAll: true, keepsNewlines: true, nullValue: '', rowsMax: 3}),
    '"id";"text"\n"7";"a,b"\n"2";"say ""hi"""\n"";"two\nlines"\n',
  );
});

test('a csv of several result sets has them one after the other, texts without a head', async t => {
  const {files, results} = await setUp(t);
  await write(join(results, '_0.dolphin'), {id: 'int'}, [['1']]);
  const text = await ResultSetWriter.text(join(results, '_1.dolphin'));
  await text.line('free text');
  await text.close();
  const paths = ['_0.dolphin', '_1.dolphin'].map(name => join(results, name));
  t.is(String(await collect(await files.exportTables(paths, csv))), 'id\n1\nfree text\n');
});

test('an xlsx has a sheet for each result set, with numbers as numbers where nothing is lost', async t => {
  const {files, results} = await setUp(t);
  await write(join(results, '_0.dolphin'), {id: 'bigint', text: 'string'}, [
    ['12', '12'],
    ['9007199254740993', '<b>&"\u0001 _x0041_ \n'],
    [null, 'ünï'],
  ]);
  await write(join(results, '_1.dolphin'), {a: 'string'}, []);
  const paths = ['_0.dolphin', '_1.dolphin'].map(name => join(results, name));
  const options: TableExport = {
    ...csv,
    format: 'xlsx',
    keepsNewlines: true,
    nullValue: '',
    sheetName: 'my/sheet',
  };
  const entries = unzip(await collect(await files.exportTables(paths, options)));
  const sheet = entries.get('xl/worksheets/sheet1.xml') ?? '';
  t.regex(sheet, /<row><c t="inlineStr" s="1"><is><t xml:space="preserve">id<\/t><\/is><\/c>/);
  t.true(
    sheet.includes('<row><c><v>12</v></c><c t="inlineStr"><is><t xml:space="preserve">12</t></is></c></row>'),
  );
  t.true(sheet.includes('>9007199254740993</t>'));
  t.true(sheet.includes('>&lt;b&gt;&amp;&quot;_x0001_ _x005F_x0041_ \n</t>'));
  t.true(sheet.includes('<row><c/><c t="inlineStr"><is><t xml:space="preserve">ünï</t></is></c></row>'));
  t.regex(entries.get('xl/workbook.xml') ?? '', /name="my_sheet_0".*name="my_sheet_1"/);
  for (const name of ['[Content_Types].xml', '_rels/.rels', 'xl/_rels/workbook.xml.rels', 'xl/styles.xml']) {
    t.true(entries.has(name), name);
  }
});

test('rows beyond what a sheet holds go on in another sheet', async t => {
  t.timeout(120_000);
  const {files, results} = await setUp(t);
  const path = join(results, '_0.dolphin');
  const writer = await ResultSetWriter.table(path, [{name: 'n', type: 'int'}]);
  const count = 1_048_575 + 10;
  for (let n = 0; n < count; n++) await writer.row([String(n)]);
  await writer.close();
  const before = process.memoryUsage().rss;
  let rssMax = before;
  const pieces: Uint8Array[] = [];
  for await (const piece of await files.exportTables([path], {...csv, format: 'xlsx'})) {
    pieces.push(piece);
    rssMax = Math.max(rssMax, process.memoryUsage().rss);
  }
  t.log(`RSS grew by ${Math.round((rssMax - before) / 2 ** 20)} MB`);
  const entries = unzip(Buffer.concat(pieces));
  t.regex(entries.get('xl/workbook.xml') ?? '', /name="result".*name="result_2"/);
  t.is(entries.get('xl/worksheets/sheet1.xml')?.split('<row>').length, 1_048_576 + 1);
  t.is(entries.get('xl/worksheets/sheet2.xml')?.split('<row>').length, 1 + 10 + 1);
  t.true(rssMax - before < 150 * 2 ** 20);
});

test('a download that cannot be made is refused before its first byte, or ends broken, never short and fine', async t => {
  const {files, results} = await setUp(t);
  const path = join(results, '_0.dolphin');
  await t.throwsAsync(files.exportTables([path], csv), {instanceOf: FileMissingError});
  await t.throwsAsync(files.exportTables([], csv), {instanceOf: FileMissingError});
  const many = Object.fromEntries(Array.from({length: 16_385}, (_, n) => [`c${n}`, 'int']));
  await write(path, many, []);
  await t.throwsAsync(files.exportTables([path], {...csv, format: 'xlsx'}), {
    instanceOf: WorkbookTooLargeError,
  });
  await rm(path);
  await write(
    path,
    {id: 'int'},
    Array.from({length: 2000}, (_, n) => [String(n)]),
  );
  await truncate(path, (await stat(path)).size - 3);
  for (const format of ['csv', 'xlsx'] as const) {
    const bytes = await files.exportTables([path], {...csv, format});
    await t.throwsAsync(collect(bytes), {instanceOf: ResultSetDamagedError}, format);
  }
});

test('a download that nobody takes holds no file open', async t => {
  const {files, results} = await setUp(t);
  const path = join(results, '_0.dolphin');
  await write(
    path,
    {id: 'int'},
    Array.from({length: 20_000}, (_, n) => [String(n)]),
  );
  const openFiles = async (): Promise<string[]> => {
    const numbers = await readdir('/proc/self/fd');
    const targets = await Promise.all(
      numbers.map(async fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    return targets.filter(target => target.startsWith(results));
  };
  for (const format of ['csv', 'xlsx'] as const) {
    const unread = Readable.from(await files.exportTables([path], {...csv, format}));
    const begun = Readable.from(await files.exportTables([path], {...csv, format}));
    const raw = Readable.from((await files.read(path)).bytes);
    await once(begun, 'readable');
    await Promise.all(
      [unread, begun, raw].map(
        async stream => new Promise(resolve => stream.once('close', resolve).destroy()),
      ),
    );
    t.deepEqual(await openFiles(), [], format);
  }
});

test("hard links and odd names stay what they are: files in the job's own place", async t => {
  const {files, results, directory} = await setUp(t);
  const real = await realpath(directory);
  const path = join(results, '%2e%2e ü\n.txt');
  await writeFile(path, 'odd');
  await link(path, join(results, 'linked.txt'));
  t.is(String(await collect((await files.read(path)).bytes)), 'odd');
  t.is((await files.entry(join(results, 'linked.txt')))?.sizeBytes, 3);
  t.true(real.length > 0);
});
