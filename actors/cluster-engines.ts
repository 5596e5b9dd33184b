/** Engines and hosts of a whole cluster, as the facade of any node shows and ends them: asked of the ECMs and the manager. */
import type {EcmMap, EcmPlace, ListedEcm} from './ecm-map.ts';
import type {EcmCommand, EcmReply, EngineEntry} from './ecm-protocol.ts';
import {ReportedError, ecmFailure} from './ecm-errors.ts';
import {defaultVersionOf} from './domain/engine-version.ts';
import {toFailure} from './domain/errors.ts';
import type {
  EcmView,
  EngineGovernance,
  EngineLogPage,
  EngineView,
  KillReceipt,
  QuotaSource,
} from './engine-governance.ts';
import {engineIdOf, engineInstance} from './engine-name.ts';
import {unlimited} from './fixed-quotas.ts';
import {checkLedger} from './ledger-check.ts';
import type {ManagerPort} from './manager-port.ts';
import {RemoteCallError} from './remote-call.ts';
import {resourceUsesOf} from './resource-uses.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorSystem} from './runtime/system.ts';

export type ClusterEnginesDependencies = {
  readonly map: EcmMap;
  readonly system: Pick<ActorSystem, 'ask'>;
  readonly manager: Pick<ManagerPort, 'resources'>;
  readonly quotas: QuotaSource;
  readonly clock: Clock;
  readonly labelsOf: (instance: string) => Readonly<Record<string, string>>;
  /** `host:port` of the node with that incarnation; empty: not known. */
  readonly instanceOf: (incarnation: string) => string;
  readonly killGraceMs: number;
  /** Tells the entrance that uses the engine to give it no more jobs; false: that entrance can't be reached. */
  readonly retire: (entrance: string, engineId: string) => Promise<boolean>;
};

const askMs = 5000;
/** Beyond the grace between TERM and KILL. */
const endSlackMs = 5000;

export function clusterEngines(dependencies: ClusterEnginesDependencies): EngineGovernance {
  const {map, system, manager, quotas, clock, labelsOf, instanceOf, killGraceMs, retire} = dependencies;

  function engineView({instance: ecm}: ListedEcm, entry: EngineEntry): EngineView {
    const {engineId, engineType, user, creator, tenant = '', version, pid, task, owner, metrics} = entry;
    return {
      engineId,
      instance: engineInstance(ecm, engineId),
      engineType,
      version: version ?? defaultVersionOf(engineType),
      user,
      creator,
      tenant,
      status: task === undefined ? 'Unlock' : 'Busy',
      health: 'Healthy',
      ecm,
      entrance: owner === undefined ? '' : instanceOf(owner),
      pid,
      taskID: task?.taskID ?? null,
      jobCount: entry.jobCount ?? 0,
      startedAt: entry.startedAt ?? 0,
      updatedAt: metrics?.at ?? clock.now(),
      reserved: entry.reserved ?? quotas.quotaOf(entry).engine,
      metrics: metrics ?? null,
    };
  }

  function ecmView({instance, listing}: ListedEcm): EcmView {
    const {engineTypes, enginesMax, engineCount, capacity, reserved, health, healthReason} = listing;
    return {
      instance,
      health: health ?? 'Healthy',
      healthReason: healthReason ?? '',
      labels: labelsOf(instance),
      engineTypes,
      capacity: capacity ?? {...unlimited, instances: enginesMax},
      used: reserved ?? {memoryBytes: 0, cores: 0, instances: engineCount},
      load: listing.load ?? null,
      startedAt: listing.startedAt ?? 0,
      description: listing.description ?? '',
    };
  }

  async function ask<Value>(
    {instance, ref}: EcmPlace,
    make: (replyTo: Ref<EcmReply<Value>>) => EcmCommand,
    timeoutMs = askMs,
  ): Promise<Value> {
    const reply = await system
      .ask<EcmCommand, EcmReply<Value>>(ref, make, timeoutMs)
      .catch((error: unknown) => {
        throw new RemoteCallError(instance, 'its ECM', true, error);
      });
    if (!reply.ok) throw new ReportedError(reply.failure);
    return reply.value;
  }

  async function find(
    wanted: string,
  ): Promise<{readonly place: ListedEcm; readonly entry: EngineEntry} | undefined> {
    for (const place of await map.listed()) {
      const entry = place.listing.engines.find(
        ({engineId}) => engineId === wanted || engineInstance(place.instance, engineId) === wanted,
      );
      if (entry !== undefined) return {place, entry};
    }
    return undefined;
  }

  return {
    engines: async () =>
      (await map.listed()).flatMap(place => place.listing.engines.map(entry => engineView(place, entry))),
    ecms: async () => (await map.listed()).map(ecmView),
    resources: async () => resourceUsesOf(await manager.resources(), quotas),
    async verify() {
      const report = await manager.resources();
      const listed = await map.listed();
      return checkLedger(
        report,
        listed.flatMap(({listing}) => listing.engines.map(({engineId}) => engineId)),
      );
    },

    async endEngine(wanted, _by, {onlyIdle = false} = {}) {
      const found = await find(wanted);
      if (found === undefined || (onlyIdle && found.entry.task !== undefined)) return undefined;
      const {
        place,
        entry: {engineId, owner},
      } = found;
      // Nobody gets it while it is being ended; an entrance that can't be told loses it all the same.
      if (owner !== undefined) await retire(instanceOf(owner), engineId).catch(() => false);
      return ask<KillReceipt>(
        place,
        replyTo => ({type: 'terminateEngineConnection', engineId, graceMs: killGraceMs, replyTo}),
        killGraceMs + endSlackMs,
      ).catch((error: unknown) => {
        if (toFailure(error).code === ecmFailure.unknown) return undefined;
        throw error;
      });
    },

    async setEngineHealth(wanted, health) {
      const found = await find(wanted);
      if (found === undefined) return false;
      // What is well again needs nothing: it was only not to get more jobs.
      if (health === 'Healthy') return true;
      const {owner, engineId} = found.entry;
      return owner === undefined ? true : retire(instanceOf(owner), engineId);
    },

    async setEcm(instance, change) {
      const place = map.at(instance);
      if (place === undefined) return false;
      await ask<void>(place, replyTo => ({type: 'setHealth', ...change, replyTo}));
      return true;
    },

    async engineLog(ecm, engine, request) {
      const place = map.at(ecm);
      if (place === undefined) return undefined;
      const engineId = engineIdOf(engine);
      return ask<EngineLogPage>(place, replyTo => ({type: 'engineLog', engineId, request, replyTo})).catch(
        (error: unknown) => {
          if (toFailure(error).code === ecmFailure.unknown) return undefined;
          throw error;
        },
      );
    },
  };
}
