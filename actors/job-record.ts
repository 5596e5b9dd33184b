/** The writes of a job: from which statuses a record may move the row, and the update it becomes. */
import {isTerminal, predecessors, type JobStatus} from './domain/job.ts';
import type {JobEffect, JobState} from './job-protocol.ts';
import type {JobUpdate} from './ports.ts';

/** Statuses the row may have when the job moves to `status`; after a take-over it may be waiting again already. */
export const recordFrom = (status: JobStatus): JobStatus[] =>
  isTerminal(status) ? predecessors(status) : [...predecessors(status), status];

/** The update that an effect asks for; `metrics` are the texts already advanced by its milestone. */
export function updateOf(
  state: Pick<JobState, 'spec' | 'owner'>,
  effect: JobEffect & {type: 'record'},
  nowMs: number,
  metrics: string | undefined,
): JobUpdate {
  const {status, progress, failure, facts} = effect;
  return {
    type: 'update',
    id: state.spec.taskID,
    owner: state.owner,
    from: effect.from,
    set: {
      updatedTime: nowMs,
      ...(status === undefined ? {} : {status}),
      ...(progress === undefined ? {} : {progress: printProgress(progress)}),
      ...(failure === undefined ? {} : {errorCode: failure.code, errorDesc: failure.message}),
      ...(metrics === undefined ? {} : {metrics}),
    },
    ...(facts === undefined ? {} : {facts}),
  };
}

/** Linkis stores progress as the text of a float, always with a point. */
export const printProgress = (progress: number): string =>
  Number.isInteger(progress) ? progress.toFixed(1) : String(Math.round(progress * 10_000) / 10_000);
