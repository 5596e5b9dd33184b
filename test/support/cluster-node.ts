/** One node of a cluster as a process of its own: its command line, its ready line, its signals. */
import {createHash} from 'node:crypto';
import {spawn, spawnSync, type ChildProcess} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join, resolve as resolvePath} from 'node:path';
import {createInterface} from 'node:readline';
import {projectRoot} from './source-tree.ts';

export type NodeRole = 'gateway' | 'entrance' | 'manager' | 'ecm' | 'jobhistory';

export type ClusterNodeSpec = {
  readonly name: string;
  readonly roles: readonly NodeRole[];
  /** Value of its route label; given with `configFile`, it is that file that sets it. */
  readonly label?: string;
  /** Text of a configuration file. */
  readonly configFile?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Nodes with different names here take each other to be on different machines; see `canPretendHosts`. The directories of
   * the others can be read all the same: what must be out of reach has to be moved away.
   */
  readonly host?: string;
  /** After all others, so that they count. */
  readonly args?: readonly string[];
};

/** What the nodes of one cluster share. */
export type ClusterPlace = {
  /** Everything lies in here, a directory for each node. */
  readonly directory: string;
  readonly databaseUrl: string;
  readonly secretFile: string;
  readonly administrator: string;
  readonly passwordFile: string;
};

export type ClusterNode = {
  readonly name: string;
  readonly roles: readonly NodeRole[];
  readonly label: string | undefined;
  /** `host:port`: its cluster endpoint, and so its name in the cluster. */
  readonly instance: string;
  readonly dataDirectory: string;
  /** Rejects, with what the node wrote, when it ends or is not ready in time. It must not be running. */
  readonly start: () => Promise<void>;
  /** `http://…`; empty without the role gateway. */
  readonly url: () => string;
  /** 0 when it is not running. */
  readonly pid: () => number;
  /** Whether the process is there, also when it is paused. */
  readonly isRunning: () => boolean;
  /** Nothing happens when it is not running. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Of the process that was started last: its exit code, or the signal it died of. */
  readonly exited: () => Promise<number | NodeJS.Signals>;
  /** Everything that its processes have written to stderr. */
  readonly log: () => string;
};

type Ready = {readonly listen: string; readonly instance: string};

type Life = {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
};

const readyMsMax = 40_000;

/** `joins`: cluster endpoints to join. Nothing is started yet. */
export function clusterNode(
  place: ClusterPlace,
  spec: ClusterNodeSpec,
  instance: string,
  joins: readonly string[],
): ClusterNode {
  const dataDirectory = join(place.directory, spec.name);
  let log = '';
  let life: Life | undefined;
  let ready: Ready | undefined;

  const now = (): Life => {
    if (life === undefined) throw new Error(`${spec.name} was not started.`);
    return life;
  };
  const isRunning = (): boolean =>
    life !== undefined && life.child.exitCode === null && life.child.signalCode === null;

  return {
    name: spec.name,
    roles: spec.roles,
    label: spec.label,
    instance,
    dataDirectory,
    url: () => ready?.listen ?? '',
    pid: () => (isRunning() ? (life?.child.pid ?? 0) : 0),
    isRunning,
    log: () => log,
    exited: () => now().exited,
    signal: signal => void now().child.kill(signal),
    async start() {
      if (isRunning()) throw new Error(`${spec.name} is running.`);
      const {NODE_V8_COVERAGE: _, ...inherited} = process.env;
      const command = [
        ...(spec.host === undefined ? [] : onHost(place.directory, spec.host)),
        process.execPath,
        '--max-semi-space-size=2',
        resolvePath(projectRoot, 'cli/tenon.ts'),
        ...argumentsOf(),
      ];
      const child = spawn(command[0] ?? '', command.slice(1), {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {...inherited, ...spec.environment},
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      const exited = new Promise<number | NodeJS.Signals>(settle => {
        // Not `exit`: what it wrote last is to be read too.
        child.once('close', (code, signal) => settle(code ?? signal ?? 'SIGKILL'));
      });
      life = {child, exited};
      ready = undefined;
      const first = await Promise.race([readyLine(child), exited, after(readyMsMax)]);
      if (typeof first === 'object') {
        ready = first;
        return;
      }
      child.kill('SIGKILL');
      await exited;
      const why = first === undefined ? `was not ready in ${readyMsMax} ms` : `ended with ${first}`;
      throw new Error(`The node ${spec.name} ${why}. It wrote:\n${log.slice(-8000)}`);
    },
  };

  function argumentsOf(): readonly string[] {
    const {label, configFile, roles, args = []} = spec;
    const file = join(place.directory, `${spec.name}.properties`);
    if (configFile !== undefined) writeFileSync(file, configFile);
    return [
      'start',
      ...['--listen', '127.0.0.1:0'],
      ...['--data', dataDirectory],
      ...['--database', place.databaseUrl],
      ...['--admin-user', place.administrator, '--admin-password-file', place.passwordFile],
      ...['--roles', roles.join(',')],
      ...['--cluster', instance, '--cluster-secret-file', place.secretFile],
      ...(joins.length === 0 ? [] : ['--join', joins.join(',')]),
      ...(label === undefined || configFile !== undefined ? [] : ['--label', `route=${label}`]),
      ...(configFile === undefined ? [] : ['--config', file]),
      ...args,
    ];
  }
}

/** `{"event":"ready",…}`; goes on reading, so that the pipe never fills. */
function readyLine(child: ChildProcess): Promise<Ready> {
  return new Promise(found => {
    if (child.stdout === null) return;
    createInterface({input: child.stdout}).on('line', line => {
      if (line.startsWith('{"event":"ready"')) found(JSON.parse(line) as Ready);
    });
  });
}

const after = (delayMs: number): Promise<undefined> =>
  new Promise(settle => {
    setTimeout(() => settle(undefined), delayMs).unref();
  });

const bootIdFile = '/proc/sys/kernel/random/boot_id';
const mountAndRun = `mount --bind "$0" ${bootIdFile} && exec "$@"`;

/** A command before a command: with another boot id, in a mount namespace of its own, the process keeps its pid. */
function onHost(directory: string, host: string): readonly string[] {
  const file = join(directory, `boot-id-${host}`);
  const digits = createHash('sha256').update(host).digest('hex');
  writeFileSync(file, `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4000-8000-${digits.slice(12, 24)}\n`);
  return ['unshare', '--mount', 'sh', '-c', mountAndRun, file];
}

/** Whether this machine lets a test give processes a boot id of their own: it takes the right to mount. */
export const canPretendHosts = (): boolean =>
  spawnSync('unshare', ['--mount', 'sh', '-c', mountAndRun, '/dev/null', 'true']).status === 0;

/** Below what the system gives to outgoing connections: nobody else takes it while its node is down. */
const portMin = 20_000;
const portMax = 30_000;

/** A port of 127.0.0.1 that nobody listens at, none of `taken`. */
export async function freePort(taken: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = portMin + Math.floor(Math.random() * (portMax - portMin));
    // oxlint-disable-next-line no-await-in-loop
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise(settle => {
    const server = createServer()
      .once('error', () => settle(false))
      .listen(port, '127.0.0.1', () => server.close(() => settle(true)));
  });
