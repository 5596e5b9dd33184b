/** What Linkis' gateway answers itself, and small answers of services that only name things. */
import {serviceMethod} from '../api-path.ts';
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

  for (const url of ['/api/configuration/engineType', '/api/linkisManager/rm/engineType']) {
    app.get(
      url,
      {schema: {tags: ['configuration'], summary: 'Engine types a job may ask for'}},
      async (request, reply) => {
        const method = url.includes('/rm/') ? null : serviceMethod(request.url);
        send(reply, ok(method, {engineType: engineTypes}));
      },
    );
  }
}
