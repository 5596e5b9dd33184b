import test from 'ava';
import fc from 'fast-check';
import {
  assertTimeLabels,
  countLabel,
  InvalidLabelError,
  InvalidTimeLabelError,
  labelsMax,
  labelValueCharsMax,
  parseEngineType,
  parseUserCreator,
  printEngineType,
  printLabelValue,
  readLabels,
  secondsMs,
} from '../../../actors/domain/label.ts';

const word = fc
  .string({minLength: 1, maxLength: 20})
  .filter(text => !text.includes('-') && text.trim() === text);

test('everything after the first dash of an engine type is its version', t => {
  t.deepEqual(parseEngineType('spark-3.2.1-cdh-6'), {type: 'spark', version: '3.2.1-cdh-6'});
  t.deepEqual(parseEngineType('shell'), {type: 'shell', version: ''});
  t.is(parseEngineType('-1'), undefined);
  t.is(parseEngineType(' '), undefined);
});

test('an engine type is read back as it was printed', t => {
  fc.assert(
    fc.property(
      word,
      fc.string().map(text => text.trim()),
      (type, version) => {
        t.deepEqual(parseEngineType(printEngineType({type, version})), {type, version});
      },
    ),
  );
});

test('a user-creator label has exactly one dash', t => {
  t.deepEqual(parseUserCreator('hadoop-IDE', 'hadoop'), {user: 'hadoop', creator: 'IDE'});
  t.deepEqual(parseUserCreator('Other-IDE', 'hadoop'), {user: 'Other', creator: 'IDE'});
  for (const text of ['hadoop', 'hadoop-', '-IDE', 'hadoop-a-b', 'a-b-c', '']) {
    t.is(parseUserCreator(text, 'hadoop'), undefined, text);
  }
});

test('a user whose own name has a dash still has a creator', t => {
  t.deepEqual(parseUserCreator('Jean-Luc-IDE', 'jean-luc'), {user: 'Jean-Luc', creator: 'IDE'});
  t.is(parseUserCreator('jean-luc-IDE', 'jean'), undefined);
});

test('label values may be texts, numbers, truth values, or objects whose parts are joined in their fixed order', t => {
  t.deepEqual(
    readLabels({
      engineType: {version: '3.2.1', engineType: 'spark'},
      userCreator: {user: 'hadoop', creator: 'IDE', feature: 'CORE'},
      jobRunningTimeout: 60,
      executeOnce: '',
      flag: true,
      own: {b: 'x', a: 'y'},
      written: {stringValue: 'as-it-is', value: {a: 'b'}},
      absent: null,
    }),
    {
      engineType: 'spark-3.2.1',
      userCreator: 'hadoop-IDE',
      jobRunningTimeout: '60',
      executeOnce: '',
      flag: 'true',
      own: 'x-y',
      written: 'as-it-is',
    },
  );
});

test('text labels under unknown keys are kept as they are', t => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc
          .string({minLength: 1, maxLength: 30})
          .filter(key => key.trim() !== '' && !['route', 'tenant'].includes(key)),
        fc
          .string({maxLength: 40})
          .filter(text => !/\p{Cc}/u.test(text))
          .map(text => text.trim().toWellFormed()),
        {maxKeys: 20},
      ),
      labels => {
        t.deepEqual(Object.entries(readLabels(labels)), Object.entries(labels));
      },
    ),
  );
});

const refused = test.macro<[Record<string, unknown>, RegExp]>({
  exec(t, labels, message) {
    const error = t.throws(() => readLabels(labels), {instanceOf: InvalidLabelError});
    t.regex(error.message, message);
    t.is(error.code, 20009);
  },
  title: (title = '') => `refused: ${title}`,
});

test('a list as value', refused, {own: ['a']}, /Label own must be a text or an object/);
test('an object in an object', refused, {own: {a: {b: 'c'}}}, /Part a of label own/);
test('a dash in a route', refused, {route: 'et-1'}, /Label route must not contain "-"/);
test('a dash in a tenant', refused, {tenant: 'a-b'}, /Label tenant must not contain "-"/);
test('a control character', refused, {own: 'a\nb'}, /control character/);
test(
  'a value that is too long',
  refused,
  {own: 'x'.repeat(labelValueCharsMax + 1)},
  /has 256 characters, at most 255/,
);
test('a key that is too long', refused, {['k'.repeat(65)]: 'x'}, /1 to 64 characters, not 65/);
test('an empty key', refused, {' ': 'x'}, /A label key has 1 to 64 characters/);
test(
  'too many labels',
  refused,
  Object.fromEntries(Array.from({length: labelsMax + 1}, (_, index) => [`k${index}`, 'x'])),
  /There are 65 labels, at most 64/,
);
test(
  'too much in all',
  refused,
  Object.fromEntries(Array.from({length: labelsMax}, (_, index) => [`k${index}`, '日'.repeat(255)])),
  /The labels take \d+ bytes, at most 32768/,
);

test('a function is no label', t => {
  t.throws(() => printLabelValue('own', () => 1), {instanceOf: InvalidLabelError});
});

test('timeouts are whole seconds, and 0 is none', t => {
  t.is(secondsMs('90'), 90_000);
  t.is(secondsMs('0'), undefined);
  t.is(secondsMs(undefined), undefined);
  t.is(secondsMs('1.5'), undefined);
  t.notThrows(() => assertTimeLabels({jobQueuingTimeout: '0', jobRunningTimeout: '999999999'}));
  for (const text of ['', '-1', '1.5', '1s', '1e3', '9'.repeat(10), ' 1']) {
    t.throws(() => assertTimeLabels({jobRunningTimeout: text}), {
      instanceOf: InvalidTimeLabelError,
      message: 'Label params invalid The task time tag is not set incorrectly, execution is not allowed.',
    });
    t.throws(() => assertTimeLabels({jobQueuingTimeout: text}), {instanceOf: InvalidTimeLabelError});
  }
});

test('a count is a whole number up to its limit', t => {
  t.is(countLabel({jobRetryCount: '3'}, 'jobRetryCount', 100), 3);
  t.is(countLabel({}, 'jobRetryCount', 100), undefined);
  for (const text of ['', '101', '-1', 'x', '1.0']) {
    t.throws(() => countLabel({jobRetryCount: text}, 'jobRetryCount', 100), {
      instanceOf: InvalidLabelError,
      message: `Label params invalid Label jobRetryCount must be a whole number from 0 to 100, not ${text}`,
    });
  }
});
