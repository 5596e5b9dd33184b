/** One direction between two nodes of a memory network: whatever enters comes out in order, later, or stays for good. */
import type {Clock} from '../actors/runtime/clock.ts';
import type {Random} from '../actors/runtime/random.ts';

type Item = {readonly bytes: number; readonly deliver: () => void; dueMs: number};

export type PipeOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** Of what enters now. */
  readonly delayMs: () => number;
  /** Packets get lost on this way now. */
  readonly isCut: () => boolean;
  /** Who should take it does not: the process is paused, or nobody listens yet. */
  readonly isHeld: () => boolean;
};

export class Pipe {
  readonly #options: PipeOptions;
  #items: Item[] = [];
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;
  #isPumping = false;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  /** Bytes on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: number, deliver: () => void): void {
    const {clock, delayMs} = this.#options;
    this.#items.push({bytes, deliver, dueMs: clock.monotonicMs() + delayMs()});
    this.#bytes += bytes;
    this.#arm();
  }

  /** Loses the tail, as a socket does whose owner ends: chance says how much of it. */
  truncate(): void {
    this.#keep(Math.floor(this.#options.random.next() * (this.#items.length + 1)));
  }

  /** Loses all. */
  clear(): void {
    this.#keep(0);
    this.#disarm();
  }

  /** Something that held it may have changed. */
  resume(): void {
    this.#pump();
  }

  /**
   * The cut is over. What was lost on the way is sent again when TCP next tries, and TCP tries ever more rarely: it may
   * take as long again as it has taken already. A connection made now does not wait.
   */
  heal(): void {
    const [head] = this.#items;
    const nowMs = this.#options.clock.monotonicMs();
    // What stands behind it waits for it anyway.
    if (head !== undefined && head.dueMs <= nowMs) {
      head.dueMs = nowMs + this.#options.random.next() * (nowMs - head.dueMs);
    }
    this.#disarm();
    this.#arm();
  }

  #keep(count: number): void {
    this.#items = this.#items.slice(0, count);
    this.#bytes = this.#items.reduce((sum, {bytes}) => sum + bytes, 0);
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#disarm();
    const {clock, isCut, isHeld} = this.#options;
    try {
      while (!isCut() && !isHeld()) {
        const [head] = this.#items;
        if (head === undefined || head.dueMs > clock.monotonicMs()) break;
        this.#items.shift();
        this.#bytes -= head.bytes;
        head.deliver();
      }
    } finally {
      this.#isPumping = false;
      this.#arm();
    }
  }

  /** A timer for the first item, unless it is due already and waits for `resume` or `heal`. */
  #arm(): void {
    const [head] = this.#items;
    if (head === undefined || this.#cancelTimer !== undefined || this.#isPumping) return;
    const {clock, isCut, isHeld} = this.#options;
    if (isCut() || isHeld()) return;
    this.#cancelTimer = clock.after(Math.max(0, head.dueMs - clock.monotonicMs()), () => {
      this.#cancelTimer = undefined;
      this.#pump();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
