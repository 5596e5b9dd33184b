/**
 * What a job actor does with its log. Lines of our own wait a moment, so that they share a write with the job's output or
 * with each other; the first ones are a function of the row (`headLines`).
 *
 *   draft ──output, a reader, a second passed, too long──▶ file     flushed as it grows, synced at the end
 *     └──the job ends first──▶ the row (`tenon_job.log_text`)       in the commit of the end, and no file is ever made
 *
 * So a job that prints nothing costs no file: making, writing and closing one costs more than the rest of a short job.
 */
import type {LogStore, LogWriter} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

export type JobLog = {
  /** Makes the file ready for the output of `attempt`; resolves to how much of its spool the log already holds. */
  readonly open: (attempt: number) => Promise<number>;
  /** The same for an attempt that begins now, without making the file of a job that has printed nothing. */
  readonly begin: (attempt: number) => Promise<void>;
  /** Resolves when readers may see the lines. */
  readonly append: (lines: Uint8Array, spoolOffset: number) => Promise<void>;
  /** One line of our own, with time and level. Readers see it within `sayDelayMs` once there is a file. */
  readonly say: (level: LogLevel, text: string) => void;
  /** Somebody reads: what was said is written now, and later lines as they come. */
  readonly keep: () => Promise<void>;
  /**
   * What `tenon_job.log_text` is to hold from the end on: the whole log after its head if it has no file (`close` then makes
   * none either), null if it has one.
   */
  readonly takeText: () => string | null;
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
  /** The first lines, which follow from the row. */
  readonly head: string;
  /** Those after them that stand in the row already (`tenon_job.log_text`). */
  readonly rowText: string;
  /** No attempt has begun yet, so there is no file with output of an engine. */
  readonly isFresh: boolean;
  readonly printLine: (level: LogLevel, text: string) => string;
  /** Told after each append, with the chunk and its first line. */
  readonly onGrown: (fromLine: number, lineCount: number, bytes: Uint8Array) => void;
};

const sayDelayMs = 100;
const draftMs = 1000;
/** Longer logs get a file: rows of `tenon_job` are to stay narrow. */
const rowTextCharsMax = 1000;

export function createJobLog(dependencies: JobLogDependencies): JobLog {
  const {logs, clock, path, taskID, rowText, isFresh, printLine, onGrown} = dependencies;
  const head = dependencies.head + rowText;
  let isDraft = isFresh;
  let isInRow = false;
  let writer: LogWriter | undefined;
  let openFor: number | undefined;
  let said = '';
  let cancelFlush: (() => void) | undefined;
  let closedLines = 0;
  let tail: Promise<void> = Promise.resolve();

  async function openFile(attempt: number): Promise<LogWriter> {
    const opened = await logs.open(path, `${taskID}-${attempt}`);
    writer = opened;
    openFor = attempt;
    isDraft = false;
    if (opened.position().lines === 0) said = head + said;
    return opened;
  }

  /** One write at a time: a line number is told together with the bytes it belongs to. */
  function write(lines: Uint8Array, spoolOffset?: number): Promise<void> {
    const done = tail.then(() => writeNow(lines, spoolOffset));
    tail = done.catch(() => undefined);
    return done;
  }

  /** Writes what waits, and `lines` behind it, as one batch. */
  async function writeNow(lines: Uint8Array, spoolOffset: number | undefined): Promise<void> {
    cancelFlush?.();
    cancelFlush = undefined;
    if (said === '' && lines.length === 0) return;
    const open = isDraft ? await openFile(1) : writer;
    const bytes = said === '' ? lines : Buffer.concat([Buffer.from(said), lines]);
    said = '';
    if (open === undefined) return;
    const fromLine = open.position().lines;
    await open.append(bytes, spoolOffset ?? open.position().spoolOffset);
    closedLines = open.position().lines;
    onGrown(fromLine, closedLines - fromLine, bytes);
  }

  const flush = (): Promise<void> => write(nothing);

  async function close(): Promise<void> {
    if (isDraft && isInRow) {
      cancelFlush?.();
      return;
    }
    await flush();
    const closing = writer;
    writer = undefined;
    openFor = undefined;
    if (closing === undefined) return;
    // Our own lines follow from the row; what the engine printed is about to exist nowhere else.
    if (closing.position().spoolOffset > 0) await closing.sync();
    await closing.close();
  }

  async function open(attempt: number): Promise<number> {
    if (writer !== undefined && openFor === attempt) return writer.position().spoolOffset;
    await close();
    return (await openFile(attempt)).position().spoolOffset;
  }

  return {
    open,
    close,
    async begin(attempt) {
      if (!isDraft || attempt > 1) await open(attempt);
    },
    append: write,
    say(level, text) {
      said += printLine(level, text);
      // A failure to write is met again by the next output, and told then.
      cancelFlush ??= clock.after(isDraft ? draftMs : sayDelayMs, () => void flush().catch(() => undefined));
    },
    keep: flush,
    takeText() {
      if (!isDraft || said.length > rowTextCharsMax) return null;
      isInRow = true;
      return rowText + said;
    },
    lines: () => (writer?.position().lines ?? (isDraft ? countLines(head) : closedLines)) + countLines(said),
  };
}

const nothing = new Uint8Array();

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
