/**
 * Replaces `${name}`, `${name + n}` and `&{pattern%-1d}` in code (Linkis: `VariableUtils`, `VariableOperationUtils`). What
 * names nothing we know stays as it is written, so a shell's own `${HOME}` or `${x:-y}` is not touched.
 */
import {
  addDays,
  addHours,
  addMonths,
  civilTimeIn,
  formatCivil,
  isWritable,
  startOfDay,
  type CivilMs,
} from './civil-time.ts';
import type {CodeLanguage} from './code-language.ts';
import {calculate, printVariable, readVariable, type Operator, type Variable} from './variable.ts';
import {dateBases, dateVariable, readDateBases, type DateBases} from './variable-date.ts';
import {definedIn} from './variable-definition.ts';
import {DatePatternError, VariableExpressionError} from './variable-error.ts';

export type SubstitutionContext = {
  /** From the request. `@set` lines in the code go before them. */
  readonly variables: Readonly<Record<string, string>>;
  /** `user`, `execute_user`, `submit_user`: nobody can give them another value. */
  readonly system: Readonly<Record<string, string>>;
  readonly nowMs: number;
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** Whether `&{…}` counts from the present time of day of `run_date`; otherwise from its midnight. */
  readonly usesTimeOfDay: boolean;
};

/** Expressions longer than this are no expressions; keeps the search linear in the code's length. */
const expressionCharsMax = 256;
const expressionForm = /^\$\{\s*([A-Za-z][\w.]*)\s*([+\-*/]?)\s*([\w.]*)\s*\}/;
const movedFieldMax = 100_000_000;

/** Throws the errors of `variable-error.ts`. */
export function substitute(code: string, language: CodeLanguage, context: SubstitutionContext): string {
  const defined = definedIn(code, language);
  if (!code.includes('${') && !code.includes('&{')) return code;
  const given = new Map([...Object.entries(context.variables), ...defined]);
  const now = civilTimeIn(context.timeZone, context.nowMs);
  const bases = readDateBases(given, now);
  const find = finder(given, context.system, bases);
  const start = context.usesTimeOfDay ? bases.date + (now - startOfDay(now)) : bases.date;
  const replaced = replaceEach(code, '${', text => replaceExpression(text, find));
  return replaceEach(replaced, '&{', text => replacePattern(text, start));
}

type Find = (name: string) => Variable | undefined;

function finder(
  given: ReadonlyMap<string, string>,
  system: SubstitutionContext['system'],
  bases: DateBases,
): Find {
  return name => {
    const fixed = Object.hasOwn(system, name) ? system[name] : undefined;
    if (fixed !== undefined) return {type: 'text', text: fixed};
    const date = dateVariable(name, bases);
    if (date !== undefined) return date;
    const text = Object.hasOwn(dateBases, name) ? undefined : given.get(name);
    return text === undefined ? undefined : readVariable(text);
  };
}

type Replacement = {readonly text: string; readonly length: number};

/** `replace` gets the code from `opening` on, cut; undefined leaves it as written. */
function replaceEach(
  code: string,
  opening: string,
  replace: (text: string) => Replacement | undefined,
): string {
  const parts: string[] = [];
  let done = 0;
  for (let at = code.indexOf(opening); at >= 0;) {
    const replacement = replace(code.slice(at, at + expressionCharsMax));
    if (replacement !== undefined) {
      parts.push(code.slice(done, at), replacement.text);
      done = at + replacement.length;
    }
    at = code.indexOf(opening, replacement === undefined ? at + opening.length : done);
  }
  return parts.join('') + code.slice(done);
}

function replaceExpression(text: string, find: Find): Replacement | undefined {
  const match = expressionForm.exec(text);
  if (match === null) return undefined;
  const [expression, name = '', operator = '', right = ''] = match;
  const variable = find(name);
  if (variable === undefined) return undefined;
  const {length} = expression;
  // `${name 5}` has a right side and nothing to do with it; Linkis takes the name alone.
  if (operator === '') return {text: printVariable(variable), length};
  if (right === '') throw new VariableExpressionError(expression, `nothing stands after ${operator}.`);
  const operand = find(right);
  const rightText = operand === undefined ? right : printVariable(operand);
  return {text: calculate(variable, operator as Operator, rightText, expression), length};
}

/** `yyyy-MM-dd%-1d%+2H`: a pattern, then how far each unit is moved. */
function replacePattern(text: string, start: CivilMs): Replacement | undefined {
  const end = text.indexOf('}');
  if (end < 0) return undefined;
  const [pattern = '', ...moves] = text.slice(2, end).trim().split('%');
  let civil = start;
  for (const move of moves) {
    const next = moved(civil, move);
    if (next === undefined) return undefined;
    if (!isWritable(next)) throw new DatePatternError(text.slice(0, end + 1));
    civil = next;
  }
  const printed = /[A-Za-z]/.test(pattern) ? formatCivil(civil, pattern) : undefined;
  return printed === undefined ? undefined : {text: printed, length: end + 1};
}

const movers: Readonly<Record<string, (civil: CivilMs, count: number) => CivilMs>> = {
  y: (civil, count) => addMonths(civil, count * 12),
  M: addMonths,
  d: addDays,
  H: addHours,
  m: (civil, count) => civil + count * 60_000,
  s: (civil, count) => civil + count * 1000,
};

/** Undefined for what is no `-1d`; units are those of the pattern: `M` months, `m` minutes. */
function moved(civil: CivilMs, move: string): CivilMs | undefined {
  const parts = /^\s*([+-]?\d{1,9})\s*([yMdHms])\s*$/.exec(move);
  const count = Math.max(-movedFieldMax, Math.min(movedFieldMax, Number(parts?.[1])));
  return movers[parts?.[2] ?? '']?.(civil, count);
}
