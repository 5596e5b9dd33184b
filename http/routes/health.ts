/** Health for balancers and orchestrators, metrics, and the description of the API: outside Linkis' surface. */
import type {FastifyReply} from 'fastify';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {createFreshCache} from '../fresh-cache.ts';
import {createMetricsPage} from '../metrics-page.ts';
import type {RequestStatistics} from '../request-statistics.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';

const open = {access: 'open'} as const;

/** `openApi` makes the document; it was told of every route. */
export function healthRoutes(
  app: FacadeApp,
  context: RouteContext,
  statistics: RequestStatistics,
  openApi: () => Promise<string>,
): void {
  const {accounts, clock, governance, settings} = context;
  // Anybody may ask, as often as they like: the database is asked once a second.
  const pings = createFreshCache(clock, {freshMs: 1000, graceMs: 0, entriesMax: 1}, async () => {
    // A session that can't be: the cheapest question there is.
    await accounts.session('');
    return true;
  });
  const page = createMetricsPage(context, statistics);

  app.get(
    '/health/live',
    {config: open, schema: {tags: ['health'], summary: 'The process answers'}},
    async () => ({status: 'up'}),
  );

  app.get(
    '/health/ready',
    {config: open, schema: {tags: ['health'], summary: 'Takes jobs now; else 503 and why'}},
    async (_request, reply) => {
      const {isReady, why} = governance.readiness();
      if (!isReady) return unready(reply, why);
      try {
        await pings.get('database');
      } catch (error) {
        if (error instanceof DatabaseAwayError) return unready(reply, 'the database cannot be reached');
        throw error;
      }
      return {status: 'ready'};
    },
  );

  app.get(
    '/metrics',
    {
      ...(!settings.metricsNeedLogin && {config: open}),
      schema: {tags: ['health'], summary: 'Prometheus metrics'},
    },
    async (_request, reply) => {
      const {contentType, text} = await page.print();
      return reply.type(contentType).send(text);
    },
  );

  app.get('/api/openapi.json', {config: open, schema: {hide: true}}, async (_request, reply) =>
    reply.type('application/json').send(await openApi()),
  );
}

const unready = (reply: FastifyReply, why: string) => reply.code(503).send({status: 'not ready', why});
