import test from 'ava';
import fc from 'fast-check';
import {
  advancingMetrics,
  parseMetricsTime,
  printMetricsTime,
  readMetrics,
  refusedMetrics,
  submittedMetrics,
} from '../../../actors/domain/metrics.ts';

const at = (second: number): number => Date.parse('2026-05-01T10:20:00Z') + second * 1000;

test('the life of a job leaves its times and its engine', t => {
  const engine = {engineId: 'shell-7f', isReused: true};
  const metrics = [
    ['scheduled', 1],
    ['running', 2],
    ['completed', 9],
  ] as const;
  const text = metrics.reduce(
    (current, [milestone, second]) => advancingMetrics(current)(milestone, at(second), engine),
    submittedMetrics(at(0)),
  );
  t.deepEqual(JSON.parse(text), {
    submitTime: '2026-05-01T10:20:00+0000',
    scheduleTime: '2026-05-01T10:20:01+0000',
    requestECTime: '2026-05-01T10:20:01+0000',
    runningTime: '2026-05-01T10:20:02+0000',
    jobToOrchestrator: '2026-05-01T10:20:02+0000',
    jobToECTIme: '2026-05-01T10:20:02+0000',
    engineInstance: 'shell-7f',
    isReuse: true,
    engineconnMap: {'shell-7f': {engineInstance: 'shell-7f', ticketId: 'shell-7f'}},
    completeTime: '2026-05-01T10:20:09+0000',
  });
  t.deepEqual(readMetrics(text), {
    submitTime: at(0),
    scheduleTime: at(1),
    runningTime: at(2),
    completeTime: at(9),
    engineInstance: 'shell-7f',
    ticketId: 'shell-7f',
    isReuse: true,
  });
  t.false(/\s/.test(text), 'filters search for "engineInstance":"… without a blank');
});

test('a refused job says NULL for its engine', t => {
  t.is(readMetrics(refusedMetrics(at(0))).engineInstance, 'NULL');
});

test('a retry changes nothing, unknown keys stay', t => {
  const text = '{"yarnResource":{"a":1}}';
  t.is(advancingMetrics(text)('retry', at(0)), text);
});

test('an unreadable column begins anew', t => {
  for (const text of ['', 'x', '[]', 'null']) {
    t.is(advancingMetrics(text)('completed', at(0)), '{"completeTime":"2026-05-01T10:20:00+0000"}');
    t.deepEqual(readMetrics(text), {});
  }
  t.deepEqual(readMetrics('{"submitTime":5,"engineconnMap":[],"isReuse":"x","engineInstance":7}'), {});
});

test('a time is read in any zone, and read back as printed', t => {
  t.is(parseMetricsTime('2026-05-01T18:20:00+0800'), at(0));
  t.is(parseMetricsTime('2026-05-01T18:20:00'), undefined);
  fc.assert(
    fc.property(fc.integer({min: 0, max: 4_000_000_000}), seconds => {
      t.is(parseMetricsTime(printMetricsTime(seconds * 1000)), seconds * 1000);
    }),
  );
});
