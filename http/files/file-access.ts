/**
 * Whose a path is. A job's log and results stand in its row, so a path belongs to a job exactly if the row says so; the
 * task id in the path only tells which row to ask. Rows of other nodes' jobs count alike.
 */
import type {Caller, Governance} from '../../actors/governance.ts';
import type {StoredJob} from '../../actors/ports.ts';
import type {Audit} from '../audit.ts';
import {isOwner} from '../job-access.ts';
import {EmptyPathError, PathNotPermittedError} from './file-error.ts';
import {parseFilePath} from './file-path.ts';

export type OwnedPath = {
  readonly path: string;
  /** Undefined for an administrator's look at what belongs to no job. */
  readonly job: StoredJob | undefined;
  /** `log`: the job's log itself. `results`: its result directory. `inside`: anything else. */
  readonly kind: 'log' | 'results' | 'inside';
  /** Why it is not there, should it not be: what is old enough was removed. */
  readonly whyGone?: string;
};

/** Undefined while a job's log or results are kept. */
export type WhyRemoved = (kind: 'logs' | 'results', job: StoredJob) => string | undefined;

export type FileAccess = {
  /** Throws `EmptyPathError` or `PathNotPermittedError`. Administrators may see all, and that is audited. */
  readonly find: (text: string | undefined, caller: Caller) => Promise<OwnedPath>;
};

/** More numbers than that are in no path of ours: log and result paths have one, besides names that are numbers. */
const candidatesMax = 4;

export function createFileAccess(
  governance: Governance,
  audit: Audit,
  whyRemoved: WhyRemoved = () => undefined,
): FileAccess {
  async function ownerOf(path: string): Promise<OwnedPath> {
    for (const taskID of taskIdsIn(path)) {
      // The last number is nearly always the one: the others are not asked for.
      // oxlint-disable-next-line no-await-in-loop
      const job = await governance.stored(taskID);
      if (job === undefined) continue;
      if (path === placeOf(job.row.logPath)) {
        const whyLogGone = whyRemoved('logs', job);
        return {path, job, kind: 'log', ...(whyLogGone !== undefined && {whyGone: whyLogGone})};
      }
      const results = placeOf(job.row.resultLocation);
      if (results === undefined) continue;
      if (path !== results && !path.startsWith(`${results}/`)) continue;
      const whyGone = whyRemoved('results', job);
      const kind = path === results ? 'results' : 'inside';
      return {path, job, kind, ...(whyGone !== undefined && {whyGone})};
    }
    return {path, job: undefined, kind: 'inside'};
  }

  return {
    async find(text, caller) {
      if (text === undefined || text.trim() === '') throw new EmptyPathError(text ?? '');
      const path = parseFilePath(text);
      if (path === undefined) throw new PathNotPermittedError(caller.user, printable(text));
      const owned = await ownerOf(path);
      if (owned.job !== undefined && isOwner(owned.job.row, caller)) return owned;
      if (!caller.isAdmin) throw new PathNotPermittedError(caller.user, printable(text));
      const {row} = owned.job ?? {};
      audit.note('readAsAdministrator', caller, {taskID: row?.id ?? path, owner: row?.submitUser, path});
      return owned;
    },
  };
}

/** Task ids that the parts of a path may be, the last first. */
function taskIdsIn(path: string): number[] {
  return path
    .split('/')
    .map(part => /^(\d{1,16})(?:\.log)?$/.exec(part)?.[1])
    .filter(digits => digits !== undefined)
    .map(Number)
    .filter(taskID => Number.isSafeInteger(taskID) && taskID > 0)
    .toReversed()
    .slice(0, candidatesMax);
}

const placeOf = (stored: string): string | undefined => (stored === '' ? undefined : parseFilePath(stored));

/** Quoted in an answer: not more of it than a person reads. */
const printable = (text: string): string => text.replaceAll('\0', '\\0').slice(0, 1000);
