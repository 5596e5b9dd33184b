/**
 * One log as readers see it: where its lines start, and where it ends. The appender of the same path moves that end; a
 * log without an appender is read again from its index, which may have grown through another process.
 */
import type {LogChunk, LogPosition} from '../../actors/ports.ts';
import type {FileHandles} from './file-handles.ts';
import {isMissing, readAt, sizeOf} from './file-io.ts';
import {
  emptyEnd,
  emptyRecord,
  isIndex,
  decodeSlots,
  linesPerMark,
  marksStart,
  type LogEnd,
} from './log-index.ts';
import {recoverLog, scanLog, type RecoveredLog} from './log-recovery.ts';
import {scanLines} from './line-scan.ts';

const blockBytes = 64 * 1024;
const hintsMax = 64;
/** A log that is not there, or has no line yet. */
export const emptyLog: RecoveredLog = {
  end: emptyEnd,
  marks: [],
  marksIntact: 0,
  synced: emptyRecord,
  sequence: 0,
};

export const indexPathOf = (path: string): string => `${path}.idx`;

export class LogFile {
  readonly path: string;
  readonly #handles: FileHandles;
  #end: LogEnd = emptyEnd;
  #marks: number[] = [];
  /** Sequence of the slot that `#end` was read from; -1 before the first look. */
  #sequence = -1;
  /** Size of a log without an index when it was scanned. */
  #scannedBytes: number | undefined;
  /** Line → byte offset of places where reading stopped: readers in sequence need no scan. Oldest first. */
  readonly #hints = new Map<number, number>();

  constructor(path: string, handles: FileHandles) {
    this.path = path;
    this.#handles = handles;
  }

  get end(): LogEnd {
    return this.#end;
  }

  get position(): LogPosition {
    const {lines, bytes, spoolOffset} = this.#end;
    return {lines, bytes, spoolOffset};
  }

  get markCount(): number {
    return this.#marks.length;
  }

  /** What recovery found; replaces what was known. */
  adopt({end, marks, sequence}: RecoveredLog): void {
    this.#end = end;
    this.#marks = [...marks];
    this.#sequence = sequence;
    this.#hints.clear();
  }

  /** The appender wrote up to `end`, passing `marks` on the way. */
  grow(end: LogEnd, marks: readonly number[]): void {
    this.#remember(this.#end.lines, this.#end.bytes);
    this.#end = end;
    this.#marks.push(...marks);
  }

  /** Looks at the files again; for logs that nobody here appends to. A missing log is an empty one. */
  async refresh(): Promise<void> {
    const header = await this.#readIndex(marksStart);
    if (header === undefined) {
      await this.#rescan();
      return;
    }
    const newest = isIndex(header) ? decodeSlots(header)[0] : undefined;
    if (newest?.at === this.#sequence && newest.end.bytes === this.#end.bytes) return;
    const index = (await this.#readIndex()) ?? Buffer.alloc(0);
    const found = await this.#ofLog(async fd => recoverLog(index, fd, await sizeOf(fd)));
    this.adopt(found ?? emptyLog);
  }

  /** See `LogStore.read`. The first line comes whole even if it alone is longer than `bytesMax`. */
  async read(fromLine: number, linesMax: number, bytesMax: number): Promise<LogChunk> {
    const {lines: endLine, bytes: endByte} = this.#end;
    const empty = {fromLine, lineCount: 0, bytes: new Uint8Array(0)};
    if (fromLine >= endLine || linesMax < 1) return empty;
    const found = await this.#ofLog(async fd => {
      const start = await this.#offsetOf(fd, fromLine, endByte);
      if (start === undefined) return empty;
      const chunk = await readLines(fd, start, endByte, linesMax, Math.max(1, bytesMax));
      this.#remember(fromLine + chunk.lines, start + chunk.bytes.length);
      return {fromLine, lineCount: chunk.lines, bytes: chunk.bytes};
    });
    return found ?? empty;
  }

  async #offsetOf(fd: number, line: number, endByte: number): Promise<number | undefined> {
    const hint = this.#hints.get(line);
    if (hint !== undefined) return hint;
    const mark = Math.floor(line / linesPerMark);
    let position = mark === 0 ? 0 : this.#marks[mark - 1];
    if (position === undefined) return undefined;
    let missing = line - mark * linesPerMark;
    while (missing > 0) {
      const block = await readAt(fd, position, Math.min(blockBytes, endByte - position));
      // Shorter than its index says: somebody cut the log under us.
      if (block.length === 0) return undefined;
      const scan = scanLines(block, 0, missing);
      missing -= scan.lines;
      position += missing === 0 ? scan.end : block.length;
    }
    return position;
  }

  #remember(line: number, offset: number): void {
    this.#hints.delete(line);
    this.#hints.set(line, offset);
    if (this.#hints.size <= hintsMax) return;
    for (const oldest of this.#hints.keys()) {
      this.#hints.delete(oldest);
      break;
    }
  }

  /** Its first bytes, or all. */
  async #readIndex(bytesMax?: number): Promise<Buffer | undefined> {
    return ifPresent(
      this.#handles.use(indexPathOf(this.path), 'read', async fd =>
        readAt(fd, 0, bytesMax ?? (await sizeOf(fd))),
      ),
    );
  }

  /** Without an index only the size tells whether the log has grown since it was scanned. */
  async #rescan(): Promise<void> {
    const bytes = await this.#ofLog(sizeOf);
    if (bytes === this.#scannedBytes) return;
    this.adopt((await this.#ofLog(scanLog)) ?? emptyLog);
    this.#scannedBytes = bytes;
  }

  /** Undefined when there is no log. */
  async #ofLog<T>(look: (fd: number) => Promise<T>): Promise<T | undefined> {
    return ifPresent(this.#handles.use(this.path, 'read', look));
  }
}

/** Reads whole lines from `start` on: as many as fit, but at least one. */
async function readLines(
  fd: number,
  start: number,
  endByte: number,
  linesMax: number,
  bytesMax: number,
): Promise<{lines: number; bytes: Buffer}> {
  const available = endByte - start;
  // A guess of 256 bytes a line keeps a call for 100 lines from reading a megabyte; it grows until it suffices.
  let length = Math.min(available, bytesMax, Math.max(16 * 1024, linesMax * 256));
  for (;;) {
    const block = await readAt(fd, start, length);
    // Beyond the bound only to complete the first line.
    const scan = scanLines(block, 0, length > bytesMax ? 1 : linesMax);
    const isEnough = scan.lines === linesMax || (scan.lines > 0 && length >= Math.min(available, bytesMax));
    if (isEnough || block.length < length || length === available) {
      return {lines: scan.lines, bytes: block.subarray(0, scan.end)};
    }
    length = Math.min(available, length < bytesMax ? Math.min(bytesMax, length * 4) : length * 4);
  }
}

async function ifPresent<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
