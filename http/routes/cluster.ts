/** `cluster/nodes`: the nodes of the cluster, for administrators and `tenon nodes`; and how one is told to leave. */
import {Type} from 'typebox';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const tags = ['cluster'];

export function clusterRoutes(app: FacadeApp, {cluster, audit}: RouteContext): void {
  if (cluster === undefined) return;

  app.get(
    '/api/cluster/nodes',
    {
      schema: {
        tags,
        summary: 'Members with roles, labels, lease state and this node’s link to each; administrators only',
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      if (!callerOf(request).isAdmin) return send(reply, refused(method, 'only admin can do this'));
      return send(reply, ok(method, {nodes: cluster.nodes()}));
    },
  );

  app.post(
    '/api/cluster/drain',
    {
      schema: {
        tags,
        summary: 'A node takes no more jobs, hands over those it has, and ends; administrators only',
        body: Type.Object({
          instance: Type.String({minLength: 3, maxLength: 128, description: 'host:port, as nodes lists it'}),
        }),
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      if (!caller.isAdmin) return send(reply, refused(method, 'only admin can do this'));
      const {instance} = request.body;
      const before = cluster.nodes().find(node => node.instance === instance)?.state;
      await audit.change(
        'drain',
        caller,
        {instance, ...(before !== undefined && {before: {state: before}})},
        () => cluster.drain(instance, caller.user),
        () => ({after: {state: 'leaving'}}),
      );
      return send(reply, ok(method, {instance}));
    },
  );
}
