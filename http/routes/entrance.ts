/** `entrance/*`: submitting jobs, and looking at, following and ending them by execID (contract 3.1). */
import {Type} from 'typebox';
import type {FastifyReply, FastifyRequest} from 'fastify';
import type {JobView} from '../../actors/governance.ts';
import {gatewayMethod, serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {BadRequestError} from '../errors.ts';
import {parseJobId, type FoundJob} from '../job-access.ts';
import {createKills} from '../kills.ts';
import {createLogPolls} from '../log-poll.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {SubmitBody} from '../submit-body.ts';
import {restStatus} from '../task-view.ts';

const JobParams = Type.Object({
  id: Type.String({description: 'The execID that submit answered, or the taskID.'}),
});

const TaskQuery = Type.Object({
  taskID: Type.Optional(Type.Integer({minimum: 1, description: 'Used when the execID belongs to no job.'})),
});

const LogQuery = Type.Object({
  fromLine: Type.Optional(
    Type.Integer({default: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Counted from 1; 0 is 1.'}),
  ),
  size: Type.Optional(
    Type.Integer({default: 100, description: 'Lines; negative is 10,000, which is the most.'}),
  ),
  distinctLevel: Type.Optional(
    Type.Boolean({default: true, description: 'false: one text instead of error, warn, info and all.'}),
  ),
});

const KillJobsBody = Type.Object({
  idList: Type.Optional(Type.Unknown({description: 'execIDs'})),
  taskIDList: Type.Optional(Type.Unknown({description: 'taskIDs, one for each execID'})),
});

/** Texts of the job endpoints for an execID without a job (or with somebody else's). */
const missing = {
  status:
    'Get job by ID error and cannot obtain the corresponding task status.(获取job时发生异常，不能获取相应的任务状态)',
  progress:
    'The job corresponding to the ID is empty, and the corresponding task progress cannot be obtained.(ID 对应的job为空，不能获取相应的任务进度)',
  log: (id: string) =>
    `Can't find execID(不能找到execID): ${id}Corresponding job, can not get the corresponding log(对应的job，不能获得对应的日志)`,
  pause: (id: string) =>
    `can not find the job of exexID :${id} can not pause (不能找到execID: ${id}对应的job，不能进行pause)`,
};

export function entranceRoutes(app: FacadeApp, context: RouteContext): void {
  const {access, audit, clock, closing, governance, settings} = context;
  const kills = createKills(context);
  const polls = createLogPolls(governance, clock, {
    holdMs: settings.logPollHoldMs,
    heldMax: settings.logPollsHeldMax,
    bytesMax: settings.logBytesMax,
  });

  async function visible(
    request: FastifyRequest<{Params: {id: string}; Querystring: {taskID?: number}}>,
  ): Promise<JobView | 'malformed' | undefined> {
    const caller = callerOf(request);
    const id = parseJobId(request.params.id);
    const found = id === undefined ? undefined : await access.find(id, caller, 'read');
    if (found?.type === 'visible') return found.job;
    const {taskID} = request.query;
    const other: FoundJob | undefined =
      taskID === undefined ? undefined : await access.find({taskID}, caller, 'read');
    if (other?.type === 'visible') return other.job;
    return id === undefined ? 'malformed' : undefined;
  }

  for (const url of ['/api/entrance/submit', '/api/entrance/execute']) {
    app.post(
      url,
      {schema: {tags: ['entrance'], summary: 'Submit a job', body: SubmitBody}},
      async (request, reply) => {
        const idempotencyKey = readIdempotencyKey(request);
        const caller = callerOf(request);
        const {execID, taskID} = await governance.submit(
          request.body,
          caller,
          idempotencyKey === undefined ? {} : {idempotencyKey},
        );
        audit.note('submit', caller, {taskID});
        send(reply, ok(url, {execID, taskID}));
      },
    );
  }

  app.get(
    '/api/entrance/:id/status',
    {schema: {tags: ['entrance'], summary: 'Status of a job', params: JobParams, querystring: TaskQuery}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const job = await visible(request);
      if (job === 'malformed') return refuseMalformed(request, reply);
      if (job === undefined) return send(reply, refused(method, missing.status));
      return send(reply, ok(method, {status: restStatus(job.status), execID: request.params.id}));
    },
  );

  for (const name of ['progress', 'progressWithResource'] as const) {
    app.get(
      `/api/entrance/:id/${name}`,
      {schema: {tags: ['entrance'], summary: 'Progress, 0 to 1', params: JobParams, querystring: TaskQuery}},
      async (request, reply) => {
        const method = serviceMethod(request.url);
        const job = await visible(request);
        if (job === 'malformed') return refuseMalformed(request, reply);
        if (job === undefined) return send(reply, refused(method, missing.progress));
        const data = {
          progress: job.progress,
          execID: request.params.id,
          progressInfo: job.progressInfo.filter(({totalTasks}) => totalTasks > 0),
        };
        // No engine here reports resources of Yarn yet; the key says so.
        return send(reply, ok(method, name === 'progress' ? data : {...data, yarnResource: null}));
      },
    );
  }

  app.get(
    '/api/entrance/:id/log',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Log lines from one on; waits a little for new ones',
        params: JobParams,
        querystring: Type.Object({...LogQuery.properties, ...TaskQuery.properties}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const job = await visible(request);
      if (job === 'malformed') return refuseMalformed(request, reply);
      if (job === undefined) return send(reply, refused(method, missing.log(request.params.id)));
      const {fromLine = 0, size = 100, distinctLevel = true} = request.query;
      const gone = new AbortController();
      request.raw.once('close', () => gone.abort());
      const page = await polls.read(job, fromLine, size, AbortSignal.any([gone.signal, closing]));
      const log = distinctLevel ? page.log : page.log[3];
      return send(reply, ok(method, {...page, log, execID: request.params.id}));
    },
  );

  app.get(
    '/api/entrance/:id/pause',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Does nothing, as in Linkis',
        params: JobParams,
        querystring: TaskQuery,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const job = await visible(request);
      if (job === 'malformed') return refuseMalformed(request, reply);
      const {id} = request.params;
      if (job === undefined) return send(reply, refused(method, missing.pause(id)));
      return send(reply, ok(method, {execID: id}, 'success to pause job (成功pause了job)'));
    },
  );

  app.route({
    // A GET since Linkis' clients do so; POST for those who know better (decision 45).
    method: ['GET', 'POST'],
    url: '/api/entrance/:id/kill',
    schema: {tags: ['entrance'], summary: 'End a job', params: JobParams, querystring: TaskQuery},
    handler: async (request, reply) => {
      const {id} = request.params;
      const forced = request.query.taskID;
      if (parseJobId(id) === undefined && forced === undefined) return refuseMalformed(request, reply);
      const report = await kills.kill(id, forced, callerOf(request));
      return send(reply, {...report.envelope, method: serviceMethod(request.url)});
    },
  });

  app.post(
    '/api/entrance/:id/killJobs',
    {schema: {tags: ['entrance'], summary: 'End several jobs', params: JobParams, body: KillJobsBody}},
    async (request, reply) => {
      const {idList, taskIDList} = request.body;
      send(reply, await kills.killAll(idList, taskIDList, callerOf(request), serviceMethod(request.url)));
    },
  );
}

/** An answer of the gateway, which can't tell where to send it: HTTP 200, as in Linkis. */
function refuseMalformed(request: FastifyRequest<{Params: {id: string}}>, reply: FastifyReply): void {
  const {id} = request.params;
  const text =
    `GatewayErrorException: ${id.slice(0, 200)} is neither an execID (exec_id, two lengths of three digits, service,` +
    ' instances, short id) nor a taskID.';
  reply.code(200).send(refused(gatewayMethod(request.originalUrl), text));
}

const idempotencyKeyLengthMax = 128;

/** Submissions with one key are one job: what a client sends again because it lost the answer. */
function readIdempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (
    typeof key !== 'string' ||
    key === '' ||
    key.length > idempotencyKeyLengthMax ||
    !/^[\x21-\x7e]+$/.test(key)
  ) {
    throw new BadRequestError(
      `Idempotency-Key has to be 1 to ${idempotencyKeyLengthMax} visible ASCII characters`,
    );
  }
  return key;
}
