/**
 * What comes from one node: which of it is new, what has to wait for a full mailbox, and how much more may be sent. A
 * message that waits gives no credit back, so a slow actor slows its senders down instead of losing messages; for at most a
 * second, after which its messages are refused at once until it takes one.
 */
import {Mailbox} from '../actors/runtime/mailbox.ts';
import type {Credit} from './envelope.ts';
import {ReliableReceiver} from './reliable-receiver.ts';

/** Credit of a new connection. The bytes bound what lies ahead of a control message on the way. */
export const creditWindow: Credit = {messages: 4096, bytes: 1024 * 1024};
/** How long messages wait for an actor that takes none. */
const heldMsMax = 1000;

/** A message that its actor's full mailbox did not take. */
export type HeldMessage = {readonly body: unknown; readonly bytes: number};

type HeldQueue = {readonly messages: Mailbox<HeldMessage>; sinceMs: number; isStuck: boolean};

export class LinkInbox {
  readonly reliable = new ReliableReceiver();
  readonly #held = new Map<number, HeldQueue>();
  #heldMessages = 0;
  #heldBytes = 0;
  #messages = 0;
  #bytes = 0;
  #granted: Credit = creditWindow;
  #acknowledged = 0;

  /** Messages that wait for full mailboxes. */
  get held(): number {
    return this.#heldMessages;
  }

  /** Counting starts anew with each connection, on both sides; what is held stays. */
  connected(): Credit {
    this.#messages = 0;
    this.#bytes = 0;
    this.#granted = {
      messages: creditWindow.messages - this.#heldMessages,
      bytes: creditWindow.bytes - this.#heldBytes,
    };
    this.#acknowledged = this.reliable.received;
    return this.#granted;
  }

  frameCame(bytes: number): void {
    this.#bytes += bytes;
  }

  messageCame(): void {
    this.#messages += 1;
  }

  /** Whether the peer would like to know something; `urgent` when half of its credit is used up. */
  get ackDue(): 'urgent' | 'soon' | undefined {
    const {messages, bytes} = this.#next();
    const half = 2;
    if (messages - this.#granted.messages >= creditWindow.messages / half) return 'urgent';
    if (bytes - this.#granted.bytes >= creditWindow.bytes / half) return 'urgent';
    return this.reliable.received > this.#acknowledged ? 'soon' : undefined;
  }

  /** What to tell the peer now. */
  ack(): {readonly received: number; readonly credit: Credit} {
    const next = this.#next();
    // Credit once granted is not taken back; what is held meanwhile is left out of later grants.
    this.#granted = {
      messages: Math.max(next.messages, this.#granted.messages),
      bytes: Math.max(next.bytes, this.#granted.bytes),
    };
    this.#acknowledged = this.reliable.received;
    return {received: this.#acknowledged, credit: this.#granted};
  }

  /** Whether messages to `uid` have to queue up behind others. */
  isHeld(uid: number): boolean {
    return this.#held.has(uid);
  }

  /** Keeps a message for an actor whose mailbox is full. False when that actor has taken none for too long. */
  hold(uid: number, message: HeldMessage, nowMs: number): boolean {
    let queue = this.#held.get(uid);
    if (queue === undefined) {
      queue = {messages: new Mailbox(), sinceMs: nowMs, isStuck: false};
      this.#held.set(uid, queue);
    }
    if (queue.isStuck) return false;
    queue.messages.push(message);
    this.#heldMessages += 1;
    this.#heldBytes += message.bytes;
    return true;
  }

  /**
   * Offers what is held again, in order. `give` answers whether the message is dealt with. Returns what was given up on,
   * as numbers of receivers.
   */
  offerHeld(give: (uid: number, body: unknown) => boolean, nowMs: number): number[] {
    const givenUp: number[] = [];
    for (const [uid, queue] of this.#held) {
      const before = queue.messages.size;
      const rest = queue.messages.takeAll();
      let taken = 0;
      while (taken < rest.length && give(uid, rest[taken]?.body)) taken += 1;
      for (const message of rest.slice(0, taken)) this.#letGo(message);
      if (taken > 0) queue.sinceMs = nowMs;
      if (nowMs - queue.sinceMs >= heldMsMax) {
        queue.isStuck = true;
        for (const message of rest.slice(taken)) {
          this.#letGo(message);
          givenUp.push(uid);
        }
      } else for (const message of rest.slice(taken)) queue.messages.push(message);
      if (taken === before && !queue.isStuck) this.#held.delete(uid);
    }
    return givenUp;
  }

  /** The actor takes messages again, or is no more. */
  release(uid: number): void {
    const queue = this.#held.get(uid);
    if (queue === undefined) return;
    for (const message of queue.messages.takeAll()) this.#letGo(message);
    this.#held.delete(uid);
  }

  #letGo({bytes}: HeldMessage): void {
    this.#heldMessages -= 1;
    this.#heldBytes -= bytes;
  }

  #next(): Credit {
    return {
      messages: this.#messages - this.#heldMessages + creditWindow.messages,
      bytes: this.#bytes - this.#heldBytes + creditWindow.bytes,
    };
  }
}
