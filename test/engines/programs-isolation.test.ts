/** Listed engines where engines run as the account of their user. Needs root and a Python that everybody may run. */
import {execFileSync} from 'node:child_process';
import test from 'ava';
import {inProject} from '../conformance/run.ts';
import {engineLab, runForResults} from './engine-lab.ts';

const python = '/usr/bin/python3';
const account = 'nobody';

function isPossible(): boolean {
  try {
    const uid = Number(execFileSync('id', ['-u', account], {encoding: 'utf8'}));
    const readsKit = `open(${JSON.stringify(inProject('engines/kit-python/tenon_engine.py'))})`;
    execFileSync(python, ['-c', readsKit], {uid, gid: uid, stdio: 'ignore', cwd: '/'});
    return process.getuid?.() === 0 && uid > 0;
  } catch {
    return false;
  }
}

const possible = isPossible();

for (const [what, command, code] of [
  ['Perl', ['perl', inProject('examples/perl-engine/engine.pl')], 'print "$<\\n"'],
  [
    'the Python kit',
    [
      python,
      inProject('engines/kit-python/tenon_engine.py'),
      inProject('test/engines/fixtures/kit_engine.py'),
    ],
    'import os\nprint(os.getuid())\njob.text(str(os.getuid()))',
  ],
] as const) {
  test(`an engine in ${what} runs its jobs as their user, and knows nothing of it`, async t => {
    if (!possible) {
      t.log('needs root, the account nobody, and a Python that it may run');
      t.pass();
      return;
    }
    const lab = await engineLab(t, {
      pythonPath: python,
      isolation: {uidMin: 1},
      programs: {listed: [...command] as [string, ...string[]]},
    });
    const {log, results, end} = await runForResults(lab, await lab.launch('listed', {user: account}), code);
    t.is(end.outcome, 'succeeded', end.failure?.message ?? '');
    t.is(log.trim(), execFileSync('id', ['-u', account], {encoding: 'utf8'}).trim());
    t.is(results.length, 1);
  });
}
