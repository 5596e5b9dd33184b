/**
 * Ends a job that another node may own. The owner carries it out; while it can't be reached it is asked again, and if it
 * has died the wish is written into the row, from where whoever takes the job over carries it out (decision 20). Nobody
 * is told "under way" of a wish that might get lost.
 */
import {LinkisError} from './domain/errors.ts';
import {isTerminal} from './domain/job.ts';
import type {Owner} from './domain/owner.ts';
import {JobNotFoundError} from './entrance.ts';
import type {Caller, Governance, KillReport} from './governance.ts';
import {isSameLife, type JobOwners, type JobPlace} from './job-owners.ts';
import type {JobStore, StoredJob} from './ports.ts';
import type {Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {isUnreached} from './remote-unreached.ts';
import type {Clock} from './runtime/clock.ts';

/** The wish to end a job could not be brought to its owner, nor be written down. */
export class KillUndeliveredError extends LinkisError {
  override readonly name = 'KillUndeliveredError';
  readonly code = 20964;
  override readonly retryable = true;

  constructor(taskID: number, instance: string, cause?: unknown) {
    super(
      `Job ${taskID} was not ended: ${instance}, which has it, did not answer within ${killPatienceMs / 1000} s.` +
        ' The job may go on. Kill it again; tenon nodes tells whether its node is alive.',
      {cause},
    );
  }
}

/** Decision 46. */
export const killPatienceMs = 8000;
const lookAgainMs = 500;

export type KillDependencies = {
  readonly owners: JobOwners;
  readonly store: Pick<JobStore, 'commit'>;
  readonly self: Omit<Owner, 'epoch'>;
  readonly local: Governance | undefined;
  readonly isAlive: (owner: Owner) => boolean;
  readonly system: Asker;
  readonly clock: Clock;
};

export function createRemoteKill(dependencies: KillDependencies): Governance['kill'] {
  const {owners, store, self, local, isAlive, system, clock} = dependencies;

  /** Undefined: whoever was asked is not, or no more, the one. */
  async function askOwner(place: JobPlace, taskID: number, caller: Caller): Promise<KillReport | undefined> {
    if (place.type === 'there') {
      const {owner, entrance} = place;
      return remoteEntrance(system, owner.instance, entrance).kill(taskID, caller);
    }
    // Of a job of this node's former life only the row knows who takes it over.
    const isMine = place.type === 'here' && isSameLife(place.owner, self);
    return isMine ? local?.kill(taskID, caller) : undefined;
  }

  /** True when the row has the wish. False: the job moved on meanwhile, and another look tells where. */
  async function writeWish({row, facts}: StoredJob, caller: Caller): Promise<boolean> {
    if (facts.killedBy !== null) return true;
    const [outcome] = await store.commit([
      {
        type: 'update',
        id: row.id,
        owner: row.instances,
        from: [row.status],
        set: {updatedTime: clock.now()},
        facts: {killedBy: `Cancelled:${caller.user}`},
      },
    ]);
    return outcome?.type === 'written';
  }

  return async (taskID, caller) => {
    const endMs = clock.monotonicMs() + killPatienceMs;
    let place = await owners.locate(taskID);
    let isWritten = false;
    for (;;) {
      if (place.type === 'none') throw new JobNotFoundError(taskID);
      const {stored} = place;
      if (stored !== undefined && isTerminal(stored.row.status)) {
        return {taskID, result: isWritten ? 'ended' : 'alreadyEnded', status: stored.row.status};
      }
      let failure: unknown;
      try {
        // Each round depends on what the one before found.
        // oxlint-disable no-await-in-loop
        const report = await askOwner(place, taskID, caller);
        if (report !== undefined) {
          return isWritten && report.result === 'alreadyEnded' ? {...report, result: 'ended'} : report;
        }
      } catch (error) {
        if (!isUnreached(error)) throw error;
        failure = error;
      }
      // Also of a node that can be reached: its former life had the job.
      if (stored !== undefined && !isAlive(place.owner)) isWritten ||= await writeWish(stored, caller);
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) {
        if (isWritten && stored !== undefined) return {taskID, result: 'underWay', status: stored.row.status};
        throw new KillUndeliveredError(taskID, place.owner.instance, failure);
      }
      const before = place.owner;
      place = await owners.look(taskID);
      if (place.type !== 'none' && isSameLife(place.owner, before)) {
        await owners.changed(Math.min(lookAgainMs, leftMs));
        place = await owners.look(taskID);
      }
      // oxlint-enable no-await-in-loop
    }
  };
}
