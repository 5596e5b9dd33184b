/**
 * One WebSocket of a client, whatever is spoken on it: how much waits for its reader, whether it is alive, and how it
 * ends. A socket is *full* from the moment more waits than its share until all of it was taken; then its session sends
 * nothing that could be sent later, and its requests are not read.
 *
 * Codes it is closed with: 1001 this node stops · 1003 binary frame · 1009 frame too long · 4401 no longer logged in ·
 * 4408 did not read. After 1001 and 4408 connect again and subscribe with the line after the last you have.
 */
import type {IncomingMessage} from 'node:http';
import type {Duplex} from 'node:stream';
import type {RawData, WebSocket} from 'ws';
import type {Caller} from '../../actors/governance.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {Outlet} from './job-subscription.ts';
import type {StreamSettings} from './stream-settings.ts';

/** What is spoken on a socket. */
export type Session = {
  readonly onText: (text: string) => Promise<void>;
  /** The reader has taken all that waited. */
  readonly onDrained: () => void;
  readonly close: () => void;
};

/** Where a session sends to, and what it can end. */
export type ClosableOutlet = Outlet & {readonly close: (code: number, reason: string) => void};

export const closeCodes = {
  goingAway: 1001,
  unsupportedData: 1003,
  policy: 1008,
  notLoggedIn: 4401,
  slowReader: 4408,
} as const;

export type ClientSocketOptions = {
  readonly ws: WebSocket;
  /** The connection below `ws`, whose `drain` tells when everything was taken. */
  readonly connection: Duplex;
  readonly request: IncomingMessage;
  readonly caller: Caller | undefined;
  readonly settings: StreamSettings;
  readonly clock: Clock;
  /** Bytes that may wait for this reader now. */
  readonly unreadBytesMax: () => number;
  readonly onClosed: (socket: ClientSocket) => void;
};

export class ClientSocket {
  readonly request: IncomingMessage;
  readonly caller: Caller | undefined;
  readonly #options: ClientSocketOptions;
  #session: Session | undefined;
  #requests: string[] = [];
  #isAnswering = false;
  #isFull = false;
  #fullSinceMs = 0;
  #unreadAtCheck = 0;
  #heardAtMs: number;
  #pingedAtMs: number;
  #closedWith: number | undefined;

  constructor(options: ClientSocketOptions) {
    const {ws, connection, clock} = options;
    this.#options = options;
    this.request = options.request;
    this.caller = options.caller;
    this.#heardAtMs = clock.monotonicMs();
    this.#pingedAtMs = this.#heardAtMs;
    ws.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on('pong', () => {
      this.#heardAtMs = clock.monotonicMs();
    });
    // ws closes the socket after it; `close` is what matters here.
    ws.on('error', () => undefined);
    ws.once('close', () => {
      this.#session?.close();
      options.onClosed(this);
    });
    connection.on('drain', () => this.#onDrained());
  }

  /** Frames that came before are answered now. */
  attach(session: Session): void {
    this.#session = session;
    void this.#answer();
  }

  /** Whether the reader keeps up; false once the socket is closing. */
  isOpen(): boolean {
    return !this.#isFull && this.#closedWith === undefined;
  }

  get unreadBytes(): number {
    return this.#options.ws.bufferedAmount;
  }

  /** Sends one text message; long ones in several frames. Never blocks: look at `isOpen` before sending much. */
  send(text: Buffer): void {
    const {ws, settings} = this.#options;
    if (ws.readyState !== ws.OPEN || this.#closedWith !== undefined) return;
    const {frameBytesMax} = settings;
    let start = 0;
    for (; text.length - start > frameBytesMax; start += frameBytesMax) {
      ws.send(text.subarray(start, start + frameBytesMax), {binary: false, fin: false});
    }
    ws.send(start === 0 ? text : text.subarray(start), {binary: false});
    if (!this.#isFull && ws.bufferedAmount > this.#options.unreadBytesMax()) this.#onFull();
  }

  close(code: number, reason: string): void {
    if (this.#closedWith !== undefined) return;
    this.#closedWith = code;
    const {ws, clock, settings} = this.#options;
    ws.resume();
    ws.close(code, reason);
    const cancel = clock.after(settings.closeGraceMs, () => ws.terminate());
    ws.once('close', cancel);
  }

  /** Called about once a second: finds readers that stopped reading, and peers that are gone. */
  check(): 'kept' | 'cut' {
    const {ws, clock, settings} = this.#options;
    if (this.#closedWith !== undefined) return 'kept';
    const nowMs = clock.monotonicMs();
    // Judged by what was taken, not by silence: a full socket is not read, so its pongs are not seen.
    if (this.#isFull) return this.#isStuck(nowMs) ? this.#cut() : 'kept';
    const sinceMs = nowMs - this.#pingedAtMs;
    if (this.#heardAtMs < this.#pingedAtMs) {
      if (sinceMs >= settings.pingMs * 1.5) ws.terminate();
    } else if (sinceMs >= settings.pingMs) {
      this.#pingedAtMs = nowMs;
      ws.ping();
    }
    return 'kept';
  }

  #isStuck(nowMs: number): boolean {
    const {ws, settings} = this.#options;
    if (ws.bufferedAmount !== this.#unreadAtCheck) {
      this.#unreadAtCheck = ws.bufferedAmount;
      this.#fullSinceMs = nowMs;
    }
    return nowMs - this.#fullSinceMs >= settings.slowReaderMs;
  }

  #cut(): 'cut' {
    const {slowReaderMs} = this.#options.settings;
    const reason = `Not read for ${slowReaderMs} ms. Reconnect; subscribe with the line after the last you have.`;
    this.close(closeCodes.slowReader, reason);
    return 'cut';
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const {ws, clock, settings} = this.#options;
    if (this.#closedWith !== undefined) return;
    this.#heardAtMs = clock.monotonicMs();
    if (isBinary || !Buffer.isBuffer(data)) {
      this.close(closeCodes.unsupportedData, 'Frames are JSON texts.');
      return;
    }
    this.#requests.push(data.toString('utf8'));
    if (this.#requests.length >= settings.pendingRequestsMax) ws.pause();
    void this.#answer();
  }

  /** One request after the other, so that answers come in order; none while the reader is behind. */
  async #answer(): Promise<void> {
    if (this.#isAnswering || this.#session === undefined) return;
    this.#isAnswering = true;
    while (this.isOpen()) {
      const text = this.#requests.shift();
      if (text === undefined) break;
      await this.#session.onText(text);
    }
    this.#isAnswering = false;
    if (this.isOpen()) this.#options.ws.resume();
  }

  #onFull(): void {
    const {ws, clock} = this.#options;
    this.#isFull = true;
    this.#fullSinceMs = clock.monotonicMs();
    this.#unreadAtCheck = ws.bufferedAmount;
    ws.pause();
  }

  #onDrained(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    if (this.#closedWith !== undefined) return;
    this.#session?.onDrained();
    void this.#answer();
  }
}
