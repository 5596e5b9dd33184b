/**
 * Leases on `linkis_ps_common_lock`, the seed's table as it is:
 *
 *   lock_object   `node:host:port` or `singleton:name`
 *   locker        `fence#incarnation#state`; every change is a compare-and-set on it
 *   time_out      JSON: the lease's details, `leaseMs`, `renewals` (which makes each renewal a real change although
 *                 `update_time` has one second) and `writer` (so that a count which starts again repeats no text); once
 *                 the lease is dead also the `proof`, if there was one
 *   update_time   of the last change, by the database's clock; expiry is compared there too, never by a node's clock
 *
 * Rows are never deleted: a deleted row would forget its fence.
 */
import {nanoid} from 'nanoid';
import {endedListedMs, isHeld, holdsItsPort, type Lease, type LeaseStore} from '../actors/domain/lease.ts';
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
  const age = ageMs('update_time');
  const columns = `lock_object, locker, time_out, ${age} as age_ms`;
  const writer = nanoid(6);
  let renewals = 0;

  async function find(name: string): Promise<Found | undefined> {
    const [row] = await session.all(`select ${columns} from ${lockTable} where lock_object = ?`, [name]);
    return row === undefined ? undefined : readLease(row);
  }

  const printDetails = (details: Lease['details']): string => {
    renewals += 1;
    return asciiJson({...details, leaseMs, renewals, writer});
  };

  return {
    async acquire(name, incarnation, details) {
      fitting('The name of a lease', name, 255);
      const found = await find(name);
      // Ours already: an earlier attempt was written, and its answer lost.
      if (found?.lease.incarnation === incarnation && !isOver(found.lease)) return found.lease;
      if (found !== undefined && !isFree(found.lease, details)) return undefined;
      const fence = (found?.lease.fence ?? 0) + 1;
      const locker = printLocker({fence, incarnation, state: 'joining'});
      const timeOut = printDetails(details);
      const stamp = printStamp(locker, timeOut);
      const lease: Lease = {name, fence, incarnation, state: 'joining', details, isExpired: false, stamp};
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

    async declareDead(lease, proof) {
      const {locker, timeOut, leaseMs: itsLeaseMs} = parseStamp(lease.stamp);
      const {fence, incarnation} = lease;
      const isProven = proof !== undefined;
      const {changes} = await session.run(
        `update ${lockTable} set locker = ?, time_out = ?, update_time = ${now}
         where lock_object = ? and locker = ? and time_out = ?${isProven ? '' : ` and ${age} > ?`}`,
        [
          printLocker({fence: fence + 1, incarnation, state: 'dead'}),
          asciiJson({...lease.details, ...(isProven ? {proof} : {})}),
          lease.name,
          locker,
          timeOut,
          ...(isProven ? [] : [itsLeaseMs + resolutionMs]),
        ],
      );
      return changes === 1;
    },

    async list(prefix) {
      const rows = await session.all(
        `select ${columns} from ${lockTable} where substr(lock_object, 1, ?) = ?
         and (locker not like '%#dead' and locker not like '%#gone' or ${age} <= ?) order by lock_object`,
        [[...prefix].length, prefix, endedListedMs],
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

const isOver = (lease: Lease): boolean => !isHeld(lease) || lease.isExpired;

/** A singleton has no port, so nothing proves that its holder is gone. */
const isFree = (lease: Lease, details: Lease['details']): boolean =>
  isOver(lease) || (lease.name.startsWith('node:') && holdsItsPort(details, lease.details));

const printLocker = ({fence, incarnation, state}: Pick<Lease, 'fence' | 'incarnation' | 'state'>): string =>
  `${fence}#${incarnation}#${state}`;

/** What was read, whole, for a compare-and-set. A locker of ours has no line break. */
const printStamp = (locker: string, timeOut: string): string => `${locker}\n${timeOut}`;

function parseStamp(stamp: string): {locker: string; timeOut: string; leaseMs: number} {
  const end = stamp.indexOf('\n');
  const timeOut = stamp.slice(end + 1);
  return {locker: stamp.slice(0, end), timeOut, leaseMs: leaseMsOf(readDetails(timeOut))};
}

const leaseMsOf = ({leaseMs}: Lease['details']): number =>
  typeof leaseMs === 'number' ? leaseMs : leaseMsDefault;

const states: readonly Lease['state'][] = ['joining', 'up', 'leaving', 'dead', 'gone'];

function readLease(row: SqlRow): Found {
  const locker = textOf(row, 'locker');
  const timeOut = textOf(row, 'time_out');
  const [fence = '', incarnation = '', stateText = ''] = locker.split('#');
  const details = readDetails(timeOut);
  const leaseMs = leaseMsOf(details);
  const lease: Lease = {
    name: textOf(row, 'lock_object'),
    fence: Number.isSafeInteger(Number(fence)) ? Number(fence) : 0,
    incarnation,
    // A row that Linkis or somebody by hand wrote is nobody's lease.
    state: states.find(state => state === stateText) ?? 'dead',
    details,
    isExpired: integerOf(row, 'age_ms') > leaseMs + resolutionMs,
    stamp: printStamp(locker, timeOut),
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
