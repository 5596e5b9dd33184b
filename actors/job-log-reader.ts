/**
 * Reads jobs' logs, whether the file exists or not. Before there is one, its first lines are known from the row, which
 * holds all of a short log; when it is there no more, readers are told how many lines are gone and why, rather than shown
 * a log that never was.
 */
import {headLines} from './domain/job-log-text.ts';
import {isTerminal} from './domain/job.ts';
import {instanceOf} from './domain/owner.ts';
import type {Governance, JobView} from './governance.ts';
import type {JobStore, LogChunk, LogPosition, LogStore, StoredJob} from './ports.ts';
import {whyRemoved} from './retention.ts';
import type {RetentionPolicy} from './retention-settings.ts';
import type {Clock} from './runtime/clock.ts';

export type JobLogReaderDependencies = {
  readonly logs: LogStore;
  readonly store: Pick<JobStore, 'get'>;
  readonly find: (taskID: number) => Promise<JobView | undefined>;
  /** An actor still has the job: its log may be about to be written. */
  readonly isLive: (taskID: number) => boolean;
  /** Puts what a live job's log holds in memory into the log store. */
  readonly keep: (taskID: number) => Promise<void>;
  readonly retention: RetentionPolicy;
  readonly clock: Clock;
  readonly timeZone: string;
};

export type JobLogReader = Pick<Governance, 'logPosition' | 'readLog'>;

export function createJobLogReader(dependencies: JobLogReaderDependencies): JobLogReader {
  const {logs, store, find, isLive, keep, retention, clock, timeZone} = dependencies;

  async function logPosition(taskID: number): Promise<LogPosition | undefined> {
    const job = await find(taskID);
    if (job === undefined) return undefined;
    await keep(taskID);
    const position = await logs.position(job.logPath);
    if (position.lines > 0) return position;
    const {lines = 0, bytes = nothing} = (await withoutFile(taskID)) ?? {};
    return {lines, bytes: bytes.length, spoolOffset: 0};
  }

  async function readLog(
    taskID: number,
    fromLine: number,
    linesMax: number,
    bytesMax: number,
  ): Promise<LogChunk | undefined> {
    const job = await find(taskID);
    if (job === undefined) return undefined;
    await keep(taskID);
    const chunk = await logs.read(job.logPath, fromLine, linesMax, bytesMax);
    if (chunk.lineCount > 0) return chunk;
    const {lines: written} = await logs.position(job.logPath);
    if (written > 0) return chunk;
    const log = await withoutFile(taskID);
    if (log === undefined) return undefined;
    const {lines, bytes, whyGone} = log;
    if (fromLine >= lines) return chunk;
    if (whyGone !== undefined) return {fromLine: lines, lineCount: 0, bytes: nothing, whyGone};
    const left = bytes.toString().split('\n').slice(fromLine, -1);
    return {
      fromLine,
      lineCount: left.length,
      bytes: Buffer.from(left.map(line => `${line}\n`).join('')),
    };
  }

  async function withoutFile(
    taskID: number,
  ): Promise<{readonly lines: number; readonly bytes: Buffer; readonly whyGone?: string} | undefined> {
    const stored = await store.get(taskID);
    if (stored === undefined) return undefined;
    const known = headLines(stored.row, timeZone) + (stored.facts.logText ?? '');
    const knownLines = known.split('\n').length - 1;
    const whyGone = whyLogIsGone(stored);
    return whyGone === undefined
      ? {lines: knownLines, bytes: Buffer.from(known)}
      : {lines: stored.facts.logLines ?? knownLines, bytes: nothing, whyGone};
  }

  function whyLogIsGone(stored: StoredJob): string | undefined {
    const {row, facts} = stored;
    if (isLive(row.id)) return undefined;
    const removed = whyRemoved('logs', stored, retention, clock.now());
    if (removed !== undefined) return removed;
    const hadFile =
      isTerminal(row.status) && facts.logText === null && facts.logLines !== null && facts.logLines > 0;
    return hadFile
      ? `The log of this job is not in this node's data directory, though retention has not removed it; the job ran on` +
          ` ${instanceOf(row.instances)}.`
      : undefined;
  }

  return {logPosition, readLog};
}

const nothing = Buffer.alloc(0);
