/** Histograms, waits and figures: what is added up must tell what a look at every job tells. */
import test from 'ava';
import fc from 'fast-check';
import {
  addDuration,
  addHistogram,
  countOf,
  parseHistogram,
  percentileOf,
  printHistogram,
  type Histogram,
} from '../../../actors/domain/histogram.ts';
import {addFigures, addJob, everyCause, noFigures} from '../../../actors/domain/job-figures.ts';
import {parseCauses, readWaits} from '../../../actors/domain/metrics-waits.ts';

const durations = fc.array(fc.integer({min: 0, max: 10_000_000}), {minLength: 1, maxLength: 200});
const histogramOf = (all: readonly number[]): Histogram => {
  const histogram: Histogram = new Map();
  for (const ms of all) addDuration(histogram, ms);
  return histogram;
};

test('percentiles are right to 4 %, of halves added up too, and as text', t => {
  fc.assert(
    fc.property(durations, durations, fc.constantFrom(0.5, 0.95, 1), (one, other, share) => {
      const both = histogramOf(one);
      addHistogram(both, parseHistogram(printHistogram(histogramOf(other))));
      const sorted = [...one, ...other].toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1] ?? NaN;
      const found = percentileOf(both, share) ?? NaN;
      t.is(countOf(both), sorted.length);
      t.true(Math.abs(found - exact) <= Math.max(1, 0.041 * exact), `${found} for ${exact}`);
    }),
  );
});

test('of nothing there is no percentile, and what is no histogram is none', t => {
  t.is(percentileOf(new Map(), 0.5), undefined);
  t.is(countOf(parseHistogram('x:1 3 -1:2 2:0 1.5:1')), 0);
});

test('waits are read from the milestones, and causes where there are some', t => {
  const metrics =
    '{"submitTime":"2026-05-01T10:20:30+0800","scheduleTime":"2026-05-01T02:20:33+0000","runningTime":"2026-05-01T02:20:34+0000"}';
  t.deepEqual(readWaits(metrics), {queuedMs: 3000, launchMs: 1000, causes: null});
  t.deepEqual(readWaits('{"submitTime":"2026-05-01T10:20:30+0000"}'), {
    queuedMs: null,
    launchMs: null,
    causes: null,
  });
  t.is(readWaits(`{"waits":{"quota":12.5,"engine launch":3,"x":-1,"y":"z"},"a":1}`).causes, '{"quota":12.5}');
  const running = '"runningTime":"2026-05-01T02:20:34+0000"';
  t.deepEqual(readWaits(`{${running},"waits":{"queue":7}}`), {
    queuedMs: 7,
    launchMs: 0,
    causes: '{"queue":7}',
  });
  t.deepEqual(readWaits(`{${running},"waits":{}}`), {queuedMs: 0, launchMs: 0, causes: null});
  t.deepEqual(readWaits('{"waits":{"queue":7}}'), {queuedMs: 7, launchMs: null, causes: '{"queue":7}'});
  t.deepEqual(readWaits('no JSON at all'), {queuedMs: null, launchMs: null, causes: null});
  t.deepEqual(parseCauses('{"a":1,"b":null,"__proto__":5}'), {a: 1});
  t.is(
    Object.keys(
      parseCauses(JSON.stringify(Object.fromEntries(Array.from({length: 90}, (_, n) => [`c${n}`, n])))),
    ).length,
    20,
  );
});

test('a job that no engine had counts, but its waiting is not known', t => {
  const figures = noFigures();
  const job = {status: 'Succeed', tookMs: 10, queuedMs: 1000, launchMs: 500, causes: {}} as const;
  addJob(figures, job);
  addJob(figures, {...job, status: 'Cancelled', launchMs: null});
  addJob(figures, {...job, status: 'Running'});
  const twice = noFigures();
  addFigures(twice, figures);
  addFigures(twice, figures);
  t.is(twice.jobs, 6);
  t.like(twice.byStatus, {Succeed: 2, Cancelled: 2, Running: 2});
  const counts = [...twice.waits].map(([cause, waits]) => [cause, countOf(waits)]);
  t.deepEqual(Object.fromEntries(counts), {queue: 4, launch: 2, [everyCause]: 2});
  t.is(countOf(twice.took), 4);
});
