/** `linkisManager/ecinfo/*`: engines that were (contract 3.5). One's own; administrators see all. */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {createEngineAccess} from '../engine-access.ts';
import {engineRecordView, listedRecordView} from '../engine-record-view.ts';
import {ok, refused, send} from '../envelope.ts';
import {InvalidFilterError} from '../errors.ts';
import {LiveEngineRecordError, ManagerError} from '../manager-errors.ts';
import {PageNumber} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import type {EngineRecord} from '../../actors/engine-record.ts';
import type {Caller} from '../../actors/governance.ts';

const text = (description: string, maxLength = 128) => Type.Optional(Type.String({maxLength, description}));

const HistoryQuery = Type.Object({
  instance: text('of the engine', 256),
  creator: text('whose engines; administrators only'),
  startDate: text('yyyy-MM-dd HH:mm:ss; today by default'),
  endDate: text('yyyy-MM-dd HH:mm:ss; now by default'),
  engineType: text('without version'),
  status: text('Success, Failed, Unlock, …'),
  pageNow: Type.Optional(PageNumber),
  pageSize: Type.Optional(Type.Integer({default: 20})),
});

const names = Type.Optional(
  Type.Union([Type.Array(Type.String({maxLength: 256}), {maxItems: 200}), Type.Null()]),
);
const ListBody = Type.Object({
  creators: names,
  engineTypes: names,
  statuss: names,
  ecInstances: names,
  queueName: Type.Optional(Type.Unknown()),
  crossCluster: Type.Optional(Type.Unknown()),
});

const TicketParams = Type.Object({ticketid: Type.String({maxLength: 128})});

const tags = ['engines'];
const nameForm = /^[a-zA-Z\d_.-]+$/;
const pageSizeDefault = 20;

export function managerHistoryRoutes(app: FacadeApp, context: RouteContext): void {
  const {audit, clock, engines, engineRecords: records, settings} = context;
  if (records === undefined) return;
  const live = engines === undefined ? undefined : createEngineAccess(engines, undefined);

  async function visible(ticketId: string, caller: Caller): Promise<EngineRecord | undefined> {
    const record = await records?.find(ticketId);
    return record !== undefined && (caller.isAdmin || record.user === caller.user) ? record : undefined;
  }
  const missing = (ticketId: string): string => `tickedId not exist:${ticketId}`;

  app.get(
    '/api/linkisManager/ecinfo/get',
    {
      schema: {
        tags,
        summary: 'The record of an engine; its owner and administrators',
        querystring: Type.Object({ticketid: Type.String({maxLength: 128})}),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {ticketid} = request.query;
      const record = await visible(ticketid, callerOf(request));
      if (record === undefined) return send(reply, refused(method, missing(ticketid)));
      return send(reply, ok(method, {ecResourceInfoRecord: engineRecordView(record)}));
    },
  );

  app.delete(
    '/api/linkisManager/ecinfo/delete/:ticketid',
    {
      schema: {
        tags,
        summary: 'Delete the record of an engine that has ended; its owner and administrators',
        params: TicketParams,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      // Linkis' path has a brace too many, and its clients send it.
      const ticketId = request.params.ticketid.replace(/\}$/, '');
      const caller = callerOf(request);
      const record = await visible(ticketId, caller);
      if (record === undefined) return send(reply, refused(method, missing(ticketId)));
      if ((await live?.find(caller, ticketId))?.type === 'live') throw new LiveEngineRecordError(ticketId);
      await audit.change(
        'engineRecordDeleted',
        caller,
        {target: `engine:${ticketId}`, owner: record.user, before: listedRecordView(record)},
        () => records.remove(ticketId),
      );
      return send(reply, ok(method, {ecResourceInfoRecord: engineRecordView(record)}));
    },
  );

  app.get(
    '/api/linkisManager/ecinfo/ecrHistoryList',
    {schema: {tags, summary: 'Engines by when they were started, newest first', querystring: HistoryQuery}},
    async (request, reply) => {
      const caller = callerOf(request);
      const {instance, creator, startDate, endDate, engineType, status, pageNow, pageSize} = request.query;
      const owner = named('creator', creator);
      if (caller.isAdmin && owner !== caller.user) {
        audit.note('listAsAdministrator', caller, {target: 'engines', owner: owner ?? 'everybody'});
      }
      const users = caller.isAdmin
        ? owner === undefined
          ? undefined
          : [owner.toLowerCase()]
        : [caller.user];
      const now = clock.now();
      const filter = {
        ...(users !== undefined && {users}),
        ...only('engineTypes', named('engineType', engineType)?.replace(/-.*$/, '')),
        ...only('statuses', named('status', status)),
        ...only('instances', instance),
        createdFromMs: readTime('startDate', startDate) ?? new Date(now).setHours(0, 0, 0, 0),
        createdToMs: readTime('endDate', endDate) ?? now,
      };
      const size = clamp(pageSize ?? pageSizeDefault, settings.listPageSizeMax);
      const page = await records.list(filter, {number: Math.max(1, pageNow ?? 1), size});
      const data = {engineList: page.records.map(listedRecordView), totalPage: page.total};
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  app.post(
    '/api/linkisManager/ecinfo/ecList',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'Engines by several filters; administrators and their tokens', body: ListBody},
    },
    async (request, reply) => {
      const {isAdmin, hasAdminToken, user} = callerOf(request);
      if (!isAdmin && !hasAdminToken) {
        throw new ManagerError(`User:${user} has no permission to list engines of others.`);
      }
      const {creators, engineTypes, statuss, ecInstances} = request.body;
      const some = (key: string, list: readonly string[] | null | undefined) =>
        list === undefined || list === null || list.length === 0 ? {} : {[key]: list};
      const filter = {
        ...some('users', creators),
        ...some(
          'engineTypes',
          engineTypes?.map(type => type.replace(/-.*$/, '')),
        ),
        ...some('statuses', statuss),
        ...some('instances', ecInstances),
      };
      const page = await records.list(filter, {number: 1, size: settings.listPageSizeMax});
      send(reply, ok(serviceMethod(request.url), {ecList: page.records.map(listedRecordView)}));
    },
  );
}

const clamp = (size: number, max: number): number => (size > 0 ? Math.min(size, max) : pageSizeDefault);

const only = (key: string, value: string | undefined): Readonly<Record<string, readonly string[]>> =>
  value === undefined || value.trim() === '' ? {} : {[key]: [value.trim()]};

/** Throws `InvalidFilterError`. */
function named(what: string, value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  if (!nameForm.test(value)) throw new InvalidFilterError(what, value);
  return value;
}

/** By the clocks of this node's place. Throws `InvalidFilterError`. */
function readTime(what: string, value: string | undefined): number | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  const isTime = /^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?$/.test(value.trim());
  const [day = '', time = '00:00:00'] = value.trim().split(' ');
  const ms = isTime ? Date.parse(`${day}T${time}`) : NaN;
  if (Number.isNaN(ms)) throw new InvalidFilterError(what, value);
  return ms;
}
