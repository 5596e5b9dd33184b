/**
 * Which process it is, beyond its pid: pids are used again, but never with the same start time within one boot
 * (decision 42). Linux only, as engines are.
 */
import {readFile} from 'node:fs/promises';

export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTime: number;
  readonly bootId: string;
};

export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Undefined if there is no such process, or only its unreaped remains. */
export async function startTimeOf(pid: number): Promise<number | undefined> {
  let line: string;
  try {
    line = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything, so fields are counted from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return state === 'Z' || state === 'X' ? undefined : Number(fields[19]);
}

export async function isAlive({pid, startTime, bootId}: ProcessIdentity): Promise<boolean> {
  return (await startTimeOf(pid)) === startTime && (await readBootId()) === bootId;
}

/** Signals exactly that process; false if it is gone. Between look and signal a pid could only change hands by a full
 *  turn of the pid counter. */
export async function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(identity))) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}
