/** The shell engine as its owner sees it: real processes, real files. */
import {mkdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {engineLab, followToEnd, runForResults, runTask} from './engine-lab.ts';

const textResult = (...lines: string[]): string =>
  `dolphin00000000010000000004NULL${lines.map(line => String(Buffer.byteLength(line)).padStart(10, '0') + line).join('')}`;

test('stdout and stderr are the log, stdout is the text result too, and the end says how it went', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const {log, results, end} = await runForResults(lab, engine, 'echo one; echo two; echo trouble >&2');
  t.deepEqual(log.split('\n').toSorted(), ['', 'one', 'trouble', 'two']);
  t.deepEqual(results, [textResult('one', 'two')]);
  t.deepEqual(end, {outcome: 'succeeded', resultCount: 1, engineIsReusable: true});
});

test('a script that prints nothing has no result set', async t => {
  const lab = await engineLab(t);
  const {results, end, log} = await runForResults(lab, await lab.launch('shell'), 'true');
  t.deepEqual({results, log, outcome: end.outcome}, {results: [], log: '', outcome: 'succeeded'});
});

test('a failing script fails with Linkis code, its exit code and the end of its stderr', async t => {
  const lab = await engineLab(t);
  const {end} = await runTask(await lab.launch('shell'), 'echo no such table: t9 >&2; exit 7');
  t.is(end.outcome, 'failed');
  t.is(end.failure?.code, 50037);
  t.regex(end.failure?.message ?? '', /^run shell failed: .*exit code 7.*no such table: t9/);
});

test('a script ended by a signal says which', async t => {
  const lab = await engineLab(t);
  const {end} = await runTask(await lab.launch('shell'), 'kill -SEGV $$');
  t.regex(end.failure?.message ?? '', /SIGSEGV/);
});

test('one engine runs one task after the other, each with an end of its own', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  for (const taskID of [1, 2, 3]) {
    const {log, end} = await runTask(engine, `echo task $TENON_TASK_ID`, {taskID});
    t.is(log, `task ${taskID}\n`);
    t.is(end.outcome, 'succeeded');
  }
});

test('user lines stay byte for byte: blank ones, carriage returns, tabs, NUL and other alphabets', async t => {
  const lab = await engineLab(t);
  const text = 'a\n\n  b\t\r\n\0nul\n漢字 😀 é\n\n';
  await writeFile(join(lab.directory, 'text'), text);
  const {log} = await runTask(await lab.launch('shell'), `cat ${join(lab.directory, 'text')}`);
  t.is(log, text);
});

test('invalid UTF-8 becomes U+FFFD in log and result, and nothing else changes', async t => {
  const lab = await engineLab(t);
  const {log, results} = await runForResults(
    lab,
    await lab.launch('shell'),
    `printf 'ok\\377\\300end\\nnext \\342\\202\\n'`,
  );
  t.is(log, 'ok\uFFFD\uFFFDend\nnext \uFFFD\n');
  t.deepEqual(results, [textResult('ok\uFFFD\uFFFDend', 'next \uFFFD')]);
});

test('a last line without a line feed gets one', async t => {
  const lab = await engineLab(t);
  const {log, results} = await runForResults(lab, await lab.launch('shell'), `printf 'a\\nb'`);
  t.is(log, 'a\nb\n');
  t.deepEqual(results, [textResult('a', 'b')]);
});

test('characters that arrive in halves are whole in the log', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(
    await lab.launch('shell'),
    `printf '\\342\\202'; sleep 0.05; printf '\\254 and '; sleep 0.05; printf 'more\\n'`,
  );
  t.is(log, '€ and more\n');
});

test('a line longer than the limit comes in pieces of that size, announced by one warning', async t => {
  const lab = await engineLab(t, {lineBytesMax: 1000});
  const {log} = await runTask(
    await lab.launch('shell'),
    `echo before; head -c 3500 /dev/zero | tr '\\0' x; echo; echo after`,
  );
  const lines = log.split('\n');
  t.is(lines[0], 'before');
  t.regex(lines[1] ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN .*longer than 1000 bytes/);
  t.deepEqual(
    lines.slice(2).map(line => line.length),
    [1000, 1000, 1000, 500, 5, 0],
  );
});

test('a long line is cut between characters, never inside one', async t => {
  const lab = await engineLab(t, {lineBytesMax: 1000});
  const line = '€'.repeat(2000);
  await writeFile(join(lab.directory, 'line'), line);
  const {log} = await runTask(await lab.launch('shell'), `cat ${join(lab.directory, 'line')}`);
  const pieces = log.split('\n').slice(1, -1);
  t.is(pieces.join(''), line);
  t.true(pieces.every(piece => Buffer.byteLength(piece) <= 1000));
});

test('one line of 50 MB arrives whole, in pieces of 1 MiB', async t => {
  const lab = await engineLab(t);
  const {bytes, log} = await runTask(
    await lab.launch('shell'),
    `head -c 50000000 /dev/zero | tr '\\0' y; echo`,
  );
  const pieces = log.split('\n').filter(line => line.startsWith('y'));
  t.is(pieces.join('').length, 50_000_000);
  t.is(pieces.length, 48);
  t.true(bytes < 50_001_000);
});

test('random bytes become the text that a decoder makes of them, and not a byte is lost', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const {log} = await runTask(engine, 'head -c 2000000 /dev/urandom | tee bytes; echo');
  const bytes = await readFile(join(lab.enginesDirectory, engine.engineId, 'work', 'bytes'));
  t.true(log === `${new TextDecoder('utf-8', {ignoreBOM: true}).decode(bytes)}\n`);
});

test('the script sees the allow-list, its task and engine, and nothing of the node', async t => {
  const lab = await engineLab(t, {environment: {PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/nowhere'}});
  const engine = await lab.launch('shell');
  const {log} = await runTask(engine, 'env', {taskID: 12, environment: {TENON_REQUEST_ID: 'r-1'}});
  const names = log
    .trim()
    .split('\n')
    .map(line => line.split('=', 1)[0] ?? '');
  // Node itself hands NODE_V8_COVERAGE on while coverage is recorded.
  const shells = ['PWD', 'SHLVL', '_', 'OLDPWD', 'TMPDIR', 'NODE_V8_COVERAGE'];
  t.deepEqual(
    names.filter(name => !shells.includes(name)).toSorted((one, other) => one.localeCompare(other)),
    ['HOME', 'LANG', 'PATH', 'TENON_ENGINE_ID', 'TENON_ENGINE_MARK', 'TENON_REQUEST_ID', 'TENON_TASK_ID'],
  );
  t.true(log.includes(`TENON_ENGINE_ID=${engine.engineId}\n`));
  t.true(log.includes('TENON_TASK_ID=12\n'));
});

test('the script inherits no descriptors but 0, 1 and 2, and is the leader of its own session', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(
    await lab.launch('shell'),
    'ls /proc/$$/fd; echo; read -r line || echo no input; cut -d" " -f1,6 /proc/$$/stat',
  );
  const [descriptors = '', rest = ''] = log.split('\n\n');
  const [input, ids = ''] = rest.split('\n');
  // 10 is the script itself, which sh keeps open.
  t.deepEqual(
    descriptors.split('\n').filter(name => name !== '10'),
    ['0', '1', '2'],
  );
  t.is(input, 'no input');
  t.is(ids.split(' ')[0], ids.split(' ')[1]);
});

test("the working directory is the engine's own, or the one asked for; one that is not there is said and ignored", async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const wanted = join(lab.directory, 'a place');
  await mkdir(wanted);
  const key = 'wds.linkis.shell.runtime.working.directory';
  const own = await runTask(engine, 'pwd', {taskID: 1});
  t.is(own.log, `${join(lab.enginesDirectory, engine.engineId, 'work')}\n`);
  const given = await runTask(engine, 'pwd', {taskID: 2, runtimeParams: {[key]: wanted}});
  t.true(given.log.endsWith(`\n${wanted}\n`));
  const missing = await runTask(engine, 'pwd', {taskID: 3, runtimeParams: {[key]: '/no/such/place'}});
  t.regex(missing.log, / WARN .*\/no\/such\/place.*\n.*work\n$/);
});

test('extraArguments arrive as they are, with blanks and quotes', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(await lab.launch('shell'), 'for each in "$@"; do echo "<$each>"; done', {
    runtimeParams: {extraArguments: ['a b', "it's", '$HOME', '']},
  });
  t.is(log, "<a b>\n<it's>\n<$HOME>\n<>\n");
});

test('what a finished script left in the background is ended, and the log says so', async t => {
  const lab = await engineLab(t);
  const {log, end} = await runTask(await lab.launch('shell'), 'sleep 300 & setsid sleep 301 & echo done');
  t.is(end.outcome, 'succeeded');
  t.regex(log, /^done\n.* WARN The job has ended but left 2 processes running; ending them now\.\n$/);
});

test('a filter that is still writing when the script ends has its say', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(await lab.launch('shell'), '(sleep 0.1; echo late) & echo early');
  t.is(log, 'early\nlate\n');
});

test('5 MB of code run', async t => {
  const lab = await engineLab(t);
  const {log} = await runTask(await lab.launch('shell'), `# ${'x'.repeat(5_000_000)}\necho ran`);
  t.is(log, 'ran\n');
});

test('an engine that has a task refuses another, and takes the same one again without running it twice', async t => {
  const lab = await engineLab(t);
  const engine = await lab.launch('shell');
  const once = {taskID: 1, attempt: 1, epoch: 1, codeType: 'shell', runtimeParams: {}, environment: {}};
  const code = 'echo ran >>count; cat count';
  await engine.execute({...once, code});
  await t.throwsAsync(engine.execute({...once, taskID: 2, code}), {
    name: 'EngineBusyError',
    message: /task 1/,
  });
  await engine.execute({...once, code});
  t.is((await followToEnd(engine)).log, 'ran\n');
});
