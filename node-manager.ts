/** What a node of a cluster has to do with the manager: its way there, its engines as the facade shows them, and the role itself. */
import type {Logger} from 'pino';
import {clusterEngines} from './actors/cluster-engines.ts';
import {createEcmMap} from './actors/ecm-map.ts';
import {parseEngineTypeLimits} from './actors/engine-type-limits.ts';
import type {EngineGovernance, QuotaSource} from './actors/engine-governance.ts';
import {createEntranceAsker} from './actors/entrance-asker.ts';
import {entranceKey} from './actors/entrance-protocol.ts';
import type {LeaseStore} from './actors/domain/lease.ts';
import {managerKey} from './actors/manager-key.ts';
import {managerTimes} from './actors/manager-state.ts';
import {startManagerService} from './actors/manager-service.ts';
import type {ManagerPort} from './actors/manager-port.ts';
import type {Membership} from './actors/membership.ts';
import {remoteEntrance} from './actors/remote-entrance.ts';
import {remoteManager} from './actors/remote-manager.ts';
import type {Router} from './actors/router-actor.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import type {Receptionist} from './actors/runtime/receptionist.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import {runSingleton} from './actors/singleton.ts';
import type {Config} from './config.ts';

export type ClusterManagementDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  readonly router: Pick<Router, 'current'>;
  /** Undefined until this node has joined. */
  readonly membership: () => Membership | undefined;
  readonly quotas: QuotaSource;
  readonly config: Pick<Config, 'governance'>;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly log: Logger;
};

export type ClusterManagement = {
  readonly port: ManagerPort;
  readonly engines: EngineGovernance;
  /**
   * This node may be the manager: from now on, if nobody else is. Without the role it is only a stand-in, where no node of the
   * cluster has that role; once it manages, it goes on. Returns what ends that.
   */
  readonly runManager: (membership: Membership, leases: LeaseStore, hasRole: boolean) => () => Promise<void>;
  readonly close: () => void;
};

/** Where the manager is, as far as this node sees. */
export const managers = (receptionist: Receptionist): readonly string[] => [
  ...receptionist.all(managerKey).keys(),
];

export function manageCluster(dependencies: ClusterManagementDependencies): ClusterManagement {
  const {system, receptionist, router, membership, quotas, config, self, log} = dependencies;
  const {engineLaunchTimeoutMs, engineTypeMax, enginesPerUserMax, killGraceMs} = config.governance;
  const clock = systemClock;
  const map = createEcmMap({receptionist, system, clock});
  const port = remoteManager(system, receptionist);
  const asker = createEntranceAsker(system, receptionist);
  const labelsOf = (instance: string): Readonly<Record<string, string>> =>
    router.current().members.find(member => member.instance === instance)?.labels ?? {};
  return {
    port,
    engines: clusterEngines({
      map,
      system,
      manager: port,
      quotas,
      clock,
      labelsOf,
      killGraceMs,
      instanceOf: incarnation =>
        membership()
          ?.members()
          .find(member => member.incarnation === incarnation)?.instance ?? '',
      async retire(entrance, engineId) {
        const ref = receptionist.find(entranceKey, entrance);
        return ref === undefined ? false : remoteEntrance(asker, entrance, ref).retireEngine(engineId);
      },
    }),
    runManager(joined, leases, hasRole) {
      // Once it may, it always may: a lease that is held must be made use of.
      let mayStand = hasRole;
      const isNeeded = (): boolean => {
        mayStand ||= !joined.members().some(({roles}) => roles.includes('manager'));
        return mayStand;
      };
      const singleton = runSingleton({
        leases,
        clock,
        random: systemRandom,
        log,
        membership: {...joined, mayAct: () => joined.mayAct() && isNeeded()},
        self,
        name: 'manager',
        start: (fence, mayAct) =>
          startManagerService(
            {
              system,
              receptionist,
              membership: joined,
              listed: map.listed,
              labelsOf,
              quotas,
              clock,
              log,
              settings: {
                ...managerTimes(engineLaunchTimeoutMs),
                instance: self.instance,
              },
              enginesPerUserMax,
              engineTypeMax: parseEngineTypeLimits(engineTypeMax).limits,
              idPrefix: `e${self.incarnation.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 8)}`,
            },
            fence,
            mayAct,
          ),
      });
      return () => singleton.release();
    },
    close: () => asker.close(),
  };
}
