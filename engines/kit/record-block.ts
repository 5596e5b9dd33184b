/**
 * Rows as the bytes of Linkis' result format, one after the other in a block of memory. A result set of millions of rows
 * passes through here, so that each value is looked at twice and written once, without a text in between.
 */
import type {CellValue} from './task-context.ts';

export const nullText = 'LINKIS_NULL';
const digits = 10;
const comma = 0x2c;
const zero = 0x30;
/** Of longer texts Node's own functions are quicker than a loop here. */
const shortTextMax = 40;

export class RecordBlock {
  #buffer: Buffer;
  #end = 0;
  /** Of the row at hand; kept, so that a row costs no memory. */
  readonly #texts: string[] = [];
  readonly #lengths: number[] = [];

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  get size(): number {
    return this.#end;
  }

  /** A view, valid until the next `clear`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  clear(): void {
    this.#end = 0;
  }

  /** Bytes of the row's record without its own length; at more than `bytesMax` nothing is written. */
  addRow(values: readonly CellValue[], bytesMax: number): number {
    const count = values.length;
    const index = this.#measure(values);
    let bytes = digits + index;
    for (let column = 0; column < count; column += 1) bytes += this.#lengths[column] ?? 0;
    if (bytes > bytesMax) return bytes;
    this.#reserve(digits + bytes);
    this.#tenDigits(bytes);
    this.#tenDigits(index);
    for (let column = 0; column < count; column += 1) {
      this.#number(this.#lengths[column] ?? 0);
      this.#buffer[this.#end++] = comma;
    }
    for (let column = 0; column < count; column += 1) {
      this.#text(this.#texts[column] ?? '', this.#lengths[column] ?? 0);
    }
    return bytes;
  }

  /** A record that is one text; the same. */
  addText(text: string, bytesMax: number): number {
    const bytes = Buffer.byteLength(text);
    if (bytes > bytesMax) return bytes;
    this.#reserve(digits + bytes);
    this.#tenDigits(bytes);
    this.#text(text, bytes);
    return bytes;
  }

  /** As it is, without a length. */
  addHead(text: string): void {
    this.#reserve(text.length);
    this.#text(text, text.length);
  }

  /** Texts and their lengths in bytes; answers how many bytes the lengths take, each with its comma. */
  #measure(values: readonly CellValue[]): number {
    let index = 0;
    for (let column = 0; column < values.length; column += 1) {
      const text = textOf(values[column]);
      const length = bytesOf(text);
      // Half a pair would join with the half that the next cell begins with, and be shorter than the index says.
      this.#texts[column] = length === text.length ? text : text.toWellFormed();
      this.#lengths[column] = length;
      index += digitsOf(length) + 1;
    }
    return index;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }

  #tenDigits(value: number): void {
    let rest = value;
    for (let at = this.#end + digits - 1; at >= this.#end; at -= 1) {
      const next = (rest / 10) | 0;
      this.#buffer[at] = zero + rest - next * 10;
      rest = next;
    }
    this.#end += digits;
  }

  #number(value: number): void {
    const width = digitsOf(value);
    let rest = value;
    for (let at = this.#end + width - 1; at >= this.#end; at -= 1) {
      const next = (rest / 10) | 0;
      this.#buffer[at] = zero + rest - next * 10;
      rest = next;
    }
    this.#end += width;
  }

  #text(text: string, bytes: number): void {
    if (bytes !== text.length) {
      this.#end += this.#buffer.write(text, this.#end, 'utf8');
    } else if (bytes > shortTextMax) {
      this.#end += this.#buffer.write(text, this.#end, 'latin1');
    } else {
      const buffer = this.#buffer;
      let at = this.#end;
      for (let char = 0; char < bytes; char += 1) buffer[at++] = text.charCodeAt(char);
      this.#end = at;
    }
  }
}

function textOf(value: CellValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return `${value}`;
  if (value === null || value === undefined) return nullText;
  if (typeof value === 'bigint') {
    // Printing a float is several times quicker than printing a bigint.
    const near = Number(value);
    return Number.isSafeInteger(near) ? `${near}` : value.toString();
  }
  return value ? 'true' : 'false';
}

function bytesOf(text: string): number {
  if (text.length > shortTextMax) return Buffer.byteLength(text);
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text);
  }
  return text.length;
}

function digitsOf(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10_000) return 4;
  return String(value).length;
}
