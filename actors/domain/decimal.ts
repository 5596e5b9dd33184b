/** Exact decimal numbers, for arithmetic in variables: `0.1 + 0.2` is `0.3`, and long ids keep all their digits. */
export type Decimal = {readonly digits: bigint; readonly scale: number};

const charsMax = 100;
const divisionScale = 16;

/** Plain notation without an exponent, at most 100 characters. Undefined for anything else. */
export function parseDecimal(text: string): Decimal | undefined {
  const parts = text.length > charsMax ? null : /^([+-]?\d+)(?:\.(\d+))?$/.exec(text);
  if (parts === null) return undefined;
  const [, whole = '', fraction = ''] = parts;
  return {digits: BigInt(whole.replace('+', '') + fraction), scale: fraction.length};
}

export function printDecimal({digits, scale}: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}

/** The result of `+ - * /`, without needless zeros after the point; undefined for a division by zero. */
export function calculateDecimal(
  left: Decimal,
  operator: '+' | '-' | '*' | '/',
  right: Decimal,
): Decimal | undefined {
  const scale = Math.max(left.scale, right.scale);
  const [a, b] = [scaled(left, scale), scaled(right, scale)];
  switch (operator) {
    case '+':
      return trimmed({digits: a + b, scale});
    case '-':
      return trimmed({digits: a - b, scale});
    case '*':
      return trimmed({digits: left.digits * right.digits, scale: left.scale + right.scale});
    case '/':
      return b === 0n ? undefined : trimmed({digits: rounded(a, b), scale: divisionScale});
  }
}

const scaled = ({digits, scale}: Decimal, to: number): bigint => digits * 10n ** BigInt(to - scale);

/** `a / b` with `divisionScale` digits after the point, halves away from zero. */
function rounded(a: bigint, b: bigint): bigint {
  const isNegative = a < 0n !== b < 0n;
  const [top, bottom] = [(a < 0n ? -a : a) * 10n ** BigInt(divisionScale), b < 0n ? -b : b];
  const quotient = (2n * top + bottom) / (2n * bottom);
  return isNegative ? -quotient : quotient;
}

function trimmed({digits, scale}: Decimal): Decimal {
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale -= 1;
  }
  return {digits, scale};
}
