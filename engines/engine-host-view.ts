/**
 * What this host knows of its engines and of itself. The driver says which engines there are; whoever shows or judges them
 * (the ECM of a cluster, the governance of a node that stands alone) asks here.
 */
import {join} from 'node:path';
import type {HostView, LocalEngine} from '../actors/ecm-port.ts';
import type {EngineLogPage} from '../actors/engine-governance.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {createEndedLogs, type EndedLog} from './ended-logs.ts';
import type {EngineRecord} from './engine-directory.ts';
import type {HandleObserver} from './engine-handle-options.ts';
import {readEngineLog} from './engine-log-file.ts';
import {lastLines} from './engine-log-page.ts';
import {createEngineMeter} from './engine-meter.ts';
import {createHostLoad} from './host-load.ts';
import {startTimeOf} from './process-identity.ts';
import type {ProcessRow} from './process-table.ts';

export type EngineHostView = HostView & {
  /** An engine of this host, until its handle says that it has ended or leaves it. */
  readonly hold: (engine: LocalEngine, record: EngineRecord, directory: string) => void;
  readonly observer: HandleObserver;
};

const pidsMax = 100;

export function createEngineHostView({
  clock,
  enginesDirectory,
  measureEveryMs,
}: {
  readonly clock: Clock;
  /** Its file system is the one whose free space counts. */
  readonly enginesDirectory: string;
  readonly measureEveryMs: number;
}): EngineHostView {
  const meter = createEngineMeter({clock, intervalMs: measureEveryMs});
  const ended = createEndedLogs(clock);
  const held = new Map<string, {readonly engine: LocalEngine; readonly directory: string}>();

  function drop(engine: LocalEngine): void {
    const {engineId} = engine;
    if (held.get(engineId)?.engine !== engine) return;
    held.delete(engineId);
    meter.remove(engineId);
  }

  return {
    hold(engine, {pid, startTime, mark, engineType}, directory) {
      const {engineId} = engine;
      held.set(engineId, {engine, directory});
      meter.add({engineId, engineType, pid, startTime, mark, directory});
      void engine.exited.then(() => drop(engine));
    },
    observer: {released: drop, removing: ended.keep},
    metrics: meter.metrics,
    measure: meter.measure,
    usage: meter.usage,
    hostLoad: createHostLoad({clock, directory: enginesDirectory}),
    async engineLog(engineId, request) {
      const log = ended.read(engineId);
      const directory = held.get(engineId)?.directory ?? log?.directory;
      // It stays after the end of its engine as long as a task in it was not confirmed.
      const page = directory === undefined ? undefined : await readEngineLog(engineId, directory, request);
      return page ?? (log === undefined ? undefined : endedPage(log, request));
    },
    async terminate(engineId, graceMs) {
      const {engine} = held.get(engineId) ?? {};
      if (engine === undefined) return undefined;
      const beganMs = clock.monotonicMs();
      const before = await meter.family(engineId);
      await engine.shutdown(graceMs);
      const tookMs = clock.monotonicMs() - beganMs;
      const gone = await goneOf(before);
      return {
        signals: signalsOf(
          before.some(({pid}) => pid !== engine.pid),
          tookMs,
          graceMs,
        ),
        processesEnded: gone.length,
        pids: gone.slice(0, pidsMax),
        tookMs,
      };
    },
  };
}

/** The host asks a job with TERM when there is a grace, and ends with KILL what is there after it; it leaves by itself. */
function signalsOf(hasOthers: boolean, tookMs: number, graceMs: number): readonly string[] {
  if (!hasOthers) return [];
  if (graceMs === 0) return ['SIGKILL'];
  return tookMs < graceMs ? ['SIGTERM'] : ['SIGTERM', 'SIGKILL'];
}

async function goneOf(before: readonly ProcessRow[]): Promise<readonly number[]> {
  const gone: number[] = [];
  for (const {pid, startTime} of before) if ((await startTimeOf(pid)) !== startTime) gone.push(pid);
  return gone;
}

/** All that is left of it, its last lines. */
function endedPage(
  {directory, text}: EndedLog,
  request: Parameters<HostView['engineLog']>[1],
): EngineLogPage {
  const logPath = join(directory, 'host.log');
  const isWanted = request.logType === 'stdout' || request.logType === 'stderr';
  return {logPath, ...lastLines(request, isWanted ? text : Buffer.alloc(0))};
}
