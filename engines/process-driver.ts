/**
 * Engines as operating system processes: launches hosts, and takes over those that an earlier node left. Each engine
 * lives in `enginesDirectory/<engineId>`; see `engine-directory.ts` for what is in there, docs/engine-protocol.md for how
 * it is spoken to.
 */
import {createHash} from 'node:crypto';
import {access, chmod, lstat, mkdir, readdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineDriver, EngineHandle} from '../actors/ports.ts';
import {EngineLaunchError, EngineSetupError, StaleEpochError} from './engine-errors.ts';
import {
  engineDirectory,
  readEngineRecord,
  readSecret,
  removeDirectory,
  storedTasks,
  type StoredTask,
} from './engine-directory.ts';
import {openEngineHandle, type HandleOptions} from './engine-handle.ts';
import {launchHost, type HostSettings} from './engine-launch.ts';
import type {EngineLog} from './engine-log.ts';
import {isAlive, signalProcess} from './process-identity.ts';
import {resolvePython} from './python-interpreter.ts';

/** A socket address holds 108 bytes, the last of which ends it (decision 41). */
const socketPathBytesMax = 107;
const engineIdPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export type EngineDriverOptions = {
  /** Absolute. Belongs to one driver at a time. */
  readonly enginesDirectory: string;
  /** Absolute and short; made private (0700). Sockets live here, since their paths may have at most 107 bytes. */
  readonly socketDirectory: string;
  readonly clock: Clock;
  readonly log: EngineLog;
  /** Who we are to the engines; any text, such as the node's incarnation. */
  readonly owner?: string;
  /** The interpreter for hosts and python jobs; a name is looked up in `environment.PATH`. Default `python3`. */
  readonly pythonPath?: string;
  /** Command lines for engine types beyond `shell` and `python`; what they have to do is in docs/engine-protocol.md. */
  readonly programs?: Readonly<Record<string, readonly [string, ...string[]]>>;
  /** All that engines and jobs see of our environment, such as PATH, HOME, LANG and TZ. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How far the engine may be ahead of what was acknowledged, in bytes. Default 4 MB. */
  readonly windowBytes?: number;
  /** Longer lines are shown in pieces. Default and largest: 1 MiB. */
  readonly lineBytesMax?: number;
  /** How much a job may spool while nobody is attached before it has to wait. Default 256 MiB. */
  readonly unattendedBytesMax?: number;
  /** Between TERM and KILL where nobody says otherwise, such as at a running timeout. Default 5 s. */
  readonly killGraceMs?: number;
  /** How long an engine may take to answer. Default 10 s. */
  readonly requestTimeoutMs?: number;
};

export type ProcessEngineDriver = EngineDriver & {
  /** `epochOf`: the epoch to claim a found task with; it must be higher than the one it had. Default: one more. */
  readonly adoptAll: (epochOf?: (task: StoredTask) => number) => Promise<readonly EngineHandle[]>;
};

/** Rejects with `EngineSetupError` where engines can't run: no Linux, no Python, folders that won't do. */
export async function createEngineDriver(options: EngineDriverOptions): Promise<ProcessEngineDriver> {
  const {enginesDirectory, socketDirectory, clock, log} = options;
  const environment = options.environment ?? {PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8'};
  const owner = options.owner ?? 'owner';
  const windowBytes = options.windowBytes ?? 4 * 1024 * 1024;
  const requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
  await requireLinux();
  await preparePrivateDirectory(enginesDirectory);
  await preparePrivateDirectory(socketDirectory);
  const settings: HostSettings = {
    pythonPath: await resolvePython(options.pythonPath ?? 'python3', environment),
    environment,
    windowBytes,
    lineBytesMax: Math.min(options.lineBytesMax ?? 1024 * 1024, 1024 * 1024),
    unattendedBytesMax: options.unattendedBytesMax ?? 256 * 1024 * 1024,
    killGraceMs: options.killGraceMs ?? 5000,
  };
  const host = hostCommand(settings.pythonPath, join(enginesDirectory, '.bytecode'));
  const commands = new Map(Object.entries({shell: host, python: host, ...options.programs}));
  const launched = new Set<string>();
  const common = {owner, clock, log, windowBytes, requestTimeoutMs};

  async function adopt(
    name: string,
    epochOf: (task: StoredTask) => number,
  ): Promise<EngineHandle | undefined> {
    const directory = engineDirectory(join(enginesDirectory, name));
    const record = await readEngineRecord(directory);
    if (record === undefined) {
      log.warn({directory: directory.path}, 'removed what an engine left that never came to be');
      await removeDirectory(directory.path);
      return undefined;
    }
    const [found] = await storedTasks(directory);
    const task = found === undefined ? undefined : {...found, epoch: Math.max(found.epoch, epochOf(found))};
    const base = {record, directory, ...common};
    const given = task === undefined ? base : {...base, task};
    if (await isAlive(record)) {
      try {
        const secret = await readSecret(directory);
        return await openEngineHandle({...given, secret, isLive: true});
      } catch (error) {
        if (error instanceof StaleEpochError) {
          log.warn({engineId: name, err: error}, 'an engine that has a later owner is left to it');
          return undefined;
        }
        // Alive, but nobody can speak to it: its job would never end.
        log.error({engineId: name, err: error}, 'an engine could not be attached and is ended');
        await signalProcess(record, 'SIGKILL');
      }
    }
    const handle = await openEngineHandle({...given, secret: Buffer.alloc(0), isLive: false});
    if (task !== undefined) return handle;
    await handle.exited;
    return undefined;
  }

  return {
    engineTypes: [...commands.keys()],
    async launch(launch, timeoutMs) {
      const {engineId} = launch;
      if (!engineIdPattern.test(engineId)) {
        throw new EngineLaunchError(
          engineId,
          'its id must be 1 to 64 letters, digits, dots, dashes and underscores',
          '',
        );
      }
      const command = commands.get(launch.engineType);
      if (command === undefined) {
        const known = [...commands.keys()].join(', ');
        throw new EngineLaunchError(
          engineId,
          `there is no engine type ${launch.engineType}, only ${known}`,
          '',
        );
      }
      launched.add(engineId);
      const path = join(enginesDirectory, engineId);
      const socketPath = socketPathOf(socketDirectory, path);
      const started = await launchHost({launch, path, socketPath, command, settings, timeoutMs, clock});
      const handle: HandleOptions = {...started, ...common, isLive: true};
      try {
        return await openEngineHandle(handle);
      } catch (cause) {
        await signalProcess(started.record, 'SIGKILL');
        await (
          await openEngineHandle({...handle, isLive: false})
        ).exited;
        throw new EngineLaunchError(
          engineId,
          cause instanceof Error ? cause.message : String(cause),
          '',
          cause,
        );
      }
    },
    async adoptAll(epochOf: (task: StoredTask) => number = task => task.epoch + 1) {
      const names = (await readdir(enginesDirectory)).filter(
        name => engineIdPattern.test(name) && !launched.has(name),
      );
      const handles = await Promise.all(names.map(name => adopt(name, epochOf)));
      return handles.filter(handle => handle !== undefined);
    },
  };
}

/** Isolated (`-I -S`): no variable and no site package of the user changes what the host is. */
const hostCommand = (pythonPath: string, bytecodeDirectory: string): readonly [string, ...string[]] => [
  pythonPath,
  '-I',
  '-S',
  '-X',
  'utf8',
  '-X',
  `pycache_prefix=${bytecodeDirectory}`,
  fileURLToPath(new URL('host/host.py', import.meta.url)),
];

async function requireLinux(): Promise<void> {
  try {
    await access('/proc/self/stat');
  } catch (cause) {
    throw new EngineSetupError(
      'Engines need Linux with /proc: processes could not be told apart or ended without it.',
      {
        cause,
      },
    );
  }
}

async function preparePrivateDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path);
    const {uid, mode} = await lstat(path);
    if (uid !== process.getuid?.()) throw new Error('it belongs to another user');
    if ((mode & 0o077) !== 0) await chmod(path, 0o700);
  } catch (cause) {
    throw new EngineSetupError(
      `The folder ${path} does not do for engines: ${String(cause)}. Name another.`,
      {cause},
    );
  }
}

/** With its parents. Node's own recursive way never returns for a path in /proc. */
async function makeDirectory(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  if (await isThere()) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirectory(parent);
  try {
    await mkdir(path, {mode: 0o700});
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!(await isThere())) throw error;
  }
}

/** A hash of the engine's own directory: nodes of one host may share the folder, and engine ids. */
function socketPathOf(directory: string, enginePath: string): string {
  const path = join(directory, createHash('sha256').update(enginePath).digest('hex').slice(0, 20));
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathBytesMax) {
    throw new EngineSetupError(
      `The socket path ${path} has ${bytes} bytes; at most ${socketPathBytesMax} work. Name a shorter folder.`,
    );
  }
  return path;
}
