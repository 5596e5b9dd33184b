/** Starts one engine host: detached, in its own directory, with an allow-list environment and nothing else of ours. */
import {spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {open} from 'node:fs/promises';
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineLaunch} from '../actors/ports.ts';
import {EngineLaunchError} from './engine-errors.ts';
import {
  engineDirectory,
  readEngineRecord,
  readHostLog,
  type EngineDirectory,
  type EngineRecord,
} from './engine-directory.ts';
import {removeEngineFiles} from './engine-owner.ts';
import {makePlace, type EnginePlace} from './engine-place.ts';
import type {ForkServer, ProcessExit} from './fork-server.ts';
import type {OsAccount} from './os-account.ts';
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
  /** Resolves with the exit code or signal; may stay open if whoever forked the host is gone. */
  readonly childExit: Promise<string>;
};

/** Rejects with `EngineLaunchError`; then nothing of the engine is left, but what its message quotes. */
export async function launchHost({
  launch,
  place,
  socketPath,
  command,
  forkServer,
  account,
  settings,
  timeoutMs,
  clock,
}: {
  readonly launch: EngineLaunch;
  readonly place: EnginePlace;
  readonly socketPath: string;
  readonly command: readonly [string, ...string[]];
  /** Starts what `command` does, only sooner. */
  readonly forkServer?: ForkServer | undefined;
  /** Whose processes the engine's are; undefined: as ours. */
  readonly account?: OsAccount | undefined;
  readonly settings: HostSettings;
  readonly timeoutMs: number;
  readonly clock: Clock;
}): Promise<LaunchedHost> {
  const {engineId} = launch;
  const directory = engineDirectory(place.path);
  const secret = randomBytes(secretBytes);
  const given = {...settings.environment, ...environmentOf(account)};
  const configuration = {
    ...launch,
    ...settings,
    environment: given,
    socketPath,
    secret: secret.toString('hex'),
    // Our own host changes its account itself; another program is started under it.
    ...(account === undefined || forkServer === undefined ? {} : {account}),
  };
  const environment = {...given, TENON_ENGINE_ID: engineId};
  let mark = newMark();
  let host: StartedHost | undefined;
  let isMade = false;
  try {
    const forked = await forkServer?.start(
      {engineId, mark},
      {...configuration, place, files: place.laterFiles, hostEnvironment: environment},
    );
    if (forked !== undefined) {
      host = {...forked, exit: forked.exit.then(exitText)};
      ({isMade} = forked);
    } else {
      if (forkServer !== undefined) await sweepProcesses(mark, undefined);
      mark = newMark();
      isMade = await makePlace(place, account);
      if (isMade) {
        const marked = {...environment, [markVariable]: mark};
        host = await spawnHost(directory, command, marked, configuration, account);
      }
    }
    if (!isMade || host === undefined) throw new Error(`its directory ${place.path} could not be made`);
    const record = (await listening(host, timeoutMs, clock)) ?? (await readEngineRecord(directory));
    if (record === undefined) throw new Error('it wrote no engine.json');
    return {directory, record, secret, childExit: host.exit};
  } catch (cause) {
    host?.kill?.();
    // Somebody else's, otherwise: an engine of that id is there already.
    const hostLog = isMade ? await readHostLog(directory) : '';
    await sweepProcesses(mark, isMade ? (await readEngineRecord(directory))?.cgroup : undefined);
    if (isMade) await removeEngineFiles(place.path);
    throw new EngineLaunchError(
      engineId,
      cause instanceof Error ? cause.message : String(cause),
      hostLog,
      cause,
    );
  }
}

const environmentOf = (account: OsAccount | undefined): Readonly<Record<string, string>> =>
  account === undefined ? {} : {HOME: account.home, USER: account.name, LOGNAME: account.name};

const newMark = (): string => randomBytes(markBytes).toString('hex');

/** What both ways to start a host come to. */
type StartedHost = {
  /** With what `engine.json` says, if it says that too. */
  readonly listens: Promise<EngineRecord | undefined>;
  readonly exit: Promise<string>;
  /** Only while nobody else can have its pid. */
  readonly kill?: () => void;
};

async function spawnHost(
  directory: EngineDirectory,
  [program, ...options]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  configuration: Readonly<Record<string, unknown>>,
  account: OsAccount | undefined,
): Promise<StartedHost> {
  // Made by us or not at all: in somebody else's directory it could lead anywhere.
  const log = await open(directory.hostLog, 'ax', 0o600);
  try {
    if (account !== undefined) await log.chown(account.uid, account.gid);
    const child = spawn(program, options, {
      cwd: directory.path,
      detached: true,
      env: environment,
      // Descriptor 3 is where the host says that it listens; it closes it right after.
      stdio: ['pipe', log.fd, log.fd, 'pipe'],
    });
    const exit = exitOf(child);
    const {promise: listens, resolve} = Promise.withResolvers<undefined>();
    const ready = child.stdio[3];
    ready?.once('data', () => {
      resolve(undefined);
      ready.destroy();
      child.unref();
    });
    // A program that dies breaks both pipes; its exit says why.
    ready?.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${JSON.stringify(configuration)}\n`);
    return {listens, exit, kill: () => void child.kill('SIGKILL')};
  } finally {
    await log.close();
  }
}

const exitedWithCode = 'it exited with code ';

/** A host that leaves so has made sure that nothing of it is left. */
export const cleanExit = `${exitedWithCode}0`;

const exitText = ({code, signal}: ProcessExit): string =>
  signal === null ? `${exitedWithCode}${code}` : `it was ended by signal ${signal}`;

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.on('error', error => resolve(`it could not be run (${error.message})`));
    child.once('exit', (code, signal) => resolve(exitText({code, signal})));
  });
}

/** Rejects with what the host did instead of listening. */
async function listening(
  {listens, exit}: StartedHost,
  timeoutMs: number,
  clock: Clock,
): Promise<EngineRecord | undefined> {
  const silence = Promise.withResolvers<string>();
  const cancel = clock.after(timeoutMs, () => silence.resolve(`it said nothing in ${timeoutMs} ms`));
  const said = await Promise.race([listens, exit, silence.promise]);
  cancel();
  if (typeof said === 'string') throw new Error(said);
  return said;
}
