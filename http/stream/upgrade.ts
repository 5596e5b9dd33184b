/** What is looked at before a request becomes a WebSocket, and how one is refused. */
import type {IncomingMessage} from 'node:http';
import type {Duplex} from 'node:stream';
import type {CrossOrigin} from '../cross-origin.ts';

export const streamPath = '/ws/v1/stream';
export const linkisSocketPath = '/ws/api/entrance/connect';

export type UpgradePath = typeof streamPath | typeof linkisSocketPath;

export function upgradePathOf(request: IncomingMessage): UpgradePath | undefined {
  const path = (request.url ?? '').split('?', 1)[0];
  return [streamPath, linkisSocketPath].find((known): known is UpgradePath => known === path);
}

/**
 * Browsers send cookies along with upgrades from any page, and no preflight asks; so a page from elsewhere could follow
 * a user's jobs. Requests with both token headers prove more than a cookie, and no page can set these.
 */
export function isOriginAllowed({headers}: IncomingMessage, crossOrigin: CrossOrigin): boolean {
  const hasToken = headers['token-code'] !== undefined && headers['token-user'] !== undefined;
  return hasToken || crossOrigin.mayUpgradeByCookie(headers);
}

const reasons = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** Answers an upgrade with an ordinary response in Linkis' envelope, and closes the connection. */
export function refuseUpgrade(
  request: IncomingMessage,
  connection: Duplex,
  code: keyof typeof reasons,
  status: number,
  message: string,
): void {
  const method = (request.url ?? '').split('?', 1)[0];
  const body = Buffer.from(JSON.stringify({method, status, message, data: {}}));
  const head = [
    `HTTP/1.1 ${code} ${reasons[code]}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    'Connection: close',
    ...(code === 503 || code === 429 ? ['Retry-After: 1'] : []),
    '',
    '',
  ].join('\r\n');
  connection.end(Buffer.concat([Buffer.from(head), body]));
}
