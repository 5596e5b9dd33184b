/** How a job waits in its group: with which priority, since when, and how much of its tenant's room it takes. */
import type {JobSpec} from './domain/job.ts';
import type {GroupCommand} from './job-queue-state.ts';

export const waitOf = ({
  taskID,
  priority,
  createdAtMs,
  code,
}: Pick<JobSpec, 'taskID' | 'priority' | 'createdAtMs' | 'code'>): Pick<
  GroupCommand & {type: 'enqueue'},
  'taskID' | 'priority' | 'sinceMs' | 'bytes'
> => ({taskID, priority, sinceMs: createdAtMs, bytes: code.length});

/** Linkis' default is 100. */
export const priorityMax = 1_000_000;
