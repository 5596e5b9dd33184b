/**
 * Frames: a byte with the wire version, then one msgpack value, the array of envelopes. Objects go as records: their field
 * names cross once for each connection. So a coder belongs to one connection and one direction, reads or writes every
 * frame of it in order, and ends with it.
 */
import {Packr, RESERVE_START_SPACE, Unpackr} from 'msgpackr';
import {frameBytesMax} from './connection.ts';
import {withRefs, type RefScope} from './frame-refs.ts';
import {FrameScan} from './frame-scan.ts';
import {FrameError} from './remote-errors.ts';

const headerBytes = 1;

// msgpackr keeps the table of records in the object it is given: never share one.
const options = (): object => ({sequential: true, useToJSON: false, moreTypes: false});

export class FrameEncoder {
  readonly #packr = new Packr(options());
  readonly #version: number;
  readonly #scope: RefScope;

  constructor(version: number, scope: RefScope) {
    this.#version = version;
    this.#scope = scope;
  }

  /** After it has thrown, the peer may lack a record's definition: the connection has to be made anew. */
  encode(envelopes: readonly unknown[]): Uint8Array {
    const frame = withRefs(this.#scope, () => this.#packr.pack(envelopes, RESERVE_START_SPACE + headerBytes));
    if (frame.length > frameBytesMax) throw new FrameError(`${frame.length} bytes are too many`);
    frame[0] = this.#version;
    return frame;
  }
}

export class FrameDecoder {
  readonly #unpackr: Unpackr & {copyBuffers?: boolean} = new Unpackr(options());
  readonly #scan = new FrameScan();
  readonly #version: number;
  readonly #scope: RefScope;

  constructor(version: number, scope: RefScope) {
    this.#version = version;
    this.#scope = scope;
  }

  /** `frame` is its own from now on. @throws FrameError; then the connection has to be made anew. */
  decode(frame: Uint8Array): readonly unknown[] {
    if (frame[0] !== this.#version) {
      throw new FrameError(`wire version ${frame[0]} on a link of version ${this.#version}`);
    }
    this.#scan.check(frame, headerBytes);
    // Mostly data: its pieces stay where they are. Else a small piece that is kept would keep the whole frame.
    this.#unpackr.copyBuffers = this.#scan.binaryBytes * 2 < frame.length;
    const body = Buffer.from(frame.buffer, frame.byteOffset + headerBytes, frame.byteLength - headerBytes);
    const envelopes: unknown = withRefs(this.#scope, () => this.#unpackr.unpack(body));
    if (!Array.isArray(envelopes)) throw new FrameError('it is no array of envelopes');
    return envelopes;
  }
}
