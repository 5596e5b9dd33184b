/** What a host has, by the files of its kernel: alone, in containers of both kinds, and within limits of an outer group. */
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {availableParallelism, tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {busyShare, cgroupPlaces, memoryOf, processorTicksOf, quotaOf} from '../../engines/host-figures.ts';
import {createHostLoad} from '../../engines/host-load.ts';
import {manualClock} from '../support/manual-clock.ts';

const kib = 1024;
const meminfo = 'MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    9000 kB\n';

test('memory, processors and quotas are read', t => {
  t.deepEqual(memoryOf(meminfo), {total: 16_000 * kib, available: 9000 * kib});
  const before = processorTicksOf('cpu  100 0 50 800 50 0 0 0 40 0\ncpu0 1 1 1 1\n');
  t.deepEqual(before, {busy: 150, all: 1000});
  t.is(busyShare(before, {busy: 200, all: 1200}), 0.25);
  t.is(busyShare(before, before), 0);
  t.is(quotaOf('150000 100000\n'), 1.5);
  t.is(quotaOf('max 100000'), undefined);
  t.is(quotaOf('-1 100000'), undefined);
  t.is(quotaOf(''), undefined);
});

test('the groups we are in, from the nearest to the root, wherever they are mounted', t => {
  const unified = cgroupPlaces('0::/a/b\n', '30 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n');
  t.deepEqual(unified.unified, ['/sys/fs/cgroup/a/b', '/sys/fs/cgroup/a', '/sys/fs/cgroup']);
  const contained = cgroupPlaces(
    '4:memory:/docker/x/inner\n3:cpu,cpuacct:/docker/x\n0::/\n',
    '31 1 0:2 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup ro,memory\n' +
      '32 1 0:3 / /sys/fs/cgroup/cpu ro - cgroup cgroup ro,cpu,cpuacct\n',
  );
  t.deepEqual(contained.memory, ['/sys/fs/cgroup/memory/inner', '/sys/fs/cgroup/memory']);
  t.deepEqual(contained.cpu, [
    '/sys/fs/cgroup/cpu/docker/x',
    '/sys/fs/cgroup/cpu/docker',
    '/sys/fs/cgroup/cpu',
  ]);
  t.deepEqual(contained.unified, []);
});

/** Files of a kernel, below a directory of their own. */
async function kernel(t: ExecutionContext, files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-host-'));
  t.teardown(() => rm(directory, {recursive: true}));
  const put = async (name: string, content: string): Promise<void> => {
    const path = join(directory, name);
    await mkdir(dirname(path), {recursive: true});
    await writeFile(path, content);
  };
  const base = {
    meminfo,
    stat: 'cpu  0 0 0 0 0 0 0 0 0 0\n',
    loadavg: '1.50 1.00 0.50 1/2 3\n',
    'self/cgroup': '0::/node\n',
    'self/mountinfo': `30 1 0:1 / ${directory}/cg rw - cgroup2 cgroup rw\n`,
  };
  for (const [name, content] of Object.entries({...base, ...files})) await put(name, content);
  const clock = manualClock();
  return {put, clock, load: createHostLoad({clock, directory, root: directory})};
}

test('a host without limits', async t => {
  const {load, clock, put} = await kernel(t, {});
  t.like(await load(), {
    memoryBytesTotal: 16_000 * kib,
    memoryBytesFree: 9000 * kib,
    cpuCount: availableParallelism(),
    loadAverage: 1.5,
  });
  await put('stat', 'cpu  30 0 0 70 0 0 0 0 0 0\n');
  t.is((await load()).cpuShare, 0, 'asked again at once, the answer is the same');
  clock.advance(1000);
  t.is((await load()).cpuShare, 0.3);
});

test('within a container its limits count, less what it can give back; the tightest of all that hold', async t => {
  const {load, clock, put} = await kernel(t, {
    'cg/node/memory.max': `${8000 * kib}\n`,
    'cg/node/memory.current': `${6000 * kib}\n`,
    'cg/node/memory.stat': `anon 1\ninactive_file ${1000 * kib}\n`,
    'cg/memory.max': 'max\n',
    'cg/node/cpu.max': '50000 100000\n',
    'cg/node/cpu.stat': 'usage_usec 1000000\n',
  });
  t.like(await load(), {memoryBytesTotal: 8000 * kib, memoryBytesFree: 3000 * kib, cpuCount: 0.5});
  clock.advance(2000);
  await put('cg/node/cpu.stat', 'usage_usec 1750000\n');
  t.is((await load()).cpuShare, 0.75, 'of the half processor that it may use');
});

test('a limit of an outer group holds too, and one above what the machine has does not', async t => {
  const {load} = await kernel(t, {
    'cg/memory.max': `${4000 * kib}\n`,
    'cg/memory.current': `${5000 * kib}\n`,
    'cg/node/memory.max': `${99_000 * kib}\n`,
  });
  t.like(await load(), {memoryBytesTotal: 4000 * kib, memoryBytesFree: 0});
});
