/** What can be wrong about variables in code; numbers are Linkis' (`VariableUtils`, `VariableType`). */
import {LinkisError} from './errors.ts';

/** A `@set` line or an expression names no variable. */
export class VariableNameMissingError extends LinkisError {
  override readonly name = 'VariableNameMissingError';
  readonly code = 20041;

  constructor(where: string) {
    super(`[${where}] replaced var is null. Write a name, such as @set day=20260501.`);
  }
}

/** An expression has an operator but no usable right side. */
export class VariableExpressionError extends LinkisError {
  override readonly name = 'VariableExpressionError';
  readonly code = 20042;

  constructor(expression: string, why: string) {
    super(`[${expression}] expression is not right, please check: ${why}`);
  }
}

/** A given base date can't be read. */
export class VariableDateError extends LinkisError {
  override readonly name = 'VariableDateError';
  readonly code = 20043;

  constructor(variable: string, value: string, form: string) {
    super(`Variable ${variable} is "${value}", which is no ${form}.`);
  }
}

/** A `@set` line has more than one equals sign. */
export class VariableDefinitionAmbiguousError extends LinkisError {
  override readonly name = 'VariableDefinitionAmbiguousError';
  readonly code = 20044;

  constructor(line: string) {
    super(`${line} var defined uncorrectly: write @set name=value with one equals sign.`);
  }
}

/** A `@set` line has no value. */
export class VariableDefinitionIncompleteError extends LinkisError {
  override readonly name = 'VariableDefinitionIncompleteError';
  readonly code = 20045;

  constructor(line: string) {
    super(`var was defined uncorrectly:${line} – write @set name=value.`);
  }
}

/** Dates know `+` and `-` only. */
export class DateOperatorError extends LinkisError {
  override readonly name = 'DateOperatorError';
  readonly code = 20046;

  constructor(expression: string, operator: string) {
    super(`[${expression}] DateType is not supported to use:${operator}`);
  }
}

/** A number is calculated with something that is none, or divided by zero. */
export class NumberOperandError extends LinkisError {
  override readonly name = 'NumberOperandError';
  readonly code = 20047;

  constructor(expression: string, operand: string) {
    super(`[${expression}] Number is not supported to use:${operand}`);
  }
}

/** Texts know `+` only. */
export class TextOperatorError extends LinkisError {
  override readonly name = 'TextOperatorError';
  readonly code = 20049;

  constructor(expression: string, operator: string) {
    super(`[${expression}] String class is not supported to use:${operator}`);
  }
}

/** A `&{pattern}` leads out of the years 1 to 9999. */
export class DatePatternError extends LinkisError {
  override readonly name = 'DatePatternError';
  readonly code = 20050;

  constructor(expression: string) {
    super(`variable operation expression ${expression} leads out of the years 1 to 9999`);
  }
}
