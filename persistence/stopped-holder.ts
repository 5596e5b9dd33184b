/**
 * Ends a process that was stopped (`SIGSTOP`, a debugger, a frozen machine's leftovers) while it held the write lock of the
 * embedded database: nobody on this host can write until it goes on, its lease included (decision 23).
 *
 * It is ended only when all of this holds: the kernel names it as holder of the lock; it is stopped; a lease row that has
 * lapsed by the database's clock names it by boot id, network namespace, pid and start time. Reading the rows works
 * meanwhile, since in WAL a reader waits for no writer. SQLite undoes what it had begun, as after any crash.
 */
import {readFileSync, statSync} from 'node:fs';
import {isHeld, isSamePlace, type Lease, type LeaseDetails, type LeaseStore} from '../actors/domain/lease.ts';
import type {Clock} from '../actors/runtime/clock.ts';

export type ProcessState = {
  /** Clock ticks after boot, field 22 of /proc/PID/stat: pids are used again, but not with the same one. */
  readonly startTime: number;
  /** `R`, `S`, `D`, `T` (stopped) … */
  readonly state: string;
};

export type StoppedHolder = {readonly pid: number; readonly startTime: number; readonly lease: Lease};

export type HolderSighting = {
  readonly leases: readonly Lease[];
  /** Details of the lease of who looks. */
  readonly self: LeaseDetails;
  /** Processes that hold the lock, as the kernel says. */
  readonly holders: readonly {readonly pid: number; readonly process: ProcessState | undefined}[];
};

/** The one that may be ended; undefined when nothing proves that there is one. */
export function stoppedHolderOf({leases, self, holders}: HolderSighting): StoppedHolder | undefined {
  for (const {pid, process} of holders) {
    if (process?.state !== 'T' || pid === self['pid']) continue;
    const {startTime} = process;
    const lease = leases.find(
      ({details}) =>
        details['pid'] === pid && details['startTime'] === startTime && isSamePlace(details, self),
    );
    if (lease !== undefined && (lease.isExpired || !isHeld(lease))) return {pid, startTime, lease};
  }
  return undefined;
}

/** The byte of `FILE-shm` that a writer locks, as SQLite's documentation of its WAL index has it. */
const writeLockByte = 120;

/** Pids as this process sees them; none where the system does not say. */
export function lockHoldersOf(databaseFile: string): readonly number[] {
  const inode = statSync(`${databaseFile}-shm`, {throwIfNoEntry: false})?.ino;
  const locks = textOf('/proc/locks');
  if (inode === undefined || locks === undefined) return [];
  // `7: POSIX  ADVISORY  WRITE 4711 fe:01:393240 120 120`; a waiting one has `->` after its number.
  const line = /^\d+: POSIX +\S+ +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)$/gm;
  return [...locks.matchAll(line)]
    .filter(([, , ino, from, to]) => {
      const end = to === 'EOF' ? Infinity : Number(to);
      return Number(ino) === inode && Number(from) <= writeLockByte && writeLockByte <= end;
    })
    .map(([, pid]) => Number(pid))
    .filter(pid => pid > 0);
}

/** Undefined: there is no such process, or its end is only not collected yet. */
export function processStateOf(pid: number): ProcessState | undefined {
  const line = textOf(`/proc/${pid}/stat`);
  if (line === undefined) return undefined;
  // The name in parentheses may hold anything, so fields are counted from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  return state === 'Z' || state === 'X' ? undefined : {state, startTime: Number(fields[19])};
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** Looks and ends; resolves to the process that was killed. Rejects when the leases can't be read. */
export async function endStoppedHolder(
  databaseFile: string,
  leases: Pick<LeaseStore, 'list'>,
  self: LeaseDetails,
): Promise<StoppedHolder | undefined> {
  const look = (rows: readonly Lease[]): StoppedHolder | undefined =>
    stoppedHolderOf({
      leases: rows,
      self,
      holders: lockHoldersOf(databaseFile).map(pid => ({pid, process: processStateOf(pid)})),
    });
  if (!lockHoldersOf(databaseFile).some(pid => processStateOf(pid)?.state === 'T')) return undefined;
  // Looked at after the rows were read, and ended at once: nothing is awaited in between.
  const found = look(await leases.list('node:'));
  if (found === undefined) return undefined;
  try {
    process.kill(found.pid, 'SIGKILL');
    return found;
  } catch {
    // Gone meanwhile, or another user's.
    return undefined;
  }
}

export type HolderWatch = {
  readonly databaseFile: string;
  readonly leases: Pick<LeaseStore, 'list'>;
  readonly self: LeaseDetails;
  readonly clock: Clock;
  /** Whether this node can't renew its own lease: only then anything is looked at. */
  readonly isFrozen: () => boolean;
  readonly onEnded: (holder: StoppedHolder) => void;
};

/** A lease lapses 11 s after its last renewal and others are to own its jobs at 15 s. */
const lookEveryMs = 500;

/** Returns what ends the watch. */
export function watchForStoppedHolder({
  databaseFile,
  leases,
  self,
  clock,
  isFrozen,
  onEnded,
}: HolderWatch): () => void {
  let isOver = false;
  let cancel = (): void => undefined;
  async function look(): Promise<void> {
    if (isFrozen()) {
      const ended = await endStoppedHolder(databaseFile, leases, self).catch(() => undefined);
      if (ended !== undefined) onEnded(ended);
    }
    if (!isOver) cancel = clock.after(lookEveryMs, () => void look());
  }
  cancel = clock.after(lookEveryMs, () => void look());
  return () => {
    isOver = true;
    cancel();
  };
}
