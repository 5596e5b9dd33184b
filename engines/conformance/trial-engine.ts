/**
 * One engine under check, launched as section 2 of docs/engine-protocol.md says and by nothing else: its program gets the
 * directory, descriptors and one line of configuration, and is then known by what it writes and serves.
 */
import {spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, open, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {engineDirectory, readHostLog} from '../engine-directory.ts';
import {markedProcesses, markVariable, sweepProcesses} from '../process-sweep.ts';
import {startTimeOf} from '../process-identity.ts';
import {EngineBreachError} from './conformance-errors.ts';
import type {Patience} from './patience.ts';

/** The configuration line, but for what each launch makes anew. */
export type TrialSettings = {
  readonly engineType: string;
  readonly user: string;
  readonly creator: string;
  readonly limits: Readonly<Record<string, number>>;
  readonly orphanIdleMs: number;
  readonly orphanBusyMs: number;
  readonly windowBytes: number;
  readonly unattendedBytesMax: number;
  readonly lineBytesMax: number;
  readonly killGraceMs: number;
  readonly pythonPath: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What a later version of the protocol may add. */
  readonly more?: Readonly<Record<string, unknown>>;
};

export type TrialPlace = {
  readonly engineId: string;
  /** The engine's directory, and where its socket is to be; made here, and by whoever calls. */
  readonly path: string;
  readonly socketPath: string;
};

export type Exit = {readonly code: number | null; readonly signal: string | null};

export type TrialProcess = TrialPlace & {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly secret: string;
  readonly mark: string;
  readonly settings: TrialSettings;
  readonly exited: Promise<Exit>;
  /** Resolves with whether anything came on descriptor 3, once something has or it is closed. */
  readonly said: Promise<boolean>;
  /** Resolves when descriptor 3 is closed by everybody who had it. */
  readonly readyClosed: Promise<void>;
  readonly hostLog: () => Promise<string>;
  /** Living processes that carry the mark, the engine among them. */
  readonly processes: () => Promise<number[]>;
  readonly isAlive: () => Promise<boolean>;
  /** Kills it and everything that carries its mark. Resolves to the pids that would not go. */
  readonly end: () => Promise<number[]>;
};

const secretBytes = 32;
const markBytes = 16;

/** Starts the program; `configuration` null gives it an empty standard input instead of a line. */
export async function startProcess(
  [program, ...options]: readonly [string, ...string[]],
  place: TrialPlace,
  settings: TrialSettings,
  hasConfiguration = true,
): Promise<TrialProcess> {
  const {engineId, path, socketPath} = place;
  const {more = {}, ...configuration} = settings;
  await mkdir(path, {mode: 0o700});
  const secret = randomBytes(secretBytes).toString('hex');
  const mark = randomBytes(markBytes).toString('hex');
  const directory = engineDirectory(path);
  const log = await open(directory.hostLog, 'a', 0o600);
  const child = spawn(program, options, {
    cwd: path,
    detached: true,
    env: {...settings.environment, TENON_ENGINE_ID: engineId, [markVariable]: mark},
    stdio: ['pipe', log.fd, log.fd, 'pipe'],
  });
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', cause => reject(new EngineBreachError(`it could not be run: ${cause.message}`)));
    child.once('exit', (code, signal) => resolve({code, signal}));
  });
  exited.catch(() => undefined);
  const said = Promise.withResolvers<boolean>();
  const readyClosed = Promise.withResolvers<void>();
  child.stdio[3]?.once('data', () => said.resolve(true));
  child.stdio[3]
    ?.on('error', () => undefined)
    .once('close', () => {
      said.resolve(false);
      readyClosed.resolve();
    });
  child.stdin?.on('error', () => undefined);
  const line = JSON.stringify({...configuration, ...more, engineId, socketPath, secret});
  child.stdin?.end(hasConfiguration ? `${line}\n` : '');
  await log.close();
  const pid = child.pid ?? 0;
  return {
    ...place,
    child,
    pid,
    secret,
    mark,
    settings,
    exited,
    said: said.promise,
    readyClosed: readyClosed.promise,
    hostLog: () => readHostLog(directory),
    processes: () => markedProcesses(mark),
    isAlive: async () => pid > 0 && (await startTimeOf(pid)) !== undefined,
    async end() {
      child.kill('SIGKILL');
      child.stdio[3]?.destroy();
      return sweepProcesses(mark, await cgroupOf(path));
    },
  };
}

/** Rejects with `EngineBreachError` unless it says that it is ready. */
export async function untilReady(process: TrialProcess, patience: Patience): Promise<void> {
  const ended = process.exited.then(({code, signal}) => `it ended with ${signal ?? `code ${code}`}`);
  const said = process.said.then(hasSaid => (hasSaid ? '' : 'descriptor 3 was closed without a byte'));
  const first = await patience.within(
    'a byte on descriptor 3, which says that the engine listens',
    // A program that ends closes the descriptor too; its exit tells more.
    Promise.race([
      said.then(why => (why === '' ? '' : Promise.race([ended, patience.wait(500).then(() => why)]))),
      ended,
    ]),
  );
  if (first === '') return;
  const log = (await process.hostLog()).trim();
  throw new EngineBreachError(`${first} instead of getting ready; host.log: ${log === '' ? '(empty)' : log}`);
}

/** `engine.json` as it stands. Rejects with `EngineBreachError` when it is not there, or no JSON object. */
export async function readIdentity({path}: TrialPlace): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(await readFile(join(path, 'engine.json'), 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return {...value};
  } catch (cause) {
    throw new EngineBreachError(`engine.json can't be read: ${cause instanceof Error ? cause.message : ''}`);
  }
  throw new EngineBreachError('engine.json is not a JSON object');
}

async function cgroupOf(path: string): Promise<string | undefined> {
  const {cgroup} = await readIdentity({engineId: '', path, socketPath: ''}).catch(() => ({
    cgroup: undefined,
  }));
  return typeof cgroup === 'string' ? cgroup : undefined;
}
