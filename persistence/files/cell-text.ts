/**
 * How Linkis shows a stored value (contract 7.4): numbers re-printed from what they mean, so `007` is `7`; a value that
 * is not what its column says stays as it was stored. Exact at any size: nothing goes through a float but floats.
 */
import type {NullValue} from '../../actors/job-files.ts';

/** Prefixes in Linkis' order of checks; case matters. */
const prefixes: readonly (readonly [prefix: string, name: string])[] = [
  ['void', 'void'],
  ['null', 'void'],
  ['short', 'short'],
  ['long', 'long'],
  ['bigint', 'bigint'],
  ['bigdecimal', 'bigdecimal'],
  ['int', 'int'],
  ['smallint', 'int'],
  ['float', 'float'],
  ['double', 'double'],
  ['varchar', 'varchar'],
  ['char', 'char'],
  ['decimal', 'decimal'],
];
const exactNames = new Set(['string', 'boolean', 'date', 'timestamp', 'binary']);

/** The name of a stored type: `decimal(10,2)` is `decimal`. What Linkis does not know is `string`, also `tinyint`. */
export function parseTypeName(text: string): string {
  if (exactNames.has(text)) return text;
  const known = prefixes.find(([prefix]) => text.startsWith(prefix));
  if (known !== undefined) return known[1];
  return ['array', 'map', 'list', 'struct'].find(name => text.includes(name)) ?? 'string';
}

/** `stored` is null for SQL's null. The answer is null only with `keep`. */
export function cellText(stored: string | null, type: string, nullValue: NullValue): string | null {
  const isNull = stored === null || (stored === 'NULL' && nullValue.type !== 'keep');
  if (isNull) return nullValue.type === 'keep' ? null : nullValue.type === 'text' ? nullValue.text : 'NULL';
  if (stored === '') return nullValue.type === 'text' ? nullValue.text : '';
  return typedText(stored, type);
}

/** A value that is there, as its type prints it. */
export function typedText(stored: string, type: string): string {
  switch (type) {
    case 'short':
      return integerText(stored, 16);
    case 'int':
      return integerText(stored, 32);
    case 'long':
    case 'bigint':
      return integerText(stored, 64);
    case 'float':
    case 'double':
      return doubleText(stored);
    case 'decimal':
    case 'bigdecimal':
      return plainDecimal(stored) ?? stored;
    case 'boolean':
      return /^(?:true|false)$/i.test(stored) ? stored.toLowerCase() : stored;
    case 'timestamp':
      return stored.endsWith('.0') ? stored.slice(0, -2) : stored;
    default:
      return stored;
  }
}

function integerText(stored: string, bits: number): string {
  if (!/^[+-]?\d{1,40}$/.test(stored)) return stored;
  const value = BigInt(stored.startsWith('+') ? stored.slice(1) : stored);
  return BigInt.asIntN(bits, value) === value ? value.toString() : stored;
}

/** Shortest digits that mean the number, without exponent, and without `.0`. */
function doubleText(stored: string): string {
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?[dDfF]?$/.test(stored)
    ? Number(stored.replace(/[dDfF]$/, ''))
    : NaN;
  if (!Number.isFinite(value)) return stored;
  if (Object.is(value, -0)) return '-0';
  const plain = plainDecimal(String(value)) ?? stored;
  const [whole = '', fraction] = plain.split('.');
  if (fraction === undefined) return whole;
  const shown = fraction.slice(0, fractionDigitsMax).replace(/0+$/, '');
  return shown === '' ? whole : `${whole}.${shown}`;
}

const fractionDigitsMax = 30;
/** Beyond it a number of ten characters would print a million zeros. */
const exponentMax = 400;

/** Digits as written, without exponent; undefined for what is no number. */
function plainDecimal(text: string): string | undefined {
  const match = /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?:[eE](?<exponent>[+-]?\d{1,5}))?$/.exec(
    text,
  );
  const {sign = '', whole = '', fraction = '', exponent = '0'} = match?.groups ?? {};
  if (match === null || whole + fraction === '' || Math.abs(Number(exponent)) > exponentMax) return undefined;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const [before, after] =
    point <= 0
      ? ['', '0'.repeat(-point) + digits]
      : [digits.slice(0, point).padEnd(point, '0'), digits.slice(point)];
  const trimmed = before.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === '-' ? '-' : ''}${trimmed}${after === '' ? '' : `.${after}`}`;
}
