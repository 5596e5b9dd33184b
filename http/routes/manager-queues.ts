/**
 * `linkisManager/rm/*` about queues of Yarn (contract 3.6). There is no Yarn here: these answer what Linkis answers where
 * there are no queues, and an empty one for each that is asked for.
 */
import {Type} from 'typebox';
import {ok, refused, send} from '../envelope.ts';
import {name} from '../manager-bodies.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const AnyBody = Type.Object({});
const QueueBody = Type.Object({
  queuename: name('ignored'),
  clustername: name('ignored'),
  queueNames: Type.Optional(
    Type.Union([Type.Array(Type.String({maxLength: 256}), {maxItems: 200}), Type.Null()]),
  ),
});

const tags = ['resources'];

const nothing = {memory: 0, cores: 0};
/** Linkis puts the largest resource where one expects the name. */
const noQueue = {
  queuename: {queueMemory: 0, queueCores: 0, queueInstances: 0, queueName: '', applicationId: ''},
  maxResources: nothing,
  usedResources: nothing,
  usedPercentage: nothing,
  maxApps: 0,
  numActiveApps: 0,
  numPendingApps: 0,
};

export function managerQueueRoutes(app: FacadeApp, {engines}: RouteContext): void {
  if (engines === undefined) return;

  app.post(
    '/api/linkisManager/rm/queues',
    {config: {audit: 'reads'}, schema: {tags, summary: 'Queues of Yarn: none', body: AnyBody}},
    async (_request, reply) => send(reply, ok(null, {queues: []})),
  );

  app.post(
    '/api/linkisManager/rm/queueresources',
    {
      config: {audit: 'reads'},
      schema: {tags, summary: 'Resources of a queue of Yarn: none', body: QueueBody},
    },
    async (_request, reply) => send(reply, ok(null, {queueInfo: noQueue, userResources: []})),
  );

  app.post(
    '/api/linkisManager/rm/batchqueueresources',
    {config: {audit: 'reads'}, schema: {tags, summary: 'Resources of queues of Yarn: none', body: QueueBody}},
    async (request, reply) => {
      const {queueNames} = request.body;
      if (queueNames === undefined || queueNames === null || queueNames.length === 0) {
        return send(reply, refused(null, 'queueNames parameter is required'));
      }
      const queueInfos = Object.fromEntries(queueNames.map(queue => [queue, noQueue]));
      return send(reply, ok(null, {queueInfos}));
    },
  );
}
