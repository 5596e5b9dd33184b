/** Reads the filters of job history out of a query, as Linkis does (contract 3.2), and brings pages into range. */
import {jobStatuses, type JobStatus} from '../actors/domain/job.ts';
import type {Caller} from '../actors/governance.ts';
import type {JobFilter, JobPage, JobStore} from '../actors/ports.ts';
import {InvalidFilterError} from './errors.ts';

/** The keys that the list-like endpoints share; each takes those it has. */
export type ListQuery = {
  readonly startDate?: number;
  readonly endDate?: number;
  readonly status?: string;
  readonly taskID?: number;
  readonly executeApplicationName?: string;
  readonly creator?: string;
  readonly tenant?: string;
  readonly proxyUser?: string;
  readonly isAdminView?: boolean;
  readonly instance?: string;
  readonly engineInstance?: string;
  readonly runType?: string;
};

const nameForm = /^[a-zA-Z\-\d_.]+$/;
const instanceForm = /^[a-zA-Z\-\d_.:]+$/;
const dayMs = 86_400_000;

/**
 * What the caller asked for, narrowed to what they may see: their own, or with `isAdminView` an administrator's wish.
 * Throws `InvalidFilterError`.
 */
export function toFilter(query: ListQuery, caller: Caller, now: number): JobFilter {
  const {taskID, engineInstance, instance} = query;
  const statuses = readStatuses(query.status);
  const engineType = named('engineType', query.executeApplicationName, nameForm);
  const creator = named('creator', query.creator, nameForm);
  const tenant = named('tenant', query.tenant, nameForm);
  const runType = named('runType', query.runType, nameForm);
  const proxyUser = named('proxyUser', query.proxyUser, nameForm);
  const seesAll = caller.isAdmin && query.isAdminView === true;
  const submitUser = seesAll ? proxyUser?.toLowerCase() : caller.user;
  return {
    ...readDates(query, now),
    ...(taskID !== undefined && {taskIDs: [taskID]}),
    ...(submitUser !== undefined && {submitUser}),
    ...(statuses !== undefined && {statuses}),
    ...(engineType !== undefined && {engineType}),
    ...(creator !== undefined && {creator}),
    ...(tenant !== undefined && {tenant}),
    ...(runType !== undefined && {runType}),
    ...optional('instance', named('instance', instance, instanceForm)),
    ...optional('engineInstance', named('engineInstance', engineInstance, instanceForm)),
  };
}

const optional = (key: string, value: string | undefined): Readonly<Record<string, string>> =>
  value === undefined ? {} : {[key]: value};

/** Without dates everything up to now; equal ones mean the day that begins there. */
export function readDates(
  {startDate, endDate}: Pick<ListQuery, 'startDate' | 'endDate'>,
  now: number,
): {readonly createdFromMs: number; readonly createdToMs: number} {
  const createdToMs = endDate ?? now;
  const createdFromMs = startDate ?? 0;
  return {createdFromMs, createdToMs: createdFromMs === createdToMs ? createdToMs + dayMs : createdToMs};
}

function named(what: string, value: string | undefined, form: RegExp): string | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  if (!form.test(value)) throw new InvalidFilterError(what, value);
  return value;
}

const names = new Map(jobStatuses.map(status => [status.toLowerCase(), status]));

/** A csv of names in any case; blank, and the console's `all`, mean every status. */
export function readStatuses(csv: string | undefined): readonly JobStatus[] | undefined {
  const parts = (csv ?? '')
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');
  if (parts.length === 0 || parts.some(part => part.toLowerCase() === 'all')) return undefined;
  const statuses = parts.map(part => {
    const status = names.get(part.toLowerCase());
    if (status === undefined) throw new InvalidFilterError('status', part);
    return status;
  });
  // REST calls a job that waits for its retry Scheduled, so that is where it is looked for.
  return statuses.includes('Scheduled') ? [...new Set<JobStatus>([...statuses, 'WaitForRetry'])] : statuses;
}

export type PageQuery = {readonly pageNow?: number; readonly pageSize?: number};

const pageSizeDefault = 20;

/** A page before the first is the first, one past the end is the last again (Linkis' `reasonable` mode). */
export async function readPage(
  jobs: JobStore,
  filter: JobFilter,
  {pageNow = 1, pageSize = pageSizeDefault}: PageQuery,
  sizeMax: number,
): Promise<JobPage> {
  const size = pageSize > 0 ? Math.min(pageSize, sizeMax) : pageSizeDefault;
  const number = Math.max(1, pageNow);
  const page = await jobs.list(filter, {number, size});
  if (page.jobs.length > 0 || page.total === 0 || number === 1) return page;
  const last = Math.max(1, Math.ceil(page.total / size));
  return await jobs.list(filter, {number: last, size});
}
