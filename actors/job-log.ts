/**
 * What a job actor does with its log file: opened when there is something to write, closed and synced at the end.
 *
 * The first lines are a function of the row, written when the file is opened: a job that waits among 100,000 others
 * costs no open file and no write, and its log can still be read (`headLines`).
 */
import type {LogStore, LogWriter} from './ports.ts';

export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

export type JobLog = {
  /** Opens, if need be, for the output of `attempt`; resolves to how much of its spool the log already holds. */
  readonly open: (attempt: number) => Promise<number>;
  /** Resolves when readers may see the lines. */
  readonly append: (lines: Uint8Array, spoolOffset: number) => Promise<void>;
  /** One line of our own, with time and level. */
  readonly say: (attempt: number, level: LogLevel, text: string) => Promise<void>;
  /** Synced to disk and closed; later lines open it again. */
  readonly close: () => Promise<void>;
  readonly lines: () => number;
};

export type JobLogDependencies = {
  readonly logs: LogStore;
  readonly path: string;
  readonly taskID: number;
  readonly head: string;
  readonly printLine: (level: LogLevel, text: string) => string;
  /** Told after each append, with the chunk and its first line. */
  readonly onGrown: (fromLine: number, lineCount: number, bytes: Uint8Array) => void;
};

export function createJobLog(dependencies: JobLogDependencies): JobLog {
  const {logs, path, taskID, head, printLine, onGrown} = dependencies;
  let writer: LogWriter | undefined;
  let openFor: number | undefined;
  let lineCount = 0;

  async function write(target: LogWriter, bytes: Uint8Array, spoolOffset: number): Promise<void> {
    const fromLine = target.position().lines;
    await target.append(bytes, spoolOffset);
    lineCount = target.position().lines;
    onGrown(fromLine, lineCount - fromLine, bytes);
  }

  async function opened(attempt: number): Promise<LogWriter> {
    if (writer !== undefined && openFor === attempt) return writer;
    await writer?.close();
    writer = await logs.open(path, `${taskID}-${attempt}`);
    openFor = attempt;
    if (writer.position().lines === 0) await write(writer, Buffer.from(head), 0);
    lineCount = writer.position().lines;
    return writer;
  }

  return {
    async open(attempt) {
      const {spoolOffset} = (await opened(attempt)).position();
      return spoolOffset;
    },
    async append(lines, spoolOffset) {
      if (writer !== undefined) await write(writer, lines, spoolOffset);
    },
    async say(attempt, level, text) {
      const target = await opened(attempt);
      await write(target, Buffer.from(printLine(level, text)), target.position().spoolOffset);
    },
    async close() {
      const closing = writer;
      writer = undefined;
      openFor = undefined;
      if (closing === undefined) return;
      await closing.sync();
      await closing.close();
    },
    lines: () => lineCount,
  };
}
