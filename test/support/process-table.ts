/** The processes of this machine that belong to one data directory, read from `/proc`. */
import {readFileSync, readdirSync, readlinkSync} from 'node:fs';

export type ProcessEntry = {readonly pid: number; readonly command: string};

/** Those whose working directory lies in `directory`, or whose command line or environment names it; zombies left out. */
export function processesUsing(directory: string): ProcessEntry[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap(name => {
      const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim();
      if (command === '') return [];
      const isPart =
        link(`/proc/${name}/cwd`).startsWith(directory) ||
        command.includes(directory) ||
        read(`/proc/${name}/environ`).includes(directory);
      return isPart ? [{pid: Number(name), command}] : [];
    });
}

/** Empty when the process ended meanwhile, or is somebody else's. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Resident memory of one process, in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Ends processes that may have ended by themselves meanwhile. */
export function killAll(entries: readonly ProcessEntry[]): void {
  for (const {pid} of entries) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
