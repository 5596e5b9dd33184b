import test from 'ava';
import {closingLine, readAvaOutput} from '../../tools/ava-output.ts';

const output = `
  ✔ a › one is one
    ℹ ✔ a remark that looks like a test
  - [skip] a › skipped
  - [todo] a › planned
  ✘ [fail]: b › two is two
  ✔ [expected fail] b › known
  ✘ [fail]: b › slow Test timeout exceeded

  Uncaught exception in test/c.test.ts

  ✘ test/c.test.ts exited with a non-zero exit code: 1

  ✘ Timed out while running tests

  1 tests were pending in test/d.test.ts

  ◌ d › hangs
  ─

  2 tests failed
`;

const read = (text: string): {shown: string[]; closing: string; skipped: readonly string[]} => {
  const shown: string[] = [];
  const reader = readAvaOutput(line => shown.push(line));
  for (const line of text.split('\n')) reader.line(line);
  return {shown, closing: closingLine(reader.tally()), skipped: reader.tally().skipped};
};

test('passed, failed and skipped tests are counted apart, and trouble outside of a test is a failure', t => {
  const {closing, skipped} = read(output);
  t.is(closing, '2 passed, 4 failed, 2 skipped');
  t.deepEqual(skipped, ['a › skipped', 'a › planned']);
});

test('everything is shown but the tests that passed', t => {
  const {shown} = read(output);
  t.deepEqual(
    output.split('\n').filter(line => !shown.includes(line)),
    ['  ✔ a › one is one', '  ✔ [expected fail] b › known'],
  );
});

test('an output without tests counts none', t => {
  t.is(read('').closing, '0 passed, 0 failed');
});
