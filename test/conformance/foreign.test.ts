/** The conformance suite on engines that share no code with Tenon, in two other languages. */
import test from 'ava';
import {conforms, inProject} from './run.ts';

test.serial(
  'an engine in TypeScript',
  conforms,
  [process.execPath, inProject('test/engines/fixtures/echo-engine.ts')],
  'test/engines/fixtures/echo-profile.json',
  [
    'jobs/environment',
    'log/last-line',
    'log/utf8',
    'log/long-line',
    'kill/grace',
    'kill/at-once',
    'kill/escaped',
    'shutdown/busy',
    'limits/processes',
    'limits/memory',
  ],
);

test.serial(
  'an engine in Perl',
  conforms,
  ['perl', inProject('examples/perl-engine/engine.pl')],
  'examples/perl-engine/profile.json',
  [],
);
