/**
 * Engines as operating system processes: launches hosts, and takes over those that an earlier node left. Each engine
 * lives in `enginesDirectory/<engineId>`; see `engine-directory.ts` for what is in there, docs/engine-protocol.md for how
 * it is spoken to.
 */
import {access, readdir} from 'node:fs/promises';
import {basename, extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Clock} from '../actors/runtime/clock.ts';
import type {LocalEngine, LocalEngineDriver} from '../actors/ecm-port.ts';
import type {EngineLaunch} from '../actors/ports.ts';
import {claimEngine, firstClaim, thisHolder, type EngineClaim, type IsDead} from './engine-claim.ts';
import {EngineLaunchError, EngineSetupError, StaleEpochError} from './engine-errors.ts';
import {
  engineDirectory,
  readEngineRecord,
  readSecret,
  storedTasks,
  type StoredTask,
} from './engine-directory.ts';
import {believableRecord} from './believable-record.ts';
import {openEngineHandle} from './engine-handle.ts';
import {createEngineHostView} from './engine-host-view.ts';
import type {HandleOptions} from './engine-handle-options.ts';
import {launchHost, type HostSettings} from './engine-launch.ts';
import {removeEngineFiles} from './engine-owner.ts';
import {enginePlace, removeDrafts} from './engine-place.ts';
import {socketPathOf} from './engine-socket-path.ts';
import {createForkServer} from './fork-server.ts';
import type {EngineLog} from './engine-log.ts';
import {originFile, originOf, originText, readOrigin} from './engine-origin.ts';
import {noIsolation, userIsolation} from './isolation.ts';
import type {OsAccount} from './os-account.ts';
import {preparePrivateFolder} from './private-folder.ts';
import {isAlive, signalProcess} from './process-identity.ts';
import {resolvePython} from './python-interpreter.ts';

/** Users pass through to their own engines, and see nothing. */
const passThroughMode = 0o711;
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
  /** Command lines for engine types beyond `shell`, `python` and `jdbc`; what they have to do is in docs/engine-protocol.md. */
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
  /** Engines run as the account of their user; those with a smaller uid belong to the system. Absent: as this process. */
  readonly isolation?: {readonly uidMin: number};
  /** How often the processes of engines are looked at for `host.metrics`. Default 2 s. */
  readonly measureEveryMs?: number;
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
  const folderMode = options.isolation === undefined ? 0o700 : passThroughMode;
  await preparePrivateFolder(enginesDirectory, folderMode);
  await preparePrivateFolder(socketDirectory, folderMode);
  await removeDrafts(enginesDirectory);
  const settings: HostSettings = {
    pythonPath: await resolvePython(options.pythonPath ?? 'python3', environment),
    environment,
    windowBytes,
    lineBytesMax: Math.min(options.lineBytesMax ?? 1024 * 1024, 1024 * 1024),
    unattendedBytesMax: options.unattendedBytesMax ?? 256 * 1024 * 1024,
    killGraceMs: options.killGraceMs ?? 5000,
  };
  const isolation =
    options.isolation === undefined
      ? noIsolation
      : await userIsolation({
          pythonPath: settings.pythonPath,
          ...options.isolation,
          needed: [hostProgram('python_worker.py'), enginesDirectory, socketDirectory],
          clock,
        });
  const bytecode = join(enginesDirectory, '.bytecode');
  const host = hostCommand(settings.pythonPath, bytecode, 'host.py');
  const forkServer = createForkServer({
    command: hostCommand(settings.pythonPath, bytecode, 'fork_server.py'),
    environment,
    clock,
    log,
  });
  const commands = new Map(
    Object.entries({shell: host, python: host, jdbc: jdbcCommand(), ...options.programs}),
  );
  const asUser = asUserCommand(settings.pythonPath);
  const holder = await thisHolder(owner);
  /** By path: what is launching, and what we have had. */
  const launching = new Set<string>();
  const claims = new Map<string, EngineClaim>();
  const measureEveryMs = options.measureEveryMs ?? 2000;
  const hostView = createEngineHostView({clock, enginesDirectory, measureEveryMs});
  const {observer} = hostView;
  const common = {owner, clock, log, windowBytes, requestTimeoutMs, observer};

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
    const found = await readEngineRecord(directory);
    if (found === undefined) {
      log.warn({directory: directory.path}, 'removed what an engine left that never came to be');
      await removeEngineFiles(directory.path);
      return undefined;
    }
    const record = await believableRecord(found, path);
    const [stored] = await storedTasks(directory);
    const task =
      stored === undefined ? undefined : {...stored, epoch: Math.max(stored.epoch, epochOf(stored))};
    const base = {record, directory, claim, ...common, origin: await readOrigin(path)};
    const given = task === undefined ? base : {...base, task};
    if (await isAlive(record)) {
      try {
        const secret = await readSecret(directory);
        const engine = await openEngineHandle({...given, secret, isLive: true});
        hostView.hold(engine, record, path);
        return engine;
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
    if (task !== undefined) {
      hostView.hold(handle, record, path);
      return handle;
    }
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
    host: hostView,
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
      const account = await isolation.accountOf(launch.user);
      const socketPath = socketPathOf(socketDirectory, path, account !== undefined);
      const origin = originOf(launch, clock.now());
      const claim = firstClaim(holder);
      const files = {[claim.file]: claim.text};
      const laterFiles = {[originFile]: originText(origin)};
      launching.add(path);
      const started = await launchHost({
        launch,
        place: enginePlace(enginesDirectory, engineId, {files, laterFiles}),
        socketPath,
        command:
          command === host || account === undefined ? command : asUser(command, account, socketPath, launch),
        forkServer: command === host ? forkServer : undefined,
        account,
        settings,
        timeoutMs,
        clock,
      }).finally(() => launching.delete(path));
      const claimed = claim.held(path);
      claims.set(path, claimed);
      const handle: HandleOptions = {...started, claim: claimed, ...common, origin, isLive: true};
      try {
        const opened = await openEngineHandle(handle);
        void opened.exited.then(() => claims.delete(path));
        hostView.hold(opened, started.record, path);
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
    adoptOwn: (isDead = nobodyIsDead) => adoptIn(enginesDirectory, sameEpoch, isDead),
    adoptFrom: (directory, isDead) => adoptIn(directory, sameEpoch, isDead),
  };
}

function asUserCommand(pythonPath: string) {
  return (
    command: readonly [string, ...string[]],
    account: OsAccount,
    socketPath: string,
    {limits: {processesMax}}: EngineLaunch,
  ): readonly [string, ...string[]] => [
    pythonPath,
    '-I',
    '-S',
    hostProgram('as_user.py'),
    JSON.stringify({...account, socketPath, processesMax}),
    ...command,
  ];
}

/** Isolated (`-I -S`): no variable and no site package of the user changes what the host is. */
const hostCommand = (
  pythonPath: string,
  bytecodeDirectory: string,
  program: 'host.py' | 'fork_server.py',
): readonly [string, ...string[]] => [
  pythonPath,
  '-I',
  '-S',
  '-X',
  'utf8',
  '-X',
  `pycache_prefix=${bytecodeDirectory}`,
  hostProgram(program),
];

const hostProgram = (name: string): string => fileURLToPath(new URL(`host/${name}`, import.meta.url));

/** In a checkout Node runs the source itself; in `dist/` it is compiled. */
function jdbcCommand(): readonly [string, ...string[]] {
  const {url} = import.meta;
  return [
    process.execPath,
    '--max-semi-space-size=8',
    fileURLToPath(new URL(`jdbc/main${extname(url)}`, url)),
  ];
}

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
