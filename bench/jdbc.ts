/**
 * A million rows into a result set, by a real jdbc engine from `execute` to the end in its spool, against the bare driver
 * that reads the same rows and throws them away; and what the engine's memory grows by while it does that.
 */
import {fork, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {EngineHandle} from '../actors/ports.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {createEngineDriver} from '../engines/process-driver.ts';
import type {DriverTask} from './jdbc-driver.ts';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';

const rssGrowthGoalMb = 60;
const sampleMs = 20;
const silent = (): void => undefined;

const queries: Readonly<Record<DriverTask['kind'], (rows: number) => string>> = {
  duckdb: rows =>
    `select i, i * 1.5::double as d, 'name ' || i as n, date '2020-01-01' + (i % 1000)::int as t from range(${rows}) r(i)`,
  sqlite: rows =>
    `with recursive r(i) as (select 0 union all select i + 1 from r where i < ${rows - 1}) select i, i * 1.5 as d, 'name ' || i as n, date(i * 1000, 'unixepoch') as t from r`,
};

const parameters: Readonly<Record<DriverTask['kind'], Readonly<Record<string, unknown>>>> = {
  duckdb: {},
  sqlite: {'wds.linkis.jdbc.connect.url': 'jdbc:sqlite::memory:'},
};

export async function benchJdbc({isShort}: BenchOptions): Promise<readonly Row[]> {
  const rows = isShort ? 200_000 : 1_000_000;
  const rounds = isShort ? 2 : 5;
  const directory = await mkdtemp(join(tmpdir(), 'tenon-bench-jdbc-'));
  const driver = await createEngineDriver({
    enginesDirectory: join(directory, 'engines'),
    socketDirectory: join(directory, 's'),
    clock: systemClock,
    log: {debug: silent, info: silent, warn: silent, error: silent},
  });
  const bare = fork(fileURLToPath(new URL('jdbc-driver.ts', import.meta.url)));
  const engine = await driver.launch(
    {
      engineId: 'bench',
      engineType: 'jdbc',
      user: 'ann',
      creator: 'bench',
      limits: {memoryBytesMax: 2 ** 31, processesMax: 200, diskBytesMax: 2 ** 33, openFilesMax: 1024},
      orphanIdleMs: 60_000,
      orphanBusyMs: 60_000,
    },
    30_000,
  );
  try {
    const found: Row[] = [];
    for (const kind of ['duckdb', 'sqlite'] as const)
      found.push(...(await rowsOf(kind, engine, bare, rows, rounds)));
    return found;
  } finally {
    bare.disconnect();
    await engine.shutdown(0);
    await rm(directory, {recursive: true, force: true});
  }
}

async function rowsOf(
  kind: DriverTask['kind'],
  engine: EngineHandle,
  bare: ChildProcess,
  rows: number,
  rounds: number,
): Promise<Row[]> {
  const sql = queries[kind](rows);
  const ours = (): Promise<number> => resultRate(engine, kind, sql, rows);
  const theirs = (): Promise<number> => bareRate(bare, {kind, sql});
  // What is loaded and compiled once is no growth.
  await ours();
  await theirs();
  const memory = await watchMemory(engine.pid);
  const samples = await interleaved(rounds, {ours, theirs});
  const {baseMb, growthMb} = memory.end();
  return [
    row({
      name: `${rows.toLocaleString('en')} rows of ${kind} into a result set`,
      ours: median(samples.ours),
      unit: 'rows/s',
      against: 'bare driver, rows thrown away',
      theirs: median(samples.theirs),
      // SQLite's rows cross a process border, which is what makes its statements killable.
      atLeast: kind === 'duckdb' ? 0.5 : 0.2,
      note: `ours ${range(samples.ours)}, theirs ${range(samples.theirs)}`,
    }),
    row({
      name: `growth of the engine meanwhile, ${kind}`,
      ours: growthMb,
      unit: 'MB',
      against: 'goal',
      theirs: rssGrowthGoalMb,
      atMost: 1,
      note: `from ${baseMb.toFixed(0)} MB`,
    }),
  ];
}

const range = (samples: readonly number[]): string =>
  `${Math.round(Math.min(...samples) / 1000)}–${Math.round(Math.max(...samples) / 1000)}k`;

let tasks = 0;

async function resultRate(
  engine: EngineHandle,
  kind: DriverTask['kind'],
  code: string,
  rows: number,
): Promise<number> {
  tasks += 1;
  const taskID = tasks;
  const ended = Promise.withResolvers<string | undefined>();
  const startedMs = performance.now();
  await engine.execute({
    taskID,
    attempt: 1,
    epoch: 1,
    code,
    codeType: 'sql',
    runtimeParams: {'wds.linkis.jdbc.default.limit': 0, ...parameters[kind]},
    environment: {},
  });
  engine.follow(taskID, 1, 0, async events => {
    for (const event of events) {
      if (event.type !== 'ended') continue;
      ended.resolve(
        event.end.outcome === 'succeeded' ? undefined : (event.end.failure?.message ?? 'not ended well'),
      );
    }
  });
  const problem = await ended.promise;
  if (problem !== undefined) throw new Error(problem);
  const seconds = (performance.now() - startedMs) / 1000;
  await engine.confirm(taskID, 1);
  return rows / seconds;
}

async function bareRate(bare: ChildProcess, task: DriverTask): Promise<number> {
  bare.send(task);
  const [rate] = (await once(bare, 'message')) as [number];
  return rate;
}

/** Of one process: what it has now, and how much more it had at its highest until `end`. */
async function watchMemory(pid: number): Promise<{readonly end: () => {baseMb: number; growthMb: number}}> {
  const residentMb = async (): Promise<number> => {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
  };
  const baseMb = await residentMb();
  let highestMb = baseMb;
  const timer = setInterval(() => {
    void residentMb().then(nowMb => {
      highestMb = Math.max(highestMb, nowMb);
    });
  }, sampleMs);
  return {
    end() {
      clearInterval(timer);
      return {baseMb, growthMb: highestMb - baseMb};
    },
  };
}
