/**
 * `entrance/operation/label/*`: the route label of one instance, and whether it takes new jobs (contract 3.1). Without the
 * query `instance` this node answers for itself.
 *
 * Linkis lets anybody take an entrance out of service; here that is for administrators.
 */
import {Type} from 'typebox';
import type {Routing} from '../../actors/instance-label-service.ts';
import {servicesOf} from '../../actors/instance-label.ts';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {BadRequestError} from '../errors.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const InstanceQuery = Type.Object({
  instance: Type.Optional(Type.String({description: 'host:port; without it this node'})),
});

const RouteBody = Type.Object({
  routeLabel: Type.String({maxLength: 255, description: 'The new route label; a blank one takes it away.'}),
});

export function labelRoutes(app: FacadeApp, {audit, routing}: RouteContext): void {
  if (routing === undefined) return;

  app.post(
    '/api/entrance/operation/label/update',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Set the route label of an instance; administrators only',
        querystring: InstanceQuery,
        body: RouteBody,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      if (!caller.isAdmin) {
        return send(reply, refused(method, 'Non-administrators cannot update Route Label'));
      }
      const instance = targetOf(routing, request.query.instance);
      const {routeLabel} = request.body;
      await audit.change(
        'labelsChanged',
        caller,
        {instance, labels: {route: routeLabel}, before: {route: routeOf(routing, instance)}},
        () => routing.setRoute(instance, routeLabel),
        () => ({after: {route: routeLabel.trim()}}),
      );
      return send(reply, ok(method));
    },
  );

  const changes = [
    {name: 'markoffline', action: 'markedOffline', run: routing.markOffline, summary: 'No new jobs here'},
    {name: 'backonline', action: 'backOnline', run: routing.backOnline, summary: 'New jobs again'},
  ] as const;
  for (const {name, action, run, summary} of changes) {
    app.route({
      // A GET in Linkis, although it changes something; see decision 45 for what keeps other pages from it.
      method: ['GET', 'POST'],
      url: `/api/entrance/operation/label/${name}`,
      schema: {
        tags: ['entrance'],
        summary: `${summary}; administrators only`,
        querystring: InstanceQuery,
      },
      async handler(request, reply) {
        const method = serviceMethod(request.url);
        const caller = callerOf(request);
        if (!caller.isAdmin) {
          return send(
            reply,
            refused(method, 'Non-administrators cannot take instances offline or back online'),
          );
        }
        const instance = targetOf(routing, request.query.instance);
        const before = {isOnline: await routing.isOnline(instance)};
        await audit.change(
          action,
          caller,
          {instance, before},
          () => run(instance),
          () => ({after: {isOnline: action === 'backOnline'}}),
        );
        return send(reply, ok(method));
      },
    });
  }

  app.get(
    '/api/entrance/operation/label/isOnline',
    {
      schema: {
        tags: ['entrance'],
        summary: 'Whether an instance takes new jobs, as far as its labels say',
        querystring: InstanceQuery,
      },
    },
    async (request, reply) => {
      const isOnline = await routing.isOnline(targetOf(routing, request.query.instance));
      send(reply, ok(serviceMethod(request.url), {isOnline}));
    },
  );
}

/** As far as this node knows; empty for none. */
const routeOf = (routing: Routing, wanted: string): string =>
  routing.members().find(({instance}) => instance === wanted)?.labels?.['route'] ?? '';

/** Throws `BadRequestError` when this node is meant, and has no entrance. */
function targetOf(routing: Routing, named: string | undefined): string {
  if (named !== undefined && named.trim() !== '') return named.trim();
  const self = routing.self();
  const member = routing.members().find(({instance}) => instance === self);
  if (member === undefined || servicesOf(member.roles).includes(entranceService)) return self;
  throw new BadRequestError(`${self} has no entrance. Name one: ?instance=host:port`);
}
