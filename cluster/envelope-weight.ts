/** About how many bytes a message takes on the wire, and whether it can go there at all; found before it is queued. */
import {bulkBytesMin, fieldsMax, messageBytesMax, nestingMax} from './frame-limits.ts';
import {isRef} from './frame-refs.ts';
import {UnsendableError} from './remote-errors.ts';

/** A batch and an envelope lie around each message. */
const depthMax = nestingMax - 4;
const numberBytes = 9;
const refBytes = 32;
/** As many bytes at least for each value, so that the limit of bytes is one of values too. */
const valueBytes = 4;
/** Shorter texts are counted by characters at first: looking at each costs more than the estimate is worth. */
const textExactFrom = 1024;
/** The most bytes that a character of such an estimate can turn out to take. */
const characterBytesMax = 3;

/** Reused: weighing a message makes no garbage. */
export class EnvelopeWeight {
  /** Of the last message. */
  bytes = 0;
  /** Whether it holds bytes enough in one piece to go to the bulk lane. */
  isBulk = false;
  #textExactFrom = textExactFrom;

  /** @throws UnsendableError */
  weigh(message: unknown): void {
    this.#textExactFrom = textExactFrom;
    this.#measure(message);
    if (this.bytes <= messageBytesMax / characterBytesMax) return;
    this.#textExactFrom = 0;
    this.#measure(message);
    if (this.bytes > messageBytesMax) {
      throw new UnsendableError(`about ${this.bytes} bytes, where ${messageBytesMax} are the most`);
    }
  }

  #measure(message: unknown): void {
    this.bytes = 0;
    this.isBulk = false;
    this.#add(message, 0);
  }

  #add(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.bytes += 5 + (value.length < this.#textExactFrom ? value.length : Buffer.byteLength(value));
        return;
      case 'number':
        this.bytes += numberBytes;
        return;
      case 'boolean':
      case 'undefined':
        this.bytes += valueBytes;
        return;
      case 'object':
        if (value === null) this.bytes += valueBytes;
        else this.#addObject(value, depth);
        return;
      default:
        throw new UnsendableError(`a ${typeof value}`);
    }
  }

  #addObject(value: object, depth: number): void {
    if (depth > depthMax) throw new UnsendableError(`values more than ${depthMax} deep, or a cycle`);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      const fields = value as Readonly<Record<string, unknown>>;
      this.bytes += 5;
      let count = 0;
      for (const key in fields) {
        count += 1;
        this.bytes += key.length;
        this.#add(fields[key], depth + 1);
      }
      if (count > fieldsMax) throw new UnsendableError(`an object of ${count} fields (use a Map)`);
    } else if (Array.isArray(value)) {
      this.bytes += 5;
      for (const item of value as readonly unknown[]) this.#add(item, depth + 1);
    } else if (value instanceof Uint8Array) {
      this.bytes += 5 + value.byteLength;
      if (value.byteLength > bulkBytesMin) this.isBulk = true;
    } else if (isRef(value)) this.bytes += refBytes;
    else if (value instanceof Map) {
      this.bytes += 5;
      for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
        this.#add(key, depth + 1);
        this.#add(item, depth + 1);
      }
    } else throw new UnsendableError(`an object of class ${value.constructor.name}`);
  }
}
