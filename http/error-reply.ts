/** Turns whatever was thrown into the answer that Linkis' clients expect (contract 1.4 and 1.5). Pure. */
import {errorLevel, LinkisError, PersistJobRequestError} from '../actors/domain/errors.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import {NoUnlabelledInstanceError, RouteNotFoundError} from '../actors/route.ts';
import {gatewayMethod, gatewayService, serviceMethod, serviceOf} from './api-path.ts';
import {refused, type Envelope} from './envelope.ts';
import {BadRequestError, HistoryAwayError, UnsupportedMediaTypeError} from './errors.ts';
import {errorText, exceptionText, faultText, type Address} from './linkis-text.ts';
import {routeLabelOf} from './route-label.ts';

/** What the answer may need of the request it answers. */
export type FailedRequest = {
  /** As the client sent it. */
  readonly url: string;
  readonly requestId: string;
  readonly body: unknown;
  /** As it came; quoted in routing errors. */
  readonly bodyText: string;
  readonly instance: Address;
  readonly bodyBytesMax: number;
};

export type ErrorReply = {
  readonly httpStatus: number;
  readonly envelope: Envelope;
  /** For `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Our own mistake: it must be logged, and the client learns no more than the request's id. */
  readonly isFault: boolean;
};

export function errorReply(thrown: unknown, request: FailedRequest): ErrorReply {
  const error = understood(thrown, request);
  if (error instanceof LinkisError) {
    return routingCodes.has(error.code) ? routingReply(error, request) : serviceReply(error, request);
  }
  if (isRefusedByFramework(error)) return frameworkReply(error, request);
  return {
    httpStatus: 500,
    envelope: refused(
      null,
      faultText(
        `${classOf(error)}: an unexpected failure; the log has it under request ${request.requestId}`,
      ),
      {errorMsg: errorMsg(0, 'unexpected failure', errorLevel.error, request)},
    ),
    isFault: true,
  };
}

/** What is known under another name: a database that is away is a refusal with Linkis' number, not a fault. */
function understood(error: unknown, {url}: FailedRequest): unknown {
  if (!(error instanceof DatabaseAwayError)) return error;
  const isSubmit = /^\/api\/entrance\/(?:submit|execute)$/.test(serviceMethod(url));
  return isSubmit ? new PersistJobRequestError(error) : new HistoryAwayError();
}

function serviceReply(error: LinkisError, request: FailedRequest): ErrorReply {
  const level = error.retryable ? errorLevel.retry : errorLevel.error;
  return {
    httpStatus: error instanceof UnsupportedMediaTypeError ? error.statusCode : 400,
    envelope: refused(null, errorText(error.code, error.message), {
      errorMsg: errorMsg(error.code, error.message, level, request),
    }),
    ...(error.retryable && {retryAfterSeconds: 2}),
    isFault: false,
  };
}

const errorMsg = (errCode: number, desc: string, level: number, {url, instance}: FailedRequest) => ({
  level,
  errCode,
  desc,
  ip: instance.host,
  port: instance.port,
  serviceKind: serviceOf(serviceMethod(url)) ?? gatewayService,
});

/** Errors of Linkis' gateway while it looks for a service: HTTP 200, and the body is quoted. */
const routingCodes = new Set([11_010, 11_011, 11_012, 10_050, 10_051]);

function routingReply(error: LinkisError, request: FailedRequest): ErrorReply {
  const method = gatewayMethod(request.url);
  const desc = routingText(error, method, request.body);
  const exception =
    error.code === 10_050
      ? 'NoApplicationExistsException'
      : error.code === 10_051
        ? 'NoInstanceExistsException'
        : 'GatewayErrorException';
  const text = exceptionText(error.code, desc, request.instance, gatewayService);
  return {
    httpStatus: 200,
    envelope: refused(method, `${exception}: ${text}`, {
      data: request.bodyText === '' ? null : request.bodyText,
    }),
    isFault: false,
  };
}

/** The isolation note's texts; the route is the one that was asked for, wherever in the request it stood. */
function routingText(error: LinkisError, method: string, body: unknown): string {
  if (error instanceof NoUnlabelledInstanceError) {
    return `There are no services available in the registry URL: ${method} (注册表 URL 中没有可用的服务)`;
  }
  if (error.code !== 11_011) return error.message;
  // From another node it is a value, without its class; then the body is what is left.
  const route = error instanceof RouteNotFoundError ? error.route : routeLabelOf({body});
  return route === undefined
    ? error.message
    : `Cannot route to the corresponding service, URL: ${method} RouteLabel: [${printRouteLabel(route)}]`;
}

/** Keys and order of the isolation note, whose stray blanks were a slip. */
const printRouteLabel = (stringValue: string): string =>
  JSON.stringify({
    stringValue,
    labelKey: 'route',
    feature: null,
    modifiable: true,
    featureKey: 'feature',
    empty: stringValue === '',
  });

type FrameworkError = Error & {readonly statusCode: number; readonly code?: string};

const isRefusedByFramework = (error: unknown): error is FrameworkError =>
  error instanceof Error &&
  'statusCode' in error &&
  typeof error.statusCode === 'number' &&
  error.statusCode >= 400 &&
  error.statusCode < 500;

/** A body that is too large, no JSON, of another type: refused before any route saw it. */
function frameworkReply({statusCode, code, message}: FrameworkError, request: FailedRequest): ErrorReply {
  const desc = frameworkText(code, message, request.bodyBytesMax);
  const {code: errCode} = new BadRequestError(desc);
  return {
    httpStatus: statusCode,
    envelope: refused(gatewayMethod(request.url), errorText(errCode, desc), {
      errorMsg: errorMsg(errCode, desc, errorLevel.error, request),
    }),
    isFault: false,
  };
}

const frameworkText = (code: string | undefined, message: string, bodyBytesMax: number): string =>
  code === 'FST_ERR_CTP_BODY_TOO_LARGE'
    ? `The request body is larger than ${bodyBytesMax} bytes. Submit a shorter script, or have the operator raise http.bodyBytesMax`
    : `The request can't be read: ${message}`;

const classOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
