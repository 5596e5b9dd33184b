/** `audit/list`: what was changed, by whom and when, for administrators. */
import {Type} from 'typebox';
import type {AuditFilter, StoredAudit} from '../../actors/audit.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {PageNumber} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string, maxLength: number) => Type.Optional(Type.String({description, maxLength}));
const time = (description: string) => Type.Optional(Type.Integer({minimum: 0, description}));

const AuditQuery = Type.Object({
  user: text('who did it; os:NAME worked on the database itself', 128),
  action: text('kill, drain, labelsChanged, …', 64),
  target: text('job:7, host:port, …', 255),
  from: time('epoch milliseconds'),
  to: time('epoch milliseconds'),
  pageNow: Type.Optional(PageNumber),
  pageSize: Type.Optional(Type.Integer({default: 20, description: 'at most http.listPageSizeMax'})),
});

const pageSizeDefault = 20;

export function auditRoutes(app: FacadeApp, {auditStore, settings}: RouteContext): void {
  if (auditStore === undefined) return;

  app.get(
    '/api/audit/list',
    {
      schema: {
        tags: ['audit'],
        summary: 'Changes, newest first; totalPage is the number of rows; administrators only',
        querystring: AuditQuery,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (!callerOf(request).isAdmin) return send(reply, refused(method, 'only admin can do this'));
      const {user, action, target, from, to, pageNow = 1, pageSize = pageSizeDefault} = request.query;
      const filter: AuditFilter = {
        ...given('user', user),
        ...given('action', action),
        ...given('target', target),
        ...(from !== undefined && {fromMs: from}),
        ...(to !== undefined && {toMs: to}),
      };
      const size = pageSize > 0 ? Math.min(pageSize, settings.listPageSizeMax) : pageSizeDefault;
      const page = await auditStore.list(filter, {number: Math.max(1, pageNow), size});
      const data = {
        entries: page.entries.map(entryView),
        totalPage: page.total,
        ...(page.totalIsCapped && {totalIsCapped: true}),
      };
      return send(reply, ok(method, data));
    },
  );
}

/** A blank filter, as forms send it, is none. */
const given = (key: string, value: string | undefined): Readonly<Record<string, string>> =>
  value === undefined || value.trim() === '' ? {} : {[key]: value.trim()};

const entryView = ({entryId: _id, before, after, details, ...entry}: StoredAudit) => ({
  ...entry,
  before: parsed(before),
  after: parsed(after),
  details: parsed(details),
});

/** Null for nothing. What is no JSON, because somebody changed it, is shown as it stands. */
function parsed(json: string): unknown {
  if (json === '') return null;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
