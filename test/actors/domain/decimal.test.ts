import test from 'ava';
import fc from 'fast-check';
import {calculateDecimal, parseDecimal, printDecimal} from '../../../actors/domain/decimal.ts';

const calculate = (left: string, operator: '+' | '-' | '*' | '/', right: string): string | undefined => {
  const [a, b] = [parseDecimal(left), parseDecimal(right)];
  const result = a && b ? calculateDecimal(a, operator, b) : undefined;
  return result === undefined ? undefined : printDecimal(result);
};

test('decimal fractions are exact', t => {
  t.is(calculate('0.1', '+', '0.2'), '0.3');
  t.is(calculate('1', '-', '0.99'), '0.01');
  t.is(calculate('1.10', '*', '10'), '11');
  t.is(calculate('-0.5', '*', '0.5'), '-0.25');
});

test('a quotient has sixteen digits, the last one rounded', t => {
  t.is(calculate('2', '/', '3'), '0.6666666666666667');
  t.is(calculate('-2', '/', '3'), '-0.6666666666666667');
  t.is(calculate('1', '/', '8'), '0.125');
  t.is(calculate('1', '/', '0.00'), undefined);
});

test('only plain numbers of at most a hundred characters are numbers', t => {
  for (const text of ['', '1e5', '1.', '.5', '0x1', 'NaN', ' 1', '1'.repeat(101)])
    t.is(parseDecimal(text), undefined, text);
  t.deepEqual(parseDecimal('+1.50'), {digits: 150n, scale: 2});
});

test('whole numbers of any length add, subtract and multiply as they should', t => {
  fc.assert(
    fc.property(
      fc.bigInt({min: -(10n ** 40n), max: 10n ** 40n}),
      fc.bigInt({min: -(10n ** 40n), max: 10n ** 40n}),
      (a, b) => {
        t.is(calculate(`${a}`, '+', `${b}`), `${a + b}`);
        t.is(calculate(`${a}`, '-', `${b}`), `${a - b}`);
        t.is(calculate(`${a}`, '*', `${b}`), `${a * b}`);
      },
    ),
  );
});
