/**
 * `JobStore` in memory: the port's rules written down a second time, without a database, so that the real one can be
 * compared with it. The one for leases is in `memory-leases.ts`.
 */
import {isTerminal, jobStatuses, type JobStatus} from '../../actors/domain/job.ts';
import {instanceOf} from '../../actors/domain/owner.ts';
import type {
  JobFilter,
  JobInsert,
  JobStore,
  JobUpdate,
  JobWrite,
  StoredJob,
  WriteOutcome,
} from '../../actors/ports.ts';

const totalMax = 10_000;

export function createMemoryJobStore(): JobStore {
  const jobs = new Map<number, StoredJob>();
  let nextId = 1;

  function insert({row, facts}: JobInsert): WriteOutcome {
    const known = jobs.get(row.id);
    if (known !== undefined) {
      const isSame =
        known.row.createdTime === row.createdTime && known.row.jobReqId === row.jobReqId.slice(0, 64);
      return isSame ? written : refusal(`job id ${row.id} is taken`);
    }
    if (row.logPath.length > 200) return refusal('logPath is too long');
    if (facts.idempotencyKey !== null && withKey(row.submitUser, facts.idempotencyKey) !== undefined) {
      return refusal('the idempotency key is taken');
    }
    const errorDesc = row.errorDesc === null ? null : [...row.errorDesc].slice(0, 1000).join('');
    jobs.set(row.id, {row: {...row, jobReqId: row.jobReqId.slice(0, 64), errorDesc}, facts});
    return written;
  }

  function update({id, owner, from, set, facts}: JobUpdate): WriteOutcome {
    const job = jobs.get(id);
    if (job === undefined) return refusal(`there is no job ${id}`);
    const {row} = job;
    if (row.instances === owner && from.includes(row.status)) {
      jobs.set(id, {row: {...row, ...set}, facts: {...job.facts, ...facts}});
      return written;
    }
    const changed = {...row, instances: owner, ...set};
    if (JSON.stringify(row) === JSON.stringify({...row, ...changed})) return written;
    if (isTerminal(row.status)) return {type: 'ended', status: row.status};
    if (row.instances !== owner) return {type: 'displaced', owner: row.instances};
    return refusal(`job ${id} is ${row.status}`);
  }

  const withKey = (user: string, key: string): StoredJob | undefined =>
    [...jobs.values()].find(({row, facts}) => row.submitUser === user && facts.idempotencyKey === key);

  const matching = (filter: JobFilter): StoredJob[] => [...jobs.values()].filter(job => fits(filter, job));

  return {
    async reserveIds(count) {
      const first = Math.max(nextId, ...[...jobs.keys()].map(id => id + 1));
      nextId = first + count;
      return {first, count};
    },
    commit: async (writes: readonly JobWrite[]) =>
      writes.map(write => (write.type === 'insert' ? insert(write) : update(write))),
    get: async taskID => jobs.get(taskID),
    async list(filter, {number, size}) {
      const cost = ({row}: StoredJob): number => row.updatedTime - row.createdTime;
      const order = (a: StoredJob, b: StoredJob): number =>
        (filter.orderBy === 'longest' ? cost(b) - cost(a) : b.row.createdTime - a.row.createdTime) ||
        b.row.id - a.row.id;
      const found = matching(filter).toSorted(order);
      return {
        jobs: found.slice((number - 1) * size, number * size),
        total: Math.min(found.length, totalMax),
        totalIsCapped: found.length > totalMax,
      };
    },
    async countByStatus(filter) {
      const found = matching(filter);
      return Object.fromEntries(
        jobStatuses.map(status => [status, found.filter(({row}) => row.status === status).length]),
      ) as Record<JobStatus, number>;
    },
    unfinished: async (afterId, limit, instance) =>
      [...jobs.values()]
        .filter(
          ({row}) =>
            row.id > afterId &&
            !isTerminal(row.status) &&
            (instance === undefined || instanceOf(row.instances).toLowerCase() === instance.toLowerCase()),
        )
        .toSorted((a, b) => a.row.id - b.row.id)
        .slice(0, limit),
    byIdempotencyKey: async (user, key) => withKey(user, key),
    async removeEnded(endedBeforeMs, limit) {
      const due = [...jobs.values()]
        .filter(({row}) => isTerminal(row.status) && row.updatedTime < endedBeforeMs)
        .toSorted((a, b) => a.row.createdTime - b.row.createdTime || a.row.id - b.row.id)
        .slice(0, limit);
      nextId = Math.max(nextId, ...due.map(({row}) => row.id + 1));
      for (const {row} of due) jobs.delete(row.id);
      return due.length;
    },
  };
}

const written: WriteOutcome = {type: 'written'};
const refusal = (message: string): WriteOutcome => ({
  type: 'refused',
  failure: {code: 0, message, retryable: false},
});

function fits(filter: JobFilter, {row, facts}: StoredJob): boolean {
  const engineInstance = /"engineInstance":"([^"]*)"/.exec(row.metrics)?.[1] ?? '';
  const conditions: (boolean | undefined)[] = [
    filter.taskIDs?.includes(row.id),
    filter.submitUser === undefined || filter.submitUser === row.submitUser,
    filter.executeUser === undefined || filter.executeUser === row.executeUser,
    filter.statuses?.includes(row.status),
    filter.engineType === undefined || filter.engineType === row.engineType,
    filter.creator === undefined || filter.creator === facts.creator,
    filter.tenant === undefined || filter.tenant === facts.tenant,
    filter.runType === undefined || facts.codeType.startsWith(filter.runType),
    filter.instance === undefined ||
      filter.instance.toLowerCase() === instanceOf(row.instances).toLowerCase(),
    filter.engineInstance === undefined || engineInstance.startsWith(filter.engineInstance),
    filter.createdFromMs === undefined || row.createdTime >= filter.createdFromMs,
    filter.createdToMs === undefined || row.createdTime <= filter.createdToMs,
    filter.idFrom === undefined || row.id >= filter.idFrom,
  ];
  return conditions.every(condition => condition !== false);
}
