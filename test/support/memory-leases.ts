/**
 * `LeaseStore` in memory, with the traits of the real table: one clock of its own, times of one second, every change a
 * compare-and-set. It passes the contract of the real ones, so that what is simulated on it is worth something.
 */
import {
  endedListedMs,
  isHeld,
  holdsItsPort,
  type Lease,
  type LeaseDetails,
  type LeaseState,
  type LeaseStore,
} from '../../actors/domain/lease.ts';

export type LeaseRow = {
  readonly name: string;
  readonly fence: number;
  readonly incarnation: string;
  readonly state: LeaseState;
  readonly details: LeaseDetails;
  /** As the column holds it. */
  readonly updatedMs: number;
};

/** Rules of the table that a test can leave out, to see whether anybody notices. */
export type LeasePlant = 'none' | 'fenceNotRaised' | 'incarnationNotChecked' | 'renewalNotCompared';

export type MemoryLeasesOptions = {
  /** The database's clock. Default: it stands still. */
  readonly nowMs?: () => number;
  readonly plant?: LeasePlant;
  /** Sees every change; `before` is undefined for a new row. */
  readonly onChange?: (before: LeaseRow | undefined, after: LeaseRow) => void;
};

export type MemoryLeases = LeaseStore & {
  readonly rows: ReadonlyMap<string, LeaseRow>;
  /** Makes a lease look as if nobody had renewed it for long enough. */
  readonly expire: (name: string) => void;
};

const leaseMs = 10_000;
const resolutionMs = 1_000;

export function createMemoryLeases({
  nowMs = () => 1_000_000,
  plant = 'none',
  onChange = () => undefined,
}: MemoryLeasesOptions = {}): MemoryLeases {
  const rows = new Map<string, LeaseRow>();
  let renewals = 0;
  const raised = plant === 'fenceNotRaised' ? 0 : 1;

  const ageMs = ({updatedMs}: LeaseRow): number => nowMs() - updatedMs;
  const isExpired = (row: LeaseRow): boolean => ageMs(row) > leaseMs + resolutionMs;
  const leaseOf = (row: LeaseRow): Lease => ({
    name: row.name,
    fence: row.fence,
    incarnation: row.incarnation,
    state: row.state,
    details: row.details,
    isExpired: isExpired(row),
    stamp: JSON.stringify([row.fence, row.incarnation, row.state, row.details['renewals']]),
  });

  function write(row: Omit<LeaseRow, 'updatedMs'>): Lease {
    renewals += 1;
    const after: LeaseRow = {
      ...row,
      details: {...row.details, renewals},
      updatedMs: Math.floor(nowMs() / resolutionMs) * resolutionMs,
    };
    const before = rows.get(row.name);
    rows.set(row.name, after);
    onChange(before, after);
    return leaseOf(after);
  }

  return {
    rows,
    async acquire(name, incarnation, details) {
      const row = rows.get(name);
      const isFree =
        row === undefined ||
        !isHeld(row) ||
        isExpired(row) ||
        (row.incarnation !== incarnation && name.startsWith('node:') && holdsItsPort(details, row.details));
      if (isFree) {
        return write({name, fence: (row?.fence ?? 0) + raised, incarnation, state: 'joining', details});
      }
      return row.incarnation === incarnation ? leaseOf(row) : undefined;
    },

    async renew(lease, changes = {}) {
      const row = rows.get(lease.name);
      if (row === undefined) return false;
      const {name, fence, incarnation, state, details} = {...lease, ...changes};
      const isOurs = row.fence === fence && row.incarnation === incarnation;
      if (plant !== 'incarnationNotChecked' && !isOurs) return false;
      // An answer to the release may have been lost: it counts as done.
      if (!isHeld(row)) return isOurs && state === 'gone' && row.state === 'gone';
      write({
        name,
        state,
        details,
        ...(plant === 'incarnationNotChecked'
          ? {fence: row.fence, incarnation: row.incarnation}
          : {fence, incarnation}),
      });
      return true;
    },

    async declareDead(lease, proof) {
      const row = rows.get(lease.name);
      if (row === undefined || !isHeld(row) || (proof === undefined && !isExpired(row))) return false;
      if (plant !== 'renewalNotCompared' && leaseOf(row).stamp !== lease.stamp) return false;
      const {name, fence, incarnation} = row;
      const details = proof === undefined ? row.details : {...row.details, proof};
      write({name, fence: fence + raised, incarnation, state: 'dead', details});
      return true;
    },

    list: async prefix =>
      [...rows.values()]
        .filter(row => row.name.startsWith(prefix) && (isHeld(row) || ageMs(row) <= endedListedMs))
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .map(leaseOf),

    expire(name) {
      const row = rows.get(name);
      if (row !== undefined) rows.set(name, {...row, updatedMs: row.updatedMs - 12 * resolutionMs});
    },
  };
}
