/**
 * What happens around every route: safe headers, the refusal of other origins' pages, the login, bodies as JSON, errors
 * and unknown paths in Linkis' shape, and one log line for what is worth it.
 */
import type {FastifyReply, FastifyRequest} from 'fastify';
import {gatewayMethod, gatewayService, pathOf, serviceMethod, serviceOf, toApiPath} from './api-path.ts';
import {noteChanges} from './audit-hook.ts';
import {corsHeaders, type CrossOrigin} from './cross-origin.ts';
import {envelopeStatus, refused, send} from './envelope.ts';
import {errorReply} from './error-reply.ts';
import {UnsupportedMediaTypeError} from './errors.ts';
import {exceptionText} from './linkis-text.ts';
import {headOf} from './request-caller.ts';
import {requestIdHeader} from './request-id.ts';
import type {RequestStatistics} from './request-statistics.ts';
import type {FacadeApp, RouteContext} from './route-context.ts';

const isApi = (url: string): boolean => url.startsWith('/api/') || url === '/api';

export function guardRequests(
  app: FacadeApp,
  context: RouteContext,
  crossOrigin: CrossOrigin,
  statistics: RequestStatistics,
  closing: AbortSignal,
): void {
  const {audit, authentication, instance, log, settings} = context;
  app.decorateRequest('authenticated', null);
  app.decorateRequest('bodyText', '');

  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({
      [requestIdHeader]: request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
    if (closing.aborted) reply.header('connection', 'close');
    const origin = crossOrigin.allowedOrigin(request.headers);
    if (origin !== undefined) {
      const isPreflight = request.method === 'OPTIONS';
      reply.headers(corsHeaders(origin, isPreflight));
      if (isPreflight) return void reply.code(204).send();
    }
    if (isApi(request.url) && crossOrigin.isForeign(request.headers)) {
      return send(reply, {
        method: gatewayMethod(request.originalUrl),
        status: envelopeStatus.forbidden,
        message:
          'A page of another origin made this request. Have the operator list the origin in http.corsOrigins.',
        data: {},
      });
    }
    return logIn(request, reply, done);
  });

  function logIn(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const {access} = request.routeOptions.config;
    if (access === 'open' || (request.is404 && !isApi(request.url))) return done();
    const judge = (outcome: Awaited<ReturnType<typeof authentication.authenticate>>): void => {
      if (outcome.type === 'refusal') return send(reply, outcome.envelope);
      request.authenticated = outcome;
      return done();
    };
    const outcome = authentication.authenticate(headOf(request));
    // Mostly known already: then the request does not wait for a turn of the loop.
    if ('type' in outcome) return judge(outcome);
    void outcome.then(judge);
    return undefined;
  }

  noteChanges(app, audit);
  acceptJson(app);

  app.setErrorHandler((error, request, reply) => {
    request.isRefused = true;
    const answer = errorReply(error, {
      url: request.originalUrl,
      requestId: request.id,
      body: request.body,
      bodyText: request.bodyText,
      instance,
      bodyBytesMax: settings.bodyBytesMax,
    });
    if (answer.isFault) {
      log.error({err: error, requestId: request.id, url: pathOf(request.originalUrl)}, 'a request failed');
    }
    // Fastify would hang up on a body that is too large, and the client, still sending, would never read why. Node
    // throws the rest away instead, until the request's time is over.
    if (answer.httpStatus === 413) reply.removeHeader('connection');
    if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds);
    reply.code(answer.httpStatus).send(answer.envelope);
  });

  app.setNotFoundHandler((request, reply) => answerUnknownPath(request, reply, context));

  let ordinary = 0;
  app.addHook('onResponse', (request, reply, done) => {
    const {elapsedTime} = reply;
    const route = request.routeOptions.url ?? 'unknown';
    statistics.note(request.method, route, reply.statusCode, elapsedTime);
    const isSlow = elapsedTime > settings.slowRequestMs;
    const isFailed = reply.statusCode >= 500;
    ordinary = settings.requestLogEvery === 0 ? 1 : (ordinary + 1) % settings.requestLogEvery;
    if (isSlow || isFailed || ordinary === 0) {
      const line = {
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(elapsedTime),
        requestId: request.id,
        user: request.authenticated?.caller.user,
      };
      if (isSlow || isFailed) log.warn(line, isFailed ? 'request failed' : 'request was slow');
      else log.info(line, `one of ${settings.requestLogEvery} requests`);
    }
    done();
  });
}

/** Java clients send `Content-Encoding: utf-8`, which is no coding, so that header is not looked at. */
function acceptJson(app: FacadeApp): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  const parser = (
    request: FastifyRequest,
    body: string,
    done: (error: Error | null, body?: unknown) => void,
  ): void => {
    request.bodyText = body;
    if (body.trim() === '') done(null, null);
    else void parse(request, body, done);
  };
  app.addContentTypeParser<string>('application/json', {parseAs: 'string'}, parser);
  app.addContentTypeParser<string>('*', {parseAs: 'string'}, (request, body, done) => {
    // Some send no type at all; pages of other origins may send these others without asking first.
    if (request.headers['content-type'] === undefined || body === '') parser(request, body, done);
    else done(new UnsupportedMediaTypeError());
  });
}

function answerUnknownPath(request: FastifyRequest, reply: FastifyReply, {instance}: RouteContext): void {
  const method = gatewayMethod(request.originalUrl);
  const path = serviceMethod(request.originalUrl);
  const {unknownVersion} = toApiPath(request.originalUrl);
  if (unknownVersion !== undefined) {
    reply.code(200).send(refused(method, `The gatewayv1 not support version ${unknownVersion}.`));
  } else if (!isApi(request.url)) {
    reply.code(404).send(refused(method, `Cannot find a service to deal ${path}, ignore it.`));
  } else if (serviceOf(path) === undefined) {
    const service = path.split('/')[2] ?? '';
    const desc = `Application ${service} does not exist any instances(应用程序 ${service} 不存在任何实例)`;
    const text = exceptionText(10_050, desc, instance, gatewayService);
    const data = {data: request.bodyText === '' ? null : request.bodyText};
    reply.code(200).send(refused(method, `NoApplicationExistsException: ${text}`, data));
  } else {
    // The shape of Linkis' framework errors: the HTTP code as status, an array as data.
    reply.code(404).send({
      method: path,
      status: 404,
      message: `Not Found, with request path:${path}`,
      data: [],
    });
  }
}
