/**
 * The job that a repeated submission finds by its idempotency key. That there is a row does not say that it was accepted:
 * an entrance that never heard whether it was stored has refused it as unknown, and will end it while it is `Inited` and
 * its own. Until then only that entrance knows. Nobody else may answer `status: 0` for it (G1).
 */
import {parseOwner, type Owner} from './domain/owner.ts';
import type {StoredJob} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import {SubmissionUnknownError} from './submission-unknown.ts';

const bornEpoch = 1;

/** Whether its first owner may end it yet, as refused. Never again once it was scheduled, or taken over. */
export const mayBeTakenBack = ({row}: StoredJob): boolean =>
  row.status === 'Inited' && parseOwner(row.instances).epoch <= bornEpoch;

export type KeyedJobDependencies = {
  readonly self: Omit<Owner, 'epoch'>;
  readonly clock: Clock;
  /** Whether this entrance has that job, in its queue or beyond. */
  readonly has: (taskID: number) => boolean;
};

const lookEveryMs = 100;
const looks = 20;

/**
 * The job with that key as this entrance may answer for it; undefined when there is none (any more). Waits a moment for one
 * of its own whose commit is under way. Rejects as `find` does, and with `SubmissionUnknownError`.
 */
export async function acceptedJob(
  key: string,
  find: () => Promise<StoredJob | undefined>,
  {self, clock, has}: KeyedJobDependencies,
): Promise<StoredJob | undefined> {
  for (let look = 1; ; look += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const stored = await find();
    if (stored === undefined || !mayBeTakenBack(stored)) return stored;
    const {instance, incarnation} = parseOwner(stored.row.instances);
    const isOurs = instance === self.instance && incarnation === self.incarnation;
    if (isOurs && has(stored.row.id)) return stored;
    if (!isOurs || look === looks) {
      throw new SubmissionUnknownError(
        self.instance,
        key,
        `found job ${stored.row.id}, which ${isOurs ? 'was stored' : `${instance} has`} with its key and is not known to be accepted`,
      );
    }
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>(resolve => void clock.after(lookEveryMs, resolve));
  }
}
