/**
 * Measures the engines of this host: one look at /proc serves them all, each interval, and none is made while there is no
 * engine. Disk is looked at rarely, one engine after the other.
 */
import {readFile} from 'node:fs/promises';
import type {EngineMetrics} from '../actors/engine-governance.ts';
import type {HostUsage} from '../actors/ecm-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {diskBytesOf} from './disk-usage.ts';
import {measured, metricsOf, sampleOf, type Growth, type Usage} from './engine-metrics.ts';
import {procFiles, scanProcesses} from './process-scan.ts';
import {markVariable} from './process-sweep.ts';
import {familiesOf, parseIo, variableOf, type EngineRoot, type ProcessRow} from './process-table.ts';

export type MeteredEngine = EngineRoot & {
  readonly engineType: string;
  readonly mark: string;
  /** Absolute path. */
  readonly directory: string;
};

export type EngineMeter = {
  readonly add: (engine: MeteredEngine) => void;
  readonly remove: (engineId: string) => void;
  /** At the last look. */
  readonly metrics: (engineId: string) => EngineMetrics | undefined;
  /** As `metrics`, after a look of its own unless there was one just now. Undefined: there is no such engine. */
  readonly measure: (engineId: string) => Promise<EngineMetrics | undefined>;
  /** The living processes of an engine, by a look of their own. */
  readonly family: (engineId: string) => Promise<readonly ProcessRow[]>;
  readonly usage: () => HostUsage;
};

type Metered = {
  readonly engine: MeteredEngine;
  readonly diskBytes: number;
  /** When its disk is due, monotonic. */
  readonly diskDueMs: number;
  /** Undefined until it was looked at. */
  readonly latest?: {readonly usage: Usage; readonly at: number};
};

/** Bytes, when the process and its former children had computed so long and touched so much. */
type Transfer = {
  readonly startTime: number;
  readonly cpuTicks: number;
  readonly faults: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
};

const nothingTransferred = {readBytes: 0, writtenBytes: 0};
/** So many looks, and strangers are looked at again: a pid may have changed hands between two of them. */
const thoroughEvery = 15;
/** A directory is walked this much more seldom than /proc: each 30 s by default. */
const diskEveryLooks = 15;
/** A look so young answers whoever asks for a fresh one. */
const freshMs = 200;
/** Looking may cost at most this share of the time, also on a host with very many processes. */
const costShareMax = 0.02;

export function createEngineMeter({
  clock,
  intervalMs,
}: {
  readonly clock: Clock;
  readonly intervalMs: number;
}): EngineMeter {
  const files = procFiles();
  const engines = new Map<string, Metered>();
  /** By pid: whose a process is that was seen once, also after the tree has forgotten it. */
  let seen = new Map<number, {readonly startTime: number; readonly engineId: string}>();
  /** Pids of processes that are no engine's, and can't become one's; most of a host's are. */
  let strangers = new Set<number>();
  /** What each process had read and written when it had last computed anything. */
  let transfers = new Map<number, Transfer>();
  /** Of all engines there were, by type. */
  const totals = new Map<string, Growth>();
  let pageBytes = pageBytesDefault;
  let looking: Promise<void> | undefined;
  let lookedAtMs = -Infinity;
  let scanMs = 0;
  /** Ends the pause between two looks; absent while nobody waits for the next one. */
  let wake: (() => void) | undefined;
  let isRunning = false;
  let looks = 0;

  async function families(isThorough: boolean): Promise<ReadonlyMap<string, readonly ProcessRow[]>> {
    const roots = [...engines.values()].map(({engine}) => engine);
    const byMark = new Map(roots.map(({mark, engineId}) => [mark, engineId]));
    byMark.delete('');
    // Seen before it was known to be an engine, and with it what it had started by then.
    const isMistaken = roots.some(({pid}) => strangers.has(pid));
    if (isThorough || isMistaken) strangers.clear();
    const {rows, pids} = await scanProcesses(files, strangers);
    const found = familiesOf(rows, roots, ({pid, startTime}) => {
      const before = seen.get(pid);
      if (before?.startTime === startTime) return before.engineId;
      // Once in the life of a process: nobody but itself changes what it was started with.
      return byMark.get(variableOf(files.read(pid, 'environ'), markVariable) ?? '');
    });
    seen = new Map(
      [...found].flatMap(([engineId, family]) =>
        family.map(({pid, startTime}) => [pid, {startTime, engineId}] as const),
      ),
    );
    // A pid that is gone may be used again, by a process of an engine.
    strangers = new Set([...strangers].filter(pid => pids.has(pid)));
    for (const {pid} of rows) if (!seen.has(pid)) strangers.add(pid);
    return found;
  }

  /** A process that has computed nothing since, and waited for no child, has transferred nothing either, but for less than a tick's worth. */
  function transferOf(row: ProcessRow): Transfer {
    const {pid, startTime, cpuTicks, faults} = row;
    const before = transfers.get(pid);
    return before?.startTime === startTime && before.cpuTicks === cpuTicks && before.faults === faults
      ? before
      : {startTime, cpuTicks, faults, ...parseIo(files.read(pid, 'io'))};
  }

  async function look(): Promise<void> {
    if (lookedAtMs === -Infinity) pageBytes = await readPageBytes();
    const beganMs = clock.monotonicMs();
    const next = new Map<number, Transfer>();
    const isThorough = looks % thoroughEvery === 0;
    looks += 1;
    for (const [engineId, family] of await families(isThorough)) {
      const metered = engines.get(engineId);
      if (metered === undefined) continue;
      if (family.length === 0) {
        // It has ended, though a task in its directory may still wait to be fetched.
        engines.delete(engineId);
        continue;
      }
      for (const row of family) next.set(row.pid, transferOf(row));
      const sample = sampleOf(family, pid => next.get(pid) ?? nothingTransferred, clock.monotonicMs());
      const {usage, growth} = measured(metered.latest?.usage, sample);
      engines.set(engineId, {...metered, latest: {usage, at: clock.now()}});
      const {engineType} = metered.engine;
      totals.set(engineType, sumOf(totals.get(engineType), growth));
    }
    transfers = next;
    lookedAtMs = clock.monotonicMs();
    scanMs = lookedAtMs - beganMs;
  }

  /** One look at a time; who comes while one is under way shares it. */
  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function measureDisks(): Promise<void> {
    for (const {engine, diskDueMs} of [...engines.values()]) {
      if (clock.monotonicMs() < diskDueMs) continue;
      const diskBytes = await diskBytesOf(engine.directory);
      const metered = engines.get(engine.engineId);
      if (metered === undefined) continue;
      engines.set(engine.engineId, {
        ...metered,
        diskBytes,
        diskDueMs: clock.monotonicMs() + diskEveryLooks * intervalMs,
      });
    }
  }

  async function run(): Promise<void> {
    isRunning = true;
    while (engines.size > 0) {
      await pause(Math.max(intervalMs, scanMs / costShareMax));
      // Where /proc can't be read there are no figures; engines do not run there either.
      if (engines.size > 0) await lookOnce().then(measureDisks, () => undefined);
    }
    isRunning = false;
    seen.clear();
    strangers.clear();
    transfers.clear();
  }

  async function pause(ms: number): Promise<void> {
    const {promise, resolve} = Promise.withResolvers<void>();
    const cancel = clock.after(ms, resolve);
    wake = () => {
      cancel();
      resolve();
    };
    await promise;
    wake = undefined;
  }

  function metrics(engineId: string): EngineMetrics | undefined {
    const metered = engines.get(engineId);
    if (metered?.latest === undefined) return undefined;
    const {usage, at} = metered.latest;
    return metricsOf(usage, {pageBytes, diskBytes: metered.diskBytes, at});
  }

  return {
    add(engine) {
      engines.set(engine.engineId, {engine, diskBytes: 0, diskDueMs: -Infinity});
      if (!isRunning) void run();
    },
    remove(engineId) {
      engines.delete(engineId);
      if (engines.size === 0) wake?.();
    },
    metrics,
    async measure(engineId) {
      const isFresh =
        engines.get(engineId)?.latest !== undefined && clock.monotonicMs() - lookedAtMs < freshMs;
      if (engines.has(engineId) && !isFresh) {
        // One that is under way may have begun before the engine was there.
        await looking?.catch(() => undefined);
        await lookOnce();
      }
      return metrics(engineId);
    },
    async family(engineId) {
      return ((await families(true)).get(engineId) ?? []).filter(({isDead}) => !isDead);
    },
    usage: () => ({
      scanMs,
      byType: [...totals].map(([engineType, total]) => ({
        engineType,
        ...total,
        ...presentOf(
          [...engines.values()]
            .filter(({engine}) => engine.engineType === engineType)
            .flatMap(({engine}) => metrics(engine.engineId) ?? []),
        ),
      })),
    }),
  };
}

const sumOf = (one: Growth | undefined, other: Growth): Growth =>
  one === undefined
    ? other
    : {
        cpuMs: one.cpuMs + other.cpuMs,
        readBytes: one.readBytes + other.readBytes,
        writtenBytes: one.writtenBytes + other.writtenBytes,
      };

function presentOf(engines: readonly EngineMetrics[]) {
  const sum = (name: 'rssBytes' | 'processes' | 'diskBytes'): number =>
    engines.reduce((total, metrics) => total + metrics[name], 0);
  return {rssBytes: sum('rssBytes'), processes: sum('processes'), diskBytes: sum('diskBytes')};
}

const pageBytesDefault = 4096;
const pageSizeKey = 6n;

/** From what the kernel hands each program: pairs of key and value. */
async function readPageBytes(): Promise<number> {
  const vector = await readFile('/proc/self/auxv').catch(() => Buffer.alloc(0));
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === pageSizeKey) return Number(vector.readBigUInt64LE(at + 8));
  }
  return pageBytesDefault;
}
