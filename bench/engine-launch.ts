/**
 * From the wish for an engine to one that is attached and would take a job, against the bare start of the program it is made
 * of: `sh -c true` for shell, `python3 -c pass` for python. All in this process, in turn, each alone; the first engine of a
 * host, which starts what forks the others, is not among the samples.
 */
import {spawn} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {systemClock} from '../actors/runtime/clock.ts';
import type {EngineHandle} from '../actors/ports.ts';
import {createEngineDriver} from '../engines/process-driver.ts';
import {resolvePython} from '../engines/python-interpreter.ts';
import {interleaved, median, row, type BenchOptions, type Row} from './row.ts';

const silent = (): void => undefined;
const log = {debug: silent, info: silent, warn: silent, error: silent};
const environment = {PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8'};

export async function benchEngineLaunch({isShort}: BenchOptions): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-bench-'));
  try {
    const driver = await createEngineDriver({
      enginesDirectory: join(directory, 'engines'),
      socketDirectory: join(directory, 's'),
      clock: systemClock,
      log,
      environment,
    });
    // Not the shim of a version manager: that would make us look good.
    const python = await resolvePython('python3', environment);
    let count = 0;
    const launch = async (engineType: string): Promise<EngineHandle> =>
      driver.launch(
        {
          engineId: `bench-${count++}`,
          engineType,
          user: 'bench',
          creator: 'IDE',
          limits: {memoryBytesMax: 2 ** 30, processesMax: 200, diskBytesMax: 2 ** 30, openFilesMax: 1024},
          orphanIdleMs: 60_000,
          orphanBusyMs: 60_000,
        },
        30_000,
      );
    const launched = (engineType: string) => async (): Promise<number> => {
      const startedMs = performance.now();
      const engine = await launch(engineType);
      const tookMs = performance.now() - startedMs;
      await engine.shutdown(0);
      return tookMs;
    };
    await launched('shell')();
    await launched('python')();
    const samples = await interleaved(isShort ? 7 : 30, {
      shell: launched('shell'),
      sh: () => runMs('sh', ['-c', 'true']),
      python: launched('python'),
      pass: () => runMs(python, ['-c', 'pass']),
    });
    const note = 'median; attached, its directory, socket and claim made';
    return [
      row({
        name: 'shell engine launch',
        ours: median(samples.shell),
        unit: 'ms',
        against: 'spawn of sh -c true',
        theirs: median(samples.sh),
        atMost: 3,
        note,
      }),
      row({
        name: 'python engine launch',
        ours: median(samples.python),
        unit: 'ms',
        against: 'spawn of python3 -c pass',
        theirs: median(samples.pass),
        atMost: 1.5,
        note: `${note}; its interpreter is started beside that`,
      }),
    ];
  } finally {
    await rm(directory, {recursive: true, force: true});
  }
}

function runMs(program: string, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {stdio: 'ignore', env: environment});
    child.once('error', reject);
    child.once('exit', () => resolve(performance.now() - startedMs));
  });
}
