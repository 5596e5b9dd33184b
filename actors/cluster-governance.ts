/**
 * The governance of a whole cluster, as the facade of any of its nodes sees it: a submission goes where its route label
 * leads, a call for a job to the entrance that owns it. The row is the truth about a job; who owns it is asked for what
 * the row does not say, and for what only it may do.
 */
import {isTerminal} from './domain/job.ts';
import {parseExecId} from './domain/exec-id.ts';
import type {Owner} from './domain/owner.ts';
import {createEntranceAsker} from './entrance-asker.ts';
import {entranceKey} from './entrance-protocol.ts';
import type {Governance, JobView} from './governance.ts';
import {createJobOwners, type JobOwnersDependencies} from './job-owners.ts';
import type {JobStore} from './ports.ts';
import type {Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {createRemoteKey} from './remote-key.ts';
import {createRemoteKill} from './remote-kill.ts';
import {createRemoteLoad} from './remote-load.ts';
import {createRemoteLog, type LogReader} from './remote-log.ts';
import {createRemoteSubmit, type Resolve} from './remote-submit.ts';
import {createRemoteWhy} from './remote-why.ts';
import {isUnreached} from './remote-unreached.ts';
import {rowView} from './row-view.ts';
import {createSharedFollowings} from './shared-followings.ts';
import type {Clock} from './runtime/clock.ts';
import type {Receptionist} from './runtime/receptionist.ts';

export type ClusterGovernanceDependencies = {
  readonly receptionist: Receptionist;
  readonly self: Omit<Owner, 'epoch'>;
  /** This node's own, if it is an entrance. */
  readonly local?: Governance;
  /** Whether this node's entrance has that job in memory; spares a look at its row. */
  readonly isLive?: (taskID: number) => boolean;
  readonly store: Pick<JobStore, 'get' | 'commit' | 'byIdempotencyKey'>;
  /** Reads the logs of jobs whose row holds them whole. By default `local` does. */
  readonly rowLogs?: LogReader;
  /** See `remote-log.ts`. */
  readonly isWithinReach?: (path: string) => boolean;
  readonly isAlive: (owner: Owner) => boolean;
  readonly resolve: Resolve;
  readonly onOwnerChange: JobOwnersDependencies['onOwnerChange'];
  readonly clock: Clock;
  /** Makes texts that nobody else in the cluster makes up. */
  readonly makeId: () => string;
  readonly log: {
    readonly warn: (fields: object, text: string) => void;
    readonly error: (fields: object, text: string) => void;
  };
  readonly system: Asker;
};

/** `close` ends all followings and lets go of the receptionist; calls under way end as they would. */
export type ClusterGovernance = Governance & {readonly close: () => void};

export function clusterGovernance(dependencies: ClusterGovernanceDependencies): ClusterGovernance {
  const {receptionist, self, local, store, isAlive, resolve, onOwnerChange} = dependencies;
  const {clock, makeId, log, isLive = () => false, rowLogs = local, isWithinReach} = dependencies;
  const system = createEntranceAsker(dependencies.system, receptionist);
  const owners = createJobOwners({
    receptionist,
    store,
    self,
    isEntrance: local !== undefined,
    isLive,
    isAlive,
    onOwnerChange,
    clock,
  });

  async function find(taskID: number): Promise<JobView | undefined> {
    const place = await owners.locate(taskID);
    switch (place.type) {
      case 'none':
        return undefined;
      case 'here':
        return local?.find(taskID);
      case 'away':
        return rowView(place.stored);
      case 'there': {
        const {owner, entrance, stored} = place;
        if (stored !== undefined && isTerminal(stored.row.status)) return rowView(stored);
        try {
          return followOwner(
            taskID,
            owner,
            await remoteEntrance(system, owner.instance, entrance).find(taskID),
          );
        } catch (error) {
          if (!isUnreached(error)) throw error;
          owners.forget(taskID);
          const now = stored ?? (await store.get(taskID));
          return now && rowView(now);
        }
      }
    }
  }

  /** A node that has lost a job to another one still shows its row, which says so. */
  function followOwner(taskID: number, asked: Owner, view: JobView | undefined): JobView | undefined {
    const instance = view && parseExecId(view.execID)?.instances[0];
    if (instance !== asked.instance) owners.forget(taskID);
    return view;
  }

  const followings = createSharedFollowings({
    owners,
    local,
    system,
    clock,
    makeId,
    onListenerFailure: (taskID, error) => log.error({taskID, err: error}, 'a follower failed'),
  });
  const findByKey = createRemoteKey({store, self, local, owners, system, clock});
  const submit = createRemoteSubmit({resolve, self, local, owners, findByKey, system, makeId, log});

  return {
    submit,
    find,
    stored: taskID => store.get(taskID),
    ...createRemoteWhy({owners, local, system}),
    kill: createRemoteKill({owners, store, self, local, isAlive, system, clock}),
    ...createRemoteLog({
      owners,
      local,
      rowLogs,
      system,
      clock,
      ...(isWithinReach === undefined ? {} : {isWithinReach}),
    }),
    follow: followings.follow,
    load: createRemoteLoad({receptionist, instance: self.instance, local, system, clock}),
    readiness() {
      if (local !== undefined) return local.readiness();
      return receptionist.all(entranceKey).size > 0
        ? {isReady: true, why: 'ready'}
        : {isReady: false, why: 'no entrance of the cluster can be reached'};
    },
    close() {
      followings.close();
      owners.close();
      system.close();
    },
  };
}
