/** Bytes of a file on their way to another node: read only as far as they were asked for. */
import type {BytesPiece} from './files-protocol.ts';
import {pieceBytesMax} from './remote-call.ts';

/** Small blocks travel together. */
const pieceBytesMin = 64 * 1024;

export class BytesStream {
  readonly #blocks: AsyncIterator<Uint8Array>;
  /** Read, and not yet sent. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #hasEnded = false;
  #last: BytesPiece = {bytes: new Uint8Array(0), isLast: false};
  /** Bytes sent, the last piece included. */
  #position = 0;
  #isReading = false;
  touchedAtMs: number;

  constructor(bytes: AsyncIterable<Uint8Array>, nowMs: number) {
    this.#blocks = bytes[Symbol.asyncIterator]();
    this.touchedAtMs = nowMs;
  }

  /** The piece at `offset`: the next one, or once more the one before. Undefined for any other, or while one is read. */
  async piece(offset: number): Promise<BytesPiece | undefined> {
    if (this.#isReading) return undefined;
    if (offset !== this.#position) {
      return offset === this.#position - this.#last.bytes.length ? this.#last : undefined;
    }
    this.#isReading = true;
    try {
      while (this.#restBytes < pieceBytesMin && !this.#hasEnded) {
        // One block after the other.
        // oxlint-disable-next-line no-await-in-loop
        const {done, value} = await this.#blocks.next();
        if (done === true) {
          this.#hasEnded = true;
        } else if (value.length > 0) {
          this.#rest.push(value);
          this.#restBytes += value.length;
        }
      }
    } finally {
      this.#isReading = false;
    }
    const bytes = this.#take();
    this.#position += bytes.length;
    this.#last = {bytes, isLast: this.#hasEnded && this.#restBytes === 0};
    return this.#last;
  }

  async close(): Promise<void> {
    this.#rest = [];
    this.#restBytes = 0;
    this.#hasEnded = true;
    await this.#blocks.return?.();
  }

  /** At most one message. */
  #take(): Uint8Array {
    const all =
      this.#rest.length === 1 && this.#rest[0] !== undefined ? this.#rest[0] : Buffer.concat(this.#rest);
    const bytes = all.subarray(0, pieceBytesMax);
    const rest = all.subarray(bytes.length);
    this.#rest = rest.length === 0 ? [] : [rest];
    this.#restBytes = rest.length;
    return bytes;
  }
}
