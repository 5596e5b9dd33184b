/**
 * Reads over the bytes of a frame before anything is built from them: whether they are whole, within the limits, and only of
 * the kinds of value that Tenon sends. msgpackr by itself also revives errors, regular expressions and typed arrays, and
 * nests until the stack ends.
 *
 * Keeps what msgpackr's decoder keeps: how many fields each record number stands for, in the order of the stream.
 */
import {frameBytesMax} from './connection.ts';
import {fieldsMax, nestingMax, valuesMax} from './frame-limits.ts';
import {FrameError} from './remote-errors.ts';

/** Extension type of a ref; the value that follows is its address. */
export const refExtension = 0x01;
const recordExtension = 0x72;
const undefinedExtension = 0x00;

export class FrameScan {
  /** Fields of each record, by its number; -1 while it stands for none. */
  readonly #fields = new Int32Array(64).fill(-1);
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #values = 0;
  #binaryBytes = 0;

  /** Bytes of the last frame that are binary data in messages, so that they refer to it unless they are copied. */
  get binaryBytes(): number {
    return this.#binaryBytes;
  }

  /** Checks one value that must fill `bytes` from `start` on. @throws FrameError */
  check(bytes: Uint8Array, start: number): void {
    if (bytes.length > frameBytesMax) throw new FrameError(`${bytes.length} bytes are too many`);
    this.#bytes = bytes;
    this.#at = start;
    this.#values = 0;
    this.#binaryBytes = 0;
    this.#one(0);
    this.#bytes = new Uint8Array();
    if (this.#at !== bytes.length) throw new FrameError(`it ends at byte ${this.#at} of ${bytes.length}`);
  }

  #one(depth: number): void {
    const token = this.#byte();
    this.#values += 1;
    if (this.#values > valuesMax) throw new FrameError(`it holds more than ${valuesMax} values`);
    if (token < 0x40 || token >= 0xe0) return;
    if (token < 0x80) {
      const fields = this.#fields[token - 0x40] ?? -1;
      if (fields < 0) throw new FrameError(`record ${token} is not defined`);
      this.#many(fields, depth);
    } else if (token < 0x90) this.#many(2 * (token & 0x0f), depth);
    else if (token < 0xa0) this.#many(token & 0x0f, depth);
    else if (token < 0xc0) this.#skip(token & 0x1f);
    else this.#long(token, depth);
  }

  #long(token: number, depth: number): void {
    switch (token) {
      case 0xc0: // null
      case 0xc2: // false
      case 0xc3: // true
        return;
      case 0xc4: // bytes
        return this.#binary(this.#number(1));
      case 0xc5:
        return this.#binary(this.#number(2));
      case 0xc6:
        return this.#binary(this.#number(4));
      case 0xd9: // text
        return this.#skip(this.#number(1));
      case 0xda:
        return this.#skip(this.#number(2));
      case 0xdb:
        return this.#skip(this.#number(4));
      case 0xcc: // numbers
      case 0xd0:
        return this.#skip(1);
      case 0xcd:
      case 0xd1:
        return this.#skip(2);
      case 0xca:
      case 0xce:
      case 0xd2:
        return this.#skip(4);
      case 0xcb:
        return this.#skip(8);
      case 0xd4:
        return this.#extension(depth);
      case 0xdc: // arrays
        return this.#many(this.#number(2), depth);
      case 0xdd:
        return this.#many(this.#number(4), depth);
      case 0xde: // maps
        return this.#many(2 * this.#number(2), depth);
      case 0xdf:
        return this.#many(2 * this.#number(4), depth);
      default:
        throw new FrameError(`token ${token} at byte ${this.#at - 1} is none that nodes send`);
    }
  }

  #extension(depth: number): void {
    const type = this.#byte();
    const detail = this.#byte();
    if (type === undefinedExtension) return;
    if (type === refExtension) return this.#many(1, depth);
    if (type !== recordExtension || detail < 0x40 || detail > 0x7f) {
      throw new FrameError(`extension ${type} (${detail}) is none that nodes send`);
    }
    const fields = this.#keys();
    this.#fields[detail - 0x40] = fields;
    this.#many(fields, depth);
  }

  /** The names of a record's fields: an array of texts. */
  #keys(): number {
    const token = this.#byte();
    const count = token === 0xdc ? this.#number(2) : token >= 0x90 && token < 0xa0 ? token & 0x0f : -1;
    if (count < 0 || count > fieldsMax) throw new FrameError(`a record of ${count} fields`);
    for (let left = count; left > 0; left -= 1) {
      const key = this.#byte();
      if (key >= 0xa0 && key < 0xc0) this.#skip(key & 0x1f);
      else if (key === 0xd9) this.#skip(this.#number(1));
      else if (key === 0xda) this.#skip(this.#number(2));
      else throw new FrameError('the name of a field is no text');
    }
    return count;
  }

  #many(count: number, depth: number): void {
    // Each value takes a byte at least: a small header can't announce a large allocation.
    if (count > this.#bytes.length - this.#at)
      throw new FrameError(`${count} values don't fit into what is left`);
    if (depth >= nestingMax) throw new FrameError(`values lie more than ${nestingMax} deep`);
    for (let left = count; left > 0; left -= 1) this.#one(depth + 1);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new FrameError(`it ends within a value, after ${this.#bytes.length} bytes`);
    this.#at += 1;
    return byte;
  }

  #number(bytes: 1 | 2 | 4): number {
    let value = 0;
    for (let left = bytes as number; left > 0; left -= 1) value = value * 256 + this.#byte();
    return value;
  }

  #binary(bytes: number): void {
    this.#binaryBytes += bytes;
    this.#skip(bytes);
  }

  #skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length)
      throw new FrameError(`it ends within a value, after ${this.#bytes.length} bytes`);
  }
}
