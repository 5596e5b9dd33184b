/**
 * Appends to one log. Batches that come while one is being written go together with the next write; log bytes first,
 * then their index record, so that a record never speaks of bytes that are not there. A write that fails (a full disk)
 * changes nothing: the next one goes to the same place.
 */
import {dirname} from 'node:path';
import type {LogPosition, LogWriter} from '../../actors/ports.ts';
import {cutFile, readAt, sizeOf, syncData, writeAllAt, writeAt} from './file-io.ts';
import type {FileHandles} from './file-handles.ts';
import {areWholeLines, scanLines} from './line-scan.ts';
import {LogBacklogError, LogWriterClosedError, LogWriteError, PartialLineError} from './log-error.ts';
import {emptyLog, indexPathOf, type LogFile} from './log-file.ts';
import {
  emptyEnd,
  emptyRecord,
  encodeHeader,
  encodeRecord,
  hashKey,
  linesPerMark,
  markOffset,
  recordBytes,
  slotOffsets,
  syncedSlotOffset,
  type IndexRecord,
  type LogEnd,
} from './log-index.ts';
import {recoverLog} from './log-recovery.ts';

type Batch = {
  readonly lines: Uint8Array;
  readonly spoolOffset: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

const groupBytesMax = 1024 * 1024;

export type LogAppenderOptions = {
  readonly handles: FileHandles;
  /** Bytes that may wait for the disk; beyond, `append` rejects. Callers that await each append never get there. */
  readonly backlogBytesMax: number;
  readonly syncDirectory: (path: string) => Promise<void>;
};

export class LogAppender implements LogWriter {
  readonly #log: LogFile;
  readonly #options: LogAppenderOptions;
  readonly #keyHash: string;
  readonly #onClose: () => void;
  #spoolOffset = 0;
  #sequence = 0;
  #batches: Batch[] = [];
  #backlogBytes = 0;
  #flushing: Promise<void> | undefined;
  /** Both files are there, and the index has its header. */
  #isStarted = false;
  #areNamesSynced = false;
  #isClosed = false;

  private constructor(log: LogFile, key: string, options: LogAppenderOptions, onClose: () => void) {
    this.#log = log;
    this.#options = options;
    this.#keyHash = hashKey(key);
    this.#onClose = onClose;
  }

  /** Cuts what a crash left, and takes the log up after it. */
  static async open(
    log: LogFile,
    key: string,
    options: LogAppenderOptions,
    onClose: () => void,
  ): Promise<LogAppender> {
    const appender = new LogAppender(log, key, options, onClose);
    await appender.#recover();
    return appender;
  }

  append(lines: Uint8Array, spoolOffset: number): Promise<void> {
    if (this.#isClosed) return Promise.reject(new LogWriterClosedError(this.#log.path));
    if (!areWholeLines(lines)) return Promise.reject(new PartialLineError(this.#log.path, lines.length));
    const {backlogBytesMax} = this.#options;
    if (this.#backlogBytes > 0 && this.#backlogBytes + lines.length > backlogBytesMax) {
      return Promise.reject(new LogBacklogError(this.#log.path, this.#backlogBytes, backlogBytesMax));
    }
    this.#backlogBytes += lines.length;
    return new Promise((resolve, reject) => {
      this.#batches.push({lines, spoolOffset, resolve, reject});
      this.#flushing ??= this.#flush();
    });
  }

  position(): LogPosition {
    const {lines, bytes} = this.#log.end;
    return {lines, bytes, spoolOffset: this.#spoolOffset};
  }

  async sync(): Promise<void> {
    await this.#flushing;
    const {handles, syncDirectory} = this.#options;
    const {path} = this.#log;
    try {
      await this.#startFiles();
      const synced = encodeSlot({at: this.#sequence, end: this.#log.end});
      await handles.use(indexPathOf(path), 'write', async fd => writeAt(fd, syncedSlotOffset, synced));
      await Promise.all([
        handles.use(path, 'write', syncData),
        handles.use(indexPathOf(path), 'write', syncData),
        this.#areNamesSynced ? undefined : syncDirectory(dirname(path)),
      ]);
    } catch (error) {
      throw new LogWriteError(path, error);
    }
    this.#areNamesSynced = true;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#flushing;
    this.#onClose();
  }

  async #recover(): Promise<void> {
    const {handles} = this.#options;
    const {path} = this.#log;
    const index = await handles.use(indexPathOf(path), 'write', async fd => readAt(fd, 0, await sizeOf(fd)));
    if (index.length === 0) {
      // A log without an index has no line with a known place in the spool: it is begun anew at the first append.
      this.#log.adopt(emptyLog);
      return;
    }
    const found = await handles.use(path, 'write', async fd => {
      const bytes = await sizeOf(fd);
      const recovered = await recoverLog(index, fd, bytes);
      if (bytes > recovered.end.bytes) await cutFile(fd, recovered.end.bytes);
      return recovered;
    });
    const {end, marks, marksIntact} = found;
    this.#isStarted = true;
    this.#areNamesSynced = false;
    this.#sequence = found.sequence + 1;
    this.#spoolOffset = end.keyHash === this.#keyHash ? end.spoolOffset : 0;
    this.#log.adopt({...found, sequence: this.#sequence});
    // All slots are written anew: a record of what was cut must not become true when the log has grown again. For
    // the same reason marks beyond the end go; lost ones come back with the border that is always true, the start.
    const lost = marks.slice(marksIntact);
    await handles.use(indexPathOf(path), 'write', async fd => {
      await writeAt(fd, 0, encodeHeader({at: this.#sequence, end}, found.synced));
      if (index.length === markOffset(marks.length) && lost.length === 0) return;
      await writeAt(fd, markOffset(marksIntact), encodeMarks(lost, emptyEnd));
      await cutFile(fd, markOffset(marks.length));
      await syncData(fd);
    });
  }

  /** Makes both files, if this is a new log: what is in a file without an index goes. */
  async #startFiles(): Promise<void> {
    if (this.#isStarted) return;
    const {handles} = this.#options;
    const header = encodeHeader({at: this.#sequence, end: this.#log.end}, emptyRecord);
    await handles.use(this.#log.path, 'anew', async () => undefined);
    await handles.use(indexPathOf(this.#log.path), 'write', async fd => writeAt(fd, 0, header));
    this.#isStarted = true;
  }

  async #flush(): Promise<void> {
    while (this.#batches.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#write(group);
        for (const batch of group) batch.resolve();
      } catch (error) {
        const failure = error instanceof LogWriteError ? error : new LogWriteError(this.#log.path, error);
        // What was queued behind would leave a hole if it were written now.
        for (const batch of [...group, ...this.#batches]) batch.reject(failure);
        this.#batches = [];
        this.#backlogBytes = 0;
      }
    }
    this.#flushing = undefined;
  }

  #takeGroup(): Batch[] {
    let bytes = 0;
    let count = 0;
    for (const {lines} of this.#batches) {
      if (count > 0 && bytes + lines.length > groupBytesMax) break;
      bytes += lines.length;
      count++;
    }
    this.#backlogBytes -= bytes;
    return this.#batches.splice(0, count);
  }

  async #write(group: readonly Batch[]): Promise<void> {
    const {handles} = this.#options;
    const {path, end: before, markCount} = this.#log;
    const marks: number[] = [];
    let {lines, bytes} = before;
    for (const batch of group) {
      for (let start = 0; start < batch.lines.length;) {
        const scan = scanLines(batch.lines, start, linesPerMark - (lines % linesPerMark));
        lines += scan.lines;
        bytes += scan.end - start;
        start = scan.end;
        if (lines % linesPerMark === 0) marks.push(bytes);
      }
    }
    const spoolOffset = group.at(-1)?.spoolOffset ?? this.#spoolOffset;
    const end: LogEnd = {lines, bytes, spoolOffset, keyHash: this.#keyHash};
    const buffers = group.map(batch => batch.lines).filter(({length}) => length > 0);
    if (buffers.length > 0 || !this.#isStarted) {
      const mode = this.#isStarted ? 'write' : 'anew';
      await handles.use(path, mode, async fd => writeAllAt(fd, before.bytes, buffers));
    }
    await handles.use(indexPathOf(path), 'write', async fd => {
      if (marks.length > 0) await writeAt(fd, markOffset(markCount), encodeMarks(marks, before));
      await this.#writeSlot(fd, {at: this.#sequence + 1, end}, before);
    });
    this.#isStarted = true;
    this.#sequence++;
    this.#spoolOffset = spoolOffset;
    this.#log.grow(end, marks);
  }

  async #writeSlot(fd: number, record: IndexRecord, before: LogEnd): Promise<void> {
    // The slot not written last: if this write tears, the other still tells the truth.
    const slot = slotOffsets[record.at % 2] ?? slotOffsets[0];
    if (!this.#isStarted) {
      const header = encodeHeader({at: record.at - 1, end: before}, emptyRecord);
      encodeRecord(record, header, slot);
      await writeAt(fd, 0, header);
      return;
    }
    await writeAt(fd, slot, encodeSlot(record));
  }
}

function encodeSlot(record: IndexRecord): Buffer {
  const bytes = Buffer.alloc(recordBytes);
  encodeRecord(record, bytes, 0);
  return bytes;
}

function encodeMarks(marks: readonly number[], end: LogEnd): Buffer {
  const bytes = Buffer.alloc(marks.length * recordBytes);
  marks.forEach((at, number) => encodeRecord({at, end}, bytes, number * recordBytes));
  return bytes;
}
