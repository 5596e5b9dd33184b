/** The authenticated caller of a Fastify request, as the facade's hook left it. */
import type {FastifyRequest} from 'fastify';
import type {Caller} from '../actors/governance.ts';
import type {Authenticated, RequestHead} from './authentication.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before any handler runs, except on routes with `config.access: 'open'`. */
    authenticated: Authenticated | null;
    /** The body as it came, for answers that quote it. */
    bodyText: string;
    /** An error was answered, which Linkis does with HTTP 200 at times. */
    isRefused: boolean;
  }
  interface FastifyContextConfig {
    /** `open`: answered without a login. */
    readonly access?: 'open';
    /** Whether it has to be audited, where the HTTP method does not tell: a POST that only reads, a GET that changes. */
    readonly audit?: 'reads' | 'changes';
  }
}

/** Throws when the route is open: such a route asks `Authentication` itself. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.authenticated === null) throw new Error(`${request.url} is open and has no caller`);
  return request.authenticated.caller;
}

export const headOf = (request: FastifyRequest): RequestHead => ({
  headers: request.headers,
  remoteAddress: request.socket.remoteAddress ?? '',
  url: request.originalUrl,
  requestId: request.id,
});
