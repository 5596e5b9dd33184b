/**
 * A node's REST interface as the command uses it: logs in when first needed, keeps the session's cookie, and turns Linkis'
 * envelope into data or a `RefusedError`.
 */
import {isRecord} from '../actors/domain/job-params.ts';
import {ConnectionError, RefusedError} from './command-error.ts';
import type {Connection} from './connection.ts';

export type Data = Readonly<Record<string, unknown>>;

export type RequestOptions = {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Makes it a POST. */
  readonly body?: unknown;
  /** Instead of a POST. */
  readonly method?: 'DELETE' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
};

export type FacadeClient = {
  readonly url: string;
  readonly user: string;
  /** `data` of the answer to `path` below `/api/rest_j/v1/`. Rejects with `RefusedError` or `ConnectionError`. */
  readonly ask: (path: string, options?: RequestOptions) => Promise<Data>;
  /** Headers that prove who we are, for the stream too; `renew` after they were refused. */
  readonly authorization: (renew?: 'renew') => Promise<Readonly<Record<string, string>>>;
  /** Ends the session. Never rejects. */
  readonly close: () => Promise<void>;
};

/** Longer than the 8 s that a kill may take, and than a poll that is held. */
const answerTimeoutMs = 60_000;
const logoutTimeoutMs = 2000;
const notLoggedIn = -1;

export function createFacadeClient({url, identity}: Connection): FacadeClient {
  let cookie: string | undefined;

  async function call(path: string, options: RequestOptions, authorized: Data, timeoutMs: number) {
    const {query = {}, body, headers = {}, method = 'POST'} = options;
    const target = new URL(`${url}/api/rest_j/v1/${path}`);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(key, String(value));
    }
    try {
      const response = await fetch(target, {
        method: body === undefined ? 'GET' : method,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(body === undefined ? {} : {'content-type': 'application/json'}),
          ...authorized,
          ...headers,
        },
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
      });
      return {response, text: await response.text()};
    } catch (error) {
      throw connectionError(url, error);
    }
  }

  async function login(): Promise<string> {
    if (identity.type === 'token') return '';
    const {user, password} = identity;
    const body = {userName: user, password};
    const {response, text} = await call('user/login', {body}, {}, answerTimeoutMs);
    readEnvelope(url, response.status, text);
    const [ticket] = response.headers.getSetCookie().map(each => each.split(';', 1)[0] ?? '');
    if (ticket === undefined) throw new ConnectionError(`${url} took the login and gave no session.`);
    return ticket;
  }

  async function authorization(renew?: 'renew'): Promise<Readonly<Record<string, string>>> {
    if (identity.type === 'token') return {'token-user': identity.user, 'token-code': identity.token};
    if (renew === 'renew') cookie = undefined;
    cookie ??= await login();
    return {cookie};
  }

  return {
    url,
    user: identity.user,
    authorization,
    async ask(path, options = {}) {
      const hadSession = cookie !== undefined;
      const first = await call(path, options, await authorization(), answerTimeoutMs);
      // Only a session that we had before may have run out; a fresh one that is refused stays so.
      if (first.response.status !== 401 || !hadSession) {
        return readEnvelope(url, first.response.status, first.text);
      }
      const second = await call(path, options, await authorization('renew'), answerTimeoutMs);
      return readEnvelope(url, second.response.status, second.text);
    },
    async close() {
      if (cookie === undefined) return;
      const ended = {cookie};
      cookie = undefined;
      // The session would end by itself; leaving it open is untidy, but no reason to fail.
      await call('user/logout', {body: {}}, ended, logoutTimeoutMs).catch(() => undefined);
    },
  };
}

function readEnvelope(url: string, httpStatus: number, text: string): Data {
  let envelope: unknown;
  try {
    envelope = JSON.parse(text);
  } catch {
    envelope = undefined;
  }
  if (!isRecord(envelope) || typeof envelope['status'] !== 'number') {
    throw new ConnectionError(`${url} is no Tenon node: it answered ${httpStatus} ${text.slice(0, 100)}`);
  }
  const {status, message, data} = envelope;
  const values = isRecord(data) ? data : {};
  if (status === 0) return values;
  const errorMsg = isRecord(values['errorMsg']) ? values['errorMsg'] : {};
  const code = typeof errorMsg['errCode'] === 'number' ? errorMsg['errCode'] : 0;
  const {desc} = errorMsg;
  // Linkis wraps the text in two languages around its number; number and text are enough for a person.
  const plain = code !== 0 && typeof desc === 'string' && desc !== '' ? `${code} ${desc}` : undefined;
  const told = plain ?? (typeof message === 'string' && message !== '' ? message : `status ${status}`);
  throw new RefusedError(status === notLoggedIn ? `Not logged in: ${told}` : told, code);
}

const unreachable = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Nothing listens there, as opposed to a connection that broke while it was used. */
export class UnreachableError extends ConnectionError {}

/** What to tell of a failed fetch or socket. */
export function connectionError(url: string, error: unknown): ConnectionError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = isRecord(cause) && typeof cause['code'] === 'string' ? cause['code'] : '';
  const why = cause instanceof Error ? cause.message || code : String(cause);
  if (unreachable.has(code)) {
    return new UnreachableError(
      `No node answers at ${url} (${code}). Start one with "tenon start", or give --url or TENON_URL.`,
      {cause: error},
    );
  }
  return new ConnectionError(`The connection to ${url} failed: ${why}`, {cause: error});
}
