/**
 * Ends what an engine left behind when its host was killed from outside: its cgroup where there is one, else by the
 * marker in the environment. A process that wiped its environment is not found without a cgroup (decision 35).
 */
import {readdir, readFile, rmdir, statfs, writeFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';

/** Of the directories that `host/cgroup.py` makes. */
const cgroupPrefix = 'tenon-';
const cgroup2Magic = 0x63677270;
const roundsMax = 200;
const pauseMs = 10;

/** Resolves to the pids that are still there after some seconds of killing; normally none. `spared` are left alone. */
export async function sweepProcesses(
  mark: string,
  cgroup: string | undefined,
  spared: readonly number[] = [],
): Promise<number[]> {
  if (cgroup !== undefined) await killGroup(cgroup);
  let left: number[] = [];
  for (let round = 0; round < roundsMax; round++) {
    left = (await markedProcesses(mark)).filter(pid => !spared.includes(pid));
    if (left.length === 0) break;
    for (const pid of left) kill(pid);
    await wait(pauseMs);
  }
  await removeCgroup(cgroup);
  return left;
}

/** Set for the host and inherited by all it starts; a new value for each engine process, so it is nobody else's. */
export const markVariable = 'TENON_ENGINE_MARK';

/** Living processes that were started with this engine's mark. */
export async function markedProcesses(mark: string): Promise<number[]> {
  if (mark === '') return [];
  const marker = `${markVariable}=${mark}`;
  const names = await readdir('/proc');
  const found: number[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    // Of other users, or gone meanwhile: not ours in any case. The remains of a process have an empty environment.
    const environment = await readFile(join('/proc', name, 'environ'), 'latin1').catch(() => '');
    if (environment.split('\0').includes(marker)) found.push(Number(name));
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone between look and signal.
  }
}

/** A path comes from an engine's file, which may be a job's work: nothing else is written to or removed. */
async function isCgroup(path: string): Promise<boolean> {
  if (!basename(path).startsWith(cgroupPrefix)) return false;
  const found = await statfs(path).catch(() => undefined);
  return found?.type === cgroup2Magic;
}

async function killGroup(cgroup: string): Promise<void> {
  if (!(await isCgroup(cgroup))) return;
  try {
    await writeFile(join(cgroup, 'cgroup.kill'), '1');
  } catch {
    // Already removed, or not ours: the marker finds what it can.
  }
}

/** Of an engine that is gone; waits a moment for the kernel to notice that it is empty. */
export async function removeCgroup(cgroup: string | undefined): Promise<void> {
  if (cgroup === undefined || !(await isCgroup(cgroup))) return;
  for (let round = 0; round < roundsMax; round++) {
    try {
      await rmdir(cgroup);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) return;
      await wait(pauseMs);
    }
  }
}
