/**
 * What a variable can be, and what `+ - * /` do to it (Linkis: `VariableType`). A value that looks like a number is one,
 * unless it starts with a needless zero: `007` is a text.
 */
import {isWritable, type CivilMs} from './civil-time.ts';
import {calculateDecimal, parseDecimal, printDecimal, type Decimal} from './decimal.ts';
import {
  DateOperatorError,
  NumberOperandError,
  TextOperatorError,
  VariableExpressionError,
} from './variable-error.ts';

export type Operator = '+' | '-' | '*' | '/';

export type Variable =
  | {readonly type: 'text'; readonly text: string}
  | {readonly type: 'number'; readonly text: string; readonly value: Decimal}
  /** `move(0)` is the date itself, `move(n)` the one n units later. */
  | {
      readonly type: 'date';
      readonly move: (units: number) => CivilMs;
      readonly print: (civil: CivilMs) => string;
    };

export function readVariable(text: string): Variable {
  const value = /^[+-]?0\d/.test(text) ? undefined : parseDecimal(text);
  return value === undefined ? {type: 'text', text} : {type: 'number', text, value};
}

export const printVariable = (variable: Variable): string =>
  variable.type === 'date' ? variable.print(variable.move(0)) : variable.text;

/** Throws the errors of `variable-error.ts`; `expression` is what they quote. */
export function calculate(left: Variable, operator: Operator, right: string, expression: string): string {
  switch (left.type) {
    case 'text':
      if (operator !== '+') throw new TextOperatorError(expression, operator);
      return left.text + right;
    case 'number':
      return calculateNumber(left.value, operator, right, expression);
    case 'date':
      return moveDate(left, operator, right, expression);
  }
}

function calculateNumber(left: Decimal, operator: Operator, right: string, expression: string): string {
  const operand = parseDecimal(right);
  const result = operand === undefined ? undefined : calculateDecimal(left, operator, operand);
  if (result === undefined) throw new NumberOperandError(expression, `${operator}${right}`);
  return printDecimal(result);
}

function moveDate(
  {move, print}: Variable & {type: 'date'},
  operator: Operator,
  right: string,
  expression: string,
): string {
  if (operator !== '+' && operator !== '-') throw new DateOperatorError(expression, operator);
  if (!/^\d{1,9}$/.test(right)) {
    throw new VariableExpressionError(expression, `${right} is no whole number to count by.`);
  }
  const civil = move(operator === '+' ? Number(right) : -Number(right));
  if (!isWritable(civil)) {
    throw new VariableExpressionError(expression, 'it leads out of the years 1 to 9999.');
  }
  return print(civil);
}
