/**
 * One poll of `entrance/{id}/log` (contract 7.1, decision 51). Lines are numbered from 1, 0 counts as 1, and the answer
 * names the next line to ask for. A poll with nothing new is held until a line comes, the job ends, or the hold is over:
 * `linkis-cli` stops printing when a poll brings nothing.
 */
import {splitLevels, type LogLevels} from '../actors/domain/log-line.ts';
import {isTerminal} from '../actors/domain/job.ts';
import type {Governance, JobView} from '../actors/governance.ts';
import type {LogChunk} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';

export type LogPage = {
  readonly log: LogLevels;
  /** Number of the next line, from 1. */
  readonly fromLine: number;
  /** Lines that were asked for and are gone, by number from 1. */
  readonly gap?: {readonly fromLine: number; readonly toLine: number};
};

export type LogPolls = {
  /** `size` negative: as many as one answer may have. Ends early when `signal` is aborted. */
  readonly read: (job: JobView, fromLine: number, size: number, signal: AbortSignal) => Promise<LogPage>;
  /** Polls held at this moment. */
  readonly held: () => number;
};

export type LogPollLimits = {
  readonly holdMs: number;
  readonly heldMax: number;
  readonly bytesMax: number;
};

/** Linkis' defaults: what `size` means when it is left out, and when it is negative. */
const linesDefault = 100;
const linesMax = 10_000;

export function createLogPolls(governance: Governance, clock: Clock, limits: LogPollLimits): LogPolls {
  let held = 0;

  async function read(taskID: number, first: number, size: number): Promise<LogChunk | undefined> {
    const chunk = await governance.readLog(taskID, first, size, limits.bytesMax);
    if (chunk === undefined || chunk.lineCount > 0) return chunk;
    const position = await governance.logPosition(taskID);
    // There are lines, but the next one alone is larger than an answer may be: it goes out alone, or the reader sticks.
    return position !== undefined && position.lines > first
      ? await governance.readLog(taskID, first, 1, Math.max(limits.bytesMax, position.bytes))
      : chunk;
  }

  /** Resolves true when it is worth looking again. */
  async function somethingNew(taskID: number, first: number, signal: AbortSignal): Promise<boolean> {
    const {promise, resolve} = Promise.withResolvers<boolean>();
    const stop = (): void => resolve(false);
    const cancel = clock.after(limits.holdMs, stop);
    signal.addEventListener('abort', stop, {once: true});
    if (signal.aborted) stop();
    try {
      const unfollow = await governance.follow(taskID, news => {
        if (news.type === 'end' || (news.type === 'log' && news.lines > first)) resolve(true);
      });
      if (unfollow === undefined) return true;
      try {
        // Between the first look and the following a line may have come, which nobody tells again.
        const position = await governance.logPosition(taskID);
        if (position !== undefined && position.lines > first) return true;
        return await promise;
      } finally {
        unfollow();
      }
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  return {
    held: () => held,
    async read({taskID, status}, fromLine, size, signal) {
      const first = Math.max(fromLine, 1) - 1;
      const lines = size < 0 ? linesMax : Math.min(size === 0 ? linesDefault : size, linesMax);
      let chunk = await read(taskID, first, lines);
      const mayHold = limits.holdMs > 0 && held < limits.heldMax && !isTerminal(status);
      if ((chunk === undefined || chunk.lineCount === 0) && mayHold) {
        held += 1;
        try {
          if (await somethingNew(taskID, first, signal)) chunk = await read(taskID, first, lines);
        } finally {
          held -= 1;
        }
      }
      return toPage(chunk, first);
    },
  };
}

/** `first` counts from 0. */
function toPage(chunk: LogChunk | undefined, first: number): LogPage {
  if (chunk === undefined || chunk.lineCount === 0) {
    const {fromLine: next = first, whyGone} = chunk ?? {};
    if (whyGone === undefined) return {log: ['', '', '', ''], fromLine: first + 1};
    const text = `Lines ${first + 1} to ${next} are gone. ${whyGone}`;
    return {log: ['', text, '', text], fromLine: next + 1, gap: {fromLine: first + 1, toLine: next}};
  }
  const log = splitLevels(decoder.decode(chunk.bytes));
  const fromLine = chunk.fromLine + chunk.lineCount + 1;
  return chunk.fromLine > first
    ? {log, fromLine, gap: {fromLine: first + 1, toLine: chunk.fromLine}}
    : {log, fromLine};
}

const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
