/** `linkisManager/*` that shows engines (contract 3.3): one's own, those of a host, and one of them. */
import {Type} from 'typebox';
import {engineStatuses} from '../../actors/engine-governance.ts';
import {serviceMethod} from '../api-path.ts';
import {createEngineAccess} from '../engine-access.ts';
import {emEngineView, engineNodeView, engineService, metricsText} from '../engine-view.ts';
import {ok, refused, send} from '../envelope.ts';
import {name, NodeBody, requiredInstance} from '../manager-bodies.ts';
import {ManagerError} from '../manager-errors.ts';
import {callerOf} from '../request-caller.ts';
import {printServiceInstance} from '../resource-view.ts';
import {engineRecordView} from '../engine-record-view.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const EmEnginesBody = Type.Object({
  em: Type.Optional(
    Type.Object(
      {
        serviceInstance: Type.Optional(Type.Object(NodeBody)),
      },
      {additionalProperties: false},
    ),
  ),
  emInstance: name('part of the instance of the engine'),
  nodeStatus: name('only with this status'),
  engineType: name('only of this type'),
  owner: name('only of this user'),
});

const EngineBody = Type.Object({...NodeBody, ticketId: name('id of the engine')});

const tags = ['engines'];

export function managerEngineRoutes(app: FacadeApp, context: RouteContext): void {
  const {engines, engineRecords} = context;
  if (engines === undefined) return;
  const access = createEngineAccess(engines, engineRecords);

  app.get(
    '/api/linkisManager/listUserEngines',
    {schema: {tags, summary: 'Live engines of the caller'}},
    async (request, reply) => {
      const own = await access.own(callerOf(request));
      send(reply, ok(serviceMethod(request.url), {engines: own.map(engineNodeView)}));
    },
  );

  app.post(
    '/api/linkisManager/listEMEngines',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'Live engines of a host; administrators only', body: EmEnginesBody},
    },
    async (request, reply) => {
      if (!callerOf(request).isAdmin) {
        throw new ManagerError('Only admin can search engine information(只有管理员才能查询所有引擎信息).');
      }
      const {em, emInstance, nodeStatus, engineType, owner} = request.body;
      const ecm = em?.serviceInstance?.instance?.trim() ?? '';
      const is = (wanted: string | null | undefined, value: string): boolean =>
        (wanted?.trim() ?? '') === '' || wanted?.trim().toLowerCase() === value.toLowerCase();
      const found = (await engines.engines())
        .filter(engine => ecm === '' || engine.ecm === ecm)
        .filter(({instance}) => instance.includes(emInstance?.trim() ?? ''))
        .filter(engine => is(nodeStatus, engine.status) && is(engineType, engine.engineType))
        .filter(({user}) => is(owner, user));
      send(reply, ok(serviceMethod(request.url), {engines: found.map(emEngineView)}));
    },
  );

  app.get(
    '/api/linkisManager/listAllNodeHealthyStatus',
    {schema: {tags, summary: 'Names of the statuses of engines'}},
    async (request, reply) => send(reply, ok(serviceMethod(request.url), {nodeStatus: engineStatuses})),
  );

  app.post(
    '/api/linkisManager/getEngineConn',
    {
      config: {audit: 'reads'},
      schema: {
        tags,
        summary: 'One engine, live or from its record; its owner and administrators',
        body: EngineBody,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const {ticketId} = request.body;
      const instance = requiredInstance(request.body);
      const caller = callerOf(request);
      const byInstance = await access.find(caller, instance);
      const found = byInstance.type === 'live' ? byInstance : await access.find(caller, ticketId, instance);
      switch (found.type) {
        case 'live': {
          const engine = engineNodeView(found.engine);
          return send(reply, ok(method, {engine, ecMetrics: metricsText(found.engine)}));
        }
        case 'recorded': {
          const {record} = found;
          const engine = {
            ...engineRecordView(record),
            nodeStatus: record.status,
            ticketId: record.ticketId,
            owner: record.user,
          };
          return send(reply, ok(method, {engine, ecMetrics: record.metrics}));
        }
        case 'none': {
          const text = `Instance does not exist ${printServiceInstance(engineService, instance)}`;
          return send(reply, refused(method, text));
        }
      }
    },
  );
}
