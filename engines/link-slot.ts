/** The link to an engine that is there now, if any, and who waits for the next one. */
import type {Clock} from '../actors/runtime/clock.ts';
import type {EngineLink} from './engine-link.ts';

export class LinkSlot {
  #link: EngineLink | undefined;
  #waiters: (() => void)[] = [];

  get link(): EngineLink | undefined {
    return this.#link;
  }

  set(link: EngineLink | undefined): void {
    this.#link = link;
    if (link !== undefined) this.wake();
  }

  /** Nobody need wait any more, whether there is a link or not. */
  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Resolves when there is a link, at `wake`, and at the latest after `timeoutMs`. */
  async next(clock: Clock, timeoutMs: number): Promise<void> {
    const {promise, resolve} = Promise.withResolvers<void>();
    this.#waiters.push(resolve);
    const cancel = clock.after(timeoutMs, resolve);
    await promise;
    cancel();
  }
}
