/** `entrance/operation/*`: figures about this instance's jobs (contract 3.1). */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const text = (description: string) => Type.Optional(Type.String({description}));

export function operationRoutes(app: FacadeApp, {governance}: RouteContext): void {
  app.get(
    '/api/entrance/operation/metrics/taskinfo',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Unfinished jobs of this instance',
        querystring: Type.Object({
          user: text('others’ jobs: administrators only'),
          creator: text('as in the label userCreator'),
          ecType: text('engine type'),
          instance: text('host:port; this node answers for itself'),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      const {creator, ecType} = request.query;
      const user = request.query.user?.toLowerCase();
      if (!caller.isAdmin && user !== undefined && user !== '' && user !== caller.user) {
        return send(reply, refused(method, "Non-administrators cannot view other users' task information"));
      }
      // Without a name an administrator sees all, anybody else their own.
      const wanted = user === undefined || user === '' ? (caller.isAdmin ? undefined : caller.user) : user;
      const groups = governance
        .load()
        .filter(group => wanted === undefined || group.user === wanted)
        .filter(group => creator === undefined || creator === '' || group.creator === creator)
        .filter(group => ecType === undefined || ecType === '' || group.engineType === ecType.split('-')[0]);
      const runningNumber = groups.reduce((sum, {running}) => sum + running, 0);
      const queuedNumber = groups.reduce((sum, {queued}) => sum + queued, 0);
      const data = {taskNumber: runningNumber + queuedNumber, runningNumber, queuedNumber};
      return send(reply, ok(method, data));
    },
  );

  app.get(
    '/api/entrance/operation/metrics/runningtask',
    {schema: {tags: ['entrance'], summary: 'How many jobs this instance has, and whether it has none'}},
    async (request, reply) => {
      const runningTaskNumber = governance
        .load()
        .reduce((sum, {running, queued}) => sum + running + queued, 0);
      const data = {runningTaskNumber, isCompleted: runningTaskNumber === 0};
      send(reply, ok(serviceMethod(request.url), data));
    },
  );

  app.get(
    '/api/entrance/operation/consumer/info',
    {schema: {tags: ['entrance'], summary: 'Queues of this instance; administrators only'}},
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (!callerOf(request).isAdmin) return send(reply, refused(method, 'only admin can do this'));
      return send(reply, ok(method, {consumerNum: governance.load().length}));
    },
  );
}
