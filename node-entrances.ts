/** The way of a node's facade to the jobs of its cluster, and the way of other nodes to those of this one. */
import type {Logger} from 'pino';
import {nanoid} from 'nanoid';
import {entranceService} from './actors/domain/exec-id.ts';
import {clusterGovernance, type ClusterGovernance} from './actors/cluster-governance.ts';
import {startEntranceService} from './actors/entrance-service.ts';
import {createHolderOf} from './actors/file-holder.ts';
import {startFilesService} from './actors/files-service.ts';
import type {Caller} from './actors/governance.ts';
import type {GovernanceNode} from './actors/governance-node.ts';
import type {JobFiles} from './actors/job-files.ts';
import {createJobLogReader} from './actors/job-log-reader.ts';
import type {Membership} from './actors/membership.ts';
import type {JobStore, LogStore} from './actors/ports.ts';
import {clusterJobFiles} from './actors/remote-files.ts';
import type {Resolution, Resolve} from './actors/remote-submit.ts';
import type {RetentionPolicy} from './actors/retention-settings.ts';
import {rowView} from './actors/row-view.ts';
import {printResolution} from './actors/router.ts';
import type {Router} from './actors/router-actor.ts';
import {systemClock} from './actors/runtime/clock.ts';
import {systemRandom} from './actors/runtime/random.ts';
import type {Receptionist} from './actors/runtime/receptionist.ts';
import type {ActorSystem} from './actors/runtime/system.ts';

export type EntrancesDependencies = {
  readonly system: ActorSystem;
  readonly receptionist: Receptionist;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly store: JobStore;
  readonly logs: LogStore;
  readonly log: Logger;
};

/** Files of all jobs, through the node that holds them. */
export const filesOfCluster = (
  local: JobFiles,
  {system, receptionist, self: {instance}, store}: EntrancesDependencies,
): JobFiles => clusterJobFiles({local, instance, receptionist, holderOf: createHolderOf(store), system});

/** Offers this node's jobs and files to the others. Returns what ends that. */
export function offerJobs(
  node: GovernanceNode,
  files: JobFiles,
  {system, receptionist, store, self, log}: EntrancesDependencies,
): () => Promise<void> {
  const stopEntrance = startEntranceService({
    system,
    receptionist,
    governance: node.governance,
    store,
    self,
    log,
  });
  const stopFiles = startFilesService({system, receptionist, files, log});
  return async () => {
    await stopEntrance();
    await stopFiles();
  };
}

export type GovernanceOptions = {
  /** This node's own entrance, if it has that role. */
  readonly node: GovernanceNode | undefined;
  readonly membership: Membership;
  readonly router: Router;
  /** Whether a path lies in a data directory that can be read here. */
  readonly isWithinReach: (path: string) => boolean;
  readonly onOwnerChange: (listener: (instance: string) => void) => () => void;
  readonly retention: RetentionPolicy;
  readonly timeZone: string;
};

/** The governance of the cluster, for this node's facade. */
export function governanceOfCluster(
  {node, membership, router, isWithinReach, onOwnerChange, retention, timeZone}: GovernanceOptions,
  {system, receptionist, self, store, logs, log}: EntrancesDependencies,
): ClusterGovernance {
  return clusterGovernance({
    receptionist,
    self,
    ...(node === undefined ? {} : {local: node.governance, isLive: node.isLive}),
    rowLogs: createJobLogReader({
      store,
      logs,
      async find(taskID) {
        const stored = await store.get(taskID);
        return stored && rowView(stored);
      },
      isLive: taskID => node?.isLive(taskID) ?? false,
      keep: async () => undefined,
      retention,
      clock: systemClock,
      timeZone,
    }),
    store,
    isWithinReach,
    isAlive: owner => membership.isAlive(owner),
    resolve: resolveWith(router),
    onOwnerChange,
    clock: systemClock,
    makeId: nanoid,
    log,
    system,
  });
}

/** One that was tried goes after all others, and before none. */
function resolveWith(router: Router): Resolve {
  return (routeLabel, caller: Caller, tried): Resolution => {
    const request = {service: entranceService, routeLabel, user: caller.user} as const;
    if (tried.length > 0) {
      const {candidates, rule} = router.explain(request);
      const left = candidates.filter(({instance, share}) => share > 0 && !tried.includes(instance));
      const chosen = left[Math.floor(systemRandom.next() * left.length)];
      if (chosen !== undefined) {
        const why = `${chosen.instance}, ${rule} of ${left.length} after ${tried.join(' and ')} could not be reached`;
        return {instance: chosen.instance, why};
      }
    }
    const resolution = router.resolve(request);
    return {instance: resolution.instance, why: printResolution(resolution, routeLabel)};
  };
}
