/** What the log benchmark asks its two helper processes; each task is answered with one message. */
export type NodeTask =
  | {readonly type: 'open'; readonly kind: 'stream' | 'bare'}
  /** Appends one chunk of log, or sends its bytes to all bare clients. Answered when the followers are near it. */
  | {readonly type: 'publish'; readonly isLast: boolean}
  | {readonly type: 'write'; readonly lines: number}
  | {readonly type: 'url'}
  | {readonly type: 'place'; readonly taskID: number}
  | {readonly type: 'watchMemory'}
  | {readonly type: 'memory'}
  | {readonly type: 'close'};

export type FollowersTask =
  | {
      readonly type: 'connect';
      readonly url: string;
      readonly taskID: number;
      readonly followers: number;
      readonly headers: Readonly<Record<string, string>>;
    }
  /** Answered when each follower has seen the end. */
  | {readonly type: 'receive'};
