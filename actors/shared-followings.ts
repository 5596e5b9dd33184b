/**
 * All of this node's followers of one job share one following of it: the job's news cross the link once, however many
 * clients watch. Who comes later is first told how things stand.
 */
import {emptyChunk} from './entrance-followers.ts';
import type {Governance, JobNews} from './governance.ts';
import {RemoteFollowing, type FollowingDependencies} from './remote-following.ts';

type Listener = {
  readonly onNews: (news: JobNews) => void;
  /** Has been told how things stand. */
  isLive: boolean;
};

type Shared = {
  readonly listeners: Set<Listener>;
  readonly following: RemoteFollowing;
  /** False: there is no such job. */
  readonly whenStarted: Promise<boolean>;
  readonly state: {
    status?: JobNews;
    progress?: JobNews;
    end?: JobNews;
    /** Lines last heard of. */
    lines: number;
  };
};

export type SharedFollowings = {readonly follow: Governance['follow']; readonly close: () => void};

export function createSharedFollowings(
  dependencies: Omit<FollowingDependencies, 'onOver'>,
): SharedFollowings {
  const open = new Map<string, Shared>();

  function tell(taskID: number, {onNews}: Listener, news: JobNews): void {
    try {
      onNews(news);
    } catch (error) {
      dependencies.onListenerFailure(taskID, error);
    }
  }

  function begin(key: string, taskID: number, withLog: boolean): Shared {
    const listeners = new Set<Listener>();
    const state: Shared['state'] = {lines: 0};
    const following = new RemoteFollowing(
      taskID,
      news => {
        if (news.type === 'log') state.lines = news.lines;
        else state[news.type] = news;
        for (const listener of listeners) if (listener.isLive) tell(taskID, listener, news);
      },
      {withLog},
      {
        ...dependencies,
        onOver(over) {
          if (open.get(key)?.following === over) open.delete(key);
        },
      },
    );
    const shared: Shared = {listeners, following, state, whenStarted: following.start()};
    open.set(key, shared);
    return shared;
  }

  /** What has happened up to now, in short. `linesBefore` is what the listener could know when it came. */
  function catchUp(taskID: number, listener: Listener, {state}: Shared, linesBefore: number): void {
    listener.isLive = true;
    const {status, progress, end, lines} = state;
    if (end !== undefined) {
      tell(taskID, listener, end);
      return;
    }
    if (status !== undefined) tell(taskID, listener, status);
    if (progress !== undefined) tell(taskID, listener, progress);
    if (lines > linesBefore) tell(taskID, listener, {type: 'log', lines, chunk: emptyChunk(lines)});
  }

  return {
    async follow(taskID, onNews, {withLog = true} = {}) {
      const key = `${taskID}:${withLog}`;
      const shared = open.get(key) ?? begin(key, taskID, withLog);
      const {listeners, following, state} = shared;
      const listener: Listener = {onNews, isLive: false};
      const linesBefore = state.lines;
      listeners.add(listener);
      const leave = (): void => {
        if (listeners.delete(listener) && listeners.size === 0) following.stop();
      };
      try {
        if (!(await shared.whenStarted)) return undefined;
      } catch (error) {
        leave();
        throw error;
      }
      catchUp(taskID, listener, shared, linesBefore);
      return leave;
    },
    close() {
      for (const {following} of [...open.values()]) following.stop();
    },
  };
}
