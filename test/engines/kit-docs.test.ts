/** The example of docs/engine-kit.md is an engine, and as short as the page says. */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test from 'ava';
import {engineLab, runForResults} from './engine-lab.ts';
import {tableOf} from './jdbc-lab.ts';

const page = fileURLToPath(new URL('../../docs/engine-kit.md', import.meta.url));
const kit = new URL('../../engine-kit.ts', import.meta.url).href;

test('the TypeScript example of the page runs, keeps what it has seen, and has at most 20 lines', async t => {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(await readFile(page, 'utf8')) ?? [];
  t.true(example.trimEnd().split('\n').length <= 20);
  const directory = await mkdtemp(join(tmpdir(), 'tenon-kit-'));
  t.teardown(() => rm(directory, {recursive: true, force: true}));
  const program = join(directory, 'words.mts');
  await writeFile(program, example.replace("'tenon/engine-kit'", `'${kit}'`));
  const lab = await engineLab(t, {programs: {words: [process.execPath, program]}});
  const engine = await lab.launch('words');
  const first = await runForResults(lab, engine, 'to be or not to be', {taskID: 1});
  t.is(first.end.failure, undefined);
  t.regex(first.log, /INFO 4 words are known to this engine\./);
  t.deepEqual(tableOf(first.results[0]), {
    columns: ['word string', 'times int'],
    rows: [
      ['to', '2'],
      ['be', '2'],
      ['or', '1'],
      ['not', '1'],
    ],
  });
  t.is(first.progress.at(-1), 1);
  const second = await runForResults(lab, engine, 'be', {taskID: 2});
  t.deepEqual(tableOf(second.results[0]).rows[1], ['be', '3']);
  t.is((await runForResults(lab, engine, ' ', {taskID: 3})).end.failure?.code, 26900);
});
