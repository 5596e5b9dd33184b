/**
 * Builds every floor of a node, starts it, and stops it in reverse; prints the boot tree. The only module that knows all
 * floors: what they need of each other is handed over here, as ports.
 */
import {nanoid} from 'nanoid';
import type {ClusterView} from './actors/cluster-view.ts';
import type {Governance} from './actors/governance.ts';
import {startGovernanceNode, type GovernanceNode} from './actors/governance-node.ts';
import {createRouting, parseInstanceLabels, registerInstance} from './actors/instance-label-service.ts';
import {createJobFeed} from './actors/job-feed.ts';
import {startMembership, type Membership} from './actors/membership.ts';
import {startRouter} from './actors/router-actor.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import {startActorSystem} from './actors/runtime/system.ts';
import {bootTree, printRecovered} from './boot-tree.ts';
import {printNodeAddress} from './cluster/node-address.ts';
import type {Config} from './config.ts';
import {firstAdministrator} from './first-administrator.ts';
import {knownEngineTypes} from './node-engine-driver.ts';
import {fencedLogs, fencedStore} from './node-fenced.ts';
import {watchLockHolders} from './node-lock-holders.ts';
import {followMembership} from './node-membership.ts';
import {countTakeOvers, nothingCounted, watchLeases} from './node-cluster-counts.ts';
import {clusterMetrics} from './node-cluster-metrics.ts';
import {openNodeHealth} from './node-health.ts';
import {withJobs} from './node-loads.ts';
import {nodeMetrics} from './node-metrics.ts';
import {followGone, takeOverFrom} from './node-take-over.ts';
import {nodeView} from './node-view.ts';
import {noneRemoved, retentionMetrics, startRetention} from './node-retention.ts';
import {openParts} from './node-parts.ts';
import type {NodeOptions, RunningNode} from './node-running.ts';
import {whenJoined, whenServing} from './node-serving.ts';
import {openGoverning} from './node-governing.ts';
import {governanceSettingsOf, placeOfProcess} from './node-settings.ts';
import {claimDataDirectory} from './persistence/data-directory.ts';
import {createJobFiles} from './persistence/files/job-files.ts';
import {createJobArchive} from './persistence/files/archive.ts';
import {createJobRemains} from './persistence/files/job-remains.ts';
import {createLogStore} from './persistence/files/log-store.ts';

const stopLimitMs = 5000;
/** How often changes of labels by other nodes are looked for; alone there is nobody who would make any. */
const labelPollMs = {clustered: 500, alone: 5000};

/** Starts a node and resolves when it serves. On failure everything that was started is stopped again. */
export async function startNode(
  config: Config,
  {log, engineDriver, onFatal, listens = true}: NodeOptions,
): Promise<RunningNode> {
  const {
    dataDirectory,
    node: {roles},
    governance: settings,
  } = config;
  const has = (role: string): boolean => roles.includes(role);
  const isClustered = config.node.cluster !== '';
  const boot = bootTree(systemClock.monotonicMs);
  await using cleanup = new AsyncDisposableStack();
  const clock = systemClock;
  const random = systemRandom;
  const incarnation = nanoid();

  const directory = await boot.step('data directory', () => claimDataDirectory(dataDirectory));
  cleanup.defer(() => directory.release());
  const {database, localDriver, outbox, password, facadeModule} = await openParts({
    config,
    incarnation,
    boot,
    log,
    hasDriver: engineDriver !== undefined,
    listens,
  });
  cleanup.defer(() => database.close());
  const administrator = await boot.step('accounts', () =>
    has('gateway')
      ? firstAdministrator(database.accounts, password, config, {incarnation, clock})
      : undefined,
  );

  const system = startActorSystem({name: 'tenon', clock, random, log});
  cleanup.defer(() => system.shutdown(stopLimitMs));
  const logs = createLogStore({clock});
  cleanup.defer(() => logs.close());
  const feed = createJobFeed({
    onListenerFailure: (taskID, error) => log.error({taskID, err: error}, 'a follower failed'),
  });
  const endpoint = isClustered
    ? await boot.step('cluster endpoint', async () => {
        const {clusterParts: parts} = await import('./node-cluster.ts');
        return {...(await parts.openClusterEndpoint(config, {system, incarnation, log})), parts};
      })
    : undefined;
  if (endpoint !== undefined) cleanup.defer(() => endpoint.close());

  let instance = endpoint?.instance ?? '';
  let onRouteChange = (): void => undefined;
  const router = startRouter({
    system,
    store: database.labels,
    random,
    pollMs: isClustered ? labelPollMs.clustered : labelPollMs.alone,
    onFailure: failure => log.warn({error: failure.message}, 'labels of instances could not be read'),
    onChange: () => onRouteChange(),
  });
  const routing = createRouting({self: () => instance, router, store: database.labels});

  const removedCounters = noneRemoved();
  const neighbours = {directories: (): readonly string[] => []};
  const localFiles = createJobFiles({directory: dataDirectory, neighbours: () => neighbours.directories()});
  const entrances =
    endpoint === undefined
      ? undefined
      : {
          system,
          receptionist: endpoint.links.receptionist,
          self: {instance, incarnation},
          store: database.jobs,
          logs,
          log,
          parts: endpoint.parts,
        };
  const view = Promise.withResolvers<ClusterView>();
  view.promise.catch(() => undefined);
  // The port is bound before the actors start, so that its number is known; until they serve, calls wait for them.
  const serving = Promise.withResolvers<Governance>();
  serving.promise.catch(() => undefined);
  let node: GovernanceNode | undefined;
  let joined: Membership | undefined;
  const soon = whenServing(serving.promise);
  const loads = {entrances, local: () => node?.governance.load(), clock};
  const counts = nothingCounted();
  const ofCluster = clusterMetrics({counts, endpoint, system, clock});
  const ownLabels = (): Readonly<Record<string, string>> =>
    router.current().members.find(member => member.instance === instance)?.labels ?? {};
  const engineTypes = localDriver?.engineTypes ?? engineDriver?.engineTypes ?? knownEngineTypes(config);
  const governing = await boot.step('configuration', () =>
    openGoverning({
      config,
      database,
      driver: localDriver,
      engineTypes,
      instance: () => instance,
      incarnation,
      node: () => node,
      labels: ownLabels,
      log,
    }),
  );
  cleanup.defer(() => governing.close());
  const managed = endpoint?.parts.manageCluster({
    system,
    receptionist: endpoint.links.receptionist,
    router,
    membership: () => joined,
    quotas: governing.quotas,
    config,
    self: {instance, incarnation},
    log,
  });
  if (managed !== undefined) cleanup.defer(async () => managed.close());
  const engines = managed?.engines ?? governing.own.engines;
  const metrics = [
    ...nodeMetrics(system, () => node),
    ...ofCluster,
    ...retentionMetrics(removedCounters),
    ...governing.metrics,
  ];
  const facade = facadeModule
    ? await boot.step('facade', () =>
        facadeModule.openFacade({
          config,
          governance: soon,
          database,
          routing,
          cluster: withJobs(whenJoined(view.promise), loads),
          files: entrances?.parts.filesOfCluster(localFiles, entrances) ?? localFiles,
          engineTypes,
          engines,
          governing,
          log,
          metrics,
        }),
      )
    : undefined;
  const server = facade ?? (await openNodeHealth(config, {governance: soon, database, metrics, log}));
  if (server !== undefined) cleanup.defer(() => server.close());
  const url = facade?.url ?? '';
  // Without a port the process number tells the nodes of a host apart.
  if (instance === '') {
    instance = printNodeAddress({
      host: facade?.host ?? config.hostName,
      port: facade?.port ?? process.pid,
    });
  }

  const place = placeOfProcess();
  const membership = await boot.step('lease', () =>
    startMembership({
      leases: watchLeases(database.leases, counts, clock),
      clock,
      random,
      log,
      self: {instance, incarnation},
      details: {
        roles,
        ...place,
        pid: process.pid,
        dataDirectory,
        ...(url === '' ? {} : {listenUrl: url}),
        ...(endpoint === undefined ? {} : {clusterAddress: endpoint.instance, boundAt: endpoint.boundAt}),
      },
      onFenced: why => onFatal(why),
    }),
  );
  counts.membership = membership;
  joined = membership;
  cleanup.defer(() => membership.release());
  cleanup.defer(watchLockHolders({membership, database, config, place, log}));
  await boot.step('labels', () =>
    registerInstance(database.labels, instance, roles, parseInstanceLabels(config.node.label)),
  );
  const members = followMembership({membership, links: endpoint?.links, router, place, config, log});
  cleanup.defer(() => members.stop());
  neighbours.directories = members.neighbourDirectories;

  const store = fencedStore(database.jobs, membership);
  const ownRoute = (): string | undefined => ownLabels()['route'];

  const engineHost =
    endpoint === undefined || localDriver === undefined
      ? undefined
      : await boot.step('engine host', () =>
          endpoint.parts.startEngineHost({
            system,
            receptionist: endpoint.links.receptionist,
            driver: localDriver,
            store: database.jobs,
            self: {instance, incarnation},
            neighbours: members.neighbourDirectories,
            governance: settings,
            ecm: config.ecm,
            log,
          }),
        );
  const remoteEngines =
    endpoint === undefined
      ? undefined
      : endpoint.parts.clusterEngineDriver({
          receptionist: endpoint.links.receptionist,
          self: {instance, incarnation},
          engineTypes: knownEngineTypes(config),
          results: endpoint.parts.resultSink,
          clock,
          random,
          system,
          log,
        });
  if (remoteEngines !== undefined) cleanup.defer(async () => remoteEngines.close());
  const driver = remoteEngines ?? engineDriver ?? localDriver;
  const asked = Promise.withResolvers<string>();
  const withdrawNode =
    endpoint &&
    endpoint.parts.startNodeService({system, receptionist: endpoint.links.receptionist}, by =>
      asked.resolve(by),
    );
  view.resolve(nodeView({membership, router, endpoint, system, instance, leave: by => asked.resolve(by)}));
  const ownerChanges = new Set<(instance: string) => void>();
  if (has('entrance') && driver !== undefined) {
    await boot.step('own labels', () => router.refresh());
    node = await boot.step('governance', () =>
      startGovernanceNode(
        {
          system,
          store,
          ping: () => database.ping(),
          outbox,
          // Alone, nobody else would write them: a log then goes on while the database is away.
          logs: isClustered ? fencedLogs(logs, membership) : logs,
          feed,
          driver,
          clock,
          log,
          isAlive: owner => membership.isAlive(owner),
          routeLabel: ownRoute,
          quotas: governing.quotas,
          engineRecords: database.engineRecords,
          ...(managed === undefined ? {} : {manager: managed.port}),
          ...(isClustered ? {} : {hostState: governing.own.hostState}),
          ...(isClustered ? {newPlace: members.newPlace, lookAgain: () => membership.lookAgain()} : {}),
        },
        governanceSettingsOf(config, {instance, incarnation}, driver.engineTypes, governing.submitters),
      ),
    );
  }
  const running = node;
  if (entrances !== undefined && running !== undefined) {
    const withdraw = entrances.parts.offerJobs(running, localFiles, entrances);
    cleanup.defer(() => withdraw());
  }
  if (entrances === undefined) {
    if (running === undefined) throw new Error('A node that stands alone needs an entrance and engines.');
    serving.resolve(running.governance);
  } else {
    const governance = entrances.parts.governanceOfCluster(
      {
        node: running,
        membership,
        router,
        isWithinReach: path =>
          members.neighbourDirectories().some(directory => path.startsWith(`${directory}/`)),
        onOwnerChange(listener) {
          ownerChanges.add(listener);
          return () => void ownerChanges.delete(listener);
        },
        retention: config.retention,
        timeZone: config.timeZone,
      },
      entrances,
    );
    cleanup.defer(() => governance.close());
    serving.resolve(governance);
  }

  const takeOver = takeOverFrom({node: running && countTakeOvers(running, counts), ownerChanges, log});
  onRouteChange = followGone({
    members,
    takeOver,
    ownerChanges,
    ownRoute,
    // Alone, a node reaches the engines of no other: it takes up what its own former lives have left.
    isTaken: member => isClustered || member.details['dataDirectory'] === dataDirectory,
    isClustered,
    engines: [engineHost?.nodeGone, member => remoteEngines?.nodeGone(member.incarnation)],
  });

  startRetention({
    system,
    policy: config.retention,
    store: database.jobs,
    audit: database.audit,
    engineRecords: database.engineRecords,
    remains: createJobRemains({directory: dataDirectory, logs}),
    archiving: {archive: createJobArchive({directory: dataDirectory, clock}), history: database.history},
    clock,
    log,
    counters: removedCounters,
  });
  boot.note('governance', printRecovered(running?.recovered));
  if (managed && (has('manager') || has('entrance'))) {
    cleanup.defer(managed.runManager(membership, database.leases, has('manager')));
  }
  members.setState('up');
  await boot.step('router', () => router.refresh());

  const resources = cleanup.move();
  return {
    url,
    instance,
    incarnation,
    administrator,
    governance: await serving.promise,
    engines,
    node: running,
    history: database.history,
    boot: boot.print(),
    isAskedToLeave: asked.promise,
    async stop() {
      withdrawNode?.();
      members.setState('leaving');
      running?.drain();
      const left = (await running?.leave()) ?? [];
      const leftAtWork = (await engineHost?.leave()) ?? left;
      await database.labels.remove(instance).catch(() => undefined);
      await resources.disposeAsync();
      return leftAtWork;
    },
  };
}
