/** Engines and the host of a node that stands alone, for its facade: what `cluster-engines.ts` is in a cluster. */
import {defaultVersionOf} from './actors/domain/engine-version.ts';
import type {HostView} from './actors/ecm-port.ts';
import type {
  EngineGovernance,
  EngineNodeStatus,
  EngineView,
  QuotaSource,
  Resources,
} from './actors/engine-governance.ts';
import type {PooledEngine} from './actors/engine-pool-state.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import {engineIdOf, engineInstance} from './actors/engine-name.ts';
import {checkLedger} from './actors/ledger-check.ts';
import {resourceUsesOf} from './actors/resource-uses.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {HostHealth} from './node-host-health.ts';

export type OwnEnginesDependencies = {
  readonly instance: () => string;
  /** Undefined until it runs. */
  readonly node: () => GovernanceNode | undefined;
  readonly host: HostView | undefined;
  readonly hostHealth: HostHealth;
  readonly quotas: QuotaSource;
  readonly clock: Clock;
  readonly killGraceMs: number;
  readonly engineTypes: readonly string[];
  readonly labels: () => Readonly<Record<string, string>>;
};

const statuses: Readonly<Record<PooledEngine['status'], EngineNodeStatus>> = {
  starting: 'Starting',
  idle: 'Unlock',
  busy: 'Busy',
  ending: 'ShuttingDown',
};

export function ownEngines(dependencies: OwnEnginesDependencies): EngineGovernance {
  const {instance, node, host, hostHealth, quotas, clock, killGraceMs, engineTypes, labels} = dependencies;
  const startedAt = clock.now();
  const pooled = (): readonly (readonly [string, PooledEngine])[] => [...(node()?.engines() ?? [])];

  function viewOf([engineId, engine]: readonly [string, PooledEngine]): EngineView {
    const {key, status, taskID, jobCount, reserved, endsWithJob} = engine;
    const metrics = host?.metrics(engineId) ?? null;
    return {
      engineId,
      instance: engineInstance(instance(), engineId),
      ...key,
      version: defaultVersionOf(key.engineType),
      status: statuses[status],
      health: endsWithJob ? 'UnHealthy' : 'Healthy',
      ecm: instance(),
      entrance: instance(),
      pid: null,
      taskID: taskID ?? null,
      jobCount,
      startedAt: node()?.engineStartedAt(engineId) ?? startedAt,
      updatedAt: metrics?.at ?? clock.now(),
      reserved,
      metrics,
    };
  }

  return {
    engines: async () => pooled().map(viewOf),
    async ecms() {
      const {health, reason, load} = hostHealth.current();
      const used = pooled().reduce<Resources>(
        (sum, [, {reserved}]) => ({
          memoryBytes: sum.memoryBytes + reserved.memoryBytes,
          cores: sum.cores + reserved.cores,
          instances: sum.instances + reserved.instances,
        }),
        {memoryBytes: 0, cores: 0, instances: 0},
      );
      return [
        {
          instance: instance(),
          health,
          healthReason: reason,
          labels: labels(),
          engineTypes,
          capacity: hostHealth.capacity(),
          used,
          load: load ?? null,
          startedAt,
          description: hostHealth.description(),
        },
      ];
    },
    async resources() {
      const running = node();
      return running === undefined ? [] : resourceUsesOf(await running.manager.resources(), quotas);
    },
    async verify() {
      const running = node();
      if (running === undefined) throw new Error('This node has not started yet.');
      return checkLedger(await running.manager.resources(), [...running.engines().keys()]);
    },
    async endEngine(wanted, _by, {onlyIdle = false} = {}) {
      const engineId = engineIdOf(wanted);
      const engine = node()?.engines().get(engineId);
      if (engine === undefined || (onlyIdle && engine.status !== 'idle')) return undefined;
      // Nobody gets it while it is being ended.
      node()?.retireEngine(engineId);
      const receipt = await host?.terminate(engineId, killGraceMs);
      if (receipt !== undefined) return {...receipt, returned: engine.reserved};
      node()?.endEngine(engineId);
      return {signals: [], processesEnded: 0, pids: [], tookMs: 0, returned: engine.reserved};
    },
    async setEngineHealth(wanted, health) {
      const engineId = engineIdOf(wanted);
      if (node()?.engines().has(engineId) !== true) return false;
      if (health === 'UnHealthy') node()?.retireEngine(engineId);
      return true;
    },
    async setEcm(wanted, change) {
      if (wanted !== instance()) return false;
      hostHealth.set(change);
      return true;
    },
    engineLog: async (_ecm, wanted, request) => host?.engineLog(engineIdOf(wanted), request),
  };
}
