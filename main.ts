/**
 * Builds every floor of a node, starts it, and stops it in reverse; prints the boot tree. The only module that knows all
 * floors: what they need of each other is handed over here, as ports.
 */
import {mkdir} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {nanoid} from 'nanoid';
import {pino, type Logger} from 'pino';
import type {Governance} from './actors/governance.ts';
import {startGovernanceNode, type GovernanceNode} from './actors/governance-node.ts';
import {createJobFeed} from './actors/job-feed.ts';
import {keepLease} from './actors/lease-keeper.ts';
import type {EngineDriver} from './actors/ports.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import {startActorSystem} from './actors/runtime/system.ts';
import {bootTree} from './boot-tree.ts';
import {printNodeAddress} from './cluster/node-address.ts';
import {readConfig, type Config} from './config.ts';
import {createEngineDriver} from './engines/process-driver.ts';
import {firstAdministrator, firstPassword, type FirstAdministrator} from './first-administrator.ts';
import {nodeMetrics} from './node-metrics.ts';
import {noneRemoved, retentionMetrics, startRetention} from './node-retention.ts';
import {governanceSettingsOf, placeOfProcess} from './node-settings.ts';
import {claimDataDirectory} from './persistence/data-directory.ts';
import {openDatabase} from './persistence/database.ts';
import {createJobRemains} from './persistence/files/job-remains.ts';
import {createLogStore} from './persistence/files/log-store.ts';
import {openOutbox} from './persistence/outbox/outbox-file.ts';

export type NodeOptions = {
  readonly log: Logger;
  /** Where engines run; by default processes of this host. */
  readonly engineDriver?: EngineDriver;
  /** Without a port the node is used through `governance` alone. Default true. */
  readonly listens?: boolean;
  /** The node can't go on, since its lease is lost: its process should end, and be started anew. */
  readonly onFatal: (why: string) => void;
};

export type RunningNode = {
  /** Empty when it does not listen. */
  readonly url: string;
  readonly instance: string;
  readonly incarnation: string;
  readonly governance: Governance;
  readonly node: GovernanceNode;
  readonly administrator: FirstAdministrator | undefined;
  readonly boot: string;
  /** Takes no more jobs, ends idle engines, leaves busy ones at work, closes everything. Resolves to the ids of those left. */
  readonly stop: () => Promise<readonly string[]>;
};

/** Starts a node and resolves when it serves. On failure everything that was started is stopped again. */
export async function startNode(
  config: Config,
  {log, engineDriver, onFatal, listens = true}: NodeOptions,
): Promise<RunningNode> {
  const {
    dataDirectory,
    node: {database: databaseUrl},
    governance: settings,
  } = config;
  const boot = bootTree(systemClock.monotonicMs);
  await using cleanup = new AsyncDisposableStack();
  const clock = systemClock;
  const incarnation = nanoid();

  const directory = await boot.step('data directory', () => claimDataDirectory(dataDirectory));
  cleanup.defer(() => directory.release());
  // The database's thread loads its modules while this one loads the facade's and looks for Python.
  const [database, driver, outbox, password, facadeModule] = await allOrNone(
    [
      boot.step('database', () =>
        openDatabase({url: databaseUrl, dataDirectory, clock, log: (level, message) => log[level](message)}),
      ),
      boot.step('engine driver', () => engineDriver ?? openEngines(config, incarnation, log)),
      boot.step('outbox', () =>
        openOutbox({
          directory: join(dataDirectory, 'outbox'),
          outboxBytesMax: settings.outboxBytesMax,
          reserveBytes: settings.outboxReserveBytes,
          log,
        }),
      ),
      boot.step('first password', () => firstPassword(config)),
      boot.step('facade modules', () => (listens ? import('./node-facade.ts') : undefined)),
    ],
    opened => opened?.close(),
  );
  cleanup.defer(() => database.close());
  const administrator = await boot.step('accounts', () =>
    firstAdministrator(database.accounts, password, config),
  );

  const system = startActorSystem({name: 'tenon', clock, random: systemRandom, log});
  cleanup.defer(() => system.shutdown(stopLimitMs));
  const logs = createLogStore({clock});
  cleanup.defer(() => logs.close());
  const feed = createJobFeed({
    onListenerFailure: (taskID, error) => log.error({taskID, err: error}, 'a follower failed'),
  });

  const removedCounters = noneRemoved();
  // The port is bound before the actors start, so that its number is known; until they serve, calls wait for them.
  const serving = Promise.withResolvers<GovernanceNode>();
  serving.promise.catch(() => undefined);
  let node: GovernanceNode | undefined;
  const facade = facadeModule
    ? await boot.step('facade', () =>
        facadeModule.openFacade({
          config,
          governance: whenServing(serving.promise),
          database,
          engineTypes: driver.engineTypes,
          log,
          metrics: [...nodeMetrics(system, () => node), ...retentionMetrics(removedCounters)],
        }),
      )
    : undefined;
  if (facade !== undefined) cleanup.defer(() => facade.close());
  // Without a port the process number tells the nodes of a host apart.
  const {host, port, url} = facade ?? {host: config.hostName, port: process.pid, url: ''};
  const instance = printNodeAddress({host, port});

  const keeper = await boot.step('lease', () =>
    keepLease({
      leases: database.leases,
      clock,
      random: systemRandom,
      instance,
      incarnation,
      details: {roles: config.node.roles, ...placeOfProcess(), pid: process.pid, dataDirectory},
      onLost: () => onFatal('the lease of this node belongs to another process'),
    }),
  );
  cleanup.defer(() => keeper.release());
  node = await boot.step('governance', () =>
    startGovernanceNode(
      {
        system,
        store: database.jobs,
        ping: () => database.ping(),
        outbox,
        logs,
        feed,
        driver,
        clock,
        log,
        isAlive: keeper.isAlive,
      },
      governanceSettingsOf(config, {instance, incarnation}, driver.engineTypes),
    ),
  );
  serving.resolve(node);
  startRetention({
    system,
    policy: config.retention,
    store: database.jobs,
    remains: createJobRemains({directory: dataDirectory, logs}),
    clock,
    log,
    counters: removedCounters,
  });
  const {queued, resumed, restarted, lost} = node.recovered;
  boot.note(
    'governance',
    queued + resumed + restarted + lost === 0
      ? ''
      : `${queued} queued, ${resumed} resumed, ${restarted} to start again, ${lost} lost`,
  );

  const running = node;
  const resources = cleanup.move();
  return {
    url,
    instance,
    incarnation,
    administrator,
    node: running,
    governance: running.governance,
    boot: boot.print(),
    async stop() {
      running.drain();
      const leftAtWork = await running.leave();
      await resources.disposeAsync();
      return leftAtWork;
    },
  };
}

const stopLimitMs = 5000;

/** All results, or the first failure once everything has settled and `closeFirst` has closed what the first one opened. */
async function allOrNone<First, Rest extends readonly unknown[]>(
  [first, ...rest]: readonly [Promise<First>, ...{readonly [Index in keyof Rest]: Promise<Rest[Index]>}],
  closeFirst: (opened: First) => Promise<void> | undefined,
): Promise<readonly [First, ...Rest]> {
  try {
    return await Promise.all([first, ...rest]);
  } catch (error) {
    await Promise.allSettled([first, ...rest]);
    await first.then(closeFirst, () => undefined);
    throw error;
  }
}

/** A governance that is on its way up: calls wait for it, and fail as it fails. */
function whenServing(serving: Promise<GovernanceNode>): Governance {
  let node: GovernanceNode | undefined;
  serving.then(
    started => {
      node = started;
    },
    () => undefined,
  );
  const later = async <T>(call: (governance: Governance) => Promise<T>): Promise<T> =>
    call((node ?? (await serving)).governance);
  return {
    submit: (body, caller, options) => later(governance => governance.submit(body, caller, options)),
    find: taskID => later(governance => governance.find(taskID)),
    stored: taskID => later(governance => governance.stored(taskID)),
    kill: (taskID, caller) => later(governance => governance.kill(taskID, caller)),
    logPosition: taskID => later(governance => governance.logPosition(taskID)),
    readLog: (...range) => later(governance => governance.readLog(...range)),
    follow: (...wanted) => later(governance => governance.follow(...wanted)),
    load: () => node?.governance.load() ?? [],
    readiness: () => node?.governance.readiness() ?? {isReady: false, why: 'starting'},
  };
}

async function openEngines(config: Config, incarnation: string, log: Logger): Promise<EngineDriver> {
  const {dataDirectory, runtimeDirectory, environment, governance} = config;
  const enginesDirectory = join(dataDirectory, 'engines');
  await mkdir(enginesDirectory, {recursive: true, mode: 0o700});
  // Decision 44: nobody should learn this from an incident.
  log.info({user: process.getuid?.()}, 'jobs run as the user of this node, and can read its data directory');
  const allowed = governance.engineEnvironment.flatMap(name => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return createEngineDriver({
    enginesDirectory,
    socketDirectory: join(runtimeDirectory || tmpdir(), `tenon-${process.getuid?.() ?? 0}`),
    clock: systemClock,
    log,
    owner: incarnation,
    pythonPath: governance.pythonPath,
    environment: {PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...Object.fromEntries(allowed)},
    killGraceMs: governance.killGraceMs,
  });
}

/** `tenon start`: runs a node until a signal ends it. Rejects when it can't start; the message is for people. */
export async function runStart(options: Readonly<Record<string, unknown>>): Promise<void> {
  const config = readConfig({options});
  // Standard output is for the ready line alone.
  const log = pino({level: config.node.logLevel}, pino.destination({dest: 2, sync: true}));
  const node = await startNode(config, {
    log,
    onFatal: why => {
      log.fatal(why);
      process.exit(exitCodes.fatal);
    },
  });
  const {url, instance, administrator} = node;
  process.stderr.write(
    `${node.boot}\n\n  ${url}\n${administrator === undefined ? '' : welcome(administrator, config)}\n`,
  );
  process.stdout.write(`${JSON.stringify({event: 'ready', listen: url, instance, pid: process.pid})}\n`);
  await stopOnSignal(node, log);
}

const exitCodes = {fatal: 70, secondSignal: 130};

const welcome = ({user, password, isGenerated}: FirstAdministrator, {dataDirectory}: Config): string =>
  isGenerated
    ? `  administrator ${user}, password ${password}\n  (also in ${join(dataDirectory, 'credentials')}; change it with: tenon user password ${user})\n`
    : `  administrator ${user}, with the password of your file\n`;

async function stopOnSignal(node: RunningNode, log: Logger): Promise<void> {
  await new Promise<void>(resolve => {
    process.on('SIGTERM', resolve);
    process.on('SIGINT', resolve);
  });
  const stopAtOnce = (): never => process.exit(exitCodes.secondSignal);
  process.on('SIGTERM', stopAtOnce);
  process.on('SIGINT', stopAtOnce);
  const leftAtWork = await node.stop();
  if (leftAtWork.length > 0) {
    log.info({engines: leftAtWork}, 'engines left at work: their jobs are taken up again at the next start');
  }
  process.exit(0);
}
