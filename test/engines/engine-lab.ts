/**
 * Real engines for tests: a driver on fresh directories, and tasks run to their end. Teardown ends every engine, and fails
 * the test if a process is left that carries the mark of one of them.
 */
import {createHash} from 'node:crypto';
import {chmod, mkdtemp, readFile, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {registerCompletionHandler, type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import type {EngineEvent, EngineHandle, EngineLaunch, EngineTask, TaskEnd} from '../../actors/ports.ts';
import type {EngineLog} from '../../engines/engine-log.ts';
import {engineDirectory, readEngineRecord, type EngineRecord} from '../../engines/engine-directory.ts';
import {
  createEngineDriver,
  type EngineDriverOptions,
  type ProcessEngineDriver,
} from '../../engines/process-driver.ts';
import {signalProcess} from '../../engines/process-identity.ts';
import {markedProcesses, sweepProcesses} from '../../engines/process-sweep.ts';
import {environment, launchOf, launchTimeoutMs, taskOf} from './launches.ts';

// A driver has no end of its own: its fork server waits a minute for the next engine, and would keep AVA waiting too.
registerCompletionHandler(() => process.exit());

export type EngineLab = {
  readonly directory: string;
  readonly enginesDirectory: string;
  readonly socketDirectory: string;
  readonly driver: ProcessEngineDriver;
  /** Another driver on the same directories: the node that comes after. */
  readonly successor: (options?: Partial<EngineDriverOptions>) => Promise<ProcessEngineDriver>;
  readonly launch: (engineType: string, launch?: Partial<EngineLaunch>) => Promise<EngineHandle>;
  /** Living processes that an engine launched here has started; the host is not one of them. */
  readonly processesOf: (engineId: string) => Promise<number[]>;
  /** Resolves when there are none. */
  readonly nobodyLeft: (engineId: string) => Promise<unknown>;
  /** Everything the drivers logged, as text. */
  readonly logged: () => string;
};

export async function engineLab(
  t: Pick<ExecutionContext, 'teardown' | 'fail'>,
  options: Partial<EngineDriverOptions> = {},
): Promise<EngineLab> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-engines-'));
  if (options.isolation !== undefined) await chmod(directory, 0o711);
  const enginesDirectory = join(directory, 'engines');
  const socketDirectory = join(directory, 's');
  const said: string[] = [];
  const successor = (more: Partial<EngineDriverOptions> = {}): Promise<ProcessEngineDriver> =>
    createEngineDriver({
      enginesDirectory,
      socketDirectory,
      clock: systemClock,
      log: collectingLog(said),
      environment,
      ...options,
      ...more,
    });
  const driver = await successor();
  const launched = new Map<string, EngineRecord>();
  t.teardown(async () => {
    for (const name of await readdir(enginesDirectory).catch(() => [])) {
      const record = await readEngineRecord(engineDirectory(join(enginesDirectory, name)));
      if (record !== undefined) launched.set(record.engineId, record);
    }
    for (const record of launched.values()) {
      await signalProcess(record, 'SIGKILL');
      const left = await sweepProcesses(record.mark, record.cgroup);
      if (left.length > 0) t.fail(`processes of engine ${record.engineId} are left: ${left.join(', ')}`);
    }
    await rm(directory, {recursive: true, force: true, maxRetries: 10});
  });
  const processesOf = async (engineId: string): Promise<number[]> => {
    const {mark, pid: host} = launched.get(engineId) ?? {mark: '', pid: 0};
    return (await markedProcesses(mark)).filter(pid => pid !== host);
  };
  let count = 0;
  return {
    directory,
    enginesDirectory,
    socketDirectory,
    driver,
    successor,
    async launch(engineType, launch = {}) {
      const engineId = launch.engineId ?? `${engineType}-${count++}`;
      const engine = await driver.launch({...launchOf(engineType, engineId), ...launch}, launchTimeoutMs);
      const record = await readEngineRecord(engineDirectory(join(enginesDirectory, engineId)));
      if (record !== undefined) launched.set(engineId, record);
      return engine;
    },
    processesOf,
    nobodyLeft: engineId =>
      eventually(`no process of engine ${engineId}`, async () =>
        (await processesOf(engineId)).length === 0 ? (true as const) : undefined,
      ),
    logged: () => said.join('\n'),
  };
}

function collectingLog(said: string[]): EngineLog {
  const say = (values: Readonly<Record<string, unknown>>, message: string): void => {
    said.push(
      `${message} ${JSON.stringify(values, (_, value: unknown) => (value instanceof Error ? value.message : value))}`,
    );
  };
  return {debug: say, info: say, warn: say, error: say};
}

export type Followed = {
  /** All log lines as one text. */
  readonly log: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly progress: readonly number[];
  readonly end: TaskEnd;
  /** After the last event. */
  readonly offset: number;
};

/** Follows a task to its end. `keepsLog` false: only counts and hashes, for large logs. */
export function followToEnd(
  engine: EngineHandle,
  {
    taskID = 1,
    attempt = 1,
    from = 0,
    keepsLog = true,
    onEvents,
  }: {
    readonly taskID?: number;
    readonly attempt?: number;
    readonly from?: number;
    readonly keepsLog?: boolean;
    readonly onEvents?: (events: readonly EngineEvent[]) => Promise<void>;
  } = {},
): Promise<Followed> {
  const hash = createHash('sha256');
  const parts: Uint8Array[] = [];
  const progress: number[] = [];
  let bytes = 0;
  return new Promise(resolve => {
    engine.follow(taskID, attempt, from, async events => {
      await onEvents?.(events);
      for (const event of events) {
        if (event.type === 'log') {
          hash.update(event.lines);
          bytes += event.lines.length;
          if (keepsLog) parts.push(Uint8Array.from(event.lines));
        } else if (event.type === 'progress') {
          progress.push(event.progress);
        } else {
          const log = Buffer.concat(parts).toString('utf8');
          resolve({log, bytes, sha256: hash.digest('hex'), progress, end: event.end, offset: event.offset});
        }
      }
    });
  });
}

/** Runs a task to its confirmed end. */
export async function runTask(
  engine: EngineHandle,
  code: string,
  task: Partial<EngineTask> = {},
): Promise<Followed> {
  const full = taskOf(code, task);
  await engine.execute(full);
  const followed = await followToEnd(engine, full);
  await engine.confirm(full.taskID, full.attempt);
  return followed;
}

export type Ran = Followed & {
  /** Contents of `_0.dolphin`, `_1.dolphin` … */
  readonly results: readonly string[];
};

/** Like `runTask`, with the result sets that were published. */
export async function runForResults(
  lab: EngineLab,
  engine: EngineHandle,
  code: string,
  task: Partial<EngineTask> = {},
): Promise<Ran> {
  const full = taskOf(code, task);
  await engine.execute(full);
  const followed = await followToEnd(engine, full);
  const directory = join(lab.directory, 'results', engine.engineId, String(full.taskID));
  const count = await engine.publishResults(full.taskID, full.attempt, directory);
  const results: string[] = [];
  for (let number = 0; number < count; number++) {
    results.push(await readFile(join(directory, `_${number}.dolphin`), 'utf8'));
  }
  await engine.confirm(full.taskID, full.attempt);
  return {...followed, results};
}

/** Looks until `look` answers something, at most 20 s: for what no event announces, such as another process' death. */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within 20 s: ${what}`);
    await wait(10);
  }
}
