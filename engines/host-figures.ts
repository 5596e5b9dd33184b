/** What the kernel's files say of a host: memory, processors, and the limits of the cgroups we are in. Pure. */

/** Bytes of `/proc/meminfo`. `MemAvailable` counts what caches would give back. */
export function memoryOf(meminfo: string): {readonly total: number; readonly available: number} {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  return {total: bytes('MemTotal'), available: bytes('MemAvailable')};
}

/** Ticks of all processors together, from the first line of `/proc/stat`. */
export type ProcessorTicks = {readonly busy: number; readonly all: number};

export function processorTicksOf(stat: string): ProcessorTicks {
  // user nice system idle iowait irq softirq steal; guests are in user and nice already.
  const ticks = (/^cpu +([\d ]+)$/m.exec(stat)?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  const all = ticks.reduce((sum, count) => sum + count, 0);
  return {busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all};
}

/** 0 … 1 */
export function busyShare(before: ProcessorTicks, now: ProcessorTicks): number {
  const all = now.all - before.all;
  return all > 0 ? Math.min(1, Math.max(0, (now.busy - before.busy) / all)) : 0;
}

/** Directories of our cgroup and those it lies in, nearest first; a limit of any of them holds for us. */
export type CgroupPlaces = {
  readonly unified: readonly string[];
  readonly memory: readonly string[];
  readonly cpu: readonly string[];
};

/** From `/proc/self/cgroup` and `/proc/self/mountinfo`. */
export function cgroupPlaces(cgroup: string, mountinfo: string): CgroupPlaces {
  const mounts = mountinfo.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', mount = ''] = before.split(' ');
    const [type = '', , options = ''] = after.split(' ');
    return type.startsWith('cgroup') ? [{root, mount, type, controllers: options.split(',')}] : [];
  });
  const places = (controller: string): readonly string[] => {
    const line = cgroup.split('\n').find(entry => {
      const controllers = entry.split(':')[1];
      return controller === '' ? entry.startsWith('0::') : controllers?.split(',').includes(controller);
    });
    const path = line?.split(':').slice(2).join(':');
    const mounted = mounts.find(({type, controllers}) =>
      controller === '' ? type === 'cgroup2' : type === 'cgroup' && controllers.includes(controller),
    );
    if (path === undefined || mounted === undefined) return [];
    const {root, mount} = mounted;
    // In a container the mount shows a part of the tree only, and the path may count from the whole tree's root.
    const below = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
    return upwards(
      mount,
      below.split('/').filter(name => name !== '' && name !== '..'),
    );
  };
  return {unified: places(''), memory: places('memory'), cpu: places('cpu')};
}

const upwards = (mount: string, names: readonly string[]): readonly string[] =>
  Array.from({length: names.length + 1}, (_, index) =>
    [mount, ...names.slice(0, names.length - index)].join('/'),
  );

/** Bytes; undefined for `max`, and for what can't be read. */
export const limitOf = (text: string): number | undefined =>
  /^\d+$/.test(text.trim()) ? Number(text.trim()) : undefined;

/** A line `name value` of `memory.stat` or `cpu.stat`; 0 if there is none. */
export const statOf = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);

/** Processors that `quota period` allow, as in `cpu.max`; undefined without a limit. */
export function quotaOf(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/).map(Number);
  if (quota === undefined || period === undefined) return undefined;
  return quota > 0 && period > 0 ? quota / period : undefined;
}
