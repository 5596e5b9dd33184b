import test from 'ava';
import * as fc from 'fast-check';
import {parseFilePath} from '../../../http/files/file-path.ts';
import {LevelFilter, logLevels} from '../../../http/files/log-text.ts';

const at = '2024-05-01 10:20:30.020';
const anyLine = fc.oneof(
  fc.constantFrom(
    '',
    'plain',
    `${at} ERROR e`,
    `${at} WARN w`,
    `${at}INFO i`,
    `${at} SYSTEM-ERROR s`,
    ` ${at} ERROR no`,
  ),
  fc.string(),
);

const split = (parts: readonly string[]): string[] =>
  logLevels.map(level => {
    const filter = new LevelFilter(level);
    return parts.map(part => filter.take(part)).join('');
  });

test('the levels of a log do not depend on the pieces it is read in, and share out its lines', t => {
  fc.assert(
    fc.property(fc.array(fc.array(anyLine), {maxLength: 8}), pieces => {
      const texts = pieces.map(lines => lines.map(line => `${line.replaceAll('\n', ' ')}\n`).join(''));
      const levels = split(texts);
      t.deepEqual(levels, split([texts.join('')]));
      const [error = '', warn = '', info = '', all = ''] = levels;
      t.is(error.length + warn.length + info.length, all.length);
      t.is(all, texts.join(''));
    }),
  );
});

const paths: readonly [string, string | undefined][] = [
  ['/a/b', '/a/b'],
  ['/a/b/', '/a/b'],
  ['/a/./b/../c', '/a/c'],
  ['/a/../../..', '/'],
  ['//a//b', '/a/b'],
  ['file:///a/b', '/a/b'],
  ['FILE:///a', '/a'],
  ['file:/a', '/a'],
  ['file://localhost/a', '/a'],
  ['/a%2e/..%2fb c', '/a%2e/..%2fb c'],
  ['file://host/a', undefined],
  ['file://../a', undefined],
  ['hdfs:///a', undefined],
  ['http://x/a', undefined],
  ['a/b', undefined],
  ['', undefined],
  ['/a\0b', undefined],
  [`/${'x'.repeat(5000)}`, undefined],
];

for (const [text, expected] of paths) {
  test(`the path ${JSON.stringify(text.slice(0, 40))} means ${expected ?? 'nothing here'}`, t => {
    t.is(parseFilePath(text), expected);
  });
}
