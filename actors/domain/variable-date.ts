/**
 * The built-in date variables (Linkis: `VariableUtils.initAllDateVars`), as a table: base, unit that `+ n` counts in, which
 * edge of the unit is shown, and the form. Each name exists a second time with `_std`, printed with dashes.
 */
import {
  addDays,
  addHours,
  addMonths,
  civilDate,
  endOfPeriod,
  formatCivil,
  parseCivilDate,
  parseCivilHour,
  startOfDay,
  startOfPeriod,
  type CivilMs,
} from './civil-time.ts';
import type {Variable} from './variable.ts';
import {VariableDateError} from './variable-error.ts';

type Edge = 'begin' | 'end' | 'december';

type BuiltIn = {
  /** `run_date`, `run_today`, or the hour of `run_today_h`. */
  readonly base: 'date' | 'today' | 'hour';
  readonly unit: 'hour' | 'day' | 'month';
  /** Months in the unit, where that is `month`. */
  readonly months?: 1 | 3 | 6 | 12;
  readonly edge?: Edge;
  /** Units before the base's own. */
  readonly before?: number;
  readonly form: keyof typeof forms;
};

const forms = {
  day: ['yyyyMMdd', 'yyyy-MM-dd'],
  month: ['yyyyMM', 'yyyy-MM'],
  hour: ['yyyyMMddHH', 'yyyy-MM-dd HH'],
} as const;

const period = (months: 1 | 3 | 6 | 12, edge: Edge): BuiltIn => ({
  base: 'date',
  unit: 'month',
  months,
  edge,
  form: 'day',
});

const month = (base: 'date' | 'today', edge: Edge = 'begin', before = 0): BuiltIn => ({
  base,
  unit: 'month',
  months: 1,
  edge,
  before,
  form: 'month',
});

const builtIns: Readonly<Record<string, BuiltIn>> = {
  run_date: {base: 'date', unit: 'day', form: 'day'},
  run_today: {base: 'today', unit: 'day', form: 'day'},
  run_month_begin: period(1, 'begin'),
  run_month_end: period(1, 'end'),
  run_quarter_begin: period(3, 'begin'),
  run_quarter_end: period(3, 'end'),
  run_half_year_begin: period(6, 'begin'),
  run_half_year_end: period(6, 'end'),
  run_year_begin: period(12, 'begin'),
  run_year_end: period(12, 'end'),
  run_month_now_begin: {...month('today', 'begin', 1), form: 'day'},
  run_month_now_end: {...month('today', 'end', 1), form: 'day'},
  run_mon: month('date'),
  run_mon_start: month('date'),
  run_mon_end: month('date', 'december'),
  run_last_mon_now: month('today', 'begin', 1),
  run_current_mon_now: month('today'),
  run_mon_now: month('today'),
  run_today_h: {base: 'hour', unit: 'hour', form: 'hour'},
  run_today_hour: {base: 'hour', unit: 'hour', form: 'hour'},
};

/** Names that a client may give as a variable, to move what is counted from. */
export const dateBases = {run_date: 'yyyyMMdd', run_today_h: 'yyyyMMddHH', run_today_hour: 'yyyyMMddHH'};

export type DateBases = Readonly<Record<BuiltIn['base'], CivilMs>>;

/**
 * What the built-ins count from: yesterday, unless `given` has `run_date`; and today with the hour that it is now, unless
 * given. Throws `VariableDateError`.
 */
export function readDateBases(given: ReadonlyMap<string, string>, now: CivilMs): DateBases {
  const dateText = given.get('run_date');
  const date = dateText === undefined ? addDays(startOfDay(now), -1) : parseCivilDate(dateText);
  if (date === undefined) throw new VariableDateError('run_date', dateText ?? '', 'date as yyyyMMdd');
  const today = addDays(date, 1);
  const hourName = given.has('run_today_h') ? 'run_today_h' : 'run_today_hour';
  const hourText = given.get(hourName);
  const hour =
    hourText === undefined ? addHours(today, new Date(now).getUTCHours()) : parseCivilHour(hourText);
  if (hour === undefined) throw new VariableDateError(hourName, hourText ?? '', 'hour as yyyyMMddHH');
  return {date, today, hour};
}

/** Undefined if there is no built-in of that name. */
export function dateVariable(name: string, bases: DateBases): Variable | undefined {
  const isStandard = name.endsWith('_std');
  const stem = isStandard ? name.slice(0, -4) : name;
  const builtIn = Object.hasOwn(builtIns, stem) ? builtIns[stem] : undefined;
  if (builtIn === undefined) return undefined;
  const pattern = forms[builtIn.form][isStandard ? 1 : 0];
  return {
    type: 'date',
    move: units => moved(builtIn, bases[builtIn.base], units),
    print: civil => formatCivil(civil, pattern) ?? '',
  };
}

function moved({unit, months = 1, edge, before = 0}: BuiltIn, base: CivilMs, units: number): CivilMs {
  const by = units - before;
  if (unit === 'hour') return addHours(base, by);
  if (unit === 'day') return addDays(base, by);
  const civil = addMonths(startOfPeriod(base, months), by * months);
  if (edge === 'december') return civilDate(new Date(civil).getUTCFullYear(), 12, 1);
  return edge === 'end' ? endOfPeriod(civil, months) : civil;
}
