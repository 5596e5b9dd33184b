/** `jobhistory/*` that lists and counts (contract 3.2): own jobs, or everybody's in an administrator's view. */
import {Type} from 'typebox';
import type {Caller} from '../../actors/governance.ts';
import type {JobFilter, JobPage} from '../../actors/ports.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {readDates, readPage, readStatuses, toFilter, type PageQuery} from '../job-filter.ts';
import {PageNumber} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {taskView, type TaskView} from '../task-view.ts';

const text = (description: string) => Type.Optional(Type.String({description}));
const time = () => Type.Optional(Type.Integer({description: 'epoch milliseconds'}));

const Dates = {startDate: time(), endDate: time()};
const Paging = {
  pageNow: Type.Optional(PageNumber),
  pageSize: Type.Optional(Type.Integer({default: 20})),
};
const Names = {
  executeApplicationName: text('engine type'),
  creator: text('as in the label userCreator'),
  proxyUser: text('an administrator’s view: whose jobs'),
};
const Filters = {
  ...Dates,
  ...Names,
  status: text('csv of statuses; empty is all'),
  taskID: Type.Optional(Type.Integer()),
  isAdminView: Type.Optional(Type.Boolean({description: 'everybody’s jobs; administrators only'})),
  isDeptView: Type.Optional(Type.Boolean({description: 'ignored: there are no departments'})),
  tenant: text('of whoever submitted'),
  instance: text('host:port of the entrance'),
  engineInstance: text('of the engine'),
  runType: text('begin of the code type'),
};

const dayMs = 86_400_000;
const undoneDefault = 'Running,Inited,Scheduled';

export function jobListRoutes(app: FacadeApp, context: RouteContext): void {
  const {audit, clock, jobs, settings} = context;

  const views = ({jobs: stored}: JobPage): TaskView[] => {
    const now = clock.now();
    return stored.map(job => taskView(job, now, 'listed'));
  };

  const page = (filter: JobFilter, query: PageQuery): Promise<JobPage> =>
    readPage(jobs, filter, query, settings.listPageSizeMax);

  function noteAdminView(caller: Caller, filter: JobFilter): void {
    if (filter.submitUser !== caller.user) audit.note('listAsAdministrator', caller, {filter});
  }

  app.get(
    '/api/jobhistory/list',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Jobs, newest first; totalPage is the number of rows, exact up to 10,000',
        querystring: Type.Object({...Filters, ...Paging}),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const filter: JobFilter = {...toFilter(request.query, caller, clock.now()), orderBy: 'newest'};
      noteAdminView(caller, filter);
      const found = await page(filter, request.query);
      const data = {
        tasks: views(found),
        // Beyond 10,000 the daily counters say how many, about; where they can't, it is at least so many.
        totalPage: found.approximateTotal ?? found.total,
        ...(found.totalIsCapped && {totalIsCapped: true}),
        ...(found.approximateTotal !== undefined && {totalIsApproximate: true}),
      };
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  app.get(
    '/api/jobhistory/listDurationTop',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Jobs, longest first',
        querystring: Type.Object({...Dates, ...Names, ...Paging}),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      // Statistics have no isAdminView: an administrator always sees all.
      const wide = {...request.query, isAdminView: caller.isAdmin};
      const filter: JobFilter = {...toFilter(wide, caller, clock.now()), orderBy: 'longest'};
      noteAdminView(caller, filter);
      const found = await page(filter, request.query);
      send(reply, ok(serviceMethod(request.url), {tasks: views(found)}));
    },
  );

  const Undone = Type.Object({
    ...Dates,
    ...Paging,
    status: text(`csv; ${undoneDefault} by default`),
    startTaskID: Type.Optional(Type.Integer()),
    engineType: text('engine type'),
    creator: text('as in the label userCreator'),
  });

  for (const name of ['listundonetasks', 'listundone'] as const) {
    app.get(
      `/api/jobhistory/${name}`,
      {
        schema: {
          tags: ['jobhistory'],
          summary: 'Own unfinished jobs, of the last day by default',
          querystring: Undone,
        },
      },
      async (request, reply) => {
        const caller = callerOf(request);
        const {engineType, creator, startTaskID, status, ...dates} = request.query;
        const now = clock.now();
        const statuses = readStatuses(name === 'listundone' ? undoneDefault : (status ?? undoneDefault));
        const filter: JobFilter = {
          ...toFilter(
            {
              ...(engineType !== undefined && {executeApplicationName: engineType}),
              ...(creator !== undefined && {creator}),
            },
            caller,
            now,
          ),
          ...readDates({startDate: dates.startDate ?? now - dayMs, endDate: dates.endDate ?? now}, now),
          ...(statuses !== undefined && {statuses}),
          ...(startTaskID !== undefined && {idFrom: startTaskID}),
          submitUser: caller.user,
          orderBy: 'newest',
        };
        const found = await page(filter, request.query);
        const data = {totalPage: found.approximateTotal ?? found.total};
        const method = serviceMethod(request.url);
        return send(reply, ok(method, name === 'listundone' ? data : {tasks: views(found), ...data}));
      },
    );
  }

  app.get(
    '/api/jobhistory/jobstatistics/taskCount',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Jobs by how they ended',
        querystring: Type.Object({...Dates, ...Names}),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const filter = toFilter({...request.query, isAdminView: caller.isAdmin}, caller, clock.now());
      noteAdminView(caller, filter);
      const counts = await jobs.countByStatus(filter);
      const data = {
        sumCount: Object.values(counts).reduce((sum, count) => sum + count, 0),
        succeedCount: counts.Succeed,
        failedCount: counts.Failed + counts.Timeout,
        cancelledCount: counts.Cancelled,
      };
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  app.get(
    '/api/jobhistory/jobstatistics/engineCount',
    {
      schema: {
        tags: ['jobhistory'],
        summary: 'Engines by how they ended',
        querystring: Type.Object({...Dates, ...Names}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {engineRecords} = context;
      if (engineRecords === undefined) {
        const why =
          'Statistics of engines are not offered: no history of engines is kept. Jobs are counted by taskCount.';
        return send(reply, refused(method, why));
      }
      const caller = callerOf(request);
      const filter = toFilter({...request.query, isAdminView: caller.isAdmin}, caller, clock.now());
      if (filter.creator !== undefined) {
        return send(reply, refused(method, 'Engines are not counted by creator. Leave it out.'));
      }
      noteAdminView(caller, filter);
      const {submitUser, engineType, createdFromMs, createdToMs} = filter;
      const count = async (...statuses: readonly string[]): Promise<number> => {
        const found = await engineRecords.list(
          {
            ...(submitUser !== undefined && {users: [submitUser]}),
            ...(engineType !== undefined && {engineTypes: [engineType]}),
            ...(createdFromMs !== undefined && {createdFromMs}),
            ...(createdToMs !== undefined && {createdToMs}),
            ...(statuses.length > 0 && {statuses}),
          },
          {number: 1, size: 1},
        );
        return found.total;
      };
      const data = {
        countEngine: await count(),
        countEngineSucceed: await count('Success'),
        countEngineFailed: await count('Failed'),
        countEngineShutting: await count('ShuttingDown'),
      };
      return send(reply, ok(method, data));
    },
  );
}
