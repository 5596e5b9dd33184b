/**
 * The OpenAPI document, from the very schemas that validate. `@fastify/swagger` is loaded and the document built when it
 * is first asked for: it costs a start nothing (decision 57).
 */
import createFastify, {type RouteOptions} from 'fastify';
import type {FacadeApp} from './route-context.ts';

/** Call it before the routes are registered. Returns what makes the document, as JSON text. */
export function createOpenApi(app: FacadeApp): () => Promise<string> {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', ({method, url, schema}) => {
    if (schema !== undefined) routes.push({method, url, schema, handler: () => undefined});
  });
  let document: Promise<string> | undefined;
  return () => {
    document ??= describe(routes);
    return document;
  };
}

async function describe(routes: readonly RouteOptions[]): Promise<string> {
  const {default: swagger} = await import('@fastify/swagger');
  const shadow = createFastify();
  await shadow.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tenon',
        version: '1',
        description:
          'Linkis’ REST surface. Every path also answers under /api/v1 and /api/rest_j/v1. Answers are envelopes:' +
          ' {method, status, message, data}; status 0 is success.',
      },
      components: {
        securitySchemes: {
          session: {type: 'apiKey', in: 'cookie', name: 'linkis_user_session_ticket_id_v1'},
          tokenCode: {type: 'apiKey', in: 'header', name: 'Token-Code'},
          tokenUser: {type: 'apiKey', in: 'header', name: 'Token-User'},
        },
      },
      security: [{session: []}, {tokenCode: [], tokenUser: []}],
    },
  });
  for (const route of routes) shadow.route(route);
  await shadow.ready();
  const text = JSON.stringify(shadow.swagger());
  await shadow.close();
  return text;
}
