import test from 'ava';
import fc from 'fast-check';
import {namedLevel, splitLevels} from '../../../actors/domain/log-line.ts';

const at = '2026-05-01 10:20:30.020';

test('each line goes to the level it names and to all, in order', t => {
  const text = `${at} INFO accepted\n${at} WARN slow\n${at} ERROR broken\n${at} INFO over\n`;
  t.deepEqual(splitLevels(text), [
    `${at} ERROR broken`,
    `${at} WARN slow`,
    `${at} INFO accepted\n${at} INFO over`,
    text.trimEnd(),
  ]);
});

test('output of the job itself counts as info, whatever words it holds', t => {
  const text = 'ERROR without a time\nhello\n';
  t.deepEqual(splitLevels(text), ['', '', 'ERROR without a time\nhello', 'ERROR without a time\nhello']);
});

test('blank lines are left out, and the others stay as they are', t => {
  t.deepEqual(splitLevels('a\r\n\n \r\n b '), ['', '', 'a\r\n b ', 'a\r\n b ']);
});

test('nothing gives four empty strings', t => {
  t.deepEqual(splitLevels(''), ['', '', '', '']);
});

test('the mark may stand anywhere in the line, without milliseconds, as a line of the system', t => {
  t.is(namedLevel(`[7] ${at} SYSTEM-WARN low on memory`), 'warn');
  t.is(namedLevel('2026-05-01 10:20:30 ERROR x'), 'error');
  t.is(namedLevel(`${at} ERROR`), 'error');
  t.is(namedLevel(`${at} ERRORS x`), undefined);
  t.is(namedLevel('20260501 ERROR x'), undefined);
});

const anyLine = fc.oneof(
  fc.string(),
  fc.constantFrom('INFO', 'WARN', 'ERROR', 'DEBUG').map(level => `${at} ${level} text`),
);

test('every line that is not blank is in all once, and in exactly one level', t => {
  fc.assert(
    fc.property(fc.array(anyLine), lines => {
      const [error, warn, info, all] = splitLevels(lines.join('\n'));
      const count = (text: string): number => (text === '' ? 0 : text.split('\n').length);
      t.is(count(error) + count(warn) + count(info), count(all));
      t.is(
        count(all),
        lines
          .join('\n')
          .split('\n')
          .filter(line => line.trim() !== '').length,
      );
    }),
  );
});
