import test from 'ava';
import fc from 'fast-check';
import {
  addMonths,
  civilDate,
  civilTimeIn,
  endOfPeriod,
  formatCivil,
  isWritable,
  parseCivilDate,
  parseCivilHour,
  startOfPeriod,
} from '../../../actors/domain/civil-time.ts';

const print = (civil: number): string | undefined => formatCivil(civil, 'yyyy-MM-dd HH:mm:ss');

test('clocks show the time of their zone, daylight saving included', t => {
  const at = Date.parse('2026-07-01T22:30:00Z');
  t.is(print(civilTimeIn('Europe/Berlin', at)), '2026-07-02 00:30:00');
  t.is(print(civilTimeIn('UTC', at)), '2026-07-01 22:30:00');
  t.is(print(civilTimeIn('Asia/Kolkata', at)), '2026-07-02 04:00:00');
});

test('a month has no more days than it has', t => {
  t.is(print(addMonths(civilDate(2024, 1, 31), 1)), '2024-02-29 00:00:00');
  t.is(print(addMonths(civilDate(2024, 3, 31), -1)), '2024-02-29 00:00:00');
  t.is(print(addMonths(civilDate(2024, 2, 29), 12)), '2025-02-28 00:00:00');
});

test('periods hold their days', t => {
  fc.assert(
    fc.property(
      fc.integer({min: 1000, max: 9000}),
      fc.integer({min: 1, max: 12}),
      fc.integer({min: 1, max: 28}),
      fc.constantFrom(1, 3, 6, 12),
      (year, month, day, months) => {
        const civil = civilDate(year, month, day);
        const [start, end] = [startOfPeriod(civil, months), endOfPeriod(civil, months)];
        t.true(start <= civil && civil <= end);
        t.is(startOfPeriod(end, months), start);
        t.is(startOfPeriod(start - 1, months), addMonths(start, -months));
      },
    ),
  );
});

test('a date that is none is not read', t => {
  t.is(parseCivilDate('20240229'), civilDate(2024, 2, 29));
  t.is(parseCivilDate('2024-02-29'), civilDate(2024, 2, 29));
  for (const text of ['20230229', '20240000', '2024-0229', '2024/02/29', '202402', '', '２０２４０２２９']) {
    t.is(parseCivilDate(text), undefined, text);
  }
  t.is(parseCivilHour('2024022923'), civilDate(2024, 2, 29, 23));
  for (const text of ['2024022924', '20240229', '2024-02-2901', '202402290x'])
    t.is(parseCivilHour(text), undefined, text);
});

test('a pattern prints quoted texts, pads numbers, and refuses letters it does not know', t => {
  const civil = civilDate(2026, 5, 1, 9);
  t.is(formatCivil(civil, "yyyy'year'M'' d/H"), "2026year5' 1/9");
  t.is(formatCivil(civil, 'yy.uuuu.MM.dd HH:mm:ss.SSS'), '26.2026.05.01 09:00:00.000');
  t.is(formatCivil(civil, 'EEE'), undefined);
  t.is(formatCivil(civil, "yyyy'"), undefined);
});

test('years before 1 and after 9999 can not be written', t => {
  t.true(isWritable(civilDate(9999, 12, 31)));
  t.false(isWritable(civilDate(10_000, 1, 1)));
  t.false(isWritable(NaN));
});
