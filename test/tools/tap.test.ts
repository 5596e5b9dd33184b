import test from 'ava';
import {closingLine, readTap} from '../../tools/tap.ts';

const stream = `TAP version 13
ok 1 - skipped # SKIP
not ok 2 - planned # TODO
ok 3 - one is one
not ok 4 - two is one
#   a remark
  ---
    message: ''
  ...
ok 5 - known

1..5
# tests 4
# pass 2
# skip 1
# fail 2
`;

async function* lines(text: string): AsyncGenerator<string> {
  for (const line of text.split('\n')) yield line;
}

test('passed, failed and skipped tests are counted apart', async t => {
  const tally = await readTap(lines(stream), () => undefined);
  t.deepEqual(tally, {passed: 2, failed: 1, skipped: ['skipped # SKIP', 'planned # TODO']});
  t.is(closingLine(tally), '2 passed, 1 failed, 2 skipped');
});

test('a failure is shown whole, and nothing else', async t => {
  const shown: string[] = [];
  await readTap(lines(stream), line => shown.push(line));
  t.deepEqual(shown, ['not ok 4 - two is one', '#   a remark', '  ---', "    message: ''", '  ...']);
});

test('a stream without tests counts none', async t => {
  t.is(closingLine(await readTap(lines('TAP version 13\n1..0\n'), () => undefined)), '0 passed, 0 failed');
});
