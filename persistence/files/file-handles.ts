/**
 * A bounded set of open files. Logs of thousands of running jobs share a few hundred descriptors: the least recently
 * used one is closed when another is needed, and all of them after a while without use, so that a file removed by
 * retention gives its disk space back. Nobody holds two at a time, hence waiting for one cannot deadlock.
 */
import {close, constants, ftruncate, open} from 'node:fs';
import {promisify} from 'node:util';
import type {Clock} from '../../actors/runtime/clock.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const cutFile = promisify(ftruncate);

/** `write` makes the file if need be, mode 0600; `anew` also empties it. */
export type FileMode = 'read' | 'write' | 'anew';

const flags: Record<FileMode, number> = {
  read: constants.O_RDONLY,
  // Not O_APPEND: writes are positional, so that one that failed halfway is written over, not after.
  write: constants.O_RDWR | constants.O_CREAT,
  anew: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
};

const keyOf = (path: string, mode: FileMode): string => `${mode === 'read' ? 'read' : 'write'}:${path}`;

type Handle = {
  readonly key: string;
  readonly fd: Promise<number>;
  users: number;
  usedAtMs: number;
  isForgotten: boolean;
};

export type FileHandlesOptions = {
  readonly clock: Clock;
  /** Descriptors kept open at most; more users wait in line. */
  readonly openMax: number;
  /** Unused handles are closed after about this long. */
  readonly idleMs: number;
};

export class FileHandles {
  readonly #options: FileHandlesOptions;
  /** In order of use, the least recently used first. */
  readonly #handles = new Map<string, Handle>();
  readonly #waiting: (() => void)[] = [];
  #cancelSweep: (() => void) | undefined;

  constructor(options: FileHandlesOptions) {
    this.#options = options;
  }

  get openCount(): number {
    return this.#handles.size;
  }

  /** Runs `action` with the open file; rejects with what `open` or `action` reject with. */
  async use<T>(path: string, mode: FileMode, action: (fd: number) => Promise<T>): Promise<T> {
    const {handle, isFresh} = await this.#take(path, mode);
    try {
      const fd = await handle.fd;
      if (mode === 'anew' && !isFresh) await cutFile(fd);
      return await action(fd);
    } finally {
      this.#release(handle);
    }
  }

  /** Closes the file as soon as nobody uses it; the next use opens it anew. */
  forget(path: string): void {
    for (const mode of ['read', 'write'] as const) {
      const handle = this.#handles.get(keyOf(path, mode));
      if (handle === undefined) continue;
      handle.isForgotten = true;
      this.#handles.delete(handle.key);
      if (handle.users === 0) this.#shut(handle);
    }
  }

  /** Closes what is idle; what is in use is closed by its user. */
  async close(): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const idle = [...this.#handles.values()].filter(handle => handle.users === 0);
    for (const handle of this.#handles.values()) handle.isForgotten = true;
    this.#handles.clear();
    await Promise.all(idle.map(async handle => closeFile(await handle.fd).catch(() => undefined)));
  }

  async #take(path: string, mode: FileMode): Promise<{handle: Handle; isFresh: boolean}> {
    const key = keyOf(path, mode);
    for (;;) {
      const known = this.#handles.get(key);
      if (known !== undefined) {
        known.users++;
        return {handle: known, isFresh: false};
      }
      if (this.#handles.size < this.#options.openMax || this.#evictOne()) break;
      await new Promise<void>(resolve => {
        this.#waiting.push(resolve);
      });
    }
    const fd = openFile(path, flags[mode], 0o600);
    const handle: Handle = {key, fd, users: 1, usedAtMs: 0, isForgotten: false};
    this.#handles.set(key, handle);
    // A failed open must not be remembered: the file may be there next time. The user sees the rejection itself.
    fd.catch(() => {
      handle.isForgotten = true;
      if (this.#handles.get(key) === handle) this.#handles.delete(key);
    });
    return {handle, isFresh: true};
  }

  #release(handle: Handle): void {
    handle.users--;
    if (handle.users > 0) return;
    if (handle.isForgotten) {
      this.#shut(handle);
    } else {
      handle.usedAtMs = this.#options.clock.monotonicMs();
      this.#handles.delete(handle.key);
      this.#handles.set(handle.key, handle);
      this.#scheduleSweep();
    }
    this.#waiting.shift()?.();
  }

  #evictOne(): boolean {
    for (const handle of this.#handles.values()) {
      if (handle.users > 0) continue;
      this.#handles.delete(handle.key);
      this.#shut(handle);
      return true;
    }
    return false;
  }

  #shut(handle: Handle): void {
    // A close that fails has nothing left to lose: every write was awaited and checked before.
    handle.fd.then(closeFile).catch(() => undefined);
  }

  #scheduleSweep(): void {
    const {clock, idleMs} = this.#options;
    this.#cancelSweep ??= clock.after(idleMs, () => {
      this.#cancelSweep = undefined;
      const before = clock.monotonicMs() - idleMs;
      for (const handle of this.#handles.values()) {
        if (handle.users > 0 || handle.usedAtMs > before) continue;
        this.#handles.delete(handle.key);
        this.#shut(handle);
      }
      if (this.#handles.size > 0) this.#scheduleSweep();
    });
  }
}
