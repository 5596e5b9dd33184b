/** A connection on a WebSocket whose peer has authenticated. */
import type {RawData, WebSocket} from 'ws';
import type {Clock} from '../actors/runtime/clock.ts';
import {
  frameBytesMax,
  type CloseReason,
  type Connection,
  type ConnectionEvents,
  type PeerIdentity,
} from './connection.ts';
import {closeCodes} from './handshake.ts';

export type WsConnectionOptions = {
  readonly ws: WebSocket;
  readonly peer: PeerIdentity;
  readonly isDialler: boolean;
  /** `onDrain` comes when less waits, after this much did. */
  readonly drainBytes: number;
  /** How long `close` waits for the peer's goodbye. */
  readonly closeGraceMs: number;
  readonly clock: Clock;
};

/** The text of a close frame. */
const closeTextBytesMax = 123;

export class WsConnection implements Connection {
  readonly peer: PeerIdentity;
  readonly isDialler: boolean;
  readonly #options: WsConnectionOptions;
  /** What came before anybody listened: no more than one read of the socket, which is paused until then. */
  #unheard: Uint8Array[] = [];
  #events: ConnectionEvents | undefined;
  #isFull = false;
  #ownReason: CloseReason | undefined;
  #closed: CloseReason | undefined;

  constructor(options: WsConnectionOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.isDialler = options.isDialler;
    const {ws} = options;
    ws.pause();
    ws.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    ws.once('error', error => this.#onViolation(error));
    ws.once('close', (code, text) => this.#onClosed({code, text: text.toString()}));
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
    // One at a time: a listener may close the connection, or hand it to another listener, at any frame.
    while (this.#ownReason === undefined && this.#events === events) {
      const frame = this.#unheard.shift();
      if (frame === undefined) break;
      events.onFrame(frame);
    }
    if (this.#events !== events) return;
    if (this.#closed === undefined) this.#options.ws.resume();
    else this.#tellClosed(this.#closed);
  }

  send(frame: Uint8Array): void {
    if (frame.length > frameBytesMax) {
      throw new RangeError(`A frame of ${frame.length} bytes can't be sent; the limit is ${frameBytesMax}.`);
    }
    const {ws, drainBytes} = this.#options;
    if (this.#ownReason !== undefined || ws.readyState !== ws.OPEN) return;
    ws.send(frame, {binary: true}, this.#onTaken);
    if (ws.bufferedAmount >= drainBytes) this.#isFull = true;
  }

  bufferedBytes(): number {
    return this.#closed === undefined ? this.#options.ws.bufferedAmount : 0;
  }

  close(code: number, text: string): void {
    if (this.#ownReason !== undefined || this.#closed !== undefined) return;
    const {ws, clock, closeGraceMs} = this.#options;
    const bounded = boundedText(text);
    this.#ownReason = {code, text: bounded};
    this.#unheard = [];
    // Read on, or the peer's goodbye would not be seen.
    ws.resume();
    ws.close(code, bounded);
    const cancel = clock.after(closeGraceMs, () => ws.terminate());
    ws.once('close', cancel);
  }

  terminate(): void {
    this.#ownReason ??= {code: 1006, text: ''};
    this.#unheard = [];
    this.#options.ws.terminate();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    if (this.#ownReason !== undefined) return;
    if (!isBinary || !Buffer.isBuffer(data)) {
      this.close(closeCodes.unsupportedData, 'Frames are binary.');
    } else if (this.#events === undefined || this.#unheard.length > 0) {
      this.#unheard.push(data);
    } else {
      this.#events.onFrame(data);
    }
  }

  /** Asked of each write instead of the socket's `drain`, which may stay out over TLS (ws#1643). */
  readonly #onTaken = (): void => {
    const {ws, drainBytes} = this.#options;
    if (!this.#isFull || ws.readyState !== ws.OPEN || ws.bufferedAmount >= drainBytes) return;
    this.#isFull = false;
    this.#events?.onDrain();
  };

  /** ws tells the peer and ends the connection; what is left is to say why. A broken socket is no error to ws. */
  #onViolation(error: Error): void {
    const isTooLong = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    const code = isTooLong ? closeCodes.tooLong : closeCodes.protocolError;
    this.#ownReason ??= {code, text: boundedText(error.message)};
  }

  #onClosed(reason: CloseReason): void {
    this.#closed = this.#ownReason ?? reason;
    if (this.#unheard.length === 0) this.#tellClosed(this.#closed);
  }

  #tellClosed(reason: CloseReason): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = silence;
    events.onClose(reason);
  }
}

/** Hears what comes after the close: nothing that matters. */
const silence: ConnectionEvents = {
  onFrame: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

/** As much of `text` as a close frame holds; a character is not cut in two. */
function boundedText(text: string): string {
  let bounded = text.slice(0, closeTextBytesMax);
  while (Buffer.byteLength(bounded) > closeTextBytesMax) bounded = bounded.slice(0, -1);
  return bounded;
}
