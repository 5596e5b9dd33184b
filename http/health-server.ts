/**
 * Health and metrics of a node that has no facade: `/health/live`, `/health/ready` and `/metrics` on a port of their own,
 * and nothing else. Plain HTTP without a login, so it belongs on loopback or a network of one's own.
 */
import type {IncomingMessage, ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {createMetricsPage} from './metrics-page.ts';
import type {Metric} from './metrics.ts';
import {createReadiness, type ReadinessDependencies} from './readiness.ts';
import {createRequestStatistics} from './request-statistics.ts';

// An import would load Node's own fetch with it: 14 MB and 60 ms.
const {createServer} = process.getBuiltinModule('node:http');

export type HealthServerDependencies = ReadinessDependencies & {
  /** Of this node alone; a facade shows what the whole cluster has. */
  readonly metrics: readonly Metric[];
  readonly onFault: (error: unknown, during: string) => void;
};

export type HealthServerSettings = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** False: figures by group, whose names hold those of users, are left out. */
  readonly hasGroups: boolean;
};

export type HealthServer = {
  readonly host: string;
  readonly port: number;
  /** Cuts who is still being answered: probes ask again. */
  readonly close: () => Promise<void>;
};

type Answer = {readonly status: number; readonly type: string; readonly text: string};

/** A few probes and scrapers ask here; whoever else comes costs no more than this. */
const limits = {connectionsMax: 64, headerBytesMax: 8192, requestMs: 5000, idleMs: 5000, lookEveryMs: 1000};

/** Resolves when the port is bound. Rejects with Node's error when it is taken (`EADDRINUSE`). */
export async function openHealthServer(
  dependencies: HealthServerDependencies,
  {host, port, hasGroups}: HealthServerSettings,
): Promise<HealthServer> {
  const {clock, metrics, onFault} = dependencies;
  const readiness = createReadiness(dependencies);
  const page = createMetricsPage(
    hasGroups ? metrics : metrics.filter(({labelNames}) => !labelNames.includes('group')),
    createRequestStatistics(clock),
  );

  const answers: Readonly<Record<string, () => Promise<Answer>>> = {
    '/health/live': async () => json(200, {status: 'up'}),
    async '/health/ready'() {
      const {isReady, why} = await readiness();
      return isReady ? json(200, {status: 'ready'}) : json(503, {status: 'not ready', why});
    },
    async '/metrics'() {
      const {contentType, text} = await page.print();
      return {status: 200, type: contentType, text};
    },
  };

  async function answer({url = '', method}: IncomingMessage): Promise<Answer> {
    const path = url.split('?', 1)[0] ?? '';
    const make = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (make === undefined) return json(404, {paths: Object.keys(answers)});
    if (method !== 'GET' && method !== 'HEAD') return json(405, {methods: ['GET', 'HEAD']});
    try {
      return await make();
    } catch (error) {
      onFault(error, path);
      return json(500, {status: 'failed'});
    }
  }

  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.lookEveryMs,
    },
    (request, response) => void answer(request).then(made => send(request, response, made)),
  );
  server.maxConnections = limits.connectionsMax;
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({host, port}, resolve);
  await promise;
  server.removeListener('error', reject);

  return {
    host,
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>(done => {
        server.close(() => done());
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  text: JSON.stringify(body),
});

function send({method}: IncomingMessage, response: ServerResponse, {status, type, text}: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : text);
}
