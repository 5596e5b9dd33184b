/** Holds a running task to the limits of its engine: memory, processes and disk of all its processes together. */
import {readdir, readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import type {Failure} from '../../actors/domain/errors.ts';
import type {EngineLimits} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {ProcessFamily} from './process-family.ts';
import {failureCode, failureOf} from './task-failure.ts';

const intervalMs = 500;
/** Disk is looked at in every so manieth round. */
const diskRounds = 4;
const pageBytes = 4096;
const blockBytes = 512;

export type LimitsWatch = {
  readonly limits: EngineLimits;
  readonly directory: string;
  readonly family: ProcessFamily;
  readonly clock: Clock;
  /** For a breach that gives the code time to stop by itself. */
  readonly graceMs: number;
};

/** Calls back once; the answer ends the watching. */
export function watchLimits(
  {limits, directory, family, clock, graceMs}: LimitsWatch,
  onBreach: (failure: Failure, graceMs: number) => void,
): () => void {
  let isOver = false;
  let cancel = clock.after(intervalMs, () => void look(1));
  async function look(round: number): Promise<void> {
    const pids = [process.pid, ...(await family.members())];
    const memory = (await Promise.all(pids.map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0);
    const disk = round % diskRounds === 0 ? await diskBytes(directory) : 0;
    if (isOver) return;
    const breach = breachOf(limits, {memory, processes: pids.length, disk});
    if (breach !== undefined) {
      // Memory that is in use stays in use until the process ends.
      onBreach(breach, breach.code === failureCode.memoryLimit ? 0 : graceMs);
      return;
    }
    cancel = clock.after(intervalMs, () => void look(round + 1));
  }
  return () => {
    isOver = true;
    cancel();
  };
}

function breachOf(
  {memoryBytesMax, processesMax, diskBytesMax}: EngineLimits,
  {memory, processes, disk}: {readonly memory: number; readonly processes: number; readonly disk: number},
): Failure | undefined {
  if (processes > processesMax) {
    return failureOf(
      failureCode.processLimit,
      `The job has ${processes} processes; the limit of its engine is ${processesMax} (processesMax).`,
    );
  }
  if (memory > memoryBytesMax) {
    return failureOf(
      failureCode.memoryLimit,
      `The job uses ${mebibytes(memory)} of memory; the limit of its engine is ${mebibytes(memoryBytesMax)} (memoryBytesMax).`,
    );
  }
  if (disk <= diskBytesMax) return undefined;
  return failureOf(
    failureCode.diskLimit,
    `The job and its engine hold ${mebibytes(disk)} on disk; the limit is ${mebibytes(diskBytesMax)} (diskBytesMax).`,
  );
}

async function residentBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '');
  return Number(text.split(' ')[1] ?? 0) * pageBytes;
}

/** What the files below take on disk; what vanishes meanwhile does not count. */
async function diskBytes(directory: string): Promise<number> {
  const entries = await readdir(directory, {withFileTypes: true}).catch(() => []);
  let total = 0;
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) total += await diskBytes(path);
    else if (entry.isFile()) total += ((await stat(path).catch(() => undefined))?.blocks ?? 0) * blockBytes;
  }
  return total;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
