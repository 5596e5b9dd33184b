import {isAbsolute, relative} from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  assertPathsFit,
  jobPaths,
  logPathCharsMax,
  LogPathTooLongError,
  pathPart,
  resultLocationCharsMax,
} from '../../../actors/checks/job-paths.ts';

const nowMs = Date.parse('2026-05-01T23:30:00Z');

test('log and results lie below the day, the creator and the user', t => {
  t.deepEqual(
    jobPaths('/var/lib/tenon', {creator: 'IDE', executeUser: 'hadoop', taskID: 7}, nowMs, 'Europe/Berlin'),
    {
      logPath: '/var/lib/tenon/logs/2026-05-02/IDE/hadoop/7.log',
      resultLocation: '/var/lib/tenon/results/2026-05-02/IDE/hadoop/7',
    },
  );
});

const anyName = fc.oneof(
  fc.string({unit: 'binary', minLength: 1, maxLength: 50}),
  fc.constantFrom(
    '..',
    '.',
    '/',
    '../../etc/passwd',
    'a/b',
    'C:\\x',
    '\0',
    '~',
    '~2e',
    'CON',
    ' ',
    '日本語',
    '\ud800',
  ),
);

test('no name leaves its place, whatever it is', t => {
  fc.assert(
    fc.property(anyName, anyName, (creator, executeUser) => {
      const {logPath, resultLocation} = jobPaths('/data', {creator, executeUser, taskID: 7}, nowMs, 'UTC');
      for (const [root, path] of [
        ['/data/logs', logPath],
        ['/data/results', resultLocation],
      ] as const) {
        const parts = relative(root, path).split('/');
        t.is(parts.length, 4);
        t.is(parts[0], '2026-05-01');
        t.true(parts.every(part => part !== '..' && part !== '.' && /^[\w.~-]+$/.test(part)));
        t.true(isAbsolute(path));
      }
    }),
  );
});

test('two names never share a part', t => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      t.is(pathPart(one) === pathPart(other), one.toWellFormed() === other.toWellFormed());
    }),
    {numRuns: 1000},
  );
  t.not(pathPart('x'.repeat(40)), pathPart(`${'x'.repeat(39)}y`));
});

/** `/logs/2026-05-01/` and two names of 32, sixteen digits and `.log`. */
const room = logPathCharsMax - '/logs/2026-05-01/'.length - 2 * 33 - 20;

test('a data directory that is accepted has room for every path', t => {
  const longest = 'x'.repeat(32);
  const dataDirectory = `/${'d'.repeat(room - 1)}`;
  t.notThrows(() => assertPathsFit(dataDirectory));
  const paths = jobPaths(
    dataDirectory,
    {creator: longest, executeUser: longest, taskID: Number.MAX_SAFE_INTEGER},
    nowMs,
    'UTC',
  );
  t.is(paths.logPath.length, logPathCharsMax);
  t.true(paths.resultLocation.length <= resultLocationCharsMax);
});

test('a data directory that is too long is refused with the numbers', t => {
  const error = t.throws(() => assertPathsFit(`/${'d'.repeat(room)}`), {instanceOf: LogPathTooLongError});
  t.is(error.code, 20075);
  t.regex(
    error.message,
    /reach 201 characters, the history holds 200\. Use a data directory with a path shorter by 1\./,
  );
});
