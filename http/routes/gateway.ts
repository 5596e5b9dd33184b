/** What Linkis' gateway answers itself, and small answers of services that only name things. */
import {ok, send} from '../envelope.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

export function gatewayRoutes(app: FacadeApp, {engineTypes, instance}: RouteContext): void {
  app.get(
    '/api/gateway/heartbeat',
    {schema: {tags: ['gateway'], summary: 'Gateways a client may use'}},
    async (_request, reply) => {
      const data = {gatewayList: [`${instance.host}:${instance.port}`], isHealthy: true};
      send(reply, ok(null, data, 'Gateway heartbeat ok!'));
    },
  );

  // The same list as `configuration/engineType`.
  app.get(
    '/api/linkisManager/rm/engineType',
    {schema: {tags: ['configuration'], summary: 'Engine types a job may ask for'}},
    async (_request, reply) => send(reply, ok(null, {engineType: engineTypes})),
  );
}
