/**
 * Those on other nodes who follow jobs of this entrance. Each has a window of news on their way: a follower that takes
 * nothing gets nothing more, and what happens meanwhile is kept as what it comes to (the last progress, how many lines
 * the log has), never as a list that grows. Who has not been heard of for a minute is forgotten.
 */
import type {JobNews} from './governance.ts';
import type {NumberedNews} from './entrance-protocol.ts';
import type {LogChunk} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import type {Ref} from './runtime/ref.ts';

/** News on their way to one follower, and the bytes of log among them. */
const newsMax = 64;
const bytesMax = 512 * 1024;
/** A larger chunk is announced, and read by who wants it. */
const chunkBytesMax = 64 * 1024;
/** Of a follower that takes nothing; a job has no more changes of status in its life, unless it is retried for days. */
const statusesMax = 32;
/** Three renewals missed. */
export const silenceMs = 60_000;

type Held = {
  statuses: JobNews[];
  progress: JobNews | undefined;
  log: JobNews | undefined;
  end: JobNews | undefined;
};

export class EntranceFollower {
  readonly #subscriber: Ref<NumberedNews>;
  readonly #clock: Clock;
  /** Bytes of each news on its way, the oldest first. */
  #onTheWay: number[] = [];
  #bytesOnTheWay = 0;
  #sent = 0;
  #heardAtMs: number;
  #held: Held | undefined;
  #unfollow: (() => void) | undefined;
  #isOver = false;

  constructor(subscriber: Ref<NumberedNews>, clock: Clock) {
    this.#subscriber = subscriber;
    this.#clock = clock;
    this.#heardAtMs = clock.monotonicMs();
  }

  /** Number of the last news sent. */
  get sent(): number {
    return this.#sent;
  }

  get isSilent(): boolean {
    return this.#clock.monotonicMs() - this.#heardAtMs >= silenceMs;
  }

  /** What ends the following at the governance; called at once if this one has ended meanwhile. */
  onStop(unfollow: () => void): void {
    if (this.#isOver) unfollow();
    else this.#unfollow = unfollow;
  }

  stop(): void {
    this.#isOver = true;
    this.#held = undefined;
    this.#unfollow?.();
    this.#unfollow = undefined;
  }

  tell(news: JobNews): void {
    if (this.#isOver) return;
    if (this.#held !== undefined || !this.#send(news)) this.#hold(news);
  }

  /** The follower lives, and has taken all up to `taken`. */
  renew(taken: number): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    const left = Math.max(0, this.#sent - taken);
    while (this.#onTheWay.length > left) this.#bytesOnTheWay -= this.#onTheWay.shift() ?? 0;
    this.#release();
  }

  #send(news: JobNews): boolean {
    const told =
      news.type === 'log' && news.chunk.bytes.length > chunkBytesMax ? announced(news.lines) : news;
    const size = told.type === 'log' ? told.chunk.bytes.length : 0;
    if (this.#onTheWay.length >= newsMax || this.#bytesOnTheWay + size > bytesMax) return false;
    if (!this.#subscriber.tell({sequence: this.#sent + 1, news: told})) return false;
    this.#sent += 1;
    this.#onTheWay.push(size);
    this.#bytesOnTheWay += size;
    return true;
  }

  #hold(news: JobNews): void {
    this.#held ??= {statuses: [], progress: undefined, log: undefined, end: undefined};
    switch (news.type) {
      case 'status':
        this.#held.statuses.push(news);
        if (this.#held.statuses.length > statusesMax) this.#held.statuses.shift();
        return;
      case 'progress':
        this.#held.progress = news;
        return;
      case 'log':
        this.#held.log = announced(news.lines);
        return;
      case 'end':
        this.#held.end = news;
    }
  }

  #release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const waiting = [...held.statuses, held.progress, held.log, held.end];
    for (const news of waiting) if (news !== undefined) this.tell(news);
  }
}

const nothing = new Uint8Array(0);

const announced = (lines: number): JobNews & {readonly type: 'log'} => ({
  type: 'log',
  lines,
  chunk: emptyChunk(lines),
});

/** Says that the log has `lines` lines, and brings none of them. */
export const emptyChunk = (lines: number): LogChunk => ({fromLine: lines, lineCount: 0, bytes: nothing});
