/**
 * `configuration/tenant-mapping/*` and `user-ip-mapping/*`: which tenant jobs of a user and creator belong to, and from which
 * addresses they may be submitted. Administrators only; refusals have the texts of Linkis.
 */
import {isIP} from 'node:net';
import {Type} from 'typebox';
import type {FastifyReply, FastifyRequest} from 'fastify';
import type {ConfigurationStore} from '../../actors/configuration.ts';
import {assertTenant, anyone} from '../../actors/configuration-scope.ts';
import {LinkisError} from '../../actors/domain/errors.ts';
import {serviceMethod} from '../api-path.ts';
import {tenantView, userIpView} from '../configuration-view.ts';
import {ok, refused, send} from '../envelope.ts';
import {pageOf, pageQuery} from '../listed-page.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (maxLength: number) => Type.Optional(Type.Union([Type.String({maxLength}), Type.Null()]));
const id = Type.Optional(Type.Union([Type.Integer(), Type.String({maxLength: 20}), Type.Null()]));

const who = {id, user: text(50), creator: text(50), desc: text(100), bussinessUser: text(50)};
const TenantBody = Type.Object({...who, tenantValue: text(128)});
const UserIpBody = Type.Object({...who, ipList: text(65_535)});

const IdQuery = Type.Object({id: Type.Integer()});
const PairQuery = Type.Object({user: Type.Optional(Type.String()), creator: Type.Optional(Type.String())});
const ListQuery = Type.Object({
  user: Type.Optional(Type.String()),
  creator: Type.Optional(Type.String()),
  tenantValue: Type.Optional(Type.String()),
  ...pageQuery,
});

type Work = () => Promise<Readonly<Record<string, unknown>>>;

/** `create-tenant`, …: one resource's endpoints differ from the other's in names alone. */
type Resource = {readonly path: string; readonly noun: 'tenant' | 'user-ip'; readonly summary: string};

class RefusedMapping extends Error {}

export function tenantRoutes(app: FacadeApp, context: RouteContext): void {
  const {configuration} = context;
  if (configuration === undefined) return;
  const resource: Resource = {
    path: 'tenant-mapping',
    noun: 'tenant',
    summary: 'the tenant of a user and creator',
  };

  for (const verb of ['create', 'update'] as const) {
    app.post(
      `/api/configuration/${resource.path}/${verb}-${resource.noun}`,
      {schema: {tags: ['configuration'], summary: `${verb} ${resource.summary}`, body: TenantBody}},
      (request, reply) =>
        answer(request, reply, `${verb}-tenant`, async () => {
          const {body} = request;
          const mapping = readPair(body, verb, {
            creator: "Application name can't be empty ",
            user: "User name can't be empty ",
            bussinessUser: "Creat user can't be empty ",
            desc: "Description can't be empty ",
          });
          const tenant = body.tenantValue?.trim() ?? '';
          if (tenant === '') throw new RefusedMapping("Tenant tag can't be empty ");
          if (mapping.user === anyone && mapping.creator === anyone) {
            throw new RefusedMapping('User && Creator cannot be both *');
          }
          const after = {...mapping, tenant: assertTenant(tenant), isValid: true};
          await changeMapping(context, request, resource, after, store => store.saveTenant(after));
          return {};
        }),
    );
  }

  removeRoute(app, context, resource, (store, row) => store.removeTenant(row));
  checkRoute(app, context, resource, "can't be empty ");

  app.get(
    '/api/configuration/tenant-mapping/query-tenant-list',
    {schema: {tags: ['configuration'], summary: 'List them', querystring: ListQuery}},
    (request, reply) =>
      answer(request, reply, 'query-tenant-list', async () => {
        const {user = '', creator = '', tenantValue = '', ...page} = request.query;
        const found = configuration
          .lookup()
          .tables.tenants.filter(each => user === '' || each.user === user)
          .filter(each => creator === '' || each.creator === creator)
          .filter(each => tenantValue === '' || each.tenant === tenantValue);
        return {tenantList: pageOf(found, page).map(tenantView), totalPage: found.length};
      }),
  );
}

export function userIpRoutes(app: FacadeApp, context: RouteContext): void {
  const {configuration} = context;
  if (configuration === undefined) return;
  const resource: Resource = {
    path: 'user-ip-mapping',
    noun: 'user-ip',
    summary: 'from where a user may submit',
  };

  for (const verb of ['create', 'update'] as const) {
    app.post(
      `/api/configuration/${resource.path}/${verb}-${resource.noun}`,
      {schema: {tags: ['configuration'], summary: `${verb} ${resource.summary}`, body: UserIpBody}},
      (request, reply) =>
        answer(request, reply, `${verb}-user-ip`, async () => {
          const {body} = request;
          const mapping = readPair(body, verb, {
            creator: "Application Name couldn't be empty ",
            user: "User Name couldn't be empty ",
            bussinessUser: "Creat User couldn't be empty ",
            desc: "Description couldn't be empty ",
          });
          const ipList = (body.ipList ?? '').replaceAll(/\s/g, '');
          if (ipList === '') throw new RefusedMapping("Ip List couldn't be empty ");
          const illegal = ipList === anyone ? [] : ipList.split(',').filter(each => isIP(each) === 0);
          if (illegal.length > 0) {
            throw new RefusedMapping(`${illegal.slice(0, 10).join(',')},Illegal IP address `);
          }
          const after = {...mapping, ipList};
          await changeMapping(context, request, resource, after, store => store.saveUserIp(after));
          return {};
        }),
    );
  }

  removeRoute(app, context, resource, (store, row) => store.removeUserIp(row));
  checkRoute(app, context, resource, "couldn't be empty ");

  app.get(
    '/api/configuration/user-ip-mapping/query-user-ip-list',
    {schema: {tags: ['configuration'], summary: 'List them', querystring: ListQuery}},
    (request, reply) =>
      answer(request, reply, 'query-user-ip-list', async () => {
        const {user = '', creator = '', ...page} = request.query;
        const found = configuration
          .lookup()
          .tables.userIps.filter(each => user === '' || each.user === user)
          .filter(each => creator === '' || each.creator === creator);
        return {userIpList: pageOf(found, page).map(userIpView), totalPage: found.length};
      }),
  );
}

/** Linkis has a GET for it. */
function removeRoute(
  app: FacadeApp,
  context: RouteContext,
  resource: Resource,
  remove: (store: ConfigurationStore, id: number) => Promise<boolean>,
): void {
  const {path, noun, summary} = resource;
  app.get(
    `/api/configuration/${path}/delete-${noun}`,
    {
      schema: {tags: ['configuration'], summary: `delete ${summary}`, querystring: IdQuery},
      config: {audit: 'changes'},
    },
    (request, reply) =>
      answer(request, reply, `delete-${noun}`, async () => {
        const wanted = request.query.id;
        await changeMapping(context, request, resource, {id: wanted, isRemoved: true}, store =>
          remove(store, wanted),
        );
        return {};
      }),
  );
}

function checkRoute(
  app: FacadeApp,
  {configuration}: RouteContext,
  {path, noun}: Resource,
  blank: string,
): void {
  app.get(
    `/api/configuration/${path}/check-user-creator`,
    {schema: {tags: ['configuration'], summary: 'Whether there is one', querystring: PairQuery}},
    (request, reply) =>
      answer(request, reply, 'check-user-creator', async () => {
        const {user = '', creator = ''} = request.query;
        if (creator.trim() === '') throw new RefusedMapping(`Application Name ${blank}`);
        if (user.trim() === '') throw new RefusedMapping(`User Name ${blank}`);
        const tables = configuration?.lookup().tables;
        const rows = (noun === 'tenant' ? tables?.tenants : tables?.userIps) ?? [];
        return {exist: rows.some(each => each.user === user.trim() && each.creator === creator.trim())};
      }),
  );
}

/** Only for administrators; what is wrong is told as `Failed to {what},msg:{why}`. */
async function answer(request: FastifyRequest, reply: FastifyReply, what: string, work: Work): Promise<void> {
  const method = serviceMethod(request.url);
  if (!callerOf(request).isAdmin) {
    send(reply, refused(method, `Failed to ${what},msg: only administrators can configure`));
    return;
  }
  try {
    send(reply, ok(method, await work()));
  } catch (error) {
    const why = error instanceof RefusedMapping || isRefusal(error) ? error.message : undefined;
    if (why === undefined) throw error;
    send(reply, refused(method, `Failed to ${what},msg:${why}`));
  }
}

/** What the store refused comes from another thread, without its class. */
const isRefusal = (error: unknown): error is LinkisError =>
  error instanceof LinkisError &&
  ['DuplicateRowError', 'InvalidScopeError', 'ValueTooLongError'].includes(error.name);

async function changeMapping(
  {audit, configuration}: RouteContext,
  request: FastifyRequest,
  {path, noun}: Resource,
  after: Readonly<Record<string, unknown>>,
  work: (store: ConfigurationStore) => Promise<boolean>,
): Promise<void> {
  const tables = configuration?.lookup().tables;
  const before = [...((noun === 'tenant' ? tables?.tenants : tables?.userIps) ?? [])].find(
    each => each.id === after['id'],
  );
  const facts = {target: path, ...(before !== undefined && {before}), after};
  await audit.change('configurationChanged', callerOf(request), facts, async () => {
    const isDone = await configuration?.change(work);
    if (isDone === false) throw new RefusedMapping(`there is no row with the id ${String(after['id'])}`);
  });
}

type PairBody = Readonly<Partial<Record<'user' | 'creator' | 'desc' | 'bussinessUser', string | null>>> & {
  readonly id?: string | number | null;
};

function readPair(
  body: PairBody,
  verb: 'create' | 'update',
  blank: Readonly<Record<'creator' | 'user' | 'bussinessUser' | 'desc', string>>,
) {
  const textOf = (name: keyof typeof blank): string => {
    const given = body[name]?.trim() ?? '';
    if (given === '') throw new RefusedMapping(blank[name]);
    return given;
  };
  const wanted = Number(body.id ?? 0);
  if (verb === 'update' && !(wanted > 0)) throw new RefusedMapping("id couldn't be empty ");
  return {
    ...(verb === 'update' && {id: wanted}),
    creator: textOf('creator'),
    user: textOf('user'),
    businessUser: textOf('bussinessUser'),
    description: textOf('desc'),
  };
}
