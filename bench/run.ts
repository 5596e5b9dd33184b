/**
 * Runs benchmarks, prints their table and writes it as JSON to `bench/results/`.
 *
 *     node bench/run.ts                                 all of them
 *     node bench/run.ts runtime submit                  these
 *     node bench/run.ts runtime --short --tolerance 0.5 quickly; fails only below half of a goal (CI)
 *
 * Exits with 1 when a row misses its goal. A machine that others use at the same time moves figures by a quarter; each
 * row is a ratio to something measured in the same run, so that most of this cancels out.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import {cpus, loadavg, totalmem} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {isWithin, type BenchOptions, type Row} from './row.ts';

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Row[]>>> = {
  runtime: async options => (await import('./runtime.ts')).benchRuntime(options),
  backlog: async options => (await import('./backlog.ts')).benchBacklog(options),
  cluster: async options => (await import('./cluster.ts')).benchCluster(options),
  gateway: async options => (await import('./gateway.ts')).benchGateway(options),
  'engine-launch': async options => (await import('./engine-launch.ts')).benchEngineLaunch(options),
  history: async options => (await import('./history.ts')).benchHistory(options),
  jdbc: async options => (await import('./jdbc.ts')).benchJdbc(options),
  log: async options => (await import('./log.ts')).benchLog(options),
  start: async options => (await import('./start.ts')).benchStart(options),
  router: async options => (await import('./router.ts')).benchRouter(options),
  scheduling: async options => (await import('./scheduling.ts')).benchScheduling(options),
  submit: async options => (await import('./submit.ts')).benchSubmit(options),
  warm: async options => (await import('./warm.ts')).benchWarm(options),
  'queue-peers': async options => (await import('./queue-peers.ts')).benchQueuePeers(options),
};

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {short: {type: 'boolean', default: false}, tolerance: {type: 'string', default: '1'}},
});
const tolerance = Number(values.tolerance);
const chosen = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = chosen.filter(name => !(name in benches));
if (unknown.length > 0 || !(tolerance > 0)) {
  console.error(`Choose among: ${Object.keys(benches).join(', ')}; --tolerance is above 0.`);
  process.exit(2);
}

const rows: (Row & {readonly bench: string})[] = [];
for (const name of chosen) {
  const found = (await benches[name]?.({isShort: values.short})) ?? [];
  rows.push(...found.map(each => ({bench: name, ...each})));
}

const figure = (value: number): string =>
  value.toLocaleString('en', {maximumSignificantDigits: value < 1000 ? 3 : 4});

const table = [
  ['', 'benchmark', 'ours', 'against', 'theirs', 'ratio', 'goal', ''],
  ...rows.map(each => [
    each.ok ? 'ok' : isWithin(each, tolerance) ? 'tolerated' : 'MISSED',
    each.name,
    `${figure(each.ours)} ${each.unit}`,
    each.against,
    figure(each.theirs),
    figure(each.ratio),
    each.goal,
    each.note ?? '',
  ]),
];
const widths =
  table[0]?.map((_, column) => Math.max(...table.map(cells => cells[column]?.length ?? 0))) ?? [];
for (const cells of table) {
  console.log(
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

const git = (...args: string[]): string => spawnSync('git', args, {encoding: 'utf8'}).stdout.trim();
const directory = fileURLToPath(new URL('results', import.meta.url));
mkdirSync(directory, {recursive: true});
const at = new Date().toISOString();
const file = join(directory, `${at.replaceAll(':', '-')}.json`);
const machine = {cores: cpus().length, cpu: cpus()[0]?.model, memoryBytes: totalmem(), load: loadavg()[0]};
const report = {
  at,
  commit: git('rev-parse', '--short', 'HEAD'),
  node: process.version,
  machine,
  ...values,
  rows,
};
writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
console.log(`\n${file}`);
process.exit(rows.every(each => isWithin(each, tolerance)) ? 0 : 1);
