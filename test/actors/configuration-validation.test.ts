import test from 'ava';
import {shownValue} from '../../actors/configuration-secret.ts';
import {assertValid, isValid} from '../../actors/configuration-validation.ts';
import {parseDuration, parseMemory, printDuration, printMemory} from '../../actors/domain/quantity.ts';
import {configKey} from '../support/memory-configuration.ts';

for (const [type, range, good, bad] of [
  ['None', '', ['', 'anything'], []],
  ['NumInterval', '[1,20]', ['1', '20'], ['0', '21', '1.5', 'x', '', '0x5', '1e1']],
  ['NumInterval', '[20,1]', ['5'], ['0']],
  ['FloatInterval', '[0.5,2]', ['0.5', '2', '1.25'], ['0.4', '2.1', 'NaN', '']],
  ['Regex', '[0-9]+G', ['20G'], ['x20G', '20Gx', '20G\n', '']],
  ['Regex', 'a|b', ['a', 'b'], ['ac', 'cb']],
  ['OFT', '["1h","2h"]', ['1h'], ['3h', '']],
  ['Contains', '["a","b"]', ['a', 'a,b'], ['a,c']],
  ['Json', '', ['{"a":1}'], ['{']],
] as const) {
  test(`${type} ${range} takes ${good.join(' ')} and not ${bad.map(text => JSON.stringify(text)).join(' ')}`, t => {
    for (const value of good) t.true(isValid(type, range, value), value);
    for (const value of bad) t.false(isValid(type, range, value), value);
  });
}

for (const [type, range] of [
  ['NumInterval', '[1]'],
  ['NumInterval', 'nonsense'],
  ['OFT', '{}'],
  ['Regex', '('],
  ['Unheard', ''],
] as const) {
  test(`the rule ${type} ${range} is told to make no sense`, t => {
    t.throws(() => isValid(type, range, '1'), {name: 'ConfigurationError', message: /Error validator range/});
  });
}

test('a refused value is named with its rule, a secret is not', t => {
  const rule = {validateType: 'Regex', validateRange: '[a-z]+'};
  const message = (key: string) => t.throws(() => assertValid(configKey({key, ...rule}), 'S3CRET'))?.message;
  t.is(message('plain'), 'Parameter verification failed(参数校验失败):plain--Regex--[a-z]+--S3CRET');
  t.is(
    message('a.password'),
    'Parameter verification failed(参数校验失败):a.password--Regex--[a-z]+--******',
  );
});

test('secrets are masked by the name of their key, and nothing is nothing', t => {
  for (const key of ['wds.linkis.jdbc.password', 'db.Passwd', 'x.secret', 'aws.access.key']) {
    t.is(shownValue(key, 'x'), '******', key);
    t.is(shownValue(key, ''), '', key);
  }
  t.is(shownValue('wds.linkis.jdbc.username', 'x'), 'x');
});

test('amounts are read as people write them', t => {
  const gib = 1024 ** 3;
  for (const [text, bytes] of [
    ['20G', 20 * gib],
    ['20g', 20 * gib],
    ['20', 20 * gib],
    ['1.5GB', 1.5 * gib],
    [' 512m ', gib / 2],
    ['0', 0],
    ['1b', 1],
    ['-1G', undefined],
    ['G', undefined],
    ['1X', undefined],
    ['999999999999T', undefined],
  ] as const) {
    t.is(parseMemory(text), bytes, text);
  }
  for (const [text, ms] of [
    ['30m', 1_800_000],
    ['1H', 3_600_000],
    ['1500', 1500],
    ['2d', 172_800_000],
    ['m', undefined],
    ['1.5h', undefined],
  ] as const) {
    t.is(parseDuration(text), ms, text);
  }
  for (const bytes of [20 * gib, 512 * 1024 ** 2, 1000, 1]) t.is(parseMemory(printMemory(bytes)), bytes);
  for (const ms of [600_000, 1500, 86_400_000, 1]) t.is(parseDuration(printDuration(ms)), ms);
});
