/**
 * Reads /proc for the figures of engines. Each file is small and made up by the kernel while it is read, so reading at once
 * costs a fraction of what a turn through the thread pool would; slices keep the event loop free on hosts with many.
 */
import {closeSync, openSync, readSync} from 'node:fs';
import {readdir} from 'node:fs/promises';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {parseStat, type ProcessRow} from './process-table.ts';

/** Processes that are read in one turn of the event loop: one or two milliseconds. */
const sliceProcesses = 100;
/** Where the mark is looked for; one behind a longer environment is not found. */
const fileBytesMax = 128 * 1024;

export type ProcFiles = {
  /** The beginning of `/proc/PID/name`; empty when the process is gone, or somebody else's. */
  readonly read: (pid: number, name: 'stat' | 'io' | 'environ') => string;
};

export function procFiles(): ProcFiles {
  const buffer = Buffer.allocUnsafe(fileBytesMax);
  return {
    read(pid, name) {
      let file: number | undefined;
      try {
        file = openSync(`/proc/${pid}/${name}`, 'r');
        return buffer.toString('latin1', 0, readSync(file, buffer, 0, fileBytesMax, 0));
      } catch {
        return '';
      } finally {
        if (file !== undefined) closeSync(file);
      }
    },
  };
}

export type ProcessScan = {
  readonly rows: readonly ProcessRow[];
  /** All there are, those left out too. */
  readonly pids: ReadonlySet<number>;
};

/** The processes of this host that can be seen, but for those of `strangers`. */
export async function scanProcesses(files: ProcFiles, strangers: ReadonlySet<number>): Promise<ProcessScan> {
  const pids = new Set((await readdir('/proc')).map(Number).filter(Number.isSafeInteger));
  const rows: ProcessRow[] = [];
  let left = sliceProcesses;
  for (const pid of pids) {
    if (strangers.has(pid)) continue;
    if (left === 0) await nextTurn();
    left = left === 0 ? sliceProcesses : left - 1;
    const row = parseStat(files.read(pid, 'stat'));
    if (row !== undefined) rows.push(row);
  }
  return {rows, pids};
}
