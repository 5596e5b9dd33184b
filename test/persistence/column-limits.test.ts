import test from 'ava';
import fc from 'fast-check';
import {
  cutToBytes,
  cutToCharacters,
  exceedsBytes,
  fitting,
  fittingBytes,
} from '../../persistence/column-limits.ts';

const texts = fc.string({unit: 'binary', maxLength: 60});
const limits = fc.nat(40);

test('a text cut to bytes is a beginning of it, as long as whole characters allow', t => {
  fc.assert(
    fc.property(texts, limits, (text, bytesMax) => {
      const cut = cutToBytes(text, bytesMax);
      t.true(text.startsWith(cut));
      t.true(Buffer.byteLength(cut) <= bytesMax);
      const next = [...text][[...cut].length];
      t.true(next === undefined || Buffer.byteLength(cut + next) > bytesMax);
    }),
  );
});

test('a text cut to characters keeps exactly the first of them', t => {
  fc.assert(
    fc.property(texts, limits, (text, charactersMax) => {
      t.is(cutToCharacters(text, charactersMax), [...text].slice(0, charactersMax).join(''));
    }),
  );
});

test('a text fits exactly when the database would take it', t => {
  fc.assert(
    fc.property(texts, limits, (text, max) => {
      const fits = (check: () => string): boolean => {
        try {
          return check() === text;
        } catch {
          return false;
        }
      };
      t.is(
        fits(() => fitting('f', text, max)),
        [...text].length <= max,
      );
      t.is(
        fits(() => fittingBytes('f', text, max)),
        Buffer.byteLength(text) <= max,
      );
      t.is(exceedsBytes(text, max), Buffer.byteLength(text) > max);
    }),
  );
});

test('half a surrogate pair becomes a character that can be stored', t => {
  t.is(fitting('f', 'a\ud83d', 5), 'a\ufffd');
  t.is(cutToCharacters('\udc00b', 1), '\ufffd');
  t.is(cutToBytes('\ud83d', 3), '\ufffd');
});

test('the refusal names field, length and limit', t => {
  t.throws(() => fitting('logPath', 'x'.repeat(201), 200), {
    name: 'ValueTooLongError',
    message: /logPath has 201 characters, at most 200/,
  });
});
