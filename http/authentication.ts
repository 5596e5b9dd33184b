/**
 * Who sends a request: token headers or cookies first, then the session cookie (contract 2.1). Used by every route and
 * by the upgrades of sockets; it knows nothing of Fastify.
 */
import type {IncomingHttpHeaders} from 'node:http';
import type {Caller} from '../actors/governance.ts';
import {DatabaseAwayError} from '../actors/ports.ts';
import {type AccountStore, type Session, type Token} from '../actors/account-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {gatewayMethod, gatewayService} from './api-path.ts';
import type {ClientAddress} from './client-address.ts';
import {envelopeStatus, refused, type Envelope} from './envelope.ts';
import {HistoryAwayError} from './errors.ts';
import {createFreshCache} from './fresh-cache.ts';
import {errorText, exceptionText, notLoggedInText, type Address} from './linkis-text.ts';
import {hashTicket, readCookies, ticketCookie, type Cookies} from './session-ticket.ts';
import type {HttpSettings} from './settings.ts';
import {tokenFault} from './token-check.ts';

/** What authentication looks at: of an HTTP request or of an upgrade. */
export type RequestHead = {
  readonly headers: IncomingHttpHeaders;
  /** The peer of the socket; `X-Forwarded-For` is judged here. */
  readonly remoteAddress: string;
  /** As the client sent it. */
  readonly url: string;
  readonly requestId: string;
};

export type Authenticated = {
  readonly type: 'caller';
  readonly caller: Caller;
  /** A request by cookie may have been made by a page of another origin; one by token headers can't. */
  readonly by: 'token' | 'session';
};

/** Not let in. `envelope` is the whole answer; its HTTP status is `httpStatusOf(envelope.status)`. */
export type Refusal = {
  readonly type: 'refusal';
  readonly why: 'missing' | 'unknown' | 'expired' | 'token' | 'databaseAway';
  readonly envelope: Envelope;
};

export type Authentication = {
  /** Never rejects. Answers without a promise when who it is was asked within the last second. */
  readonly authenticate: (head: RequestHead) => Authenticated | Refusal | Promise<Authenticated | Refusal>;
  /** Only the token; undefined if the request has none. */
  readonly byToken: (head: RequestHead) => Promise<Authenticated | Refusal> | undefined;
  /** Only the session cookie. */
  readonly bySession: (head: RequestHead) => Promise<Authenticated | Refusal>;
  /** The session of this ticket has just ended here: nobody waits for the cache. */
  readonly forgetSession: (ticketHash: string) => void;
};

export type AuthenticationDependencies = {
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly instance: Address;
  readonly addresses: ClientAddress;
  /** Told what went wrong behind an answer, e.g. a session that could not be refreshed. */
  readonly onFault: (error: unknown, during: string) => void;
};

type Credentials = {readonly token: string | undefined; readonly user: string | undefined};
type KnownSession = {readonly session: Session; readonly isAdmin: boolean};

export function createAuthentication(
  {accounts, clock, instance, addresses, onFault}: AuthenticationDependencies,
  settings: HttpSettings,
): Authentication {
  const limits = {
    freshMs: settings.identityCacheMs,
    graceMs: settings.identityGraceMs,
    entriesMax: settings.identitiesMax,
  };
  const tokens = createFreshCache<Token>(clock, limits, value => accounts.tokenByValue(value));
  const administrators = createFreshCache<boolean>(clock, limits, async name =>
    Boolean((await accounts.user(name))?.isAdmin),
  );
  const sessions = createFreshCache<KnownSession>(clock, limits, async ticketHash => {
    const session = await accounts.session(ticketHash);
    if (session === undefined) return undefined;
    return {session, isAdmin: Boolean((await accounts.user(session.user))?.isAdmin)};
  });
  /** Sessions whose refresh is under way, so that a busy one is refreshed once. */
  const refreshing = new Set<string>();

  function authenticate(head: RequestHead): Authenticated | Refusal | Promise<Authenticated | Refusal> {
    const cookies = readCookies(head.headers.cookie);
    const credentials = credentialsOf(head.headers, cookies);
    if (credentials !== undefined) return checkToken(head, credentials);
    return checkSession(head, cookies);
  }

  function checkToken(
    head: RequestHead,
    {token: value, user}: Credentials,
  ): Authenticated | Refusal | Promise<Authenticated | Refusal> {
    if (!settings.tokenAuthentication) return refuse(head, 'token', tokensOffText);
    if (value === undefined || user === undefined) return refuse(head, 'token', tokenBlankText);
    const name = user.toLowerCase();
    const judge = (token: Token | undefined, isAdmin: boolean): Authenticated | Refusal => {
      const address = addresses.of(head.headers, head.remoteAddress);
      const fault = tokenFault(token, value, user, address, clock.now());
      if (fault !== undefined) {
        const reason = exceptionText(fault.code, fault.desc, instance, gatewayService);
        return refuse(
          head,
          'token',
          `Token Authentication Failed, token: ${value}，tokenUser: ${user}, reason: ${reason}`,
        );
      }
      return {
        type: 'caller',
        by: 'token',
        caller: {
          user: name,
          isAdmin,
          hasAdminToken: token?.isAdmin === true,
          address,
          requestId: head.requestId,
        },
      };
    };
    const [token, isAdmin] = [tokens.fresh(value), administrators.fresh(name)];
    if (token !== undefined && isAdmin !== undefined) return judge(token, isAdmin);
    return orAway(head, async () => {
      const asked = await tokens.get(value);
      return judge(asked, asked !== undefined && (await administrators.get(name)) === true);
    });
  }

  function checkSession(
    head: RequestHead,
    cookies: Cookies,
  ): Authenticated | Refusal | Promise<Authenticated | Refusal> {
    const ticket = cookies[ticketCookie];
    if (ticket === undefined || ticket === '') return refuse(head, 'missing', notLoggedInText);
    const ticketHash = hashTicket(ticket);
    const known = sessions.fresh(ticketHash);
    if (known !== undefined) return judgeSession(head, ticketHash, known);
    return orAway(head, async () => {
      const asked = await sessions.get(ticketHash);
      return asked === undefined
        ? refuse(head, 'unknown', notLoggedInText)
        : judgeSession(head, ticketHash, asked);
    });
  }

  function judgeSession(head: RequestHead, ticketHash: string, known: KnownSession): Authenticated | Refusal {
    const idleMs = clock.now() - known.session.lastAccessAt;
    if (idleMs > settings.sessionTimeoutMs) return refuse(head, 'expired', notLoggedInText);
    if (idleMs > settings.sessionTimeoutMs / 2) refresh(ticketHash);
    return {
      type: 'caller',
      by: 'session',
      caller: {
        user: known.session.user,
        isAdmin: known.isAdmin,
        hasAdminToken: false,
        address: addresses.of(head.headers, head.remoteAddress),
        requestId: head.requestId,
      },
    };
  }

  function refresh(ticketHash: string): void {
    if (refreshing.has(ticketHash)) return;
    refreshing.add(ticketHash);
    accounts
      .touchSession(ticketHash, clock.now())
      .then(() => sessions.forget(ticketHash))
      .catch((error: unknown) => {
        // Then the next request tries again.
        if (!(error instanceof DatabaseAwayError)) onFault(error, 'refreshing a session');
      })
      .finally(() => refreshing.delete(ticketHash));
  }

  async function orAway(
    head: RequestHead,
    ask: () => Promise<Authenticated | Refusal>,
  ): Promise<Authenticated | Refusal> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DatabaseAwayError)) onFault(error, 'authentication');
      return away(head);
    }
  }

  return {
    authenticate,
    byToken(head) {
      const credentials = credentialsOf(head.headers, readCookies(head.headers.cookie));
      return credentials && Promise.resolve(checkToken(head, credentials));
    },
    bySession: async head => checkSession(head, readCookies(head.headers.cookie)),
    forgetSession: ticketHash => sessions.forget(ticketHash),
  };
}

const tokensOffText = 'Gateway未启用token认证，请采用其他认证方式!';

/** Also what `user/token-login` answers to a request without a token. */
export const tokenBlankText = '请在Header或Cookie中同时指定Token-Code 和 Token-User，以便完成token认证！';

/** Undefined when one of the two is absent: then it is no token request, and the session cookie decides. Blank: in it. */
function credentialsOf(headers: IncomingHttpHeaders, cookies: Cookies): Credentials | undefined {
  const token = textOf(headers['token-code']) ?? cookies['Token-Code'];
  const user = textOf(headers['token-user']) ?? cookies['Token-User'];
  if (token === undefined || user === undefined) return undefined;
  return {token: unlessBlank(token), user: unlessBlank(user)};
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

const unlessBlank = (text: string): string | undefined => (text.trim() === '' ? undefined : text);

const refuse = (head: RequestHead, why: Refusal['why'], message: string): Refusal => ({
  type: 'refusal',
  why,
  envelope: {method: gatewayMethod(head.url), status: envelopeStatus.notLoggedIn, message, data: {}},
});

/** Not 401: the client's login is not at fault, and clients answer a 401 with another login. */
function away(head: RequestHead): Refusal {
  const {code, message} = new HistoryAwayError();
  return {
    type: 'refusal',
    why: 'databaseAway',
    envelope: refused(gatewayMethod(head.url), errorText(code, message)),
  };
}
