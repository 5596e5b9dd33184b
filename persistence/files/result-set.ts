/**
 * Linkis' text format of result sets (contract 7.3): `dolphin`, ten digits of type, a record of metadata, then records;
 * a record is ten digits of length in bytes and the payload. Read a block at a time, whatever the file's size; records
 * that are skipped are not read at all.
 */
import {
  ResultSetDamagedError,
  resultTypes,
  type ResultColumn,
  type ResultType,
} from '../../actors/job-files.ts';
import {parseTypeName} from './cell-text.ts';
import {readAt} from './file-io.ts';

export const nullText = 'LINKIS_NULL';
const magic = 'dolphin';
const digits = 10;
const headBytes = magic.length + digits;
const blockBytes = 256 * 1024;
/** Linkis' readers stop at this; its writers at a tenth. */
const recordBytesMax = 20 * 1024 * 1024;

export type ResultSetHead = {
  readonly type: ResultType;
  readonly metadata: readonly ResultColumn[] | string;
  /** Where the first record stands. */
  readonly start: number;
};

/** The rest of an open result set from one record on. */
export class RecordReader {
  readonly #fd: number;
  readonly #path: string;
  #block: Buffer = Buffer.alloc(0);
  /** Place of the block in the file, and how much of it was used. */
  #blockStart: number;
  #used = 0;

  constructor(fd: number, path: string, start: number) {
    this.#fd = fd;
    this.#path = path;
    this.#blockStart = start;
  }

  /** Where the next record stands. */
  get position(): number {
    return this.#blockStart + this.#used;
  }

  /** Up to `countMax` records, fewer at the end of the file, or when they reach `bytesMax`. Throws `ResultSetDamagedError`. */
  async read(countMax: number, bytesMax: number): Promise<Buffer[]> {
    const records: Buffer[] = [];
    let bytes = 0;
    while (records.length < countMax && bytes < bytesMax) {
      const length = this.#nextLength() ?? (await this.#load(digits), this.#nextLength());
      if (length === undefined) break;
      if (this.#block.length - this.#used < digits + length) await this.#load(digits + length);
      const end = this.#used + digits + length;
      if (end > this.#block.length) throw this.#damaged(`a record of ${length} bytes is cut`);
      records.push(this.#block.subarray(this.#used + digits, end));
      this.#used = end;
      bytes += length;
    }
    return records;
  }

  /** Passes `count` records; returns how many there were. */
  async skip(count: number): Promise<number> {
    for (let skipped = 0; skipped < count; skipped++) {
      const length = this.#nextLength() ?? (await this.#load(digits), this.#nextLength());
      if (length === undefined) return skipped;
      this.#used += digits + length;
      if (this.#used > this.#block.length) {
        this.#blockStart += this.#used;
        this.#block = Buffer.alloc(0);
        this.#used = 0;
      }
    }
    return count;
  }

  /** Undefined when the block does not hold it: less than ten bytes are left, which at the end of a file means its end. */
  #nextLength(): number | undefined {
    const start = this.#used;
    if (this.#block.length - start < digits) return undefined;
    let length = 0;
    for (let at = start; at < start + digits; at++) {
      const digit = (this.#block[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) throw this.#damaged('there is no length of a record');
      length = length * 10 + digit;
    }
    if (length > recordBytesMax)
      throw this.#damaged(`a record of ${length} bytes (the limit is ${recordBytesMax})`);
    return length;
  }

  /** Makes the block hold at least `wanted` bytes from the position on, or all there are. */
  async #load(wanted: number): Promise<void> {
    this.#blockStart += this.#used;
    this.#used = 0;
    // A new buffer each time: the records handed out are views of the old one.
    this.#block = await readAt(this.#fd, this.#blockStart, Math.max(wanted, blockBytes));
  }

  #damaged(what: string): ResultSetDamagedError {
    return new ResultSetDamagedError(this.#path, this.position, what);
  }
}

/** Throws `ResultSetDamagedError` for what is no result set. */
export async function readHead(fd: number, path: string): Promise<ResultSetHead> {
  const head = (await readAt(fd, 0, headBytes)).toString('latin1');
  const type = Object.values(resultTypes).find(known => head === magic + String(known).padStart(digits, '0'));
  if (type === undefined) throw new ResultSetDamagedError(path, 0, 'it does not begin like one');
  const reader = new RecordReader(fd, path, headBytes);
  const [record] = await reader.read(1, Infinity);
  if (record === undefined) throw new ResultSetDamagedError(path, headBytes, 'there is no metadata');
  const metadata = type === resultTypes.table ? columnsOf(record, path) : orNull(record.toString('utf8'));
  return {type, metadata, start: reader.position};
}

function columnsOf(record: Buffer, path: string): ResultColumn[] {
  const values = decodeRow(record, path);
  if (values.length % 3 !== 0) {
    throw new ResultSetDamagedError(path, headBytes, `${values.length} values are no columns`);
  }
  return Array.from({length: values.length / 3}, (_, column) => ({
    name: orNull(values[column * 3]),
    type: parseTypeName(orNull(values[column * 3 + 1])),
    comment: orNull(values[column * 3 + 2]),
  }));
}

const orNull = (value: string | null | undefined): string =>
  value === null || value === undefined || value === nullText ? 'NULL' : value;

/** The values of a table's record as they are stored; null for `LINKIS_NULL`. Throws `ResultSetDamagedError`. */
export function decodeRow(record: Buffer, path: string): (string | null)[] {
  const indexBytes = Number(record.toString('latin1', 0, digits));
  const valuesStart = digits + indexBytes;
  if (!(valuesStart <= record.length)) throw new ResultSetDamagedError(path, 0, 'a row has no index');
  const index = record.toString('latin1', digits, valuesStart);
  if (index === '') return [];
  const row: (string | null)[] = [];
  let at = valuesStart;
  for (const length of index.slice(0, -1).split(',')) {
    const end = at + Number(length);
    if (!(end >= at && end <= record.length))
      throw new ResultSetDamagedError(path, 0, 'a row is shorter than its index says');
    const value = record.toString('utf8', at, end);
    row.push(value === nullText ? null : value);
    at = end;
  }
  return row;
}
