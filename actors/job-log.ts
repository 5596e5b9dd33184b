/**
 * What a job actor does with its log file: opened when there is something to write, closed and synced at the end.
 *
 * Lines of our own wait a moment, so that they share a write with the job's output or with each other: a job that prints
 * nothing costs one write. The first lines are a function of the row, written when the file is opened: a job that waits
 * among 100,000 others costs no open file, and its log can be read all the same (`headLines`).
 */
import type {LogStore, LogWriter} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

export type JobLog = {
  /** Opens, if need be, for the output of `attempt`; resolves to how much of its spool the log already holds. */
  readonly open: (attempt: number) => Promise<number>;
  /** Resolves when readers may see the lines. */
  readonly append: (lines: Uint8Array, spoolOffset: number) => Promise<void>;
  /** One line of our own, with time and level; readers see it within `sayDelayMs`. Needs an open log. */
  readonly say: (level: LogLevel, text: string) => void;
  /** Written, synced to disk if it holds output of the engine, and closed; can be opened again. */
  readonly close: () => Promise<void>;
  /** Lines so far, those that wait included. */
  readonly lines: () => number;
};

export type JobLogDependencies = {
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly path: string;
  readonly taskID: number;
  readonly head: string;
  readonly printLine: (level: LogLevel, text: string) => string;
  /** Told after each append, with the chunk and its first line. */
  readonly onGrown: (fromLine: number, lineCount: number, bytes: Uint8Array) => void;
};

const sayDelayMs = 100;

export function createJobLog(dependencies: JobLogDependencies): JobLog {
  const {logs, clock, path, taskID, head, printLine, onGrown} = dependencies;
  let writer: LogWriter | undefined;
  let openFor: number | undefined;
  let said = '';
  let cancelFlush: (() => void) | undefined;
  let closedLines = 0;
  let tail: Promise<void> = Promise.resolve();

  /** One write at a time: a line number is told together with the bytes it belongs to. */
  function write(lines: Uint8Array, spoolOffset?: number): Promise<void> {
    const done = tail.then(() => writeNow(lines, spoolOffset ?? writer?.position().spoolOffset ?? 0));
    tail = done.catch(() => undefined);
    return done;
  }

  /** Writes what waits, and `lines` behind it, as one batch. */
  async function writeNow(lines: Uint8Array, spoolOffset: number): Promise<void> {
    cancelFlush?.();
    cancelFlush = undefined;
    const bytes = said === '' ? lines : Buffer.concat([Buffer.from(said), lines]);
    said = '';
    if (writer === undefined || bytes.length === 0) return;
    const fromLine = writer.position().lines;
    await writer.append(bytes, spoolOffset);
    closedLines = writer.position().lines;
    onGrown(fromLine, closedLines - fromLine, bytes);
  }

  const flush = (): Promise<void> => write(nothing);

  async function close(): Promise<void> {
    await flush();
    const closing = writer;
    writer = undefined;
    openFor = undefined;
    if (closing === undefined) return;
    // Our own lines follow from the row; what the engine printed is about to exist nowhere else.
    if (closing.position().spoolOffset > 0) await closing.sync();
    await closing.close();
  }

  return {
    close,
    async open(attempt) {
      if (writer === undefined || openFor !== attempt) {
        await close();
        writer = await logs.open(path, `${taskID}-${attempt}`);
        openFor = attempt;
        if (writer.position().lines === 0) said = head + said;
      }
      return writer.position().spoolOffset;
    },
    append: write,
    say(level, text) {
      said += printLine(level, text);
      // A failure to write is met again by the next output, and told then.
      cancelFlush ??= clock.after(sayDelayMs, () => void flush().catch(() => undefined));
    },
    lines: () => (writer?.position().lines ?? closedLines) + countLines(said),
  };
}

const nothing = new Uint8Array();
const countLines = (text: string): number => text.split('\n').length - 1;
