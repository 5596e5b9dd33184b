/** A number of places that work takes turns in; who waits too long is turned away. First come, first served. */
import type {Clock} from '../actors/runtime/clock.ts';

export class Slots {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(count: number, clock: Clock) {
    this.#free = count;
    this.#clock = clock;
  }

  /** Resolves to what gives the place back; to undefined when none was free for `waitMsMax`. */
  take(waitMsMax: number): Promise<(() => void) | undefined> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(this.#giver());
    }
    return new Promise(resolve => {
      const proceed = (): void => {
        cancel();
        resolve(this.#giver());
      };
      const cancel = this.#clock.after(waitMsMax, () => {
        this.#waiting.delete(proceed);
        resolve(undefined);
      });
      this.#waiting.add(proceed);
    });
  }

  #giver(): () => void {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      const next = this.#waiting.values().next();
      if (next.done === true) {
        this.#free += 1;
      } else {
        this.#waiting.delete(next.value);
        next.value();
      }
    };
  }
}
