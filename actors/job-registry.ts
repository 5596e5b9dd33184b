/**
 * The unfinished jobs of this node: how each looks now, and where its actor is. Written by the job actors' effects,
 * read synchronously by the facade, so that a status call costs no hop and no query.
 *
 * A job beyond the resident limit is passivated while it waits: only its id, group and priority stay (in its group's
 * queue); code and parameters wait in the row until its turn, or until somebody kills it.
 */
import type {JobStatus, ProgressInfo} from './domain/job.ts';
import type {GroupCommand} from './job-queue-state.ts';
import type {JobCommand} from './job-protocol.ts';
import type {Ref} from './runtime/ref.ts';

export type LiveJob = {
  readonly taskID: number;
  readonly ref: Ref<JobCommand>;
  readonly submitUser: string;
  readonly executeUser: string;
  readonly logPath: string;
  readonly execID: string;
  readonly group: Ref<GroupCommand>;
  /** Somebody reads its log: what it holds is in the log store from now on. */
  readonly keepLog: () => Promise<void>;
  status: JobStatus;
  progress: number;
  progressInfo: readonly ProgressInfo[];
  /** When its next attempt is due, epoch milliseconds; undefined while it does not wait for one. */
  retryAtMs: number | undefined;
};

export type JobRegistry = {
  readonly live: ReadonlyMap<number, LiveJob>;
  /** Passivated jobs and the group each waits in. */
  readonly passive: ReadonlyMap<number, Ref<GroupCommand>>;
  readonly add: (job: LiveJob) => void;
  readonly remove: (taskID: number) => void;
  readonly passivate: (taskID: number, group: Ref<GroupCommand>) => void;
  /** Takes a passivated job out; undefined if it is none. */
  readonly activate: (taskID: number) => Ref<GroupCommand> | undefined;
};

export function createJobRegistry(): JobRegistry {
  const live = new Map<number, LiveJob>();
  const passive = new Map<number, Ref<GroupCommand>>();
  return {
    live,
    passive,
    add(job) {
      live.set(job.taskID, job);
    },
    remove(taskID) {
      live.delete(taskID);
    },
    passivate(taskID, group) {
      passive.set(taskID, group);
    },
    activate(taskID) {
      const group = passive.get(taskID);
      passive.delete(taskID);
      return group;
    },
  };
}
