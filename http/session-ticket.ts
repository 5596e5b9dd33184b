/**
 * The session cookie. Its value is 32 random bytes that mean nothing; the database knows only their SHA-256, so a copy
 * of the table opens no session.
 */
import {hash} from 'node:crypto';

export const ticketCookie = 'linkis_user_session_ticket_id_v1';
const ticketBytes = 32;

/** Makes the value of a new cookie. */
export const newTicket = (randomBytes: (size: number) => Uint8Array): string =>
  Buffer.from(randomBytes(ticketBytes)).toString('base64url');

export const hashTicket = (ticket: string): string => hash('sha256', ticket, 'hex');

export type Cookies = Readonly<Record<string, string | undefined>>;

/** The cookies of a `Cookie` header (RFC 6265, 5.4); of a name that comes twice, the first: its path is the longer one. */
export function readCookies(header: string | undefined): Cookies {
  const cookies: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals).trim();
    if (equals > 0 && !(name in cookies)) cookies[name] = unquote(pair.slice(equals + 1).trim());
  }
  return cookies;
}

/** Quotes around the value, and `%` escapes: clients differ in both, and no ticket or token has either. */
function unquote(value: string): string {
  const bare = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  try {
    return bare.includes('%') ? decodeURIComponent(bare) : bare;
  } catch {
    return bare;
  }
}

/**
 * A session cookie in both senses: no lifetime, so it ends with the browser. Strict, because `kill` is a GET; HttpOnly,
 * unlike Linkis, since no client's script reads it.
 */
export const setTicket = (ticket: string, isSecure: boolean): string =>
  `${ticketCookie}=${ticket}; Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;

export const clearTicket = (isSecure: boolean): string => `${setTicket('', isSecure)}; Max-Age=0`;
