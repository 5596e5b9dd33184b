/** The jobs that one socket follows: whose turn it is when several have log to bring up, and what ends a following. */
import type {Governance, JobNews} from '../../actors/governance.ts';
import {toFailure} from '../../actors/domain/errors.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {JobSpeech} from './job-speech.ts';
import {JobSubscription, type Outlet} from './job-subscription.ts';
import type {LogPages} from './log-pages.ts';
import {LogUnavailableError} from './stream-error.ts';

export type JobFollowsDependencies = {
  readonly governance: Governance;
  readonly pages: LogPages;
  readonly clock: Clock;
};

type Followed = {
  readonly subscription: JobSubscription;
  /** Its first answers are out: from now on news may lead to its end. */
  isStarted: boolean;
  unfollow: (() => void) | undefined;
  emptyReads: number;
  cancelRetry: (() => void) | undefined;
};

const emptyReadsMax = 3;
const retryMs = 100;

export class JobFollows {
  readonly #outlet: Outlet;
  readonly #dependencies: JobFollowsDependencies;
  readonly #followed = new Map<number, Followed>();
  /** Those with lines to bring up, in turn. */
  readonly #behind = new Set<Followed>();
  #isPumping = false;
  #isClosed = false;

  constructor(outlet: Outlet, dependencies: JobFollowsDependencies) {
    this.#outlet = outlet;
    this.#dependencies = dependencies;
  }

  get size(): number {
    return this.#followed.size;
  }

  /**
   * Follows a job from a line on, in place of an earlier following. Resolves false if there is no such job; rejects as
   * the governance does. Whether the caller may is for the caller of this to know.
   */
  async start(taskID: number, fromLine: number, speech: JobSpeech): Promise<boolean> {
    this.drop(taskID);
    if (this.#isClosed) return true;
    const subscription = new JobSubscription(
      taskID,
      fromLine,
      speech,
      this.#outlet,
      this.#dependencies.pages,
    );
    const followed: Followed = {
      subscription,
      isStarted: false,
      unfollow: undefined,
      emptyReads: 0,
      cancelRetry: undefined,
    };
    this.#followed.set(taskID, followed);
    try {
      return await this.#begin(followed);
    } catch (error) {
      this.#forget(followed);
      throw error;
    }
  }

  drop(taskID: number): void {
    const followed = this.#followed.get(taskID);
    if (followed !== undefined) this.#forget(followed);
  }

  onDrained(): void {
    for (const followed of this.#followed.values()) {
      followed.subscription.flush();
      this.#settle(followed);
    }
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    for (const taskID of this.#followed.keys()) this.drop(taskID);
  }

  async #begin(followed: Followed): Promise<boolean> {
    const {governance} = this.#dependencies;
    const {subscription} = followed;
    const {taskID} = subscription;
    const unfollow = await governance.follow(taskID, news => this.#onNews(followed, news));
    if (unfollow === undefined || subscription.isOver) {
      unfollow?.();
      this.#forget(followed);
      return unfollow !== undefined;
    }
    followed.unfollow = unfollow;
    const position = await governance.logPosition(taskID);
    subscription.knowLines(position?.lines ?? 0);
    if (subscription.end !== undefined && !subscription.hasStatus) {
      const stored = await governance.stored(taskID);
      if (stored !== undefined) subscription.tellStatus(subscription.end.status, stored.row.updatedTime);
    }
    followed.isStarted = true;
    this.#settle(followed);
    this.#wake();
    return true;
  }

  #onNews(followed: Followed, news: JobNews): void {
    followed.subscription.tell(news);
    this.#settle(followed);
    this.#wake();
  }

  /** Ends a following that is complete, or queues it for what it lacks. */
  #settle(followed: Followed): void {
    const {subscription, isStarted, cancelRetry} = followed;
    if (!isStarted) return;
    if (subscription.finish()) this.#forget(followed);
    else if (subscription.isBehind && cancelRetry === undefined) this.#behind.add(followed);
  }

  #wake(): void {
    if (this.#behind.size > 0 && !this.#isPumping) void this.#pump();
  }

  /** One page at a time for the whole socket: however many jobs it follows, one page is all it holds beyond its limit. */
  async #pump(): Promise<void> {
    this.#isPumping = true;
    while (this.#outlet.isOpen()) {
      const [next] = this.#behind;
      if (next === undefined) break;
      this.#behind.delete(next);
      // One page after the other is the point.
      // oxlint-disable-next-line no-await-in-loop
      if (next.subscription.isBehind) await this.#bringUp(next);
    }
    this.#isPumping = false;
  }

  async #bringUp(followed: Followed): Promise<void> {
    const {subscription} = followed;
    const {taskID, cursor, speech} = subscription;
    try {
      const page = await this.#dependencies.pages.read(taskID, cursor, speech);
      if (subscription.isOver) return;
      if (page === undefined) {
        this.#onNothingRead(followed);
      } else {
        followed.emptyReads = 0;
        subscription.sendLog(page);
      }
      this.#settle(followed);
    } catch (error) {
      if (subscription.isOver) return;
      this.#outlet.send(speech.failure(toFailure(new LogUnavailableError(taskID, cursor, error))));
      this.#forget(followed);
    }
  }

  /** Lines that were announced cannot be read: perhaps not yet, through another node; perhaps never again. */
  #onNothingRead(followed: Followed): void {
    const {subscription} = followed;
    followed.emptyReads++;
    if (subscription.end !== undefined && followed.emptyReads >= emptyReadsMax) {
      subscription.skipToKnown('The log is no longer kept.');
      return;
    }
    const delayMs = retryMs * Math.min(followed.emptyReads, emptyReadsMax);
    followed.cancelRetry = this.#dependencies.clock.after(delayMs, () => {
      followed.cancelRetry = undefined;
      this.#settle(followed);
      this.#wake();
    });
  }

  #forget(followed: Followed): void {
    const {subscription} = followed;
    subscription.stop();
    followed.unfollow?.();
    followed.cancelRetry?.();
    this.#behind.delete(followed);
    if (this.#followed.get(subscription.taskID) === followed) this.#followed.delete(subscription.taskID);
  }
}
