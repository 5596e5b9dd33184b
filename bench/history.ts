/**
 * Pages of a history of 1,000,000 jobs, with each filter and with several: how long until a page and its total are there,
 * through the store as the facade asks it. The rows are written in bulk; then the store's own upkeep numbers them and
 * seals their days, as it would for the rows of an older version.
 *
 * TENON_BENCH_DATABASES=sqlite,mariadb,mysql measures servers, too; TENON_BENCH_JOBS sets another number of jobs.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {JobFilter} from '../actors/ports.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {openBackend} from '../persistence/backend.ts';
import {openDatabase} from '../persistence/database.ts';
import {parseDatabaseUrl} from '../persistence/database-url.ts';
import {keepUp} from '../persistence/history-upkeep.ts';
import {freshServerDatabase, startServer, type ServerName} from '../test/servers/server-fixture.ts';
import {newestMs, writeHistory} from './history-rows.ts';
import {percentile, row, type BenchOptions, type Row} from './row.ts';

const dayMs = 86_400_000;
const limitMs = {sqlite: 100, mysql: 50, mariadb: 50} as const;

export const pages: readonly (readonly [name: string, filter: JobFilter, page: number])[] = [
  ['everything', {}, 1],
  ['everything, page 500', {}, 500],
  ['until now', {createdFromMs: 0, createdToMs: newestMs + dayMs}, 1],
  ['one day of 90', {createdFromMs: newestMs - 40 * dayMs, createdToMs: newestMs - 39 * dayMs}, 1],
  ['the busiest user', {submitUser: 'user-0'}, 1],
  ['the busiest user, page 200', {submitUser: 'user-0'}, 200],
  ['a rare user', {submitUser: 'user-299'}, 1],
  ['nobody', {submitUser: 'nobody'}, 1],
  ['Succeed', {statuses: ['Succeed']}, 1],
  ['Failed, Timeout', {statuses: ['Failed', 'Timeout']}, 1],
  ['unfinished', {statuses: ['Running', 'Inited', 'Scheduled', 'WaitForRetry']}, 1],
  ['engine type', {engineType: 'jdbc'}, 1],
  ['an engine type nobody used', {engineType: 'none'}, 1],
  ['creator', {creator: 'api'}, 1],
  ['instance', {instance: 'host-3:9001'}, 1],
  ['tenant', {tenant: 'tenant-7'}, 1],
  ['run type', {runType: 'py'}, 1],
  ['engine instance', {engineInstance: 'engine-777'}, 1],
  ['ids', {taskIDs: [5, 50, 500, 5000]}, 1],
  ['user and Timeout', {submitUser: 'user-0', statuses: ['Timeout']}, 1],
  ['user, engine type, creator', {submitUser: 'user-1', engineType: 'jdbc', creator: 'api'}, 1],
  ['engine type and Failed', {engineType: 'python', statuses: ['Failed']}, 1],
  ['engine type, creator, Cancelled', {engineType: 'python', creator: 'etl', statuses: ['Cancelled']}, 1],
  [
    'tenant, instance, Timeout, a week',
    {
      tenant: 'tenant-3',
      instance: 'host-2:9001',
      statuses: ['Timeout'],
      createdFromMs: newestMs - 20 * dayMs,
      createdToMs: newestMs - 13 * dayMs,
    },
    1,
  ],
  ['never together', {tenant: 'tenant-7', submitUser: 'user-0'}, 1],
  ['longest', {orderBy: 'longest'}, 1],
  ['longest of the busiest user', {submitUser: 'user-0', orderBy: 'longest'}, 1],
  ['longest of an engine type', {engineType: 'jdbc', orderBy: 'longest'}, 1],
];

export async function benchHistory({isShort}: BenchOptions): Promise<Row[]> {
  const jobs = Number(process.env['TENON_BENCH_JOBS'] ?? (isShort ? 100_000 : 1_000_000));
  const rows: Row[] = [];
  for (const name of (process.env['TENON_BENCH_DATABASES'] ?? 'sqlite').split(',')) {
    if (name === 'sqlite') rows.push(...(await onEmbedded(jobs)));
    if (name === 'mariadb' || name === 'mysql') rows.push(...(await onServer(name, jobs)));
  }
  return rows;
}

async function onEmbedded(jobs: number): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-bench-history-'));
  try {
    return await measured('sqlite:history.db', directory, jobs, 'sqlite');
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

async function onServer(name: ServerName, jobs: number): Promise<Row[]> {
  const server = startServer(name);
  if ('absent' in server) throw new Error(server.absent);
  try {
    return await measured(await freshServerDatabase(server), tmpdir(), jobs, name);
  } finally {
    server.remove();
  }
}

async function measured(
  url: string,
  dataDirectory: string,
  jobs: number,
  kind: keyof typeof limitMs,
): Promise<Row[]> {
  await build(url, dataDirectory, jobs);
  const database = await openDatabase({url, dataDirectory, clock: systemClock, log: () => undefined});
  try {
    const found: Row[] = [];
    for (const [name, filter, number] of pages) {
      const samples: number[] = [];
      let total = '';
      for (let round = 0; round < 30; round += 1) {
        const startMs = performance.now();
        const page = await database.jobs.list(filter, {number, size: 20});
        samples.push(performance.now() - startMs);
        total = page.totalIsCapped ? `about ${page.approximateTotal ?? '10,000+'}` : String(page.total);
      }
      found.push(
        row({
          name: `${kind}: ${name}`,
          unit: 'ms',
          against: 'limit',
          ours: percentile(samples, 0.99),
          theirs: limitMs[kind],
          atMost: 1,
          note: `p50 ${percentile(samples, 0.5).toFixed(1)} ms, first ${(samples[0] ?? NaN).toFixed(1)} ms; ${total} of ${jobs}`,
        }),
      );
    }
    return found;
  } finally {
    await database.close();
  }
}

/** Writes the jobs, and does at once what the upkeep would do in the background. */
async function build(url: string, dataDirectory: string, jobs: number): Promise<void> {
  const target = parseDatabaseUrl(url, dataDirectory);
  const {session} = await openBackend({target, leaseMs: 10_000, lockWaitMsMax: 60_000}, () => undefined);
  try {
    const startMs = performance.now();
    let told = 0;
    await writeHistory(session, jobs, written => {
      if (written - told < jobs / 4) return;
      told = written;
      console.error(`${written.toLocaleString('en')} jobs written, ${secondsSince(startMs)}`);
    });
    const upkeepMs = performance.now();
    while ((await keepUp(session, newestMs + 2 * dayMs)).hasMore);
    console.error(`upkeep of ${jobs.toLocaleString('en')} jobs: ${secondsSince(upkeepMs)}`);
  } finally {
    await session.close();
  }
}

const secondsSince = (startMs: number): string => `${((performance.now() - startMs) / 1000).toFixed(0)} s`;
