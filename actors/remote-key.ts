/**
 * What became of a submission that one entrance could not answer for: looked for by its idempotency key, and asked of who
 * has it, until somebody knows. A job that was taken over is accepted by that; one that was ended as refused leaves its key.
 */
import {LinkisError} from './domain/errors.ts';
import {parseOwner, type Owner} from './domain/owner.ts';
import type {Accepted, Caller, Governance} from './governance.ts';
import type {JobOwners} from './job-owners.ts';
import {mayBeTakenBack} from './keyed-job.ts';
import {DatabaseAwayError, type JobStore, type StoredJob} from './ports.ts';
import type {Asker} from './remote-call.ts';
import {remoteEntrance} from './remote-entrance.ts';
import {rowView} from './row-view.ts';
import type {Clock} from './runtime/clock.ts';

export type RemoteKeyDependencies = {
  readonly store: Pick<JobStore, 'byIdempotencyKey'>;
  readonly self: Omit<Owner, 'epoch'>;
  readonly local: Governance | undefined;
  readonly owners: Pick<JobOwners, 'entranceOf' | 'changed'>;
  readonly system: Asker;
  readonly clock: Clock;
};

/** `none`: no job has that key, so it may be submitted again. `unknown`: nobody could say in time. */
export type KeyFate = {readonly accepted: Accepted} | 'none' | 'unknown';

export type FindByKey = (body: unknown, caller: Caller, idempotencyKey: string) => Promise<KeyFate>;

/** A dead process is taken over from within 5 s. */
const patienceMs = 10_000;
const lookEveryMs = 500;

export function createRemoteKey(dependencies: RemoteKeyDependencies): FindByKey {
  const {store, self, local, owners, system, clock} = dependencies;

  /** Undefined: it can't be reached. */
  function entranceOf({instance}: Owner): Pick<Governance, 'submit'> | undefined {
    if (instance === self.instance) return local;
    const ref = owners.entranceOf(instance);
    return ref && remoteEntrance(system, instance, ref);
  }

  async function look(body: unknown, caller: Caller, idempotencyKey: string): Promise<KeyFate> {
    const stored = await store.byIdempotencyKey(caller.user, idempotencyKey);
    if (stored === undefined) return 'none';
    if (!mayBeTakenBack(stored)) return {accepted: acceptedOf(stored)};
    const accepted = await entranceOf(parseOwner(stored.row.instances))?.submit(body, caller, {
      idempotencyKey,
    });
    return accepted === undefined ? 'unknown' : {accepted};
  }

  return async (body, caller, idempotencyKey) => {
    const untilMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop
        const fate = await look(body, caller, idempotencyKey);
        if (fate !== 'unknown') return fate;
      } catch (error) {
        // Whoever was asked does not know, or could not be asked: the next look may find another one.
        if (!(error instanceof LinkisError) && !(error instanceof DatabaseAwayError)) throw error;
      }
      if (clock.monotonicMs() >= untilMs) return 'unknown';
      // oxlint-disable-next-line no-await-in-loop
      await owners.changed(lookEveryMs);
    }
  };
}

function acceptedOf(stored: StoredJob): Accepted {
  const {taskID, execID} = rowView(stored);
  return {taskID, execID};
}
