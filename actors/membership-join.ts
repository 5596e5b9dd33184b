/**
 * How a node becomes a member: it takes the lease of its address, waiting for a former holder's to end if it must, then looks
 * at the table and declares dead whom it can, so that it knows from the start whose jobs are to be taken over.
 */
import {isHeld, type Lease, type LeaseDetails, type LeaseStore} from './domain/lease.ts';
import type {Clock} from './runtime/clock.ts';
import type {NodeLog} from './governance-node.ts';
import {InstanceTakenError} from './membership-errors.ts';
import {membershipTimes} from './membership-protocol.ts';
import {nodeLeasePrefix} from './membership-member.ts';
import {deathsIn, lookAt, type Look, type Table} from './membership-table.ts';

export type Joining = {
  readonly leases: LeaseStore;
  readonly clock: Clock;
  readonly log: Pick<NodeLog, 'info' | 'warn'>;
  readonly self: {readonly instance: string; readonly incarnation: string};
  readonly details: LeaseDetails;
};

const pollMs = 1000;
/** Longer than any lease: 10 s, and the second that its time column may hide. */
const pollsMax = 30;
/** A death is declared in the first round; the others are for what a late renewal contradicted. */
const roundsMax = 3;

/**
 * `sentMs`: when the statement that took it was sent. Rejects with `InstanceTakenError` when another process renews the
 * lease of this address, and with `DatabaseAwayError`.
 */
export async function takeNodeLease({
  leases,
  clock,
  log,
  self: {instance, incarnation},
  details,
}: Joining): Promise<{readonly lease: Lease; readonly sentMs: number}> {
  const name = nodeLeasePrefix + instance;
  let seen: Lease | undefined;
  for (let poll = 0; poll < pollsMax; poll += 1) {
    const sentMs = clock.monotonicMs();
    const lease = await leases.acquire(name, incarnation, details);
    if (lease !== undefined) return {lease, sentMs};
    const holder = (await leases.list(name)).find(other => other.name === name);
    if (holder === undefined || !isHeld(holder)) continue;
    if (seen !== undefined && seen.stamp !== holder.stamp) throw taken(instance, holder);
    if (seen === undefined) {
      log.info({holder: holder.details}, `${instance} has a lease that nobody may renew any more: waiting`);
    }
    seen = holder;
    await new Promise<void>(resolve => void clock.after(pollMs, resolve));
  }
  throw taken(instance, seen);
}

const taken = (instance: string, holder: Lease | undefined): InstanceTakenError =>
  new InstanceTakenError(instance, JSON.stringify(holder?.details ?? {}));

/** The other nodes at the start, after those were declared dead that are. Rejects with `DatabaseAwayError`. */
export async function firstTable({
  leases,
  clock,
  log,
  self: {instance, incarnation},
  details,
}: Joining): Promise<Table> {
  const {missedMs, expiredMs} = membershipTimes;
  const by = `${instance}#${incarnation}`;
  let table: Table = new Map();
  for (let round = 0; round < roundsMax; round += 1) {
    const sentMs = clock.monotonicMs();
    const rows = await leases.list(nodeLeasePrefix);
    const look: Look = {
      leases: rows.filter(({name}) => name !== nodeLeasePrefix + instance),
      sentMs,
      receivedMs: clock.monotonicMs(),
    };
    ({table} = lookAt(table, look));
    const deaths = deathsIn(table, look, {by, details, missedMs, expiredMs});
    if (deaths.length === 0) break;
    for (const {lease, proof} of deaths) {
      const isDeclared = await leases.declareDead(lease, proof);
      if (isDeclared) log.warn({lease: lease.name, incarnation: lease.incarnation, proof}, 'declared dead');
    }
  }
  return table;
}
