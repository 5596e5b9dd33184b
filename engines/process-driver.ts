/**
 * Engines as operating system processes: launches hosts, and takes over those that an earlier node left. Each engine
 * lives in `enginesDirectory/<engineId>`; see `engine-directory.ts` for what is in there, docs/engine-protocol.md for how
 * it is spoken to.
 */
import {createHash} from 'node:crypto';
import {access, chmod, lstat, mkdir, readdir} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Clock} from '../actors/runtime/clock.ts';
import type {LocalEngine, LocalEngineDriver} from '../actors/ecm-port.ts';
import {claimEngine, thisHolder, type EngineClaim, type IsDead} from './engine-claim.ts';
import {EngineLaunchError, EngineSetupError, StaleEpochError} from './engine-errors.ts';
import {
  engineDirectory,
  readEngineRecord,
  readSecret,
  removeDirectory,
  storedTasks,
  type StoredTask,
} from './engine-directory.ts';
import {openEngineHandle} from './engine-handle.ts';
import type {HandleOptions} from './engine-handle-options.ts';
import {launchHost, type HostSettings} from './engine-launch.ts';
import type {EngineLog} from './engine-log.ts';
import {isAlive, signalProcess} from './process-identity.ts';
import {resolvePython} from './python-interpreter.ts';

/** A socket address holds 108 bytes, the last of which ends it (decision 41). */
const socketPathBytesMax = 107;
const engineIdPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export type EngineDriverOptions = {
  /** Absolute. Engines are launched here; neighbours may adopt them when this process is dead (`engine-claim.ts`). */
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

export type ProcessEngineDriver = Omit<LocalEngineDriver, 'adoptAll'> & {
  /**
   * `epochOf`: the epoch to claim a found task with; a new owner of the task needs a higher one than it had. Default: one
   * more. Engines whose claim another living process holds are left to it.
   */
  readonly adoptAll: (epochOf?: (task: StoredTask) => number) => Promise<readonly LocalEngine[]>;
};

const nobodyIsDead: IsDead = () => false;
const sameEpoch = (task: StoredTask): number => task.epoch;

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
  const holder = await thisHolder(owner);
  /** By path: what is launching, and what we have had. */
  const launching = new Set<string>();
  const claims = new Map<string, EngineClaim>();
  const common = {owner, clock, log, windowBytes, requestTimeoutMs};

  async function adopt(
    path: string,
    epochOf: (task: StoredTask) => number,
    isDead: IsDead,
  ): Promise<LocalEngine | undefined> {
    if (launching.has(path) || (await claims.get(path)?.isHeld()) === true) return undefined;
    const claim = await claimEngine(path, holder, isDead);
    if (claim === undefined) {
      log.debug({directory: path}, 'an engine is left to the process that has claimed it');
      return undefined;
    }
    claims.set(path, claim);
    const handle = await open(path, epochOf, claim);
    if (handle === undefined) claims.delete(path);
    else void handle.exited.then(() => claims.delete(path));
    return handle;
  }

  async function open(
    path: string,
    epochOf: (task: StoredTask) => number,
    claim: EngineClaim,
  ): Promise<LocalEngine | undefined> {
    const name = basename(path);
    const directory = engineDirectory(path);
    const record = await readEngineRecord(directory);
    if (record === undefined) {
      log.warn({directory: directory.path}, 'removed what an engine left that never came to be');
      await removeDirectory(directory.path);
      return undefined;
    }
    const [found] = await storedTasks(directory);
    const task = found === undefined ? undefined : {...found, epoch: Math.max(found.epoch, epochOf(found))};
    const base = {record, directory, claim, ...common};
    const given = task === undefined ? base : {...base, task};
    if (await isAlive(record)) {
      try {
        const secret = await readSecret(directory);
        return await openEngineHandle({...given, secret, isLive: true});
      } catch (error) {
        if (error instanceof StaleEpochError) {
          log.warn({engineId: name, err: error}, 'an engine that has a later owner is left to it');
          claim.release();
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

  async function adoptIn(
    directory: string,
    epochOf: (task: StoredTask) => number,
    isDead: IsDead,
  ): Promise<readonly LocalEngine[]> {
    // A node that never had an engine may have no folder for them.
    const found = await readdir(directory).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    });
    const names = found.filter(name => engineIdPattern.test(name));
    const handles = await Promise.all(names.map(name => adopt(join(directory, name), epochOf, isDead)));
    return handles.filter(handle => handle !== undefined);
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
      const path = join(enginesDirectory, engineId);
      const socketPath = socketPathOf(socketDirectory, path);
      const claim = (made: string) => claimEngine(made, holder);
      launching.add(path);
      const started = await launchHost({
        launch,
        path,
        socketPath,
        command,
        settings,
        timeoutMs,
        clock,
        claim,
      }).finally(() => launching.delete(path));
      claims.set(path, started.claim);
      const handle: HandleOptions = {...started, ...common, isLive: true};
      try {
        const opened = await openEngineHandle(handle);
        void opened.exited.then(() => claims.delete(path));
        return opened;
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
    adoptAll: (epochOf = task => task.epoch + 1) => adoptIn(enginesDirectory, epochOf, nobodyIsDead),
    adoptOwn: () => adoptIn(enginesDirectory, sameEpoch, nobodyIsDead),
    adoptFrom: (directory, isDead) => adoptIn(directory, sameEpoch, isDead),
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
