/** `engines/*`: engines and their hosts in full, for `tenon engines` and programs of ours; Linkis' calls tell less. */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {createEngineAccess, engineNameCharsMax} from '../engine-access.ts';
import {createEngineKills, EngineRefusal} from '../engine-kills.ts';
import {createEngineLogs, engineLogTypes, logPageSizeMax} from '../engine-logs.ts';
import {ok, refused, send} from '../envelope.ts';
import {EngineNotFoundError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const Engine = Type.String({minLength: 1, maxLength: engineNameCharsMax, description: 'its id or instance'});
const ListQuery = Type.Object({
  mine: Type.Optional(Type.Boolean({description: 'an administrator’s own only'})),
});
const KillBody = Type.Object({engine: Engine});
const LogQuery = Type.Object({
  engine: Engine,
  type: Type.Optional(Type.Union(engineLogTypes.map(type => Type.Literal(type)))),
  from: Type.Optional(Type.Integer({minimum: 1, description: 'first line, counted from 1'})),
  size: Type.Optional(Type.Integer({minimum: 1, maximum: logPageSizeMax})),
  last: Type.Optional(
    Type.Integer({minimum: 0, maximum: logPageSizeMax, description: 'the last so many lines'}),
  ),
});

const tags = ['engines'];
const adminsOnly = 'only admin can do this';

export function engineRoutes(app: FacadeApp, {audit, clock, engines, engineRecords}: RouteContext): void {
  if (engines === undefined) return;
  const access = createEngineAccess(engines, engineRecords);
  const kills = createEngineKills({engines, access, audit});
  const logs = createEngineLogs({engines, access, audit});

  app.get(
    '/api/engines/list',
    {
      schema: {
        tags,
        summary: 'Live engines: one’s own; for administrators everybody’s',
        querystring: ListQuery,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const all = caller.isAdmin && request.query.mine !== true;
      const shown = all ? await engines.engines() : await access.own(caller);
      if (all) audit.note('listAsAdministrator', caller, {target: 'engines', owner: 'everybody'});
      send(reply, ok(serviceMethod(request.url), {engines: shown, at: clock.now()}));
    },
  );

  app.get(
    '/api/engines/ecms',
    {schema: {tags, summary: 'Hosts of engines; administrators only'}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (!callerOf(request).isAdmin) return send(reply, refused(method, adminsOnly));
      return send(reply, ok(method, {ecms: await engines.ecms(), at: clock.now()}));
    },
  );

  app.post(
    '/api/engines/kill',
    {
      schema: {
        tags,
        summary: 'End an engine with its job, and tell what was done; its owner and administrators',
        body: KillBody,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {engine} = request.body;
      try {
        const ended = await kills.end(engine, callerOf(request));
        if (ended === undefined) throw new EngineNotFoundError(engine);
        const {engineId, instance} = ended.engine;
        return send(reply, ok(method, {engineId, instance, receipt: ended.receipt}));
      } catch (error) {
        if (error instanceof EngineRefusal) throw new EngineNotFoundError(engine);
        throw error;
      }
    },
  );

  app.get(
    '/api/engines/log',
    {
      schema: {
        tags,
        summary: 'Lines of an engine’s log; its owner and administrators',
        querystring: LogQuery,
      },
    },
    async (request, reply) => {
      const {engine, type: logType = 'stdout', from: fromLine = 1, size = 1000, last = 0} = request.query;
      const page = await logs.page(
        {instance: engine},
        {logType, fromLine, pageSize: size, lastRows: last, enableTail: false},
        callerOf(request),
      );
      send(reply, ok(serviceMethod(request.url), {...page}));
    },
  );
}
