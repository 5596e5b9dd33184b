/** `jobhistory/statistics` and what one job executed. Figures of one's own jobs; an administrator's are of all. */
import {Type} from 'typebox';
import {StatisticsQueryError} from '../../actors/domain/history-errors.ts';
import type {Caller} from '../../actors/governance.ts';
import {
  statisticsGroups,
  type StatisticsGroup,
  type StatisticsQuery,
  type StatisticsRow,
} from '../../actors/job-history.ts';
import {detailOfRow} from '../../actors/job-history-service.ts';
import type {JobDetail} from '../../actors/ports.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {parseTaskId} from '../job-access.ts';
import {toFilter} from '../job-filter.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({description}));

const Query = Type.Object({
  from: text('epoch milliseconds, or a date: 2026-05-01; by default seven days before `to`'),
  to: text('the same, exclusive; by default now'),
  groupBy: text(`${statisticsGroups.join(', ')}; day by default`),
  user: text('whose jobs; administrators only'),
  tenant: text('only of this tenant'),
  engineType: text('only of this engine type'),
  creator: text('as in the label userCreator'),
});

type QueryText = {readonly [Key in keyof (typeof Query)['properties']]?: string};

const dayMs = 86_400_000;
const spanMsDefault = 7 * dayMs;
const spanMsMax = 3_660 * dayMs;
const notOffered = 'Statistics are not offered by this gateway: it has no history of its own.';

export function jobStatisticsRoutes(app: FacadeApp, context: RouteContext): void {
  const {access, audit, clock, history} = context;

  app.get(
    '/api/jobhistory/statistics',
    {
      schema: {
        tags: ['jobhistory'],
        summary:
          'Counts, durations and waiting times of jobs by tenant, user, engine type, creator, day or status',
        querystring: Query,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (history === undefined) return send(reply, refused(method, notOffered));
      const caller = callerOf(request);
      const query = toQuery(request.query, caller, clock.now());
      if (query.submitUser !== caller.user) audit.note('listAsAdministrator', caller, {statistics: query});
      const {rows, total, isPartial} = await history.statistics(query);
      const {fromMs, toMs, groupBy} = query;
      const data = {
        from: fromMs,
        to: toMs,
        groupBy,
        rows: rows.map(rowView),
        total: rowView(total),
        isPartial,
      };
      return send(reply, ok(method, data));
    },
  );

  app.get(
    '/api/jobhistory/:taskID/details',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'What a job executed: its statements, or its attempts',
        params: Type.Object({taskID: Type.String()}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const taskID = parseTaskId(request.params.taskID);
      const job = taskID === undefined ? undefined : await access.stored(taskID, callerOf(request));
      if (taskID === undefined || job === undefined) {
        return send(reply, refused(method, 'There is no such job, or you may not see it.'));
      }
      const written = (await history?.details(taskID)) ?? [];
      const details = written.length > 0 ? written : detailOfRow(job);
      return send(reply, ok(method, {taskID, details: details.map(detailView)}));
    },
  );
}

/** Throws `StatisticsQueryError`, or `InvalidFilterError` for a name that can't be one. */
export function toQuery(query: QueryText, caller: Caller, nowMs: number): StatisticsQuery {
  const toMs = query.to === undefined || query.to === '' ? nowMs + 1 : readTime('to', query.to);
  const fromMs =
    query.from === undefined || query.from === ''
      ? Math.max(0, toMs - spanMsDefault)
      : readTime('from', query.from);
  if (fromMs >= toMs) throw new StatisticsQueryError('from has to be before to.');
  if (toMs - fromMs > spanMsMax)
    throw new StatisticsQueryError('At most ten years can be asked for at once.');
  const groupBy = readGroup(query.groupBy ?? '');
  // The same checks of names, and the same rule about whose jobs, as lists have.
  const {submitUser, engineType, creator, tenant} = toFilter(
    {
      isAdminView: caller.isAdmin,
      ...(query.user === undefined ? {} : {proxyUser: query.user}),
      ...(query.engineType === undefined ? {} : {executeApplicationName: query.engineType}),
      ...(query.creator === undefined ? {} : {creator: query.creator}),
      ...(query.tenant === undefined ? {} : {tenant: query.tenant}),
    },
    caller,
    nowMs,
  );
  return {
    fromMs,
    toMs,
    groupBy,
    ...(submitUser === undefined ? {} : {submitUser}),
    ...(tenant === undefined ? {} : {tenant}),
    ...(engineType === undefined ? {} : {engineType}),
    ...(creator === undefined ? {} : {creator}),
  };
}

function readGroup(name: string): StatisticsGroup {
  const group =
    name === '' ? 'day' : statisticsGroups.find(known => known.toLowerCase() === name.toLowerCase());
  if (group === undefined) {
    throw new StatisticsQueryError(
      `groupBy is ${name.slice(0, 40)}; there are ${statisticsGroups.join(', ')}.`,
    );
  }
  return group;
}

function readTime(what: string, value: string): number {
  const ms = /^\d{1,15}$/.test(value)
    ? Number(value)
    : /^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(value)
      ? Date.parse(value)
      : NaN;
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new StatisticsQueryError(
      `${what} is ${value.slice(0, 40)}; epoch milliseconds or a date such as 2026-05-01 were expected.`,
    );
  }
  return ms;
}

const rowView = ({key, jobs, byStatus, duration, waiting, waitingByCause}: StatisticsRow) => ({
  key,
  jobs,
  byStatus,
  durationMs: duration,
  waitingMs: waiting,
  waitingByCause: waitingByCause.map(({cause, jobs: held, p50, p95}) => ({cause, jobs: held, p50, p95})),
});

const detailView = (detail: JobDetail) => ({
  order: detail.ordinal,
  status: detail.status,
  executionContent: detail.executionContent,
  resultLocation: detail.resultLocation === '' ? null : `file://${detail.resultLocation}`,
  resultArraySize: detail.resultArraySize,
  createdTime: detail.createdTime,
  updatedTime: detail.updatedTime,
});
