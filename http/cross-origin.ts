/**
 * Which pages of other origins may call. `kill` is a GET, so a link or image on any page could end jobs: the cookie is
 * `SameSite=Strict`, and what a browser marks as coming from elsewhere is refused unless its origin is configured.
 */
import type {IncomingHttpHeaders} from 'node:http';

export type CrossOrigin = {
  /** The request's origin, when it is a configured one: what CORS headers may name. */
  readonly allowedOrigin: (headers: IncomingHttpHeaders) => string | undefined;
  /** Whether a browser says that a page of another origin made the request, and nobody allowed that. */
  readonly isForeign: (headers: IncomingHttpHeaders) => boolean;
  /**
   * Whether an upgrade may rely on the session cookie: browsers send no `Sec-Fetch-Site` to plain-HTTP hosts, but always
   * an `Origin` on upgrades, which must be ours or configured. Without one it is no browser.
   */
  readonly mayUpgradeByCookie: (headers: IncomingHttpHeaders) => boolean;
};

export function createCrossOrigin(corsOrigins: readonly string[]): CrossOrigin {
  const allowed = new Set(corsOrigins.map(origin => origin.toLowerCase().replace(/\/$/, '')));

  const allowedOrigin = ({origin}: IncomingHttpHeaders): string | undefined =>
    origin !== undefined && allowed.has(origin.toLowerCase()) ? origin : undefined;

  function isForeign(headers: IncomingHttpHeaders): boolean {
    const site = headers['sec-fetch-site'];
    // `same-site` is another port or sub-domain: it gets our cookie, even a strict one.
    return (site === 'cross-site' || site === 'same-site') && allowedOrigin(headers) === undefined;
  }

  return {
    allowedOrigin,
    isForeign,
    mayUpgradeByCookie(headers) {
      if (isForeign(headers)) return false;
      const {origin, host} = headers;
      if (origin === undefined || allowedOrigin(headers) !== undefined) return true;
      return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
    },
  };
}

/** Headers of an answer to a configured origin; with a preflight also what it may send. */
export const corsHeaders = (origin: string, isPreflight: boolean): Readonly<Record<string, string>> => ({
  'access-control-allow-origin': origin,
  'access-control-allow-credentials': 'true',
  vary: 'Origin',
  ...(isPreflight && {
    'access-control-allow-headers':
      'authorization,content-type,content-language,token-code,token-user,idempotency-key,x-request-id,x-route-label',
    'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
    'access-control-max-age': '600',
  }),
});
