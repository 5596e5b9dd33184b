/**
 * Where a log really ends, after anything: the newest index record that the log's bytes bear out. Bytes after it were
 * written without their record, so their place in the spool is unknown; they come again from the spool.
 */
import {readAt} from './file-io.ts';
import {
  decodeRecord,
  decodeSlots,
  emptyEnd,
  emptyRecord,
  isIndex,
  linesPerMark,
  markOffset,
  marksStart,
  recordBytes,
  syncedSlotOffset,
  type IndexRecord,
  type LogEnd,
} from './log-index.ts';
import {scanLines} from './line-scan.ts';

const blockBytes = 256 * 1024;
const newline = 0x0a;

export type RecoveredLog = {
  readonly end: LogEnd;
  /** Byte offsets of lines 1,024, 2,048, …, each ≤ `end.bytes`. */
  readonly marks: number[];
  /** How many of the marks stand in the index already. */
  readonly marksIntact: number;
  /** The end that was synced last, if it is known. */
  readonly synced: IndexRecord;
  /** The highest sequence number seen, valid for this log's bytes or not. */
  readonly sequence: number;
};

/** Reads the truth from an index's bytes and the log; `fd` is the log. */
export async function recoverLog(index: Buffer, fd: number, logBytes: number): Promise<RecoveredLog> {
  const slots = isIndex(index) ? decodeSlots(index.subarray(0, marksStart)) : [];
  const sequence = slots[0]?.at ?? 0;
  const end = await findEnd(
    index,
    slots.map(slot => slot.end),
    fd,
    logBytes,
  );
  const marks = readMarks(index, end);
  const marksIntact = marks.length;
  if (marksIntact < Math.floor(end.lines / linesPerMark)) await collectMarks(fd, marks, end.bytes);
  const synced = isIndex(index) ? decodeRecord(index, syncedSlotOffset) : undefined;
  // Ahead of the end it can't be true; kept, it could become so when the log has grown again.
  const isTrue = synced !== undefined && synced.end.bytes <= end.bytes;
  return {end, marks, marksIntact, synced: isTrue ? synced : emptyRecord, sequence};
}

/** A log without an index (made by another program): every whole line counts. */
export async function scanLog(fd: number): Promise<RecoveredLog> {
  const marks: number[] = [];
  const {lines, bytes} = await collectMarks(fd, marks, Infinity);
  return {end: {...emptyEnd, lines, bytes}, marks, marksIntact: 0, synced: emptyRecord, sequence: 0};
}

async function findEnd(index: Buffer, slots: LogEnd[], fd: number, logBytes: number): Promise<LogEnd> {
  for (const end of slots) {
    if (await isBorneOut(end, fd, logBytes)) return end;
  }
  // Every slot is torn, or ahead of the log: power was lost. The marks remember older batch borders.
  for (let number = Math.floor((index.length - marksStart) / recordBytes) - 1; number >= 0; number--) {
    const mark = decodeRecord(index, markOffset(number));
    if (mark !== undefined && (await isBorneOut(mark.end, fd, logBytes))) return mark.end;
  }
  return emptyEnd;
}

async function isBorneOut({bytes}: LogEnd, fd: number, logBytes: number): Promise<boolean> {
  if (bytes > logBytes) return false;
  if (bytes === 0) return true;
  return (await readAt(fd, bytes - 1, 1))[0] === newline;
}

function readMarks(index: Buffer, end: LogEnd): number[] {
  const marks: number[] = [];
  const wanted = Math.floor(end.lines / linesPerMark);
  while (marks.length < wanted) {
    const mark = decodeRecord(index, markOffset(marks.length));
    if (mark === undefined || mark.at > end.bytes || mark.at <= (marks.at(-1) ?? 0)) break;
    marks.push(mark.at);
  }
  return marks;
}

/** Continues `marks` by reading the log up to `bytesEnd`; returns where its whole lines end. */
async function collectMarks(
  fd: number,
  marks: number[],
  bytesEnd: number,
): Promise<{lines: number; bytes: number}> {
  let lines = marks.length * linesPerMark;
  let position = marks.at(-1) ?? 0;
  let bytes = position;
  while (position < bytesEnd) {
    const block = await readAt(fd, position, Math.min(blockBytes, bytesEnd - position));
    if (block.length === 0) break;
    for (let start = 0; ;) {
      const scan = scanLines(block, start, linesPerMark - (lines % linesPerMark));
      if (scan.lines === 0) break;
      lines += scan.lines;
      start = scan.end;
      bytes = position + start;
      if (lines % linesPerMark === 0) marks.push(bytes);
    }
    position += block.length;
  }
  return {lines, bytes};
}
