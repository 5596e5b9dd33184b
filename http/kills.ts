/** The kill endpoints' answers (contract 3.1): who may, what was done, and Linkis' words for it. */
import {LinkisError} from '../actors/domain/errors.ts';
import type {Caller, Governance, JobView, KillReport} from '../actors/governance.ts';
import type {Audit} from './audit.ts';
import {inBatches} from './in-batches.ts';
import {ok, refused, type Envelope} from './envelope.ts';
import {isOwner, parseJobId, parseTaskId, type FoundJob, type JobAccess} from './job-access.ts';

export type Kill = {
  readonly envelope: Envelope;
  /** Somebody else's job: in a list it ends the whole call. */
  readonly isForbidden: boolean;
};

export type Kills = {
  /** `forcedTaskID` is the query's `taskID`: with it, a job that has ended answers ok. */
  readonly kill: (id: string, forcedTaskID: number | undefined, caller: Caller) => Promise<Kill>;
  readonly killAll: (
    idList: unknown,
    taskIDList: unknown,
    caller: Caller,
    method: string,
  ) => Promise<Envelope>;
};

type Dependencies = {readonly governance: Governance; readonly access: JobAccess; readonly audit: Audit};

const idsMax = 1000;
/** Each takes up to 8 s (grace and all), so they go side by side. */
const atOnceMax = 50;

const texts = {
  killed: 'Successfully killed the job(成功kill了job)',
  forced: 'Forced Kill task (强制杀死任务)',
  underWay: 'Killing the job is under way(正在kill该job)',
  missing: 'Get job by ID error, kill failed.(获取job时发生异常，kill失败)',
  failed: (why: string) =>
    `An exception occurred while killing the job, kill failed(kill job的时候出现了异常，kill失败) with error:${why}`,
  forbidden: (user: string) => `You have no permission to kill this job, excecute by user:${user}`,
  unequal:
    'The length of the ID list does not match the length of the TASKID list(id列表的长度与taskId列表的长度不一致)',
  noArray: 'Request parameter error, please use array(请求参数错误，请使用数组)',
};

export function createKills({governance, access, audit}: Dependencies): Kills {
  async function find(id: string, forced: number | undefined, caller: Caller): Promise<FoundJob> {
    const jobId = parseJobId(id);
    const found: FoundJob = jobId === undefined ? {type: 'none'} : await access.find(jobId, caller, 'kill');
    if (found.type !== 'none' || forced === undefined) return found;
    const other = await access.find({taskID: forced}, caller, 'kill');
    // Who only guesses numbers does not learn whose job it is.
    return other.type === 'foreign' ? {type: 'none'} : other;
  }

  function refusal(id: string, found: Exclude<FoundJob, {type: 'visible'}>, caller: Caller): Kill {
    if (found.type === 'none' || parseTaskId(id) !== undefined) {
      if (found.type === 'foreign') {
        audit.note('killRefused', caller, {taskID: found.job.taskID, outcome: 'refused'});
      }
      return {envelope: refused(null, texts.missing), isForbidden: false};
    }
    audit.note('killRefused', caller, {taskID: found.job.taskID, outcome: 'refused'});
    return {envelope: refused(null, texts.forbidden(found.job.executeUser)), isForbidden: true};
  }

  async function end(id: string, job: JobView, isForced: boolean, caller: Caller): Promise<Envelope> {
    const {taskID, submitUser: owner, status} = job;
    try {
      const report = await audit.change(
        isOwner(job, caller) ? 'kill' : 'killAsAdministrator',
        caller,
        {taskID, owner, before: {status}},
        () => governance.kill(taskID, caller),
        killed => ({after: {status: killed.status, result: killed.result, receipt: killed.receipt}}),
      );
      return answer(id, report, isForced);
    } catch (error) {
      if (error instanceof LinkisError) return refused(null, texts.failed(error.message));
      throw error;
    }
  }

  async function kill(id: string, forced: number | undefined, caller: Caller): Promise<Kill> {
    const found = await find(id, forced, caller);
    if (found.type !== 'visible') return refusal(id, found, caller);
    return {envelope: await end(id, found.job, forced !== undefined, caller), isForbidden: false};
  }

  return {
    kill,
    async killAll(idList, taskIDList, caller, method) {
      if (!isIdList(idList) || !isIdList(taskIDList)) return refused(method, texts.noArray);
      if (idList.length !== taskIDList.length) return refused(method, texts.unequal);
      if (idList.length > idsMax) {
        return refused(method, `At most ${idsMax} jobs can be killed in one call, not ${idList.length}.`);
      }
      const wanted = idList.map((id, n) => ({
        id: String(id),
        forced: parseTaskId(String(taskIDList[n] ?? '')),
      }));
      // Nothing is ended before all of it is known to be allowed: the refusal of one is the refusal of the call.
      const found = await inBatches(wanted, atOnceMax, ({id, forced}) => find(id, forced, caller));
      for (const [n, one] of found.entries()) {
        if (one.type !== 'foreign') continue;
        const {envelope, isForbidden} = refusal(wanted[n]?.id ?? '', one, caller);
        if (isForbidden) return {...envelope, method};
      }
      const messages = await inBatches(wanted, atOnceMax, async ({id, forced}) => {
        const {envelope} = await kill(id, forced, caller);
        return {...envelope, method: `/api/entrance/${id}/kill`};
      });
      return ok(method, {messages}, 'success');
    },
  };
}

/** `killResult`, `jobStatus` and `receipt` are ours: what was really done. */
function answer(id: string, {result, status, receipt}: KillReport, isForced: boolean): Envelope {
  const data = {
    execID: id,
    killResult: result,
    jobStatus: status,
    ...(receipt === undefined ? {} : {receipt}),
  };
  if (result === 'underWay') return ok(null, data, texts.underWay);
  if (result === 'ended') return ok(null, data, texts.killed);
  if (isForced) return ok(null, data, texts.forced);
  const isDone = status === 'Succeed' || status === 'Failed';
  return isDone
    ? refused(null, texts.failed(`the job has already ended as ${status}`))
    : ok(null, data, texts.killed);
}

const isIdList = (list: unknown): list is readonly (string | number)[] =>
  Array.isArray(list) && list.every(id => typeof id === 'string' || typeof id === 'number');
