/** Health for balancers and orchestrators, metrics, and the description of the API: outside Linkis' surface. */
import {createMetricsPage, jobMetrics} from '../metrics-page.ts';
import {createReadiness} from '../readiness.ts';
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
  // A session that can't be: the cheapest question there is.
  const readiness = createReadiness({governance, clock, ping: () => accounts.session('')});
  const page = createMetricsPage([...jobMetrics(context), ...context.metrics], statistics);

  app.get(
    '/health/live',
    {config: open, schema: {tags: ['health'], summary: 'The process answers'}},
    async () => ({status: 'up'}),
  );

  app.get(
    '/health/ready',
    {config: open, schema: {tags: ['health'], summary: 'Takes jobs now; else 503 and why'}},
    async (_request, reply) => {
      const {isReady, why} = await readiness();
      if (!isReady) return reply.code(503).send({status: 'not ready', why});
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
