import test from 'ava';
import fc from 'fast-check';
import type {CodeLanguage} from '../../../actors/domain/code-language.ts';
import {substitute, type SubstitutionContext} from '../../../actors/domain/variable-substitution.ts';
import {linkisErrorOf} from '../../support/linkis-error.ts';

const context: SubstitutionContext = {
  variables: {},
  system: {user: 'bob', execute_user: 'bob', submit_user: 'alice'},
  nowMs: Date.parse('2026-05-01T08:20:30Z'),
  timeZone: 'Europe/Berlin',
  usesTimeOfDay: true,
};

type Given = {
  readonly variables?: Record<string, string>;
  readonly language?: CodeLanguage;
} & Partial<Omit<SubstitutionContext, 'variables'>>;

const run = (code: string, {language = 'shell', ...given}: Given = {}): string =>
  substitute(code, language, {...context, ...given});

const becomes = test.macro<[string, string, Given?]>({
  exec(t, code, expected, given) {
    t.is(run(code, given), expected);
  },
  title: (title, code, expected) => title ?? `${code} becomes ${expected}`,
});

/* Expected values were worked out on paper from behaviour 1.10: run_date is 30 April 2026. */
for (const [name, value] of Object.entries({
  run_date: '20260430',
  run_date_std: '2026-04-30',
  run_today: '20260501',
  run_today_std: '2026-05-01',
  run_month_begin: '20260401',
  run_month_end_std: '2026-04-30',
  run_quarter_begin: '20260401',
  run_quarter_end: '20260630',
  run_half_year_begin_std: '2026-01-01',
  run_half_year_end: '20260630',
  run_year_begin: '20260101',
  run_year_end_std: '2026-12-31',
  run_month_now_begin: '20260401',
  run_month_now_end: '20260430',
  run_mon: '202604',
  run_mon_std: '2026-04',
  run_mon_start: '202604',
  run_mon_end: '202612',
  run_mon_end_std: '2026-12',
  run_last_mon_now: '202604',
  run_current_mon_now: '202605',
  run_mon_now_std: '2026-05',
  run_today_h: '2026050110',
  run_today_h_std: '2026-05-01 10',
  run_today_hour: '2026050110',
  'run_date+1': '20260501',
  'run_date - 30': '20260331',
  'run_month_begin-1': '20260301',
  'run_month_end-2': '20260228',
  'run_quarter_end+1': '20260930',
  'run_half_year_begin-1': '20250701',
  'run_year_end_std+2': '2028-12-31',
  'run_mon_end+9': '202712',
  'run_mon-4': '202512',
  'run_month_now_begin-4': '20251201',
  'run_today_h+14': '2026050200',
  'run_today_h_std-11': '2026-04-30 23',
})) {
  test(becomes, `\${${name}}`, value);
}

test(
  'dates move with a given run_date',
  becomes,
  '${run_date} ${run_today} ${run_month_end} ${run_last_mon_now}',
  '20240228 20240229 20240229 202401',
  {
    variables: {run_date: '20240228'},
  },
);
test('a given run_date may have dashes', becomes, '${run_date}', '20240228', {
  variables: {run_date: '2024-02-28'},
});
test(
  'a given hour moves the hour',
  becomes,
  '${run_today_h+1} ${run_today_hour_std}',
  '2024022900 2024-02-28 23',
  {
    variables: {run_today_h: '2024022823'},
  },
);
test('today is that of the time zone', becomes, '${run_today} ${run_today_h}', '20260502 2026050201', {
  nowMs: Date.parse('2026-05-01T23:30:00Z'),
});

test(becomes, 'echo ${user} ${execute_user} ${submit_user}', 'echo bob bob alice');
test(
  'nobody can be somebody else by a variable',
  becomes,
  '#@set user=root\n${user} ${submit_user}',
  '#@set user=root\nbob alice',
  {
    variables: {submit_user: 'root', user: 'root'},
  },
);

test(
  'what is set in the code goes before the request, and the last line counts',
  becomes,
  '#@set a=1\n #@set a = 2 ;\n${a} ${b}',
  '#@set a=1\n #@set a = 2 ;\n2 4',
  {
    variables: {a: '3', b: '4'},
  },
);
for (const [language, marker] of [
  ['sql', '--@set'],
  ['python', '#@set'],
  ['scala', '//@set'],
  ['java', '!!@set'],
] as const) {
  test(`${language} sets variables by ${marker}`, becomes, `${marker} a=5\n\${a+1}`, `${marker} a=5\n6`, {
    language,
  });
}
test('JSON has no lines that set', becomes, '#@set a=5\n${a}', '#@set a=5\n${a}', {language: 'json'});
test(
  'the marker counts only where a line begins',
  becomes,
  'echo "#@set nothing" ${a}',
  'echo "#@set nothing" ${a}',
);

const numbers = {n: '10', half: '0.5', long: '9007199254740993', padded: '007', text: 'abc', zero: '0'};
for (const [expression, value] of Object.entries({
  'n + 5': '15',
  'n-15': '-5',
  'n * 1.5': '15',
  'n/4': '2.5',
  'n/3': '3.3333333333333333',
  'half+0.1': '0.6',
  'long+1': '9007199254740994',
  'zero+1': '1',
  'n + half': '10.5',
  n: '10',
  padded: '007',
  'padded+1': '0071',
  'text+n': 'abc10',
  'text + 1': 'abc1',
})) {
  test(becomes, `\${${expression}}`, value, {variables: numbers});
}

for (const untouched of [
  'echo ${HOME} ${x:-y} ${#x} ${x%.*} ${!x} $x $${y} ${} ${ } &{} & {a} ${unknown + 1}',
  'awk {print} && find {} +',
  '&{nonsense-pattern}',
  '&{yyyy%1x}',
  '${run_date',
  '&{yyyy',
]) {
  test(`left as it is written: ${untouched}`, becomes, untouched, untouched);
}

test(becomes, '&{yyyy-MM-dd%-1d}', '2026-04-29');
test(becomes, '&{yyyyMMdd}', '20260430');
test(becomes, "&{yy/M/d'T'HH:mm:ss%+1M%-20d}", '26/5/10T10:20:30');
test(becomes, '&{yyyy-MM-01%-2M}', '2026-02-01');
test(becomes, '&{ HH:mm%14H }', '00:20');
test(
  'patterns count from midnight when so configured',
  becomes,
  '&{yyyy-MM-dd HH:mm:ss}',
  '2026-04-30 00:00:00',
  {
    usesTimeOfDay: false,
  },
);
test(
  'patterns in JSON code are replaced in place',
  becomes,
  '{"a": ["&{yyyy%-1y}", 5]}',
  '{"a": ["2025", 5]}',
  {
    language: 'json',
  },
);

const fails = test.macro<[string, number, RegExp, Given?]>({
  exec(t, code, errorCode, message, given) {
    const error = linkisErrorOf(() => run(code, given));
    t.is(error.code, errorCode);
    t.regex(error.message, message);
  },
  title: (_, code, errorCode) => `${JSON.stringify(code)} is refused with ${errorCode}`,
});

test(fails, '#@set =5\n', 20041, /^\[#@set =5\] replaced var is null/);
test(fails, '${run_date+}', 20042, /^\[\$\{run_date\+\}\] expression is not right, please check/);
test(fails, '${run_date+x}', 20042, /x is no whole number/);
test(fails, '${run_date+999999999}', 20042, /out of the years 1 to 9999/);
test(fails, '${run_date}', 20043, /run_date is "yesterday", which is no date/, {
  variables: {run_date: 'yesterday'},
});
test(fails, '${run_today}', 20043, /run_date is "20260231"/, {variables: {run_date: '20260231'}});
test(fails, '${run_today_h}', 20043, /run_today_h is "2026050124"/, {variables: {run_today_h: '2026050124'}});
test(fails, '#@set a=b=c', 20044, /#@set a=b=c var defined uncorrectly/);
test(fails, '#@set a', 20045, /var was defined uncorrectly:#@set a/);
test(fails, '#@set a=', 20045, /var was defined uncorrectly/);
test(fails, '${run_date*2}', 20046, /DateType is not supported to use:\*/);
test(fails, '${n+abc}', 20047, /Number is not supported to use:\+abc/, {variables: {n: '1'}});
test(fails, '${n/0}', 20047, /Number is not supported to use:\/0/, {variables: {n: '1'}});
test(fails, '${s-1}', 20049, /String class is not supported to use:-/, {variables: {s: 'x'}});
test(fails, '&{yyyy%+9000y}', 20050, /&\{yyyy%\+9000y\} leads out of the years 1 to 9999/);

test('code without a known name is never changed', t => {
  const pieces = fc.constantFrom('${', '}', '&', '{', ' ', '\n', '+', '1', 'zz', '$', '#', "'", '"', '日');
  fc.assert(
    fc.property(
      fc.array(pieces, {maxLength: 60}).map(parts => parts.join('')),
      code => {
        t.is(run(code), code);
      },
    ),
  );
});

test('a value is put in as it is, and not searched for variables again', t => {
  const piece = fc.constantFrom('${', 'v', '}', '$', '\\', '$1', '$&', ' ', '日');
  fc.assert(
    fc.property(
      fc.array(piece).map(pieces => pieces.join('')),
      value => {
        t.is(run('a${v}b', {variables: {v: `x${value}`}}), `ax${value}b`);
      },
    ),
  );
});

test('time grows with the code, not with its square: five megabytes of openings', t => {
  for (const opening of ['${a', '${ ', '&{y', '${run_date+']) {
    const code = opening.repeat(5_000_000 / opening.length);
    const startedAt = performance.now();
    t.is(run(code), code);
    t.true(performance.now() - startedAt < 5000, opening);
  }
});
