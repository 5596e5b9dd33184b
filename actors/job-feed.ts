/**
 * The live news of jobs inside a node: whoever owns a job publishes, sockets and waiting calls listen. Synchronous, and
 * nothing is kept: what a listener missed it reads from the row and the log. Publishing for a job that nobody follows
 * costs one look into a map.
 */
import type {JobNews} from './governance.ts';
import {LinkisError} from './domain/errors.ts';

export type JobNewsListener = (news: JobNews) => void;

export type JobFeed = {
  /**
   * Tells the job's listeners, in the order they came. News published by a listener follows after the present one has
   * reached everybody. `end` is the last: it ends all subscriptions of the job.
   */
  readonly publish: (taskID: number, news: JobNews) => void;
  /** Returns what ends the subscription; calling that twice does no harm. Throws `FeedFullError` at the limit. */
  readonly subscribe: (taskID: number, listener: JobNewsListener) => () => void;
  readonly listenerCount: () => number;
};

export type JobFeedOptions = {
  /** Listeners of all jobs together. */
  readonly listenersMax?: number;
  /** A listener threw. The others are told all the same. */
  readonly onListenerFailure?: (taskID: number, error: unknown) => void;
};

/** The node follows as many jobs for its clients as it is allowed to. */
export class FeedFullError extends LinkisError {
  override readonly name = 'FeedFullError';
  readonly code = 80111;
  override readonly retryable = true;

  constructor(listenersMax: number) {
    super(
      `This node already serves ${listenersMax} followers of jobs, which is its limit.` +
        ' Follow through another node, or try again when others have left.',
    );
  }
}

type Subscription = {
  readonly listener: JobNewsListener;
  /** Number of the channel's news that was being told when it came: that one is not for it. */
  readonly since: number;
};

type Channel = {
  readonly subscriptions: Set<Subscription>;
  told: number;
  /** Present while news is being told: what came meanwhile. */
  backlog: JobNews[] | undefined;
};

/** A feed for one node; see `JobFeed`. */
export function createJobFeed(options: JobFeedOptions = {}): JobFeed {
  const {listenersMax = 100_000, onListenerFailure} = options;
  const channels = new Map<number, Channel>();
  let listenerCount = 0;

  function tell(taskID: number, channel: Channel, news: JobNews): void {
    channel.told++;
    for (const {listener, since} of channel.subscriptions) {
      if (since === channel.told) continue;
      try {
        listener(news);
      } catch (error) {
        onListenerFailure?.(taskID, error);
      }
    }
    if (news.type !== 'end') return;
    listenerCount -= channel.subscriptions.size;
    channel.subscriptions.clear();
    if (channels.get(taskID) === channel) channels.delete(taskID);
  }

  return {
    publish(taskID, news) {
      const channel = channels.get(taskID);
      if (channel === undefined) return;
      if (channel.backlog !== undefined) {
        channel.backlog.push(news);
        return;
      }
      const backlog: JobNews[] = [];
      channel.backlog = backlog;
      tell(taskID, channel, news);
      for (let next = backlog.shift(); next !== undefined; next = backlog.shift())
        tell(taskID, channel, next);
      channel.backlog = undefined;
    },
    subscribe(taskID, listener) {
      if (listenerCount >= listenersMax) throw new FeedFullError(listenersMax);
      const channel = channels.get(taskID) ?? {subscriptions: new Set(), told: 0, backlog: undefined};
      channels.set(taskID, channel);
      const subscription = {listener, since: channel.backlog === undefined ? -1 : channel.told};
      channel.subscriptions.add(subscription);
      listenerCount++;
      return () => {
        if (!channel.subscriptions.delete(subscription)) return;
        listenerCount--;
        if (channel.subscriptions.size === 0 && channels.get(taskID) === channel) channels.delete(taskID);
      };
    },
    listenerCount: () => listenerCount,
  };
}
