/** Whose process is whose, and what a family uses: from what /proc says, without looking at it. */
import test from 'ava';
import {measured, metricsOf, sampleOf, type FamilySample} from '../../engines/engine-metrics.ts';
import {
  familiesOf,
  parseIo,
  parseStat,
  variableOf,
  type EngineRoot,
  type ProcessRow,
} from '../../engines/process-table.ts';

const line =
  '4711 (a) b (c) S 42 4711 4711 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 8812345 5000000 250 18446744073709551615 1 1';

test('a line of stat is read whatever the program calls itself', t => {
  t.deepEqual(parseStat(line), {
    pid: 4711,
    parent: 42,
    isDead: false,
    startTime: 8812345,
    cpuTicks: 154,
    faults: 10,
    residentPages: 250,
  });
  t.true(parseStat(line.replace(') S ', ') Z '))?.isDead);
  t.is(parseStat(''), undefined);
  t.is(parseStat('4711 (x) S 1'), undefined);
});

test('io and environment', t => {
  const io = 'rchar: 7\nwchar: 8\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n';
  t.deepEqual(parseIo(io), {readBytes: 4096, writtenBytes: 8192});
  t.deepEqual(parseIo(''), {readBytes: 0, writtenBytes: 0});
  t.is(variableOf('A=1\0MARK=x=y\0', 'MARK'), 'x=y');
  t.is(variableOf('A=1\0XMARK=1', 'MARK'), undefined);
});

const row = (pid: number, parent: number, more: Partial<ProcessRow> = {}): ProcessRow => ({
  pid,
  parent,
  isDead: false,
  startTime: pid * 10,
  cpuTicks: 0,
  faults: 0,
  residentPages: 0,
  ...more,
});
const root = (engineId: string, pid: number): EngineRoot => ({engineId, pid, startTime: pid * 10});
const nobody = (): undefined => undefined;
const pidsOf = (families: ReturnType<typeof familiesOf>, engineId: string): number[] =>
  (families.get(engineId) ?? []).map(({pid}) => pid).toSorted((a, b) => a - b);

test('a family is the engine and all below it, however deep, in whatever order they are listed', t => {
  const rows = [
    row(12, 11),
    row(1, 0),
    row(10, 1),
    row(13, 12),
    row(11, 10),
    row(20, 1),
    row(21, 20),
    row(30, 1),
  ];
  const families = familiesOf(rows, [root('a', 10), root('b', 20)], nobody);
  t.deepEqual(pidsOf(families, 'a'), [10, 11, 12, 13]);
  t.deepEqual(pidsOf(families, 'b'), [20, 21]);
});

test('an engine below another one is a family of its own', t => {
  const families = familiesOf([row(10, 1), row(11, 10), row(12, 11)], [root('a', 10), root('b', 11)], nobody);
  t.deepEqual(pidsOf(families, 'a'), [10]);
  t.deepEqual(pidsOf(families, 'b'), [11, 12]);
});

test('another process with the pid of an engine is not the engine', t => {
  const families = familiesOf([row(10, 1, {startTime: 7}), row(11, 10)], [root('a', 10)], nobody);
  t.deepEqual(pidsOf(families, 'a'), []);
});

test('what the tree does not show the mark does, with all below it; a mark counts less than the tree', t => {
  const rows = [row(1, 0), row(10, 1), row(11, 10), row(40, 1), row(41, 40), row(50, 1)];
  const marks = new Map([
    [40, 'a'],
    [11, 'b'],
  ]);
  const families = familiesOf(rows, [root('a', 10), root('b', 20)], ({pid}) => marks.get(pid));
  t.deepEqual(pidsOf(families, 'a'), [10, 11, 40, 41]);
  t.deepEqual(pidsOf(families, 'b'), []);
});

test('parents that lead in a circle, as pids that change hands may, end the search', t => {
  const families = familiesOf([row(2, 3), row(3, 2), row(10, 1)], [root('a', 10)], nobody);
  t.deepEqual(pidsOf(families, 'a'), [10]);
});

const io = (pid: number) => ({readBytes: pid, writtenBytes: 2 * pid});

test('a sample is the sum of a family; the dead count with their processor time alone', t => {
  const family = [
    row(10, 1, {cpuTicks: 100, residentPages: 5}),
    row(11, 10, {cpuTicks: 50, residentPages: 7}),
    row(12, 10, {cpuTicks: 3, residentPages: 9, isDead: true}),
  ];
  t.deepEqual(sampleOf(family, io, 7), {
    atMs: 7,
    residentPages: 12,
    cpuMs: 1530,
    readBytes: 21,
    writtenBytes: 42,
    processes: 2,
  });
});

const sample = (atMs: number, cpuMs: number, bytes = 0): FamilySample => ({
  atMs,
  cpuMs,
  readBytes: bytes,
  writtenBytes: bytes,
  residentPages: 3,
  processes: 1,
});

test('the share is what was used since the look before, of one processor', t => {
  const first = measured(undefined, sample(0, 5000));
  t.is(first.usage.cpuShare, 0);
  const second = measured(first.usage, sample(2000, 8000));
  t.is(second.usage.cpuShare, 1.5);
  t.deepEqual(second.growth, {cpuMs: 3000, readBytes: 0, writtenBytes: 0});
  const metrics = metricsOf(second.usage, {pageBytes: 4096, diskBytes: 9, at: 77});
  t.deepEqual(metrics, {
    rssBytes: 12_288,
    cpuMs: 8000,
    cpuShare: 1.5,
    readBytes: 0,
    writtenBytes: 0,
    processes: 1,
    diskBytes: 9,
    at: 77,
  });
});

test('totals never fall, also when a process took its part with it, and rise again at once', t => {
  const first = measured(undefined, sample(0, 9000, 500));
  const fallen = measured(first.usage, sample(1000, 1000, 100));
  t.is(fallen.usage.cpuMs, 9000);
  t.is(fallen.usage.cpuShare, 0);
  t.is(fallen.usage.readBytes, 500);
  const risen = measured(fallen.usage, sample(2000, 1400, 150));
  t.is(risen.usage.cpuMs, 9400);
  t.is(risen.usage.cpuShare, 0.4);
  t.is(risen.usage.writtenBytes, 550);
});

test('two looks at the same moment divide by nothing', t => {
  const first = measured(measured(undefined, sample(0, 0)).usage, sample(1000, 500));
  t.is(measured(first.usage, sample(1000, 500)).usage.cpuShare, 0.5);
});
