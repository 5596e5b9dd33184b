/**
 * What waits for one node, in lanes, and what of it may go out now. Bounded: when it is full, `add` answers false. Lives as
 * long as the peer's incarnation; a connection brings credit, and a new one begins with what the last one lost.
 */
import {Mailbox} from '../actors/runtime/mailbox.ts';
import type {Credit} from './envelope.ts';
import {batchBytesMax, batchEnvelopesMax} from './frame-limits.ts';
import type {Lane, Parcel} from './link-parcel.ts';
import {ReliableSender} from './reliable-sender.ts';

/** Bytes given to the connection and not yet taken by the system, at which all but control waits. */
export const bufferedHighMark = 1024 * 1024;
/** The same for the bulk lane, which pauses first. */
export const bufferedLowMark = 256 * 1024;

const queuedMax = 8192;
const queuedBytesMax = 4 * 1024 * 1024;
const controlMax = 1024;
/** Sent and not acknowledged; more than the credit of a connection allows, as control does not wait for credit. */
const unacknowledgedMax = 16_384;
/** Of an envelope without its body. */
const envelopeBytes = 12;

export class LinkOutbox {
  readonly #lanes: Readonly<Record<Lane, Mailbox<Parcel>>> = {
    control: new Mailbox(),
    normal: new Mailbox(),
    bulk: new Mailbox(),
  };
  readonly #sender = new ReliableSender<Parcel>();
  /** What the last connection may have lost, before anything new. */
  readonly #again = new Mailbox<Parcel>();
  /** Parcels in the bulk lane by receiver: what follows them takes the same lane, to keep its place behind them. */
  readonly #bulkFor = new Map<number, number>();
  #queuedBytes = 0;
  #allowed: Credit = {messages: 0, bytes: 0};
  #sentMessages = 0;
  #sentBytes = 0;

  /** Parcels that wait, on all lanes. */
  get queued(): number {
    const {control, normal, bulk} = this.#lanes;
    return control.size + normal.size + bulk.size + this.#again.size;
  }

  /** Sent, and not known to have arrived. */
  get unacknowledged(): number {
    return this.#sender.unacknowledged;
  }

  /** False when too much waits: then nothing was added. */
  add(parcel: Parcel, wanted: Lane): boolean {
    const {control, normal, bulk} = this.#lanes;
    if (wanted === 'control') {
      if (control.size >= controlMax) return false;
      control.push(parcel);
      return true;
    }
    const waiting = normal.size + bulk.size;
    if (waiting >= queuedMax) return false;
    // A message larger than the bound may go when it is alone.
    if (waiting > 0 && this.#queuedBytes + parcel.weight > queuedBytesMax) return false;
    this.#queuedBytes += parcel.weight;
    if (wanted === 'bulk' || this.#bulkFor.has(parcel.uid)) this.#pushBulk(parcel);
    else normal.push(parcel);
    return true;
  }

  /** Adds behind everything that waits, whatever the bounds: an end must not overtake last words, nor get lost. */
  addLast(parcel: Parcel): void {
    this.#queuedBytes += parcel.weight;
    if (this.#lanes.bulk.size > 0) this.#pushBulk(parcel);
    else this.#lanes.normal.push(parcel);
  }

  /** Moves what may go out now into `batch`, as much as one frame takes. `bufferedBytes` are the connection's. */
  take(batch: unknown[], bufferedBytes: number, nowMs: number): void {
    const {control, normal, bulk} = this.#lanes;
    let weight = this.#takeFrom(this.#again, batch, 0, nowMs, false);
    // Numbers must go out in order: not even control passes what is sent again, which no mark holds up.
    if (this.#again.size > 0) return;
    weight = this.#takeFrom(control, batch, weight, nowMs, false);
    if (bufferedBytes >= bufferedHighMark) return;
    weight = this.#takeFrom(normal, batch, weight, nowMs, true);
    if (normal.size === 0 && bufferedBytes < bufferedLowMark)
      this.#takeFrom(bulk, batch, weight, nowMs, true);
  }

  frameSent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  allow(credit: Credit): void {
    this.#allowed = credit;
  }

  acknowledge(seq: number): boolean {
    return this.#sender.acknowledge(seq);
  }

  /** A new connection has come up. False when the peer is not the one that the last connection knew. */
  resume(received: number, credit: Credit): boolean {
    const again = this.#sender.resume(received);
    if (again === undefined) return false;
    this.#again.takeAll();
    for (const parcel of again) this.#again.push(parcel);
    this.#allowed = credit;
    this.#sentMessages = 0;
    this.#sentBytes = 0;
    return true;
  }

  /** The connection is gone: what is sent at most once is not kept for the next. Returns it. */
  cut(): Parcel[] {
    this.#allowed = {messages: 0, bytes: 0};
    this.#again.takeAll();
    const lost: Parcel[] = [];
    const kept = Object.entries(this.#lanes).map(([lane, box]) => [lane as Lane, box.takeAll()] as const);
    this.#queuedBytes = 0;
    this.#bulkFor.clear();
    for (const [lane, parcels] of kept) {
      for (const parcel of parcels) {
        if (!parcel.isReliable) lost.push(parcel);
        else if (lane === 'bulk') this.#pushBulk(parcel);
        else this.#lanes[lane].push(parcel);
        if (parcel.isReliable && lane !== 'control') this.#queuedBytes += parcel.weight;
      }
    }
    return lost;
  }

  /** A frame could not be made: what `canSend` refuses is left out of the next. Returns it. */
  leaveOut(canSend: (envelope: readonly unknown[]) => boolean): Parcel[] {
    const unsendable = this.#sender.kept().filter(parcel => !parcel.isStale && !canSend(parcel.envelope(0)));
    for (const parcel of unsendable) parcel.isVoid = true;
    return unsendable;
  }

  /** Everything that never went out. The peer is gone for good. */
  takeAll(): Parcel[] {
    const {control, normal, bulk} = this.#lanes;
    this.#again.takeAll();
    this.#bulkFor.clear();
    this.#queuedBytes = 0;
    return [...control.takeAll(), ...normal.takeAll(), ...bulk.takeAll()];
  }

  #takeFrom(
    lane: Mailbox<Parcel>,
    batch: unknown[],
    weightBefore: number,
    nowMs: number,
    needsCredit: boolean,
  ): number {
    let weight = weightBefore;
    while (lane.size > 0 && batch.length < batchEnvelopesMax && weight < batchBytesMax) {
      if (needsCredit && !this.#hasCredit(weight)) break;
      const parcel = lane.shift() as Parcel;
      this.#left(lane, parcel);
      // Its number, if it has one, is left out: the peer's next is a later one.
      if (parcel.isStale || (parcel.seq > 0 && this.#sender.isAcknowledged(parcel))) continue;
      if (parcel.isReliable && parcel.seq === 0) this.#sender.stamp(parcel);
      this.#sentMessages += 1;
      weight += parcel.weight + envelopeBytes;
      batch.push(parcel.envelope(nowMs));
    }
    return weight;
  }

  #hasCredit(weight: number): boolean {
    return (
      this.#sentMessages < this.#allowed.messages &&
      this.#sentBytes + weight < this.#allowed.bytes &&
      this.#sender.unacknowledged < unacknowledgedMax
    );
  }

  #pushBulk(parcel: Parcel): void {
    this.#lanes.bulk.push(parcel);
    this.#bulkFor.set(parcel.uid, (this.#bulkFor.get(parcel.uid) ?? 0) + 1);
  }

  #left(lane: Mailbox<Parcel>, parcel: Parcel): void {
    if (lane === this.#again || lane === this.#lanes.control) return;
    this.#queuedBytes -= parcel.weight;
    if (lane !== this.#lanes.bulk) return;
    const left = (this.#bulkFor.get(parcel.uid) ?? 1) - 1;
    if (left === 0) this.#bulkFor.delete(parcel.uid);
    else this.#bulkFor.set(parcel.uid, left);
  }
}
