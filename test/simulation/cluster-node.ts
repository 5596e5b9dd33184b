/**
 * A node of a simulated cluster, joined from the product's own parts as `node-start.ts` joins them; only what touches
 * sockets, files, processes and real time is replaced.
 */
import {pino} from 'pino';
import {clusterEngineDriver} from '../../actors/ecm-driver.ts';
import {clusterGovernance, type ClusterGovernance} from '../../actors/cluster-governance.ts';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {ResultSink} from '../../actors/ecm-port.ts';
import {startEntranceService} from '../../actors/entrance-service.ts';
import {startGovernanceNode, type GovernanceNode} from '../../actors/governance-node.ts';
import {parseInstanceLabels, registerInstance} from '../../actors/instance-label-service.ts';
import {createJobFeed} from '../../actors/job-feed.ts';
import {createJobLogReader} from '../../actors/job-log-reader.ts';
import {startMembership, type Membership} from '../../actors/membership.ts';
import type {Outbox} from '../../actors/outbox.ts';
import type {LogStore} from '../../actors/ports.ts';
import type {Resolve} from '../../actors/remote-submit.ts';
import {retentionSettings} from '../../actors/retention-settings.ts';
import {startRouter, type Router} from '../../actors/router-actor.ts';
import {rowView} from '../../actors/row-view.ts';
import {printResolution} from '../../actors/router.ts';
import type {Random} from '../../actors/runtime/random.ts';
import {startActorSystem, type ActorSystem} from '../../actors/runtime/system.ts';
import {createClusterLinks, type ClusterLinks} from '../../cluster/cluster-links.ts';
import type {MemoryNetwork} from '../../cluster/memory-transport.ts';
import {fencedLogs, fencedStore} from '../../node-fenced.ts';
import {followMembership} from '../../node-membership.ts';
import {nodeSettings} from '../../node-options.ts';
import {takeOverFrom} from '../../node-take-over.ts';
import {governanceFixture} from '../support/node-fixture.ts';
import {startSimulatedEcm} from './cluster-ecm.ts';
import type {HostDriver} from './cluster-engines.ts';
import type {ClusterProcess} from './cluster-process.ts';
import type {ClusterPlant, NodeDatabase} from './cluster-store.ts';

export type NodePlan = {
  readonly instance: string;
  readonly roles: readonly string[];
  readonly route?: string;
  /** Boot id of its machine. */
  readonly host: string;
};

export type ClusterNode = {
  readonly system: ActorSystem;
  readonly membership: Membership;
  readonly links: ClusterLinks;
  readonly governance: ClusterGovernance;
  /** Undefined for one that is a gateway only. */
  readonly entrance: GovernanceNode | undefined;
  /** Resolves when it has left as it should. */
  readonly leave: () => Promise<void>;
};

export type NodeSurroundings = {
  readonly plan: NodePlan;
  readonly process: ClusterProcess;
  readonly network: MemoryNetwork;
  readonly database: NodeDatabase;
  readonly random: Random;
  readonly engines: HostDriver | undefined;
  readonly results: ResultSink;
  readonly logs: LogStore;
  readonly outbox: Outbox;
  readonly plant: ClusterPlant;
  readonly makeId: () => string;
  /** The process must end. */
  readonly onFatal: (why: string) => void;
  readonly onSystem: (system: ActorSystem) => void;
};

/** There is none: whoever writes there is told, and goes on. */
export const dataDirectoryOf = (instance: string): string => `/nowhere/${instance}`;

const log = pino({enabled: false});
const controlTypes: ReadonlySet<unknown> = new Set(['kill', 'shutdown', 'find', 'renew', 'drain']);
const retention = defaultsOf(retentionSettings);

/** Resolves when it is up. Rejects as `startNode` does: then the process ends. */
export async function startClusterNode(surroundings: NodeSurroundings): Promise<ClusterNode> {
  const {plan, process, network, database, random, engines, results, logs, plant} = surroundings;
  const {instance, roles, route, host} = plan;
  const {clock, incarnation} = process;
  const self = {instance, incarnation};
  const dataDirectory = dataDirectoryOf(instance);
  const has = (role: string): boolean => roles.includes(role);

  const system = startActorSystem({name: incarnation, clock, random, log});
  surroundings.onSystem(system);
  const transport = network.transport({instance, incarnation, roles});
  const links = createClusterLinks({
    transport,
    system,
    self,
    clock,
    random,
    log,
    isControl: message =>
      typeof message === 'object' && message !== null && 'type' in message && controlTypes.has(message.type),
  });
  const {receptionist} = links;
  await transport.listen(connection => links.accept(connection));

  let onRouteChange = (): void => undefined;
  const router = startRouter({system, store: database.labels, random, onChange: () => onRouteChange()});
  const place = {bootId: host, netNs: 'net:1'};
  const membership = await startMembership({
    leases: database.leases,
    clock,
    random,
    log,
    self,
    details: {roles, ...place, dataDirectory, clusterAddress: instance, boundAt: instance},
    onFenced: surroundings.onFatal,
  });
  const labels = route === undefined ? [] : [`route=${route}`];
  await registerInstance(database.labels, instance, roles, parseInstanceLabels(labels));
  const members = followMembership({
    membership,
    links,
    router,
    place,
    config: {dataDirectory, timeZone: 'UTC', node: {...defaultsOf(nodeSettings), cluster: instance}},
    log,
  });
  const isAlive: Membership['isAlive'] =
    plant === 'incarnationNotChecked'
      ? owner => membership.members().some(member => member.instance === owner.instance)
      : owner => membership.isAlive(owner);
  const store = fencedStore(database.jobs, membership);
  const ownRoute = (): string | undefined =>
    router.current().members.find(member => member.instance === instance)?.labels?.['route'];

  const ecm =
    engines === undefined
      ? undefined
      : await startSimulatedEcm({
          system,
          receptionist,
          driver: engines.driver,
          store: database.jobs,
          self,
          neighbours: members.neighbourDirectories,
          clock,
          log,
        });
  const remoteEngines = clusterEngineDriver({
    receptionist,
    self,
    engineTypes: ['shell', 'python'],
    results,
    clock,
    random,
    system,
    log,
  });
  const ownerChanges = new Set<(instance: string) => void>();
  let entrance: GovernanceNode | undefined;
  let withdraw = async (): Promise<void> => undefined;
  if (has('entrance')) {
    await router.refresh();
    entrance = await startGovernanceNode(
      {
        system,
        store,
        ping: () => database.ping(),
        outbox: surroundings.outbox,
        logs: fencedLogs(logs, membership),
        feed: createJobFeed(),
        driver: remoteEngines,
        clock,
        log,
        isAlive,
        routeLabel: ownRoute,
        newPlace: members.newPlace,
        lookAgain: () => membership.lookAgain(),
      },
      governanceFixture(self, dataDirectory),
    );
    const {governance: local} = entrance;
    withdraw = startEntranceService({
      system,
      receptionist,
      governance: local,
      store: database.jobs,
      self,
      log,
    });
  }
  const running = entrance;
  const governance = clusterGovernance({
    receptionist,
    self,
    ...(running === undefined ? {} : {local: running.governance, isLive: running.isLive}),
    rowLogs: createJobLogReader({
      store: database.jobs,
      logs,
      async find(taskID) {
        const stored = await database.jobs.get(taskID);
        return stored && rowView(stored);
      },
      isLive: taskID => running?.isLive(taskID) ?? false,
      keep: async () => undefined,
      retention,
      clock,
      timeZone: 'UTC',
    }),
    store: database.jobs,
    isAlive,
    resolve: resolveWith(router, random),
    onOwnerChange(listener) {
      ownerChanges.add(listener);
      return () => void ownerChanges.delete(listener);
    },
    clock,
    makeId: surroundings.makeId,
    log,
    system,
  });
  const takeOver = takeOverFrom({node: running, ownerChanges, log});
  members.onGone(member => {
    ecm?.nodeGone(member);
    remoteEngines.nodeGone(member.incarnation);
    for (const listener of ownerChanges) listener(member.instance);
    void takeOver(member.instance);
  });
  let routeNow = ownRoute();
  onRouteChange = () => {
    const next = ownRoute();
    if (next === routeNow) return;
    routeNow = next;
    void takeOver();
  };
  members.setState('up');
  await router.refresh();

  return {
    system,
    membership,
    links,
    governance,
    entrance,
    async leave() {
      members.setState('leaving');
      running?.drain();
      await running?.leave();
      await ecm?.leave();
      await database.labels.remove(instance).catch(() => undefined);
      governance.close();
      await withdraw();
      remoteEngines.close();
      members.stop();
      await membership.release();
      links.close();
      await system.shutdown(leaveMs);
    },
  };
}

const leaveMs = 5000;

/** One that was tried goes after all others, and before none. */
function resolveWith(router: Router, random: Random): Resolve {
  return (routeLabel, caller, tried) => {
    const request = {service: entranceService, routeLabel, user: caller.user} as const;
    if (tried.length > 0) {
      const {candidates, rule} = router.explain(request);
      const left = candidates.filter(({instance, share}) => share > 0 && !tried.includes(instance));
      const chosen = left[Math.floor(random.next() * left.length)];
      if (chosen !== undefined)
        return {instance: chosen.instance, why: `${rule} after ${tried.join(' and ')}`};
    }
    const resolution = router.resolve(request);
    return {instance: resolution.instance, why: printResolution(resolution, routeLabel)};
  };
}
