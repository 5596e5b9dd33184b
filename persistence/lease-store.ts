/**
 * Leases on `linkis_ps_common_lock`, the seed's table as it is:
 *
 *   lock_object   `node:host:port` or `singleton:name`
 *   locker        `fence#incarnation#state`; every change is a compare-and-set on it
 *   time_out      JSON: the lease's details, `leaseMs`, and `renewals`, which makes each renewal a real change although
 *                 `update_time` has one second
 *   update_time   of the last renewal, by the database's clock; expiry is compared there too, never by a node's clock
 *
 * Rows are never deleted: a deleted row would forget its fence.
 */
import type {Lease, LeaseStore} from '../actors/domain/lease.ts';
import {fitting} from './column-limits.ts';
import {integerOf, textOf} from './sql-row.ts';
import {DuplicateKeyError, type SqlRow, type SqlSession} from './sql-session.ts';

export const leaseMsDefault = 10_000;
/** `update_time` may be this much older than it says. */
const resolutionMs = 1_000;
const lockTable = 'linkis_ps_common_lock';

type Found = {readonly lease: Lease; readonly locker: string; readonly timeOut: string};

export function leaseStore(session: SqlSession, leaseMs: number): LeaseStore {
  const {now, ageMs} = session.words;
  const columns = `lock_object, locker, time_out, ${ageMs('update_time')} as age_ms`;
  let renewals = 0;

  async function find(name: string): Promise<Found | undefined> {
    const [row] = await session.all(`select ${columns} from ${lockTable} where lock_object = ?`, [name]);
    return row === undefined ? undefined : readLease(row);
  }

  const printDetails = (details: Lease['details']): string => {
    renewals += 1;
    return asciiJson({...details, leaseMs, renewals});
  };

  return {
    async acquire(name, incarnation, details) {
      fitting('The name of a lease', name, 255);
      const found = await find(name);
      // Ours already: an earlier attempt was written, and its answer lost.
      if (found?.lease.incarnation === incarnation && !isOver(found.lease)) return found.lease;
      if (found !== undefined && !isFree(found.lease, details)) return undefined;
      const fence = (found?.lease.fence ?? 0) + 1;
      const lease: Lease = {name, fence, incarnation, state: 'joining', details, isExpired: false};
      const locker = printLocker(lease);
      const timeOut = printDetails(details);
      if (found === undefined) return (await insert(session, name, locker, timeOut)) ? lease : undefined;
      // Comparing `time_out` too: a renewal since we looked means that its owner lives.
      const {changes} = await session.run(
        `update ${lockTable} set locker = ?, time_out = ?, update_time = ${now}
         where lock_object = ? and locker = ? and time_out = ?`,
        [locker, timeOut, name, found.locker, found.timeOut],
      );
      return changes === 1 ? lease : undefined;
    },

    async renew(lease, changes = {}) {
      const renewed: Lease = {...lease, ...changes};
      // Any of our own states: an earlier renewal may have been written although its answer was lost.
      const ours = (['joining', 'up', 'leaving'] as const).map(state => printLocker({...lease, state}));
      const {changes: count} = await session.run(
        `update ${lockTable} set locker = ?, time_out = ?, update_time = ${now}
         where lock_object = ? and locker in (?, ?, ?)`,
        [printLocker(renewed), printDetails(renewed.details), lease.name, ...ours],
      );
      if (count === 1) return true;
      const found = await find(lease.name);
      // The release itself may be what was written without an answer.
      return renewed.state === 'gone' && found?.locker === printLocker(renewed);
    },

    async list(prefix) {
      const rows = await session.all(
        `select ${columns} from ${lockTable} where substr(lock_object, 1, ?) = ? order by lock_object`,
        [[...prefix].length, prefix],
      );
      return rows.map(row => readLease(row).lease);
    },
  };
}

/** The seed's column can't hold every character. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(
    /[^\x20-\x7e]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** False when somebody else was first. */
async function insert(session: SqlSession, name: string, locker: string, timeOut: string): Promise<boolean> {
  try {
    const {now} = session.words;
    await session.run(
      `insert into ${lockTable} (lock_object, locker, time_out, update_time, create_time)
       values (?, ?, ?, ${now}, ${now})`,
      [name, locker, timeOut],
    );
    return true;
  } catch (error) {
    if (error instanceof DuplicateKeyError) return false;
    throw error;
  }
}

const isOver = ({state, isExpired}: Lease): boolean => state === 'dead' || state === 'gone' || isExpired;

function isFree(lease: Lease, details: Lease['details']): boolean {
  if (isOver(lease)) return true;
  // Same boot, same network namespace, same address, and we hold the port: the process that wrote the row is gone. A
  // singleton has no port, so this says nothing about its holder.
  const isSameHost = typeof details['bootId'] === 'string' && details['bootId'] === lease.details['bootId'];
  return lease.name.startsWith('node:') && isSameHost && details['netNs'] === lease.details['netNs'];
}

const printLocker = ({fence, incarnation, state}: Lease): string => `${fence}#${incarnation}#${state}`;

const states: readonly Lease['state'][] = ['joining', 'up', 'leaving', 'dead', 'gone'];

function readLease(row: SqlRow): Found {
  const locker = textOf(row, 'locker');
  const timeOut = textOf(row, 'time_out');
  const [fence = '', incarnation = '', stateText = ''] = locker.split('#');
  const details = readDetails(timeOut);
  const leaseMs = typeof details['leaseMs'] === 'number' ? details['leaseMs'] : leaseMsDefault;
  const lease: Lease = {
    name: textOf(row, 'lock_object'),
    fence: Number.isSafeInteger(Number(fence)) ? Number(fence) : 0,
    incarnation,
    // A row that Linkis or somebody by hand wrote is nobody's lease.
    state: states.find(state => state === stateText) ?? 'dead',
    details,
    isExpired: integerOf(row, 'age_ms') > leaseMs + resolutionMs,
  };
  return {lease, locker, timeOut};
}

function readDetails(timeOut: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(timeOut);
    return typeof parsed === 'object' && parsed !== null ? {...parsed} : {};
  } catch {
    return {};
  }
}
