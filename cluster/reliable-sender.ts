/**
 * The sending half of the reliable class: numbers what goes out, and keeps it until the peer has it. Belongs to a pair of
 * incarnations, and outlives their connections. Pure: knows no clock and no connection.
 */
import {Mailbox} from '../actors/runtime/mailbox.ts';

export type Sequenced = {
  /** 0 until it first goes out; from then on its place among all that this side ever sent reliably, from 1. */
  seq: number;
};

export class ReliableSender<Item extends Sequenced> {
  #sent = 0;
  #acknowledged = 0;
  readonly #kept = new Mailbox<Item>();

  /** Items that the peer may not have. */
  get unacknowledged(): number {
    return this.#kept.size;
  }

  /** Gives `item` its number, as it goes out for the first time. */
  stamp(item: Item): void {
    this.#sent += 1;
    item.seq = this.#sent;
    this.#kept.push(item);
  }

  /** The peer has everything up to `seq`. False when that was never sent. */
  acknowledge(seq: number): boolean {
    if (seq > this.#sent) return false;
    while (this.#acknowledged < seq) {
      this.#kept.shift();
      this.#acknowledged += 1;
    }
    return true;
  }

  isAcknowledged(item: Item): boolean {
    return item.seq <= this.#acknowledged;
  }

  /**
   * On a new connection, on which the peer says what it has: what has to go out again, in order, before anything new.
   * Undefined when the peer has forgotten what it had, or has what was never sent: then it is not the same life.
   */
  resume(received: number): readonly Item[] | undefined {
    if (received < this.#acknowledged || !this.acknowledge(received)) return undefined;
    return this.kept();
  }

  /** What the peer may not have, oldest first. */
  kept(): readonly Item[] {
    const items = this.#kept.takeAll();
    for (const item of items) this.#kept.push(item);
    return items;
  }
}
