/**
 * How busy this host is, as far as it is ours: within a container the limits of its cgroups count instead of the machine's.
 * A value is read when it is asked for; one that is younger than half a second is answered again.
 */
import {availableParallelism} from 'node:os';
import {readFile, statfs} from 'node:fs/promises';
import {join} from 'node:path';
import type {HostSample} from '../actors/ecm-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {
  busyShare,
  cgroupPlaces,
  limitOf,
  memoryOf,
  processorTicksOf,
  quotaOf,
  statOf,
  type CgroupPlaces,
  type ProcessorTicks,
} from './host-figures.ts';

const freshMs = 500;

type Looked = {
  readonly sample: HostSample;
  readonly atMs: number;
  readonly ticks: ProcessorTicks;
  readonly quotaMs?: number;
};

/** Of the host, and of the file system that `directory` is on. Rejects when that can't be asked. */
export function createHostLoad({
  clock,
  directory,
  root = '/proc',
}: {
  readonly clock: Clock;
  readonly directory: string;
  /** Where the kernel's files are. */
  readonly root?: string;
}): () => Promise<HostSample> {
  let places: CgroupPlaces | undefined;
  let latest: Looked | undefined;
  let looking: Promise<Looked> | undefined;

  async function look(): Promise<Looked> {
    const [meminfo, stat, loadavg, disk] = await Promise.all([
      text(join(root, 'meminfo')),
      text(join(root, 'stat')),
      text(join(root, 'loadavg')),
      statfs(directory),
    ]);
    places ??= cgroupPlaces(await text(join(root, 'self/cgroup')), await text(join(root, 'self/mountinfo')));
    const memory = await limitedMemory(memoryOf(meminfo), places);
    const quota = await processorQuota(places);
    const cpuCount = Math.min(availableParallelism(), quota?.processors ?? Infinity);
    const atMs = clock.monotonicMs();
    const ticks = processorTicksOf(stat);
    return {
      atMs,
      ticks,
      ...(quota?.usedMs === undefined ? {} : {quotaMs: quota.usedMs}),
      sample: {
        memoryBytesTotal: memory.total,
        memoryBytesFree: memory.available,
        cpuCount,
        cpuShare: shareSince(latest, {atMs, ticks, quotaMs: quota?.usedMs, cpuCount}),
        loadAverage: Number.parseFloat(loadavg) || 0,
        diskBytesFree: disk.bavail * disk.bsize,
      },
    };
  }

  return async () => {
    if (latest !== undefined && clock.monotonicMs() - latest.atMs < freshMs) return latest.sample;
    looking ??= look().finally(() => {
      looking = undefined;
    });
    latest = await looking;
    return latest.sample;
  };
}

/** Of the processors we may use: what we used of our quota where there is one, else what everybody used. */
function shareSince(
  before: Looked | undefined,
  now: {
    readonly atMs: number;
    readonly ticks: ProcessorTicks;
    readonly quotaMs: number | undefined;
    readonly cpuCount: number;
  },
): number {
  // At the first look: since the host was started.
  const ofHost = busyShare(before?.ticks ?? {busy: 0, all: 0}, now.ticks);
  if (before?.quotaMs === undefined || now.quotaMs === undefined) return ofHost;
  const possibleMs = (now.atMs - before.atMs) * now.cpuCount;
  return possibleMs > 0 ? Math.min(1, Math.max(0, (now.quotaMs - before.quotaMs) / possibleMs)) : ofHost;
}

type Memory = {readonly total: number; readonly available: number};

async function limitedMemory(host: Memory, {unified, memory}: CgroupPlaces): Promise<Memory> {
  const groups = [
    ...unified.map(path => ({path, limit: 'memory.max', used: 'memory.current', cache: 'inactive_file'})),
    ...memory.map(path => ({
      path,
      limit: 'memory.limit_in_bytes',
      used: 'memory.usage_in_bytes',
      cache: 'total_inactive_file',
    })),
  ];
  let {total, available} = host;
  for (const {path, limit, used, cache} of groups) {
    const bytesMax = limitOf(await text(join(path, limit)));
    if (bytesMax === undefined || bytesMax >= host.total) continue;
    const [usedText, statText] = await Promise.all([text(join(path, used)), text(join(path, 'memory.stat'))]);
    const working = (limitOf(usedText) ?? 0) - statOf(statText, cache);
    total = Math.min(total, bytesMax);
    available = Math.min(available, Math.max(0, bytesMax - working));
  }
  return {total, available};
}

/** The tightest quota, and the processor time that its group has used. */
async function processorQuota({
  unified,
  cpu,
}: CgroupPlaces): Promise<{readonly processors: number; readonly usedMs?: number} | undefined> {
  let tightest: {readonly processors: number; readonly usedMs?: number} | undefined;
  for (const path of unified) {
    const processors = quotaOf(await text(join(path, 'cpu.max')));
    if (processors === undefined || processors >= (tightest?.processors ?? Infinity)) continue;
    const used = statOf(await text(join(path, 'cpu.stat')), 'usage_usec');
    tightest = {processors, ...(used > 0 ? {usedMs: used / 1000} : {})};
  }
  for (const path of cpu) {
    const quota = await text(join(path, 'cpu.cfs_quota_us'));
    const processors = quotaOf(`${quota} ${await text(join(path, 'cpu.cfs_period_us'))}`);
    if (processors === undefined || processors >= (tightest?.processors ?? Infinity)) continue;
    tightest = {processors};
  }
  return tightest;
}

/** Empty for what is not there: not every kernel has every file. */
const text = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');
