/**
 * The spool of one task as its engine writes it: records, only ever appended. Written at once and in place, so that what
 * was said before a crash is there after it; `spool-record.ts` reads them.
 */
import {closeSync, ftruncateSync, openSync, readSync, writeSync} from 'node:fs';
import {crc32} from 'node:zlib';
import {recordHeaderBytes} from '../spool-record.ts';

/** The file system took no more; what was written before is whole. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
}

export class SpoolFile {
  readonly #file: number;
  #size = 0;

  /** Makes the file; throws if there is one. */
  constructor(path: string) {
    this.#file = openSync(path, 'wx+', 0o600);
  }

  /** The offset after the last whole record. */
  get size(): number {
    return this.#size;
  }

  /** Throws `SpoolFullError`. */
  append(type: number, payload: Uint8Array): void {
    const record = Buffer.allocUnsafe(recordHeaderBytes + payload.length);
    record.writeUInt32BE(payload.length, 0);
    record.writeUInt8(type, 8);
    record.set(payload, recordHeaderBytes);
    record.writeUInt32BE(crc32(record.subarray(8)), 4);
    try {
      for (let written = 0; written < record.length;) {
        written += writeSync(this.#file, record, written, record.length - written, this.#size + written);
      }
    } catch (cause) {
      ftruncateSync(this.#file, this.#size);
      throw new SpoolFullError(cause instanceof Error ? cause.message : String(cause), {cause});
    }
    this.#size += record.length;
  }

  appendJson(type: number, value: unknown): void {
    this.append(type, Buffer.from(JSON.stringify(value)));
  }

  read(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    return buffer.subarray(0, readSync(this.#file, buffer, 0, length, offset));
  }

  /** Where the record that begins at `offset` ends; `offset` itself when none does. */
  endOfRecord(offset: number): number {
    const header = this.read(offset, recordHeaderBytes);
    return header.length === recordHeaderBytes ? offset + recordHeaderBytes + header.readUInt32BE(0) : offset;
  }

  close(): void {
    closeSync(this.#file);
  }
}
