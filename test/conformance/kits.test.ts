/** The conformance suite on what the two engine kits make: engines for tests, the examples of the documentation, SQL. */
import test from 'ava';
import {check, conforms, inProject, profileOf, pythonPath} from './run.ts';

const kit = inProject('engines/kit-python/tenon_engine.py');

/** What needs lines that the code chooses, which SQL has none of. */
const withoutLines = [
  'execute/idempotent',
  'follow/whole',
  'follow/from-offset',
  'follow/resume',
  'pace/window',
  'pace/long-record',
  'pace/unattended',
];
const withoutOutput = ['log/last-line', 'log/utf8', 'log/long-line'];
const withoutStubborn = ['kill/grace', 'kill/at-once'];

test.serial(
  'an engine on the Python kit',
  conforms,
  [pythonPath, kit, inProject('test/engines/fixtures/kit_engine.py')],
  'test/engines/fixtures/kit-python-profile.json',
  [],
);

test.serial(
  'the example of the Python kit',
  conforms,
  [pythonPath, kit, inProject('examples/python-engine/sqlite_engine.py')],
  'examples/python-engine/profile.json',
  [
    'jobs/environment',
    ...withoutLines,
    ...withoutOutput,
    ...withoutStubborn,
    'kill/escaped',
    'shutdown/busy',
    'limits/processes',
    'limits/memory',
    'owner/ended-meanwhile',
  ],
);

test.serial(
  'an engine on the TypeScript kit',
  conforms,
  [process.execPath, inProject('test/engines/fixtures/kit-engine.ts')],
  'test/engines/fixtures/kit-profile.json',
  ['jobs/environment', ...withoutOutput, 'limits/processes', 'limits/memory'],
);

test.serial(
  'the jdbc engine',
  conforms,
  [process.execPath, inProject('engines/jdbc/main.ts')],
  'engines/conformance/profiles/jdbc.json',
  [
    'jobs/environment',
    ...withoutLines,
    ...withoutOutput,
    ...withoutStubborn,
    'kill/escaped',
    'shutdown/busy',
    'limits/processes',
    'limits/memory',
    'owner/ended-meanwhile',
  ],
);

test('an engine that does nothing right is told so, and nothing of it is left', async t => {
  const results = await check(['/bin/cat'], profileOf('engines/conformance/profiles/shell.json'), {
    patienceMs: 500,
  });
  t.deepEqual([...new Set(results.map(({outcome}) => outcome))].toSorted(), ['failed', 'skipped']);
});
