/** What an operator may write as `governance.enginePrograms`, and what is refused. */
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {ConfigError, readConfig} from '../../config.ts';
import {findEnginePrograms, parseEnginePrograms} from '../../engines/engine-programs.ts';

const own = ['shell', 'python'];

test('an entry is a type and a command line of words', t => {
  const {programs, mistakes} = parseEnginePrograms(
    ['perl=/usr/bin/perl /opt/e.pl', String.raw`r_2 =  Rscript  '/opt/my engines/r.R' --a=b "" x\ y "q\"'"`],
    own,
  );
  t.deepEqual(mistakes, []);
  t.deepEqual(programs, {
    perl: ['/usr/bin/perl', '/opt/e.pl'],
    r_2: ['Rscript', '/opt/my engines/r.R', '--a=b', '', 'x y', `q"'`],
  });
});

const refused = test.macro<[string, RegExp]>({
  exec(t, entry, message) {
    const {programs, mistakes} = parseEnginePrograms(['good=/bin/true', entry], own);
    t.deepEqual(programs, {good: ['/bin/true']});
    t.is(mistakes.length, 1);
    t.regex(mistakes[0] ?? '', message);
  },
  title: (_, entry) => `refused: ${entry.slice(0, 60)}`,
});

test(refused, 'perl', /must be type=command line/);
test(refused, '=/bin/true', /must begin with an engine type/);
test(refused, 'Perl=/bin/true', /must begin with an engine type.*"Perl"/);
test(refused, '../x=/bin/true', /must begin with an engine type/);
test(refused, 'shell=/bin/true', /can't take the place of shell/);
test(refused, 'good=/bin/false', /names the engine type good a second time/);
test(refused, 'a=', /names no program/);
test(refused, `a=''`, /names no program/);
test(refused, 'a=bin/true', /absolute path, not bin\/true/);
test(refused, 'a=/bin/echo "x', /no closing "/);
test(refused, 'a=/bin/echo \\', /ends with a backslash/);
test(refused, `a=/bin/echo ${'x '.repeat(101)}`, /more than 100 words/);
test(refused, `a=/bin/echo ${'x'.repeat(4000)}`, /more than 4000 characters/);

test('a program is found by its path or in PATH, and must be one that may be run', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-programs-'));
  t.teardown(() => rmSync(directory, {recursive: true}));
  const file = join(directory, 'my-engine');
  writeFileSync(file, '#!/bin/sh\n', {mode: 0o600});
  const missing = {
    name: 'EngineProgramError',
    code: 50250,
    message: /engine type e can't be offered: .*my-engine/,
  };
  await t.throwsAsync(findEnginePrograms({e: [file]}, ''), missing);
  await t.throwsAsync(findEnginePrograms({e: ['my-engine']}, directory), missing);
  chmodSync(file, 0o700);
  t.deepEqual(await findEnginePrograms({e: [file, '-x']}, ''), {e: [file, '-x']});
  t.deepEqual(await findEnginePrograms({e: ['my-engine']}, `relative:/nowhere:${directory}`), {e: [file]});
});

test('the configuration names every mistake', t => {
  const error = t.throws(
    () => readConfig({options: {set: ['governance.enginePrograms=perl,shell=/bin/sh']}, environment: {}}),
    {instanceOf: ConfigError},
  );
  t.regex(
    error?.message ?? '',
    /enginePrograms: "perl" must be.*\n.*enginePrograms: "shell=\/bin\/sh" can't/,
  );
  const {governance} = readConfig({
    options: {set: ['governance.enginePrograms=a=/bin/x --b=c']},
    environment: {},
  });
  t.deepEqual(governance.enginePrograms, ['a=/bin/x --b=c']);
});
