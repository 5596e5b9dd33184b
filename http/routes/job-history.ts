/** `jobhistory/*` about single jobs (contract 3.2); lists are in `job-list.ts`. */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {parseObject} from '../json-object.ts';
import {parseTaskId} from '../job-access.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

import {briefTaskView, runtimeText, taskView} from '../task-view.ts';

const notFoundText =
  'The corresponding job was not found, or there may be no permission to view the job(没有找到对应的job，也可能是没有查看该job的权限)';

const idsMax = 30;

export function jobHistoryRoutes(app: FacadeApp, context: RouteContext): void {
  const {access, clock, jobs, audit} = context;

  app.get(
    '/api/jobhistory/:taskID/get',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'One job',
        params: Type.Object({taskID: Type.String()}),
        querystring: Type.Object({
          brief: Type.Optional(
            Type.Boolean({description: 'Only the ten most needed values; the rest null.'}),
          ),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const taskID = parseTaskId(request.params.taskID);
      const job = taskID === undefined ? undefined : await access.stored(taskID, callerOf(request));
      if (job === undefined) return send(reply, refused(method, notFoundText));
      const task = taskView(job, clock.now(), 'single');
      return send(reply, ok(method, {task: request.query.brief === true ? briefTaskView(task) : task}));
    },
  );

  app.get(
    '/api/jobhistory/list-taskids',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Several jobs by id',
        querystring: Type.Object({
          taskID: Type.Optional(Type.String({description: `csv of at most ${idsMax}`})),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const csv = request.query.taskID ?? '';
      if (csv.trim() === '') return send(reply, refused(method, 'Invalid taskID cannot be empty'));
      const taskIDs = csv.split(',').map(part => parseTaskId(part.trim()));
      const known = taskIDs.filter(taskID => taskID !== undefined);
      if (known.length < taskIDs.length) {
        return send(reply, refused(method, 'TaskID contains illegal characters'));
      }
      if (known.length > idsMax) return send(reply, refused(method, `TaskID size cannot exceed ${idsMax}`));
      const filter = {taskIDs: known, ...(!caller.isAdmin && {submitUser: caller.user})};
      const page = await jobs.list(filter, {number: 1, size: idsMax});
      if (caller.isAdmin) audit.note('listAsAdministrator', caller, {taskIDs: known});
      const now = clock.now();
      const jobHistoryList = page.jobs.map(job => taskView(job, now, 'listed'));
      return send(reply, ok(method, {jobHistoryList}));
    },
  );

  app.get(
    '/api/jobhistory/job-extra-info',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Metrics, code and run time of one job',
        querystring: Type.Object({jobId: Type.Optional(Type.String())}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {jobId = ''} = request.query;
      if (jobId.trim() === '') return send(reply, refused(method, 'Invalid jobId cannot be empty'));
      const taskID = parseTaskId(jobId.trim());
      const job = taskID === undefined ? undefined : await access.stored(taskID, callerOf(request));
      if (job === undefined) return send(reply, refused(method, notFoundText));
      const metricsMap = {
        ...parseObject(job.row.metrics),
        executionCode: job.row.executionCode,
        runtime: runtimeText(job),
      };
      return send(reply, ok(method, {metricsMap}));
    },
  );

  app.get(
    '/api/jobhistory/diagnosis-query',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Why a job failed, as far as its row says',
        querystring: Type.Object({
          taskID: Type.Optional(Type.String()),
          diagnosisSource: Type.Optional(Type.String({default: 'linkis'})),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const taskID = parseTaskId((request.query.taskID ?? '').trim());
      const job = taskID === undefined ? undefined : await access.stored(taskID, callerOf(request));
      if (job === undefined) return send(reply, refused(method, notFoundText));
      const {errorCode, errorDesc} = job.row;
      const diagnosisMsg =
        errorDesc === null ? '' : `${errorCode === null ? '' : `${errorCode}: `}${errorDesc}`;
      return send(reply, ok(method, {diagnosisMsg}));
    },
  );

  app.get(
    '/api/jobhistory/governanceStationAdmin',
    {schema: {tags: ['jobhistory'], summary: 'What the caller may do'}},
    async (request, reply) => {
      const {isAdmin} = callerOf(request);
      const data = {
        admin: isAdmin,
        historyAdmin: isAdmin,
        // No departments here: an administrator sees all, everybody else their own.
        deptAdmin: false,
        canResultSet: true,
        errorMsgTip: 'Please contact your administrator(请联系管理员)',
      };
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  for (const [url, method] of [
    ['/api/jobhistory/setting/addObserveInfo', 'POST'],
    ['/api/jobhistory/setting/deleteObserveInfo', 'GET'],
  ] as const) {
    app.route({
      method,
      url,
      schema: {tags: ['jobhistory'], summary: 'Alarms about a job: not offered'},
      handler: async (_request, reply) => {
        const text = 'Alarms about jobs are not offered. Follow the job on the stream, or poll its status.';
        send(reply, refused(null, text));
      },
    });
  }
}
