/**
 * The processes that a task has started, found by the mark they inherit. Node cannot make itself the parent of orphans,
 * so a process that wiped its environment is not found (docs/engine-protocol.md, 7).
 */
import {setTimeout as wait} from 'node:timers/promises';
import {markedProcesses, sweepProcesses} from '../process-sweep.ts';

const settleMs = 250;
const graceMs = 2000;
const lookMs = 20;

export type ProcessFamily = {
  /** A task begins: what was signalled before is of no concern to it. */
  readonly forget: () => void;
  /** What was signalled since. */
  readonly signalled: () => {readonly signals: readonly string[]; readonly pids: readonly number[]};
  /** Living processes of this engine but the engine itself. */
  readonly members: () => Promise<readonly number[]>;
  /** Asks all to end. */
  readonly terminate: () => Promise<void>;
  /** Gives what is left a moment, then ends it; resolves to what could not be ended. */
  readonly endAll: (warn: (text: string) => void) => Promise<readonly number[]>;
};

/** Of an engine that starts no processes: nothing is looked for, which saves a walk over /proc at each end. */
export const noFamily: ProcessFamily = {
  forget: () => undefined,
  signalled: () => ({signals: [], pids: []}),
  members: () => Promise.resolve([]),
  terminate: () => Promise.resolve(),
  endAll: () => Promise.resolve([]),
};

export function processFamily(mark: string): ProcessFamily {
  let isTerminating = false;
  const signals = new Set<string>();
  const pids = new Set<number>();
  const send = (receivers: readonly number[], name: NodeJS.Signals): void => {
    if (receivers.length > 0) signals.add(name);
    for (const pid of receivers) {
      pids.add(pid);
      signal(pid, name);
    }
  };
  const members = async (): Promise<readonly number[]> =>
    (await markedProcesses(mark)).filter(pid => pid !== process.pid);
  const gone = async (limitMs: number): Promise<readonly number[]> => {
    let left = await members();
    for (let waitedMs = 0; left.length > 0 && waitedMs < limitMs; waitedMs += lookMs) {
      await wait(lookMs);
      left = await members();
    }
    return left;
  };
  const terminate = async (): Promise<void> => {
    isTerminating = true;
    send(await members(), 'SIGTERM');
  };
  return {
    forget() {
      signals.clear();
      pids.clear();
      isTerminating = false;
    },
    signalled: () => ({signals: [...signals], pids: [...pids]}),
    members,
    terminate,
    async endAll(warn) {
      const wasTerminating = isTerminating;
      isTerminating = false;
      const left = await gone(wasTerminating ? 0 : settleMs);
      if (left.length === 0) return [];
      if (!wasTerminating) {
        warn(`The job has ended but left ${left.length} process(es) running; they are ended now.`);
        send(left, 'SIGTERM');
        if ((await gone(graceMs)).length === 0) return [];
      }
      send(left, 'SIGKILL');
      return sweepProcesses(mark, undefined, [process.pid]);
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone between look and signal.
  }
}
