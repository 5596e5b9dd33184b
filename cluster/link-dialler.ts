/**
 * Keeps dialling one peer while it is wanted and not connected: at once after a clean close, else after a pause of random
 * length (full jitter) that grows from 100 ms to 1 s.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import type {Random} from '../actors/runtime/random.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {Connection, Transport} from './connection.ts';
import {PeerGoneError} from './link-errors.ts';

const pauseMsMin = 100;
const pauseMsMax = 1000;
/** A connection that held so long starts the pauses anew. */
const steadyMs = 30_000;
const dialMsMax = 3000;
/** Failures in a row between two lines in the log. */
const logEvery = 60;

export type DialEvents = {
  readonly onConnection: (connection: Connection, dialledAtMs: number) => void;
  /** The peer's process is gone: nobody listens there. */
  readonly onRefused: () => void;
};

export type DiallerPorts = {
  readonly transport: Pick<Transport, 'dial'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RuntimeLog;
};

export class LinkDialler {
  address: string;
  readonly #ports: DiallerPorts;
  readonly #events: DialEvents;
  #isWanted = false;
  #isConnected = false;
  #connectedAtMs = 0;
  #failures = 0;
  #cancelPause: (() => void) | undefined;
  #abort: AbortController | undefined;

  constructor(address: string, ports: DiallerPorts, events: DialEvents) {
    this.address = address;
    this.#ports = ports;
    this.#events = events;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (!this.#isConnected) this.#dial();
  }

  stop(): void {
    this.#isWanted = false;
    this.#endPause();
    this.#abort?.abort();
    this.#abort = undefined;
  }

  /**
   * There is a connection to the peer, whoever dialled it. One that is being dialled goes on: the peer may have given up
   * the other in favour of it.
   */
  connected(): void {
    this.#isConnected = true;
    this.#connectedAtMs = this.#ports.clock.monotonicMs();
    this.#endPause();
  }

  lost({wasClean}: {readonly wasClean: boolean}): void {
    const heldMs = this.#isConnected ? this.#ports.clock.monotonicMs() - this.#connectedAtMs : 0;
    this.#isConnected = false;
    if (heldMs >= steadyMs) this.#failures = 0;
    if (!this.#isWanted || this.#abort !== undefined || this.#cancelPause !== undefined) return;
    if (wasClean && this.#failures === 0) this.#dial();
    else this.#pause();
  }

  #endPause(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #pause(): void {
    const {clock, random} = this.#ports;
    const boundMs = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    this.#cancelPause = clock.after(random.next() * boundMs, () => {
      this.#cancelPause = undefined;
      this.#dial();
    });
  }

  #dial(): void {
    const {transport, clock} = this.#ports;
    const abort = new AbortController();
    this.#abort = abort;
    const dialledAtMs = clock.monotonicMs();
    const cancelLimit = clock.after(dialMsMax, () => abort.abort());
    transport
      .dial(this.address, abort.signal)
      .then(
        connection => this.#dialled(abort, connection, dialledAtMs),
        (error: unknown) => this.#failed(abort, error),
      )
      .finally(cancelLimit)
      .catch((error: unknown) => {
        this.#ports.log.error({err: error, address: this.address}, 'A new connection could not be used.');
      });
  }

  #dialled(abort: AbortController, connection: Connection, dialledAtMs: number): void {
    if (this.#abort !== abort) {
      connection.close(1000, 'no longer wanted');
      return;
    }
    this.#abort = undefined;
    this.#events.onConnection(connection, dialledAtMs);
    // It was not taken, or is gone already.
    if (!this.#isConnected) this.lost({wasClean: false});
  }

  #failed(abort: AbortController, error: unknown): void {
    if (this.#abort !== abort) return;
    this.#abort = undefined;
    if (this.#failures % logEvery === 0) {
      this.#ports.log.warn(
        {err: error, address: this.address, failures: this.#failures},
        'A node could not be reached; trying on.',
      );
    }
    if (error instanceof PeerGoneError) this.#events.onRefused();
    if (this.#isWanted && !this.#isConnected) this.#pause();
  }
}
