/** `jobhistory/download-job-list`: what `list` finds, as a workbook (contract 3.2). */
import {Readable} from 'node:stream';
import {Type} from 'typebox';
import type {JobFilter, StoredJob} from '../../actors/ports.ts';
import {serviceMethod} from '../api-path.ts';
import {refused, send} from '../envelope.ts';
import {toFilter} from '../job-filter.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {taskView} from '../task-view.ts';

/** As many as Linkis gives. */
const rowsMax = 10_000;
const rowsAtOnce = 500;
const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** Titles and the keys of a task that stand under them. */
const columns = [
  ['taskID', 'taskID'],
  ['execId', 'execId'],
  ['status', 'status'],
  ['progress', 'progress'],
  ['umUser', 'umUser'],
  ['executeUser', 'executeUser'],
  ['creator', 'requestApplicationName'],
  ['engineType', 'engineType'],
  ['runType', 'runType'],
  ['created', 'createdTime'],
  ['updated', 'updatedTime'],
  ['costTime', 'costTime'],
  ['errCode', 'errCode'],
  ['errDesc', 'errDesc'],
  ['instance', 'instance'],
  ['executionCode', 'executionCode'],
] as const;
const times: ReadonlySet<string> = new Set(['createdTime', 'updatedTime']);
/** What a cell of a workbook holds is bounded. */
const cellCharsMax = 5_000;

const text = (description: string) => Type.Optional(Type.String({description}));
const time = () => Type.Optional(Type.Integer({description: 'epoch milliseconds'}));

export function jobDownloadRoutes(app: FacadeApp, {audit, clock, exportRows, jobs}: RouteContext): void {
  async function* pagesOf(filter: JobFilter): AsyncGenerator<readonly (readonly string[])[]> {
    for (let number = 1; number <= rowsMax / rowsAtOnce; number += 1) {
      const {jobs: found} = await jobs.list(filter, {number, size: rowsAtOnce});
      if (found.length > 0) yield found.map(job => cellsOf(job, clock.now()));
      if (found.length < rowsAtOnce) return;
    }
  }

  app.get(
    '/api/jobhistory/download-job-list',
    {
      schema: {
        tags: ['jobhistory'],
        summary: `The first ${rowsMax} jobs of a list as xlsx`,
        querystring: Type.Object({
          startDate: time(),
          endDate: time(),
          status: text('csv of statuses; empty is all'),
          taskID: Type.Optional(Type.Integer()),
          executeApplicationName: text('engine type'),
          creator: text('as in the label userCreator'),
          tenant: text('of whoever submitted'),
          proxyUser: text('an administrator’s view: whose jobs'),
          isAdminView: Type.Optional(Type.Boolean({description: 'everybody’s jobs; administrators only'})),
          isDeptView: Type.Optional(Type.Boolean({description: 'ignored: there are no departments'})),
          instance: text('host:port of the entrance'),
          engineInstance: text('of the engine'),
          runType: text('begin of the code type'),
        }),
      },
    },
    async (request, reply) => {
      if (exportRows === undefined) {
        return send(reply, refused(serviceMethod(request.url), 'This gateway offers no downloads of lists.'));
      }
      const caller = callerOf(request);
      const filter: JobFilter = {...toFilter(request.query, caller, clock.now()), orderBy: 'newest'};
      if (filter.submitUser !== caller.user) audit.note('listAsAdministrator', caller, {filter});
      const name = `${caller.user.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}_${request.query.startDate ?? 0}_history.xlsx`;
      const head = columns.map(([title]) => title);
      const bytes = exportRows('history', head, pagesOf(filter));
      return reply
        .type(xlsxType)
        .header('content-disposition', `attachment;filename=${name}`)
        .send(Readable.from(bytes, {objectMode: false}));
    },
  );
}

function cellsOf(job: StoredJob, now: number): readonly string[] {
  const task = taskView(job, now, 'listed');
  return columns.map(([, key]) => {
    const value = task[key];
    if (value === null || value === undefined) return '';
    if (times.has(key) && typeof value === 'number') return new Date(value).toISOString();
    return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, cellCharsMax);
  });
}
