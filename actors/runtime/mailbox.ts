/**
 * A bounded first-in-first-out ring: 8 bytes a waiting message, no allocation per message, and memory is given back as
 * soon as a burst has been drained (nact's deque keeps 7 MB after a burst of a million).
 */
const slotsMin = 8;
/** A drained ring up to this size is kept: growing again from 8 at every small burst would cost more than 512 bytes. */
const slotsKept = 64;

// `Array.from` is several times slower, and a mailbox grows on the sender's time.
// oxlint-disable-next-line unicorn/no-new-array
const emptySlots = <Item>(count: number): (Item | undefined)[] => new Array<Item | undefined>(count);

export class Mailbox<Item> {
  /** Waiting items. Read it, don't write it. */
  size = 0;
  #slots: (Item | undefined)[] = emptySlots<Item>(slotsMin);
  #head = 0;

  /** Adds at the end, whatever the bound: the caller compares `size` with its own. */
  push(item: Item): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.size) & (this.#slots.length - 1)] = item;
    this.size += 1;
  }

  /** Takes the oldest item. Undefined when nothing waits, so ask `size` first if undefined can be an item. */
  shift(): Item | undefined {
    if (this.size === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.size -= 1;
    if (this.size === 0 && this.#slots.length > slotsKept) this.#release();
    return item;
  }

  /** Takes all items, oldest first, and gives the memory back. */
  takeAll(): Item[] {
    const items: Item[] = [];
    for (let left = this.size; left > 0; left -= 1) items.push(this.shift() as Item);
    this.#release();
    return items;
  }

  /** Slots in memory, for tests of what a burst leaves behind. */
  get capacity(): number {
    return this.#slots.length;
  }

  #grow(): void {
    const from = this.#slots;
    const to = emptySlots<Item>(from.length * 2);
    for (let index = 0; index < from.length; index += 1) {
      to[index] = from[(this.#head + index) & (from.length - 1)];
    }
    this.#slots = to;
    this.#head = 0;
  }

  #release(): void {
    this.#slots = emptySlots<Item>(slotsMin);
    this.#head = 0;
  }
}
