/**
 * Deadlines by the thousand on one clock timer: slots of 10 ms, doubly linked, so that adding and removing cost the same
 * with one deadline or 50,000 of them open. A deadline is met at most 10 ms late and never early, whatever its length.
 * The clock's timer exists only while a deadline does.
 */
import type {Clock} from './clock.ts';

const tickMs = 10;
const slotCount = 512;

/** What waits in the wheel. The wheel owns these fields. */
export type WheelEntry = {
  dueTick: number;
  earlier: WheelEntry | undefined;
  later: WheelEntry | undefined;
  readonly expire: (nowMs: number) => void;
};

export class TimerWheel {
  readonly #clock: Clock;
  /** Heads of the slots' lists. */
  readonly #slots: (WheelEntry | undefined)[] = Array.from({length: slotCount}, () => undefined);
  #count = 0;
  #lastTick = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#count;
  }

  /** Calls `entry.expire` once, at `deadlineMs` of the monotonic clock, unless it is removed before. */
  add(entry: WheelEntry, deadlineMs: number, nowMs: number): void {
    if (this.#cancel === undefined) {
      this.#lastTick = Math.floor(nowMs / tickMs);
      this.#arm(nowMs);
    }
    entry.dueTick = Math.max(Math.ceil(deadlineMs / tickMs), this.#lastTick + 1);
    const slot = entry.dueTick % slotCount;
    const head = this.#slots[slot];
    entry.earlier = undefined;
    entry.later = head;
    if (head !== undefined) head.earlier = entry;
    this.#slots[slot] = entry;
    this.#count += 1;
  }

  remove(entry: WheelEntry): void {
    const {earlier, later} = entry;
    if (earlier === undefined) this.#slots[entry.dueTick % slotCount] = later;
    else earlier.later = later;
    if (later !== undefined) later.earlier = earlier;
    entry.earlier = undefined;
    entry.later = undefined;
    this.#count -= 1;
  }

  /** Expires everything now. */
  close(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let slot = 0; slot < slotCount; slot += 1) this.#expireUpTo(slot, Infinity, nowMs);
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(nowMs: number): void {
    const nextTickMs = (this.#lastTick + 1) * tickMs;
    this.#cancel = this.#clock.after(Math.max(0, nextTickMs - nowMs), () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const nowTick = Math.floor(nowMs / tickMs);
    // After a long pause each slot is looked at once, not once per missed tick.
    const firstTick = Math.max(this.#lastTick + 1, nowTick - slotCount + 1);
    this.#lastTick = nowTick;
    for (let tick = firstTick; tick <= nowTick; tick += 1) this.#expireUpTo(tick % slotCount, nowTick, nowMs);
    if (this.#count > 0) this.#arm(nowMs);
    else this.#cancel = undefined;
  }

  #expireUpTo(slot: number, nowTick: number, nowMs: number): void {
    let entry = this.#slots[slot];
    while (entry !== undefined) {
      const next: WheelEntry | undefined = entry.later;
      if (entry.dueTick <= nowTick) {
        this.remove(entry);
        entry.expire(nowMs);
      }
      entry = next;
    }
  }
}
