/** `tenon engine-check`: what it prints, and how it ends. */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {exitCodes} from '../../cli/exit-code.ts';
import {codeKinds, codeOf, numbersTo, parseEngineProfile} from '../../engines/conformance/engine-profile.ts';
import {captureTerminal} from '../support/capture-terminal.ts';
import {runClient, type ClientRun} from '../support/client-run.ts';
import {processesUsing} from '../support/process-table.ts';
import {projectRoot} from '../support/source-tree.ts';

const engine = join(projectRoot, 'examples/perl-engine/engine.pl');
const profile = join(projectRoot, 'examples/perl-engine/profile.json');
const environment = {PATH: process.env['PATH'] ?? ''};

const engineCheck = (...argv: readonly string[]): Promise<ClientRun> =>
  runClient('', ['engine-check', ...argv], {environment});

test('a check that passes is a line, and the command ends with 0', async t => {
  const {code, stdout, stderr} = await engineCheck(
    '--profile',
    profile,
    '--only',
    'handshake/welcome',
    '--only',
    'confirm/',
    '--',
    'perl',
    engine,
  );
  t.is(stderr, '');
  t.is(code, exitCodes.ok);
  const lines = stdout.trimEnd().split('\n').toSorted();
  t.is(lines.length, 4);
  t.is(lines[0], '3 passed, 0 failed, 0 skipped');
  for (const line of lines.slice(1)) t.regex(line, /^pass {2}(?:handshake\/welcome|confirm\/\S+) +\d+ ms$/);
});

test('a check that fails says what is wrong and why it matters, and the command ends with 1', async t => {
  const {code, stdout} = await engineCheck(
    '--profile',
    'shell',
    '--only',
    'launch/ready',
    '--patience',
    '1',
    '--',
    'cat',
  );
  t.is(code, exitCodes.failed);
  t.regex(
    stdout,
    /^FAIL {2}launch\/ready +\d+ ms\n +\S.*\n +Why it matters: The launcher connects .*\n0 passed, 1 failed/,
  );
});

test('a check without code in the profile is skipped, never passed', async t => {
  const {code, stdout} = await engineCheck('--profile', 'shell', '--only', 'progress/', '--', 'cat');
  t.is(code, exitCodes.ok);
  t.regex(
    stdout,
    /^skip {2}progress\/reported .* the profile has no code to progress\n0 passed, 0 failed, 1 skipped\n$/,
  );
});

test('programs get one document of JSON', async t => {
  const {stdout} = await engineCheck(
    '--json',
    '--profile',
    profile,
    '--only',
    'launch/ready',
    '--',
    'perl',
    engine,
  );
  t.like(JSON.parse(stdout), {
    passed: 1,
    failed: 0,
    skipped: 0,
    results: [{name: 'launch/ready', outcome: 'passed'}],
  });
});

test('the list names every check and its reason, and needs no program', async t => {
  const {code, stdout} = await engineCheck('--list');
  t.is(code, exitCodes.ok);
  t.regex(stdout, /^handshake\/replay +A proof that was overheard must not open the engine again\.$/m);
  t.true(
    (JSON.parse((await engineCheck('--list', '--json')).stdout) as {checks: unknown[]}).checks.length > 80,
  );
});

test('the program sees only what it is allowed of the environment', async t => {
  const {stdout} = await runClient(
    '',
    [
      'engine-check',
      '--profile',
      'shell',
      '--only',
      'launch/ready',
      '--env',
      'SHOWN',
      '--',
      'sh',
      '-c',
      'env >&2',
    ],
    {environment: {...environment, SHOWN: 'shown-value', SECRET: 'hidden-value'}},
  );
  t.regex(stdout, /SHOWN=shown-value/);
  t.notRegex(stdout, /hidden-value/);
});

test('an interrupted command ends every engine it has started', async t => {
  const terminal = captureTerminal();
  const directory = mkdtempSync(join(tmpdir(), 'tenon-interrupt-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  // Something that its processes can be told by.
  const mine = join(directory, 'engine.pl');
  writeFileSync(mine, readFileSync(engine));
  const running = runClient(
    '',
    [
      'engine-check',
      '--profile',
      profile,
      '--only',
      'orphan/',
      '--only',
      'handshake/slow',
      '--only',
      'launch/ready',
      '--',
      'perl',
      mine,
    ],
    {terminal, environment},
  );
  await terminal.shows('launch/ready');
  t.true(processesUsing(mine).length > 0);
  terminal.signal('SIGINT');
  const {code, stdout} = await running;
  t.is(code, exitCodes.interrupted);
  t.regex(stdout, /\n1 passed, 0 failed, 0 skipped\n$/);
  // Killed, and for a moment still there.
  for (let tries = 0; processesUsing(mine).length > 0 && tries < 100; tries += 1) await sleep(50);
  t.deepEqual(processesUsing(mine), []);
});

const misused = test.macro<[readonly string[], RegExp]>({
  async exec(t, argv, message) {
    const {code, stdout, stderr} = await engineCheck(...argv);
    t.is(code, exitCodes.usage);
    t.is(stdout, '');
    t.regex(stderr, message);
  },
  title: (_, argv) => `can't be used: engine-check ${argv.join(' ')}`,
});

test(misused, [], /Say which program to check/);
test(misused, ['--', 'cat'], /Say what code the engine takes: --profile FILE/);
test(misused, ['--profile', '/no/such', '--', 'cat'], /\/no\/such can't be read/);
test(misused, ['--profile', 'shell', '--only', 'nothing', '--', 'cat'], /No check has nothing in its name/);
test(misused, ['--profile', 'shell', '--patience', '0', '--', 'cat'], /whole number from 1 on/);

test('a profile that can’t be used tells every mistake', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-profile-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const file = join(directory, 'profile.json');
  writeFileSync(
    file,
    '{"engineType": "a b", "code": {"dance": "x", "fail": 7}, "more": 1, "runtimeParams": []}',
  );
  const {code, stderr} = await engineCheck('--profile', file, '--', 'cat');
  t.is(code, exitCodes.usage);
  for (const part of [
    /more is no field/,
    /engineType must be/,
    /code\.dance is none of/,
    /code\.fail must be a text/,
    /code\.succeed is missing/,
    /runtimeParams must be/,
  ]) {
    t.regex(stderr, part);
  }
  writeFileSync(file, '{');
  t.regex((await engineCheck('--profile', file, '--', 'cat')).stderr, /it is not JSON/);
});

test('values stand in the code of a profile where it names them, and nothing else is touched', t => {
  const text =
    '{"engineType": "e", "code": {"succeed": "", "lines": "a {count} {numbers}b {other} {{bytes}} $& {seconds}"}}';
  const parsed = parseEngineProfile(text, 'here');
  t.is(codeOf(parsed, 'lines', {count: 2, seconds: 3, bytes: 4}), 'a 2 1\n2\nb {other} {4} $& 3');
  t.is(numbersTo(3), '1\n2\n3\n');
  t.true(Object.values(codeKinds).every(meaning => meaning.length > 10));
});
