/**
 * The news of one job from an entrance of another node, while that entrance has it and the link holds. Notices what is
 * lost: by the number of the next news, and every 20 s by asking for the number of the last.
 */
import {isNumberedNews, type NumberedNews} from './entrance-protocol.ts';
import type {JobNews} from './governance.ts';
import type {RemoteEntrance} from './remote-entrance.ts';
import {callbackRef} from './runtime/callback-ref.ts';
import type {Clock} from './runtime/clock.ts';

/** A third of what an entrance waits for before it forgets a follower. */
const renewMs = 20_000;
/** Half of what an entrance sends ahead. */
const renewAfterNews = 32;
const renewAfterBytes = 256 * 1024;

export type EntranceSubscription = {
  /** Resolves false if the entrance knows no such job. Rejects as `RemoteEntrance.follow`. */
  readonly start: () => Promise<boolean>;
  /** From now on nothing is called any more. */
  readonly end: () => void;
};

export type SubscriptionOptions = {
  readonly entrance: RemoteEntrance;
  readonly taskID: number;
  readonly withLog: boolean;
  readonly followId: string;
  readonly clock: Clock;
  readonly onNews: (news: JobNews) => void;
  /** News were lost, or the entrance knows nothing of this any more: it has to be begun anew. */
  readonly onLost: () => void;
};

export function entranceSubscription(options: SubscriptionOptions): EntranceSubscription {
  const {entrance, taskID, withLog, followId, clock, onNews, onLost} = options;
  let received = 0;
  let renewed = 0;
  let bytesSinceRenewal = 0;
  let cancelTimer = (): void => undefined;
  let hasEnded = false;

  const subscriber = callbackRef<NumberedNews>(`/following/${taskID}`, message => {
    if (!isNumberedNews(message) || message.sequence !== received + 1) {
      lose();
      return;
    }
    const {sequence, news} = message;
    received = sequence;
    if (news.type === 'log') bytesSinceRenewal += news.chunk.bytes.length;
    onNews(news);
    if (received - renewed >= renewAfterNews || bytesSinceRenewal >= renewAfterBytes) renew();
  });

  /** Says what has come, which is credit for more and a sign of life, and learns what should have. */
  function renew(): void {
    if (hasEnded) return;
    renewed = received;
    bytesSinceRenewal = 0;
    arm();
    entrance.renew(followId, received).then(
      sent => {
        // What was sent before that answer has come before it, or never will.
        if (sent === -1 || sent > received) lose();
      },
      () => lose(),
    );
  }

  function arm(): void {
    cancelTimer();
    cancelTimer = clock.after(renewMs, renew);
  }

  function lose(): void {
    if (!hasEnded) onLost();
  }

  return {
    async start() {
      const isThere = await entrance.follow({taskID, followId, withLog, subscriber});
      if (isThere && !hasEnded) arm();
      return isThere;
    },
    end() {
      if (hasEnded) return;
      hasEnded = true;
      cancelTimer();
      subscriber.close();
      entrance.unfollow(followId);
    },
  };
}
