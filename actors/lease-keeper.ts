/**
 * Holds this node's lease (`node:host:port` in `linkis_ps_common_lock`): taken at start, renewed every 2 s, given back at
 * the end. Whoever finds the lease lapsed may adopt this node's jobs; so a node that learns that its lease is lost stops.
 */
import type {Lease, LeaseStore} from './domain/lease.ts';
import type {Clock} from './runtime/clock.ts';
import type {Random} from './runtime/random.ts';
import {LinkisError} from './domain/errors.ts';
import type {Owner} from './domain/owner.ts';

export const leaseTimes = {renewMs: 2000, jitter: 0.1};

export type LeaseKeeper = {
  readonly lease: Lease;
  /** Whether that incarnation holds a live lease, as of the last look. */
  readonly isAlive: (owner: Owner) => boolean;
  readonly release: () => Promise<void>;
};

export type LeaseKeeperDependencies = {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly instance: string;
  readonly incarnation: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** The row belongs to somebody else now: this process must not act any more. */
  readonly onLost: () => void;
};

/** Another live process has this address in the shared database. */
export class InstanceTakenError extends LinkisError {
  override readonly name = 'InstanceTakenError';
  readonly code = 10054;

  constructor(instance: string, holder: string) {
    super(
      `${instance} is in use in this database by another process (${holder}). Stop it, or start this one with` +
        ' another --listen; if that process is gone, its lease ends within 11 s.',
    );
  }
}

/** Takes the lease. Rejects with `InstanceTakenError`, or with `DatabaseAwayError`. */
export async function keepLease(dependencies: LeaseKeeperDependencies): Promise<LeaseKeeper> {
  const {leases, clock, random, instance, incarnation, details, onLost} = dependencies;
  const name = `node:${instance}`;
  const taken = await leases.acquire(name, incarnation, details);
  if (taken === undefined) {
    const holder = (await leases.list(name)).find(lease => lease.name === name);
    throw new InstanceTakenError(instance, JSON.stringify(holder?.details ?? {}));
  }
  const lease = taken;
  const others = await leases.list('node:');
  const alive = new Set(
    others
      .filter(({isExpired, state}) => !isExpired && (state === 'up' || state === 'joining'))
      // Whoever holds the data directory's lock proves that its former holder is gone, whatever its lease says.
      .filter(
        ({details: theirs}) =>
          theirs['dataDirectory'] !== details['dataDirectory'] || theirs['bootId'] !== details['bootId'],
      )
      .map(other => other.incarnation),
  );
  let isHeld = true;
  let cancel = clock.after(0, () => undefined);

  function renewLater(): void {
    const delayMs = leaseTimes.renewMs * (1 - leaseTimes.jitter + 2 * leaseTimes.jitter * random.next());
    cancel = clock.after(delayMs, () => void renew());
  }

  async function renew(): Promise<void> {
    if (!isHeld) return;
    // An away database says nothing about the lease: the next renewal will.
    const isOurs = await leases.renew(lease).catch(() => true);
    if (!isHeld) return;
    if (isOurs) return renewLater();
    isHeld = false;
    onLost();
  }

  renewLater();
  return {
    lease,
    isAlive: owner => owner.incarnation === incarnation || alive.has(owner.incarnation),
    async release() {
      isHeld = false;
      cancel();
      await leases.renew(lease, {state: 'gone'}).catch(() => false);
    },
  };
}
