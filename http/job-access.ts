/**
 * From the `{id}` of a URL to a job that the caller may see (G9). A job belongs to who submitted it and to who it runs
 * as; an administrator sees all, and that is audited. For everybody else a job that is not theirs does not exist.
 */
import {parseExecId, taskIdOf} from '../actors/domain/exec-id.ts';
import type {Caller, Governance, JobView} from '../actors/governance.ts';
import type {StoredJob} from '../actors/ports.ts';
import type {Audit} from './audit.ts';

export type JobId = {
  readonly taskID: number;
  /** Given with an execID: the job must be called so too, or somebody made the id up. */
  readonly shortId?: string;
};

type Owners = {readonly submitUser: string; readonly executeUser: string};

export type FoundJob =
  | {readonly type: 'visible'; readonly job: JobView}
  | {readonly type: 'foreign'; readonly job: JobView}
  | {readonly type: 'none'};

export type JobAccess = {
  /** `foreign` is for the kill endpoint, whose refusal Linkis words on its own; elsewhere treat it like `none`. */
  readonly find: (id: JobId, caller: Caller, doing: 'read' | 'kill') => Promise<FoundJob>;
  /** The row, if the caller may see it. */
  readonly stored: (taskID: number, caller: Caller) => Promise<StoredJob | undefined>;
};

/** Reads an execID, or a plain taskID (which Linkis refuses). Undefined for anything else: nothing is repaired. */
export function parseJobId(text: string): JobId | undefined {
  const plain = parseTaskId(text);
  if (plain !== undefined) return {taskID: plain};
  const execId = parseExecId(text);
  const taskID = execId && taskIdOf(execId.shortId);
  return execId && taskID !== undefined ? {taskID, shortId: execId.shortId} : undefined;
}

/** A whole positive number that JSON can carry; undefined for any other text. */
export function parseTaskId(text: string): number | undefined {
  const taskID = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(taskID) && taskID > 0 ? taskID : undefined;
}

export const isOwner = ({submitUser, executeUser}: Owners, {user}: Caller): boolean =>
  submitUser === user || executeUser === user;

export function createJobAccess(governance: Governance, audit: Audit): JobAccess {
  function isVisible(taskID: number, owners: Owners, caller: Caller): boolean {
    if (isOwner(owners, caller)) return true;
    if (!caller.isAdmin) return false;
    audit.note('readAsAdministrator', caller, {taskID, owner: owners.submitUser});
    return true;
  }

  return {
    async find({taskID, shortId}, caller, doing) {
      const job = await governance.find(taskID);
      if (job === undefined) return {type: 'none'};
      if (shortId !== undefined && parseExecId(job.execID)?.shortId !== shortId) return {type: 'none'};
      if (doing === 'read' && !isVisible(taskID, job, caller)) return {type: 'foreign', job};
      if (doing === 'kill' && !isOwner(job, caller) && !caller.isAdmin) return {type: 'foreign', job};
      return {type: 'visible', job};
    },
    async stored(taskID, caller) {
      const job = await governance.stored(taskID);
      return job !== undefined && isVisible(taskID, job.row, caller) ? job : undefined;
    },
  };
}
