/** `gateway/route/preview`: which instance a submission with these labels would reach, and why. Nothing is submitted. */
import {Type} from 'typebox';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {serviceMethod} from '../api-path.ts';
import {ok, refused, send} from '../envelope.ts';
import {callerOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {routeLabelOf} from '../route-label.ts';

const PreviewQuery = Type.Object({
  route: Type.Optional(
    Type.String({maxLength: 255, description: 'Route label; without it an unlabelled request'}),
  ),
  tenant: Type.Optional(
    Type.String({maxLength: 255, description: 'Of the submission, for sticky instances'}),
  ),
  user: Type.Optional(Type.String({maxLength: 255, description: 'Who would submit; without it the caller'})),
});

export function routePreviewRoutes(app: FacadeApp, {routing}: RouteContext): void {
  if (routing === undefined) return;

  app.get(
    '/api/gateway/route/preview',
    {
      schema: {
        tags: ['gateway'],
        summary: 'Which instance a request would reach, and why; administrators only',
        querystring: PreviewQuery,
      },
    },
    async (request, reply) => {
      const method = serviceMethod(request.url);
      const caller = callerOf(request);
      if (!caller.isAdmin) return send(reply, refused(method, 'only admin can do this'));
      const {tenant, user = caller.user} = request.query;
      const routeLabel = routeLabelOf(request);
      return send(reply, ok(method, routing.preview({service: entranceService, routeLabel, tenant, user})));
    },
  );
}
