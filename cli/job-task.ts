/** A job as `jobhistory` tells of it: the fields that commands show, checked where they come in. */
import {parseExecId, taskIdOf} from '../actors/domain/exec-id.ts';
import {isRecord} from '../actors/domain/job-params.ts';
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import {ConnectionError, UsageError} from './command-error.ts';
import type {Data, FacadeClient} from './facade-client.ts';

export type JobTask = {
  readonly taskID: number;
  readonly status: JobStatus;
  /** 0 … 1 */
  readonly progress: number;
  readonly user: string;
  readonly creator: string;
  readonly engineType: string;
  readonly createdTime: number;
  readonly costTime: number;
  readonly errCode: number | undefined;
  readonly errDesc: string | undefined;
  readonly logPath: string;
  readonly resultLocation: string;
  readonly code: string;
  readonly execID: string;
  /** As answered, for `--json`. */
  readonly raw: Data;
};

/** The number of a job, given as taskID or execID. Throws `UsageError`. */
export function parseJobReference(text: string): number {
  const shortId = parseExecId(text)?.shortId;
  const taskID = shortId === undefined ? undefined : taskIdOf(shortId);
  if (taskID !== undefined) return taskID;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(number) || number === 0) {
    throw new UsageError(`A job is named by its number or its execID, not ${text.slice(0, 100)}`);
  }
  return number;
}

/** Rejects with `RefusedError` when there is no such job for us. */
export async function fetchTask(client: FacadeClient, taskID: number): Promise<JobTask> {
  const {task} = await client.ask(`jobhistory/${taskID}/get`);
  return readTask(task);
}

/** Throws `ConnectionError` for what is no job. */
export function readTask(value: unknown): JobTask {
  const task = isRecord(value) ? value : {};
  const {taskID} = task;
  const status = jobStatuses.find(known => known === task['status']);
  if (typeof taskID !== 'number' || status === undefined) {
    throw new ConnectionError(`The node answered with something that is no job: ${JSON.stringify(value)}`);
  }
  return {
    taskID,
    status,
    progress: Number(task['progress']) || 0,
    user: text(task, 'executeUser'),
    creator: text(task, 'requestApplicationName'),
    engineType: text(task, 'engineType'),
    createdTime: number(task, 'createdTime') ?? 0,
    costTime: number(task, 'costTime') ?? 0,
    errCode: number(task, 'errCode'),
    errDesc: text(task, 'errDesc') || undefined,
    logPath: text(task, 'logPath'),
    resultLocation: text(task, 'resultLocation'),
    code: text(task, 'executionCode'),
    execID: text(task, 'strongerExecId'),
    raw: task,
  };
}

const text = (task: Data, key: string): string => {
  const value = task[key];
  return typeof value === 'string' ? value : '';
};

const number = (task: Data, key: string): number | undefined => {
  const value = task[key];
  return typeof value === 'number' ? value : undefined;
};

/** `Failed: 50080 SubmitUser …` */
export const describeEnd = ({taskID, status, errCode, errDesc}: JobTask): string => {
  const why = [errCode, errDesc].filter(part => part !== undefined).join(' ');
  return `Job ${taskID}: ${status}${why === '' ? '' : ` – ${why}`}`;
};
