/** People, tokens and sessions in memory, as the port describes them. `isAway` makes every question fail. */
import {hash} from 'node:crypto';
import {DatabaseAwayError} from '../../actors/ports.ts';
import {type AccountStore, type Session, type Token, type User} from '../../actors/account-port.ts';

export type FakeAccounts = AccountStore & {isAway: boolean; readonly questions: () => number};

/** The hash of a fake user's password: tests need no scrypt. */
export const fakeHash = (password: string): string => `sha256 ${hash('sha256', password, 'hex')}`;

export const verifyFakePassword = async (
  password: string,
  passwordHash: string | undefined,
): Promise<boolean> => passwordHash !== undefined && fakeHash(password) === passwordHash;

export function createFakeAccounts(): FakeAccounts {
  const users = new Map<string, User>();
  const tokens = new Map<string, Token>();
  const sessions = new Map<string, Session>();
  const secrets = new Map<string, Promise<string>>();
  let questions = 0;
  let lastTokenID = 0;

  async function ask<Answer>(answer: () => Answer | Promise<Answer>): Promise<Answer> {
    questions += 1;
    if (accounts.isAway) throw new DatabaseAwayError('the fake database is away');
    return answer();
  }

  function endSessions(name: string): void {
    for (const [key, {user}] of sessions) if (user === name) sessions.delete(key);
  }

  const accounts: FakeAccounts = {
    isAway: false,
    questions: () => questions,
    user: name => ask(() => users.get(name)),
    users: () => ask(() => [...users.values()]),
    putUser: user =>
      ask(() => {
        const known = users.get(user.name);
        if (known !== undefined && known.passwordHash !== user.passwordHash) endSessions(user.name);
        users.set(user.name, user);
      }),
    removeUser: name =>
      ask(() => {
        endSessions(name);
        return users.delete(name);
      }),
    tokenByValue: value => ask(() => tokens.get(value)),
    tokens: () => ask(() => [...tokens.values()]),
    addToken: (value, properties) =>
      ask(() => {
        lastTokenID += 1;
        const token: Token = {...properties, id: lastTokenID, hint: value.slice(0, 4)};
        tokens.set(value, token);
        return token;
      }),
    revokeToken: id =>
      ask(() => {
        const found = [...tokens].find(([, token]) => token.id === id);
        return found !== undefined && tokens.delete(found[0]);
      }),
    session: ticketHash => ask(() => sessions.get(ticketHash)),
    putSession: session => ask(() => void sessions.set(session.ticketHash, session)),
    touchSession: (ticketHash, at) =>
      ask(() => {
        const session = sessions.get(ticketHash);
        if (session !== undefined) sessions.set(ticketHash, {...session, lastAccessAt: at});
      }),
    removeSession: ticketHash => ask(() => void sessions.delete(ticketHash)),
    sweepSessions: before =>
      ask(() => {
        const old = [...sessions.values()].filter(({lastAccessAt}) => lastAccessAt < before);
        for (const {ticketHash} of old) sessions.delete(ticketHash);
        return old.length;
      }),
    sharedSecret: (name, make) =>
      ask(() => {
        const known = secrets.get(name) ?? make();
        secrets.set(name, known);
        return known;
      }),
  };
  return accounts;
}
