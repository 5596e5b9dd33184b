/**
 * One connection of a link, from its first frame to its close: its coders, its signals (which are never queued beyond it),
 * and whether it is alive. What outlives it is in the session.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {CloseReason, Connection} from './connection.ts';
import {write} from './envelope.ts';
import {FrameDecoder, FrameEncoder} from './frame-codec.ts';
import type {RefScope} from './frame-refs.ts';
import {healthTickMs, healthy, tick} from './link-health.ts';

export type PipeEvents = {
  /** Envelopes of one frame of `bytes`. What it throws ends the connection. */
  readonly onEnvelopes: (envelopes: readonly unknown[], bytes: number) => void;
  /** There is room, or a signal to send. */
  readonly onReady: () => void;
  /** No frame for too long; the connection has been ended. */
  readonly onSilent: () => void;
  /** Once, unless `onSilent` was called or the session let go of it. */
  readonly onClosed: (reason: CloseReason) => void;
};

/** Traffic of one connection. */
export type PipeTraffic = {bytesIn: number; bytesOut: number; rttMs: number | undefined};

const closeCodes = {badFrame: 4400} as const;

export class LinkPipe {
  readonly connection: Connection;
  /** True from the peer's first envelope on. */
  isResumed = false;
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  readonly #encoder: FrameEncoder;
  readonly #decoder: FrameDecoder;
  readonly #traffic: PipeTraffic;
  #events: PipeEvents | undefined;
  #signals: unknown[] = [];
  #health;
  #hasHeard = false;
  #cancelTick: () => void;
  #pingNumber = 0;
  #pingSentMs: number | undefined;

  constructor(
    connection: Connection,
    scope: RefScope,
    events: PipeEvents,
    {clock, log, traffic}: {clock: Clock; log: RuntimeLog; traffic: PipeTraffic},
  ) {
    const {wireVersion} = connection.peer;
    this.connection = connection;
    this.#clock = clock;
    this.#log = log;
    this.#traffic = traffic;
    this.#encoder = new FrameEncoder(wireVersion, scope);
    this.#decoder = new FrameDecoder(wireVersion, scope);
    this.#events = events;
    this.#health = healthy(clock.monotonicMs());
    this.#cancelTick = clock.after(healthTickMs, () => this.#tick());
  }

  /** Frames that came before are handled within this call. */
  start(): void {
    this.connection.listen({
      onFrame: frame => this.#frame(frame),
      onDrain: () => this.#events?.onReady(),
      onClose: reason => this.#closed(reason),
    });
  }

  get version(): number {
    return this.connection.peer.wireVersion;
  }

  /** Queues an envelope that goes out before all others, and is worth nothing on another connection. */
  signal(envelope: readonly unknown[]): void {
    this.#signals.push(envelope);
  }

  takeSignals(): unknown[] {
    const signals = this.#signals;
    this.#signals = [];
    return signals;
  }

  /** Returns the frame's bytes. @throws what the encoder throws; the connection is of no use then. */
  send(envelopes: readonly unknown[]): number {
    const frame = this.#encoder.encode(envelopes);
    this.#traffic.bytesOut += frame.length;
    this.connection.send(frame);
    return frame.length;
  }

  pong(number: number): void {
    if (number !== this.#pingNumber || this.#pingSentMs === undefined) return;
    this.#traffic.rttMs = this.#clock.monotonicMs() - this.#pingSentMs;
    this.#pingSentMs = undefined;
  }

  /** Lets go of the connection, without events from now on. */
  close(code: number, text: string): void {
    if (this.#letGo() !== undefined) this.connection.close(code, text);
  }

  terminate(): void {
    if (this.#letGo() !== undefined) this.connection.terminate();
  }

  #letGo(): PipeEvents | undefined {
    const events = this.#events;
    this.#events = undefined;
    this.#cancelTick();
    return events;
  }

  #frame(frame: Uint8Array): void {
    if (this.#events === undefined) return;
    this.#hasHeard = true;
    this.#traffic.bytesIn += frame.length;
    try {
      this.#events.onEnvelopes(this.#decoder.decode(frame), frame.length);
    } catch (error) {
      const {instance, incarnation} = this.connection.peer;
      this.#log.error(
        {err: error, instance, incarnation},
        'A link broke the protocol; its connection is ended.',
      );
      const events = this.#letGo();
      this.connection.close(closeCodes.badFrame, 'bad frame');
      events?.onClosed({code: closeCodes.badFrame, text: 'bad frame'});
    }
  }

  #closed(reason: CloseReason): void {
    this.#letGo()?.onClosed(reason);
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const {state, verdict} = tick(this.#health, nowMs, this.#hasHeard);
    this.#health = state;
    this.#hasHeard = false;
    if (verdict === 'suspect') {
      const events = this.#letGo();
      this.connection.terminate();
      events?.onSilent();
      return;
    }
    if (verdict === 'ping') {
      this.#pingNumber += 1;
      this.#pingSentMs = nowMs;
      this.signal(write.ping(this.#pingNumber));
    }
    this.#cancelTick = this.#clock.after(healthTickMs, () => this.#tick());
    // Also without a ping: should a drain have been missed, it goes on here.
    this.#events?.onReady();
  }
}
