/** What governs a node beside its jobs: configuration and the quotas that follow, audit, and engines as people see them. */
import type {Logger} from 'pino';
import type {HostView, LocalEngineDriver} from './actors/ecm-port.ts';
import type {EngineGovernance} from './actors/engine-governance.ts';
import type {HostState} from './actors/engine-desk.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import {isAddressAllowed} from './actors/configuration-lookup.ts';
import {enginePropertiesOf} from './actors/engine-properties.ts';
import type {QuotaSource} from './actors/engine-governance.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import type {Config} from './config.ts';
import type {Metric} from './http/metrics.ts';
import {startAudit, type NodeAudit} from './node-audit.ts';
import type {Submitters} from './node-settings.ts';
import {openConfiguration, type NodeConfiguration} from './node-configuration.ts';
import {watchOwnHost, type HostHealth} from './node-host-health.ts';
import {hostMetrics} from './node-host-metrics.ts';
import {ownEngines} from './node-own-engines.ts';
import type {Database} from './persistence/database.ts';

export type NodeGoverning = {
  readonly configuration: NodeConfiguration;
  readonly quotas: QuotaSource;
  readonly submitters: Submitters;
  readonly audit: NodeAudit;
  readonly metrics: readonly Metric[];
  /** Engines that this node uses, and what its host has for them: what counts on a node that stands alone. */
  readonly own: {readonly engines: EngineGovernance; readonly hostState: () => HostState};
  readonly close: () => Promise<void>;
};

export type NodeGoverningDependencies = {
  readonly config: Config;
  readonly database: Database;
  readonly driver: Pick<LocalEngineDriver, 'host' | 'engineTypes'> | undefined;
  readonly engineTypes: readonly string[];
  readonly instance: () => string;
  readonly incarnation: string;
  readonly node: () => GovernanceNode | undefined;
  readonly labels: () => Readonly<Record<string, string>>;
  readonly log: Logger;
};

/** How soon changes of other nodes are seen; a node that stands alone makes all of them itself, but for `tenon` commands. */
const pollMs = {clustered: 500, alone: 2000};

export async function openGoverning(dependencies: NodeGoverningDependencies): Promise<NodeGoverning> {
  const {config, database, driver, engineTypes, instance, incarnation, node, labels, log} = dependencies;
  const {governance, ecm, http} = config;
  const isAlone = config.node.cluster === '';
  // In a cluster the ECM watches its host.
  const watched = isAlone ? driver?.host : undefined;
  const clock = systemClock;
  const configuration = await openConfiguration({
    database,
    settings: governance,
    clock,
    random: systemRandom,
    pollMs: isAlone ? pollMs.alone : pollMs.clustered,
    log,
  });
  const {quotas} = configuration;
  const audit = startAudit({
    database,
    clock,
    log,
    incarnation,
    instance,
    submissions: http.auditSubmissions,
  });
  const host = driver?.host;
  const health = await watchOwnHost({
    host: watched,
    settings: ecm,
    enginesMax: governance.enginesMax,
    clock,
    log,
  });
  const engines = ownEngines({
    instance,
    node,
    host,
    hostHealth: health,
    quotas,
    clock,
    killGraceMs: governance.killGraceMs,
    engineTypes,
    labels,
  });
  return {
    configuration,
    quotas,
    submitters: {
      propertiesOf: key => enginePropertiesOf(configuration.lookup(), key),
      configuredTenant: (user, creator) => configuration.lookup().tenantOf(user, creator),
      isAddressAllowed: (user, creator, address) =>
        isAddressAllowed(configuration.lookup(), user, creator, address),
    },
    audit,
    metrics: [...audit.metrics, ...(watched === undefined ? [] : metricsOf(watched, engines))],
    own: {engines, hostState: () => stateOf(health)},
    async close() {
      health.stop();
      configuration.close();
      await audit.close();
    },
  };
}

function stateOf(health: HostHealth): HostState {
  const {health: name, reason, load} = health.current();
  return {
    capacity: health.capacity(),
    health: name,
    healthReason: reason,
    ...(load === undefined ? {} : {load}),
  };
}

const metricsOf = (host: HostView, engines: EngineGovernance): readonly Metric[] =>
  hostMetrics(host, async () => {
    const [ecm] = await engines.ecms();
    return ecm && {health: ecm.health, capacity: ecm.capacity, reserved: ecm.used};
  });
