/**
 * The HTTP facade: Linkis' REST surface over the governance. Builds the server and Fastify on it, puts what concerns
 * every request around the routes (prefix, request id, origin, login, safe headers, errors), and closes in order.
 */
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import type {AddressInfo, Socket} from 'node:net';
import type {TypeBoxTypeProvider} from '@fastify/type-provider-typebox';
import createFastify, {
  type FastifyBaseLogger,
  type FastifyPluginAsync,
  type FastifyPluginOptions,
} from 'fastify';
import type {Caller} from '../actors/governance.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {Ajv, type AnySchema} from 'ajv';
import {answerBrokenRequest, createFacadeServer} from './facade-server.ts';
import {createAudit} from './audit.ts';
import {createAuthentication} from './authentication.ts';
import {createClientAddress} from './client-address.ts';
import {createCrossOrigin} from './cross-origin.ts';
import {createJobAccess} from './job-access.ts';
import {createOpenApi} from './openapi.ts';
import {createRequestIds} from './request-id.ts';
import {toApiPath} from './api-path.ts';
import type {FacadeApp, FacadeDependencies, RouteContext, RouteModule} from './route-context.ts';
import {guardRequests} from './request-guard.ts';
import {createRequestStatistics} from './request-statistics.ts';
import {auditRoutes} from './routes/audit.ts';
import {configurationRoutes} from './routes/configuration.ts';
import {enginePluginRoutes} from './routes/engine-plugin.ts';
import {engineRoutes} from './routes/engines.ts';
import {entranceRoutes} from './routes/entrance.ts';
import {gatewayRoutes} from './routes/gateway.ts';
import {healthRoutes} from './routes/health.ts';
import {jobHistoryRoutes} from './routes/job-history.ts';
import {jobDownloadRoutes} from './routes/job-download.ts';
import {jobListRoutes} from './routes/job-list.ts';
import {jobStatisticsRoutes} from './routes/job-statistics.ts';
import {labelRoutes} from './routes/label.ts';
import {managerChangeRoutes} from './routes/manager-changes.ts';
import {managerEcmRoutes} from './routes/manager-ecms.ts';
import {managerEngineRoutes} from './routes/manager-engines.ts';
import {managerHistoryRoutes} from './routes/manager-history.ts';
import {managerKillRoutes} from './routes/manager-kills.ts';
import {managerLogRoutes} from './routes/manager-logs.ts';
import {managerPredictionRoutes} from './routes/manager-prediction.ts';
import {managerQueueRoutes} from './routes/manager-queues.ts';
import {managerResourceRoutes} from './routes/manager-resources.ts';
import {microserviceRoutes} from './routes/microservice.ts';
import {operationRoutes} from './routes/operation.ts';
import {pageRoutes} from './routes/pages.ts';
import {clusterRoutes} from './routes/cluster.ts';
import {quotaRoutes} from './routes/quota.ts';
import {routePreviewRoutes} from './routes/route-preview.ts';
import {userRoutes} from './routes/user.ts';
import {whyRoutes} from './routes/why.ts';
import type {HttpSettings} from './settings.ts';
import {createValidatorCompiler} from './validation.ts';

export type Facade = {
  /** Routes of other parts (`http/files`), with the same login, errors and schemas. Before `listen`. */
  readonly register: <Options extends FastifyPluginOptions>(
    plugin: FastifyPluginAsync<Options>,
    options: Options,
  ) => Promise<void>;
  /** Binds the port. Rejects with Node's error when it is taken (`EADDRINUSE`). */
  readonly listen: () => Promise<{readonly url: string; readonly host: string; readonly port: number}>;
  /** Takes no more requests, ends held polls, lets the rest finish for `drainMs`, then cuts what is left. */
  readonly close: (drainMs?: number) => Promise<void>;
  /** For `attachStreams`: emits `upgrade`. */
  readonly server: Server;
  /**
   * Who asks for an upgrade, by token headers or session cookie, with the same rules as for requests; undefined if
   * nobody may. Rejects with `DatabaseAwayError` when nobody can know now.
   */
  readonly authenticateUpgrade: (request: IncomingMessage) => Promise<Caller | undefined>;
};

const ownRoutes: readonly RouteModule[] = [
  userRoutes,
  gatewayRoutes,
  entranceRoutes,
  whyRoutes,
  operationRoutes,
  labelRoutes,
  microserviceRoutes,
  routePreviewRoutes,
  clusterRoutes,
  auditRoutes,
  engineRoutes,
  enginePluginRoutes,
  managerEngineRoutes,
  managerKillRoutes,
  managerChangeRoutes,
  managerEcmRoutes,
  managerLogRoutes,
  managerHistoryRoutes,
  managerResourceRoutes,
  managerQueueRoutes,
  managerPredictionRoutes,
  configurationRoutes,
  quotaRoutes,
  jobHistoryRoutes,
  jobListRoutes,
  jobDownloadRoutes,
  jobStatisticsRoutes,
  pageRoutes,
];

const drainDefaultMs = 10_000;
/** An execID holds host and port of several instances; longer ids are refused before anything looks at them. */
const idLengthMax = 1024;

/**
 * Nothing listens yet: first `register` what other parts serve. Throws `TlsFileError`, or `RangeError` for a setting that can't be read.
 */
export async function createFacade(
  dependencies: FacadeDependencies,
  settings: HttpSettings,
): Promise<Facade> {
  const {accounts, clock, governance, instance, log, randomBytes} = dependencies;
  const {audit = createAudit(log, clock)} = dependencies;
  const addresses = createClientAddress(settings.trustedProxies);
  const crossOrigin = createCrossOrigin(settings.corsOrigins);
  const requestId = createRequestIds(randomBytes);
  const closing = new AbortController();
  const onFault = (error: unknown, during: string): void => log.error({err: error}, `failed: ${during}`);
  const authentication = createAuthentication({accounts, clock, instance, addresses, onFault}, settings);
  const context: RouteContext = {
    ...dependencies,
    settings,
    authentication,
    addresses,
    audit,
    access: createJobAccess(governance, audit),
    closing: closing.signal,
  };
  const statistics = createRequestStatistics(clock);

  let server: Server | undefined;
  const app: FacadeApp = createFastify<
    Server,
    IncomingMessage,
    ServerResponse,
    FastifyBaseLogger,
    TypeBoxTypeProvider
  >({
    serverFactory(handler) {
      server = createFacadeServer(settings, handler);
      return server;
    },
    clientErrorHandler: answerBrokenRequest,
    rewriteUrl: ({url = '/'}) => toApiPath(url).url,
    genReqId: requestId,
    requestIdHeader: false,
    bodyLimit: settings.bodyBytesMax,
    // A HEAD request would run the GET handler, and `kill` is a GET (decision 45).
    exposeHeadRoutes: false,
    routerOptions: {maxParamLength: idLengthMax},
    return503OnClosing: false,
    schemaController: {
      compilersFactory: {
        // Ours are set below; these keep Fastify from loading its own, which a start would pay for.
        buildValidator: () => (schema: AnySchema) => new Ajv().compile(schema),
        buildSerializer: () => () => JSON.stringify,
      },
    },
  });
  app.setValidatorCompiler(createValidatorCompiler());
  // Answers are plain data; a schema's serializer would drop what it doesn't list.
  app.setSerializerCompiler(() => JSON.stringify);

  guardRequests(app, context, crossOrigin, statistics, closing.signal);
  const openApi = createOpenApi(app);
  for (const routes of ownRoutes) routes(app, context);
  healthRoutes(app, context, statistics, openApi);
  if (server === undefined) throw new Error('Fastify did not ask for its server');

  const listening: Server = server;
  const closeSockets = trackSockets(listening);
  const stopSweeping = sweepSessions(context, clock, onFault);

  return {
    server: listening,
    async register(plugin, options) {
      await app.register(plugin, options);
    },
    async authenticateUpgrade(request) {
      const outcome = await authentication.authenticate({
        headers: request.headers,
        remoteAddress: request.socket.remoteAddress ?? '',
        url: request.url ?? '',
        requestId: requestId(request),
      });
      if (outcome.type === 'caller') return outcome.caller;
      if (outcome.why === 'databaseAway') throw new DatabaseAwayError(outcome.envelope.message);
      return undefined;
    },
    async listen() {
      await app.ready();
      const {host, port} = await bind(listening, settings);
      const scheme = settings.tlsCertFile === '' ? 'http' : 'https';
      return {url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`, host, port};
    },
    async close(drainMs = drainDefaultMs) {
      stopSweeping();
      closing.abort();
      const closed = new Promise<void>(resolve => {
        listening.close(() => resolve());
      });
      listening.closeIdleConnections();
      const cancel = clock.after(drainMs, closeSockets);
      await closed;
      cancel();
      await app.close();
    },
  };
}

/** Returns what cuts every connection; Node's own `closeAllConnections` leaves out those that were upgraded. */
function trackSockets(server: Server): () => void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

async function bind(server: Server, {host, port}: HttpSettings): Promise<{host: string; port: number}> {
  const {promise, resolve, reject} = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({host, port}, resolve);
  await promise;
  server.removeListener('error', reject);
  const address = server.address() as AddressInfo;
  return {host, port: address.port};
}

/** Ended sessions are refused anyway; this keeps the table small. Any gateway may do it, and all do. */
function sweepSessions(
  {accounts, settings}: RouteContext,
  clock: Clock,
  onFault: (error: unknown, during: string) => void,
): () => void {
  let cancel: (() => void) | undefined;
  let isStopped = false;

  function sweep(): void {
    accounts
      .sweepSessions(clock.now() - settings.sessionTimeoutMs)
      .catch((error: unknown) => onFault(error, 'removing ended sessions'))
      .finally(sweepLater);
  }
  function sweepLater(): void {
    if (!isStopped) cancel = clock.after(settings.sessionSweepMs, sweep);
  }

  sweepLater();
  return () => {
    isStopped = true;
    cancel?.();
  };
}
