/**
 * The bytes of a log's index, `<log>.idx`, beside the log:
 *
 *   0    "TENONIX1"
 *   64   slot A ┐ the log's end as of the last batch; written in turns, so a torn write leaves the other
 *   112  slot B ┘
 *   160  slot S   the log's end as of the last `sync`
 *   256  marks    one per 1,024 lines: mark i tells where line (i + 1) × 1,024 starts
 *
 * Every record is 48 bytes: a number of its own (a slot's sequence, a mark's byte offset), the log's end at a batch
 * border (lines, bytes, spool offset, key) and a checksum. A mark carries the border before it, so the log can be taken
 * up from there if all slots are lost. 1,000,000 lines need 47 KB, however small their batches were.
 */
import {createHash} from 'node:crypto';
import {crc32} from 'node:zlib';

export const recordBytes = 48;
export const linesPerMark = 1024;
export const marksStart = 256;
export const slotOffsets = [64, 112] as const;
export const syncedSlotOffset = 160;

const magic = Buffer.from('TENONIX1');
const checkedBytes = 40;

/** The log's end at a batch border. */
export type LogEnd = {
  readonly lines: number;
  readonly bytes: number;
  readonly spoolOffset: number;
  /** 16 hex digits that stand for the spool's key. */
  readonly keyHash: string;
};

/** `at`: a slot's sequence number, or the byte offset a mark points to. */
export type IndexRecord = {readonly at: number; readonly end: LogEnd};

export const emptyEnd: LogEnd = {lines: 0, bytes: 0, spoolOffset: 0, keyHash: '0'.repeat(16)};

export const emptyRecord: IndexRecord = {at: 0, end: emptyEnd};

export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex').slice(0, 16);

/** Writes a record into `target`. Numbers are doubles: exact to 2^53, and no BigInt on the way of every batch. */
export function encodeRecord({at, end}: IndexRecord, target: Buffer, offset: number): void {
  target.writeDoubleLE(at, offset);
  target.writeDoubleLE(end.lines, offset + 8);
  target.writeDoubleLE(end.bytes, offset + 16);
  target.writeDoubleLE(end.spoolOffset, offset + 24);
  target.write(end.keyHash, offset + 32, 'hex');
  target.writeUInt32LE(crc32(target.subarray(offset, offset + checkedBytes)), offset + checkedBytes);
  target.writeUInt32LE(0, offset + checkedBytes + 4);
}

/** Undefined when the record is cut, torn, or was never written. */
export function decodeRecord(bytes: Buffer, offset: number): IndexRecord | undefined {
  if (offset + recordBytes > bytes.length) return undefined;
  const checksum = crc32(bytes.subarray(offset, offset + checkedBytes));
  if (bytes.readUInt32LE(offset + checkedBytes) !== checksum) return undefined;
  const record = {
    at: bytes.readDoubleLE(offset),
    end: {
      lines: bytes.readDoubleLE(offset + 8),
      bytes: bytes.readDoubleLE(offset + 16),
      spoolOffset: bytes.readDoubleLE(offset + 24),
      keyHash: bytes.toString('hex', offset + 32, offset + checkedBytes),
    },
  };
  // All zeros have a checksum that is not zero, so what is left here was written by us; bit rot still may not crash us.
  const {at, end} = record;
  return [at, end.lines, end.bytes, end.spoolOffset].every(
    number => Number.isSafeInteger(number) && number >= 0,
  )
    ? record
    : undefined;
}

/** The first 256 bytes, with the same end in both slots; `synced` is the end that a power loss leaves. */
export function encodeHeader(record: IndexRecord, synced: IndexRecord): Buffer {
  const header = Buffer.alloc(marksStart);
  magic.copy(header);
  for (const offset of slotOffsets) encodeRecord(record, header, offset);
  encodeRecord(synced, header, syncedSlotOffset);
  return header;
}

export const isIndex = (bytes: Buffer): boolean => bytes.subarray(0, magic.length).equals(magic);

export const markOffset = (number: number): number => marksStart + number * recordBytes;

/** The slots that can be read, newest first. */
export function decodeSlots(header: Buffer): IndexRecord[] {
  return [...slotOffsets, syncedSlotOffset]
    .map(offset => decodeRecord(header, offset))
    .filter(record => record !== undefined)
    .toSorted((a, b) => b.at - a.at);
}
