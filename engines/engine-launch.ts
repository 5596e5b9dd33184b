/** Starts one engine host: detached, in its own directory, with an allow-list environment and nothing else of ours. */
import {spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, open} from 'node:fs/promises';
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineLaunch} from '../actors/ports.ts';
import {EngineLaunchError} from './engine-errors.ts';
import type {EngineClaim} from './engine-claim.ts';
import {
  engineDirectory,
  readEngineRecord,
  readHostLog,
  removeDirectory,
  type EngineDirectory,
  type EngineRecord,
} from './engine-directory.ts';
import {markVariable, sweepProcesses} from './process-sweep.ts';

const secretBytes = 32;
const markBytes = 16;

export type HostSettings = {
  readonly pythonPath: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly windowBytes: number;
  readonly lineBytesMax: number;
  readonly unattendedBytesMax: number;
  readonly killGraceMs: number;
};

export type LaunchedHost = {
  readonly directory: EngineDirectory;
  readonly record: EngineRecord;
  readonly secret: Uint8Array;
  readonly claim: EngineClaim;
  /** Resolves with the exit code or signal. */
  readonly childExit: Promise<string>;
};

/** Rejects with `EngineLaunchError`; then nothing of the engine is left, but what its message quotes. */
export async function launchHost({
  launch,
  path,
  socketPath,
  command,
  settings,
  timeoutMs,
  clock,
  claim,
}: {
  readonly launch: EngineLaunch;
  /** The engine's directory; made here. */
  readonly path: string;
  readonly socketPath: string;
  readonly command: readonly [string, ...string[]];
  readonly settings: HostSettings;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Makes the directory ours before anything is in it; undefined if somebody was quicker. */
  readonly claim: (path: string) => Promise<EngineClaim | undefined>;
}): Promise<LaunchedHost> {
  const {engineId} = launch;
  const directory = engineDirectory(path);
  try {
    await mkdir(path, {mode: 0o700});
  } catch (cause) {
    throw new EngineLaunchError(engineId, `its directory ${path} could not be made`, '', cause);
  }
  const claimed = await claim(path);
  if (claimed === undefined) {
    throw new EngineLaunchError(engineId, `another process of this host has claimed ${path}`, '');
  }
  const secret = randomBytes(secretBytes);
  const mark = randomBytes(markBytes).toString('hex');
  try {
    const {child, childExit} = await spawnHost(directory, command, {
      ...settings.environment,
      TENON_ENGINE_ID: engineId,
      [markVariable]: mark,
    });
    await converse(
      child,
      childExit,
      {...launch, ...settings, socketPath, secret: secret.toString('hex')},
      {
        timeoutMs,
        clock,
      },
    );
    const record = await readEngineRecord(directory);
    if (record === undefined) throw new Error('it wrote no engine.json');
    child.unref();
    return {directory, record, secret, claim: claimed, childExit};
  } catch (cause) {
    const hostLog = await readHostLog(directory);
    await sweepProcesses(mark, (await readEngineRecord(directory))?.cgroup);
    await removeDirectory(path);
    throw new EngineLaunchError(
      engineId,
      cause instanceof Error ? cause.message : String(cause),
      hostLog,
      cause,
    );
  }
}

async function spawnHost(
  directory: EngineDirectory,
  [program, ...options]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<{readonly child: ChildProcess; readonly childExit: Promise<string>}> {
  const log = await open(directory.hostLog, 'a', 0o600);
  try {
    const child = spawn(program, options, {
      cwd: directory.path,
      detached: true,
      env: environment,
      // Descriptor 3 is where the host says that it listens; it closes it right after.
      stdio: ['pipe', log.fd, log.fd, 'pipe'],
    });
    return {child, childExit: exitOf(child)};
  } finally {
    await log.close();
  }
}

const exitedWithCode = 'it exited with code ';

/** A host that leaves so has made sure that nothing of it is left. */
export const cleanExit = `${exitedWithCode}0`;

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.on('error', error => resolve(`it could not be run (${error.message})`));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `${exitedWithCode}${code}` : `it was ended by signal ${signal}`),
    );
  });
}

/** Gives the host its configuration, and waits until it listens. */
async function converse(
  child: ChildProcess,
  childExit: Promise<string>,
  configuration: Readonly<Record<string, unknown>>,
  {timeoutMs, clock}: {readonly timeoutMs: number; readonly clock: Clock},
): Promise<void> {
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  const cancel = clock.after(timeoutMs, () => reject(new Error(`it said nothing in ${timeoutMs} ms`)));
  const ready = child.stdio[3];
  ready?.once('data', () => resolve());
  // A program that dies breaks both pipes; its exit says why.
  ready?.on('error', () => undefined);
  void childExit.then(why => reject(new Error(why)));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(`${JSON.stringify(configuration)}\n`);
  try {
    await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    cancel();
    ready?.destroy();
  }
}
