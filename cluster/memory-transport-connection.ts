/** One end of a connection in memory. It keeps the contract of connection.ts as badly as a socket may. */
import type {Clock} from '../actors/runtime/clock.ts';
import {
  frameBytesMax,
  type CloseReason,
  type Connection,
  type ConnectionEvents,
  type PeerIdentity,
} from './connection.ts';
import type {Pipe} from './memory-transport-pipe.ts';

export type MemoryConnectionOptions = {
  readonly peer: PeerIdentity;
  readonly isDialler: boolean;
  readonly clock: Clock;
  /** To the other end. */
  readonly outgoing: Pipe;
  /** From the other end; held until `isHeard`. */
  readonly incoming: Pipe;
  /** The other end's way to say that it has taken enough. */
  readonly drained: Pipe;
  /** Bytes that the operating systems on both sides take without anybody reading. */
  readonly windowBytes: number;
  readonly drainBytes: number;
  readonly closeGraceMs: number;
  /** The other end; it is made right after this one. */
  readonly other: () => MemoryConnection;
  readonly onClosed: (connection: MemoryConnection) => void;
};

const lost: CloseReason = {code: 1006, text: ''};

export class MemoryConnection implements Connection {
  readonly peer: PeerIdentity;
  readonly isDialler: boolean;
  readonly #options: MemoryConnectionOptions;
  #events: ConnectionEvents | undefined;
  #isFull = false;
  #ownReason: CloseReason | undefined;
  #isClosed = false;
  /** Why it closed, until somebody has listened to that. */
  #untold: CloseReason | undefined;
  #cancelGrace: (() => void) | undefined;

  constructor(options: MemoryConnectionOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.isDialler = options.isDialler;
  }

  /** Whether what comes in has somebody to take it. */
  get isHeard(): boolean {
    return this.#events !== undefined || this.#ownReason !== undefined;
  }

  listen(events: ConnectionEvents): void {
    this.#events = events;
    this.#options.incoming.resume();
    if (this.#untold !== undefined) this.#tellClosed(this.#untold);
  }

  send(frame: Uint8Array): void {
    if (frame.length > frameBytesMax) {
      throw new RangeError(`A frame of ${frame.length} bytes can't be sent; the limit is ${frameBytesMax}.`);
    }
    if (this.#ownReason !== undefined || this.#isClosed) return;
    const {outgoing, drainBytes, other} = this.#options;
    outgoing.push(frame.length, () => {
      other().#take(frame);
      this.#afterTaken();
    });
    if (this.bufferedBytes() >= drainBytes) this.#isFull = true;
  }

  bufferedBytes(): number {
    const {outgoing, windowBytes} = this.#options;
    return this.#isClosed ? 0 : Math.max(0, outgoing.bytes - windowBytes);
  }

  close(code: number, text: string): void {
    if (this.#ownReason !== undefined || this.#isClosed) return;
    const {clock, outgoing, incoming, closeGraceMs, other} = this.#options;
    this.#ownReason = {code, text};
    outgoing.push(0, () => other().#hearGoodbye({code, text}));
    incoming.resume();
    this.#cancelGrace = clock.after(closeGraceMs, () => this.terminate());
  }

  terminate(): void {
    if (this.#isClosed) return;
    this.#ownReason ??= lost;
    this.vanish();
    this.#options.clock.after(0, () => this.#tellClosed(lost));
  }

  /** Ends without an event on this side: its process is gone, or ends it. The other end learns it when it can. */
  vanish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelGrace?.();
    const {outgoing, incoming, drained, other, onClosed} = this.#options;
    outgoing.truncate();
    outgoing.push(0, () => other().#hearEnd());
    incoming.clear();
    drained.clear();
    onClosed(this);
  }

  /** Whoever listened is gone. */
  silence(): void {
    this.#events = undefined;
  }

  #take(frame: Uint8Array): void {
    if (this.#ownReason !== undefined || this.#isClosed) return;
    this.#events?.onFrame(frame);
  }

  #afterTaken(): void {
    const {drained, drainBytes} = this.#options;
    if (!this.#isFull || this.#isClosed || this.bufferedBytes() >= drainBytes) return;
    this.#isFull = false;
    drained.push(0, () => {
      if (this.#ownReason === undefined && !this.#isClosed) this.#events?.onDrain();
    });
  }

  #hearGoodbye(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#end();
    this.#options.outgoing.push(0, () => this.#options.other().#hearEnd());
    this.#tellClosed(reason);
  }

  #hearEnd(): void {
    if (this.#isClosed) return;
    this.#end();
    this.#options.outgoing.clear();
    this.#tellClosed(lost);
  }

  #end(): void {
    this.#isClosed = true;
    this.#cancelGrace?.();
    this.#options.drained.clear();
    this.#options.onClosed(this);
  }

  /** Whoever closed hears its own reason. */
  #tellClosed(reason: CloseReason): void {
    const events = this.#events;
    this.#events = undefined;
    this.#untold = events === undefined ? (this.#ownReason ?? reason) : undefined;
    events?.onClose(this.#ownReason ?? reason);
  }
}
