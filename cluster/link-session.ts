/**
 * All that is between this process and one life of another: refs, what waits, what arrived. Connections come and go
 * beneath it (`link-pipe.ts`); what was sent reliably goes on where the last one broke. It ends once, when that life is known
 * to be over: then every question and watch of it is settled.
 */
import type {PendingAsk} from '../actors/runtime/ask.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import type {DeadLetter} from '../actors/runtime/dead-letters.ts';
import type {Ref} from '../actors/runtime/ref.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {CloseReason, Connection} from './connection.ts';
import {write, type Credit, type ServiceEntry} from './envelope.ts';
import type {Export, Exports} from './exports.ts';
import type {RefAddress} from './frame-refs.ts';
import {LinkDelivery} from './link-delivery.ts';
import {LinkDispatch} from './link-dispatch.ts';
import {LinkInbox} from './link-inbox.ts';
import {LinkPipe, type PipeTraffic} from './link-pipe.ts';
import {LinkRefs} from './link-refs.ts';
import type {Refusal, RemotePeer, RemoteRef} from './remote-ref.ts';

type Cut = {readonly isSilent: boolean; readonly wasClean: boolean};

/** What sessions of one node share, and whom they tell. */
export type SessionHost = {
  readonly clock: Clock;
  readonly log: RuntimeLog;
  readonly exports: Exports;
  readonly deadLetter: (letter: DeadLetter) => void;
  readonly isControl: (message: unknown) => boolean;
  /** A ref of a third node, or of another life of one. */
  readonly elsewhere: (address: RefAddress & {at: 'elsewhere'}) => Ref<never>;
  readonly services: () => readonly {readonly name: string; readonly entry: Export}[];
  readonly onServices: (session: LinkSession, entries: readonly ServiceEntry[]) => void;
  readonly onUp: (session: LinkSession) => void;
  /** The connection is gone; `isSilent` when it was ended because nothing came. */
  readonly onCut: (session: LinkSession, cut: Cut) => void;
  /** The peer says that it leaves. */
  readonly onGoodbye: (session: LinkSession, why: string) => void;
  /** The peer has forgotten what it had: it can't be the same life. */
  readonly onForgotten: (session: LinkSession) => void;
};

/** How often messages that wait for a full mailbox are offered again. */
const offerHeldMs = 1;
const closeCodes = {normal: 1000, goingAway: 1001} as const;

export class LinkSession implements RemotePeer {
  readonly instance: string;
  readonly incarnation: string;
  readonly refs: LinkRefs;
  readonly traffic: PipeTraffic = {bytesIn: 0, bytesOut: 0, rttMs: undefined};
  /** Whether there ever was a connection; without one it is known from refs of third nodes alone. */
  wasConnected = false;
  /** When the peer last said what it has; and when the present connection was dialled, which it may have taken long ago. */
  #toldAtMs = -Infinity;
  #dialledAtMs = Infinity;
  readonly #host: SessionHost;
  readonly #inbox = new LinkInbox();
  readonly #dispatch: LinkDispatch;
  readonly #delivery: LinkDelivery;
  #cancelOffer: (() => void) | undefined;

  constructor(peer: {readonly instance: string; readonly incarnation: string}, host: SessionHost) {
    this.instance = peer.instance;
    this.incarnation = peer.incarnation;
    this.#host = host;
    const {exports, elsewhere} = host;
    this.#dispatch = new LinkDispatch({
      host,
      peer,
      inbox: this.#inbox,
      scope: () => this.refs,
      onBroken: () => {
        this.#dispatch.pipe?.terminate();
        this.#cut({isSilent: false, wasClean: false});
      },
    });
    this.refs = new LinkRefs(this, {
      exports,
      elsewhere,
      sendLast: parcel => this.#dispatch.sendLast(parcel),
    });
    this.#delivery = new LinkDelivery(this, host, this.#inbox);
  }

  get isUp(): boolean {
    return this.#dispatch.isUp;
  }

  get isOver(): boolean {
    return this.#dispatch.isOver;
  }

  get connection(): Connection | undefined {
    return this.#dispatch.pipe?.connection;
  }

  get queued(): number {
    return this.#dispatch.queued;
  }

  /** Goes on with this connection, instead of the one there was. `dialledAtMs`: Infinity if the peer has dialled. */
  connect(connection: Connection, dialledAtMs: number): void {
    this.disconnect('replaced');
    this.wasConnected = true;
    this.#dialledAtMs = dialledAtMs;
    const {clock, log} = this.#host;
    const pipe = new LinkPipe(
      connection,
      this.refs,
      {
        onEnvelopes: (envelopes, bytes) => this.#envelopes(pipe, envelopes, bytes),
        onReady: () => this.#dispatch.scheduleFlush(),
        onSilent: () => this.#cut({isSilent: true, wasClean: false}),
        onClosed: ({code}: CloseReason) =>
          this.#cut({isSilent: false, wasClean: code === closeCodes.normal || code === closeCodes.goingAway}),
      },
      {clock, log, traffic: this.traffic},
    );
    this.#dispatch.use(pipe);
    this.#dispatch.signal(write.resume(this.#inbox.reliable.received, this.#inbox.connected()));
    this.announceServices();
    pipe.start();
  }

  /** Lets go of the connection; what waits goes on waiting. */
  disconnect(why: string): void {
    this.#dispatch.pipe?.close(closeCodes.normal, why);
    this.#dispatch.use(undefined);
  }

  announceServices(): void {
    if (this.#dispatch.pipe === undefined) return;
    const services = this.#host.services();
    for (const {entry} of services) this.refs.give(entry);
    this.#dispatch.signal(
      write.services(
        services.map(({name, entry: {uid, flags, ref}}) => ({name, uid, flags, path: ref.path})),
      ),
    );
  }

  /** The last that the peer hears of this process. */
  sayGoodbye(why: string): void {
    this.#dispatch.signal(write.goodbye(why));
    this.#dispatch.flush();
    this.#dispatch.pipe?.close(closeCodes.goingAway, why);
    this.#dispatch.use(undefined);
  }

  /** That life is over: nothing is sent or received any more. `why` as in "node a:1, where /x lives, is gone". */
  end(why: string, closeCode: number): void {
    if (this.isOver) return;
    this.#dispatch.pipe?.close(closeCode, why);
    this.#cancelOffer?.();
    this.refs.end(why);
    this.#dispatch.end();
  }

  send(
    ref: RemoteRef<never>,
    message: unknown,
    question: PendingAsk<never> | undefined,
    timeoutMs: number,
  ): Refusal | undefined {
    return this.#dispatch.send(ref, message, question, timeoutMs);
  }

  // From here on for the reading half.

  fail(replyTo: number, why: number): void {
    this.#dispatch.fail(replyTo, why);
  }

  pong(number: number): void {
    this.#dispatch.pipe?.pong(number);
  }

  ping(number: number): void {
    this.#dispatch.signal(write.pong(number));
  }

  acknowledged(received: number): void {
    this.#toldAtMs = this.#host.clock.monotonicMs();
    if (!this.#dispatch.acknowledged(received)) this.#host.onForgotten(this);
  }

  allowed(credit: Credit): void {
    this.#dispatch.allowed(credit);
  }

  resumed(received: number, credit: Credit): void {
    if (this.#dispatch.resumed(received, credit)) {
      this.#toldAtMs = this.#host.clock.monotonicMs();
      this.#host.onUp(this);
    } else if (this.#dialledAtMs <= this.#toldAtMs) {
      // The peer took this connection before others, over which it has got on since: these words of it are old, and prove
      // nothing. It has let go of it, or will; the next one, dialled from now on, tells.
      this.disconnect('older than another connection');
      this.#host.onCut(this, {isSilent: false, wasClean: true});
    } else this.#host.onForgotten(this);
  }

  #envelopes(pipe: LinkPipe, envelopes: readonly unknown[], bytes: number): void {
    this.#inbox.frameCame(bytes);
    this.#delivery.take(envelopes, bytes, pipe.isResumed, () => this.#dispatch.pipe === pipe);
    if (this.#inbox.held > 0) this.#offerLater();
    this.#dispatch.ackLater();
  }

  #offerLater(): void {
    this.#cancelOffer ??= this.#host.clock.after(offerHeldMs, () => {
      this.#cancelOffer = undefined;
      this.#delivery.offerHeld();
      if (this.#inbox.held > 0) this.#offerLater();
      this.#dispatch.ackLater();
    });
  }

  #cut(cut: Cut): void {
    this.#dispatch.use(undefined);
    this.#host.onCut(this, cut);
  }
}
