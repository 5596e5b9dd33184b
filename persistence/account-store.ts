/** Users, tokens, sessions and shared secrets over SQL. What opens a door (token, ticket) is stored as a hash only. */
import {createHash} from 'node:crypto';
import {LinkisError} from '../actors/domain/errors.ts';
import type {AccountStore, Session, Token, User} from '../actors/account-port.ts';
import {fitting, fittingBytes, widths} from './column-limits.ts';
import {integerOf, textOf} from './sql-row.ts';
import {DuplicateKeyError, type SqlRow, type SqlSession} from './sql-session.ts';

/** Removing, or demoting, this user would leave nobody to administer. */
export class LastAdministratorError extends LinkisError {
  override readonly name = 'LastAdministratorError';
  readonly code = 20065;

  constructor(user: string) {
    super(
      `${user} is the last administrator. Make somebody else an administrator first (tenon user add NAME --admin).`,
    );
  }
}

/** The same token is there already. */
export class TokenExistsError extends LinkisError {
  override readonly name = 'TokenExistsError';
  readonly code = 20066;

  constructor(hint: string) {
    super(
      `A token beginning with '${hint}' is already there with the same value. Revoke it first, or choose another.`,
    );
  }
}

/** The account store without `sharedSecret`'s callback, which can't cross to the thread of the database. */
export type AccountTables = Omit<AccountStore, 'sharedSecret'> & {
  /** The stored value; if there is none yet, and `offer` is given, that one. */
  readonly secret: (name: string, offer?: string) => Promise<string | undefined>;
};

const hintLength = 6;
const tokenTable = 'linkis_mg_gateway_auth_token';
const tokenColumns = `t.id, t.legal_users, t.legal_hosts, t.business_owner, t.create_time, t.elapse_day, n.hint,
  n.is_admin, n.created_ms`;
const tokens = `from ${tokenTable} t join tenon_token n on n.id = t.id`;
const userColumns = 'name, is_admin, tenant, password_hash';

const hashOf = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;

export function accountStore(session: SqlSession): AccountTables {
  const {words} = session;

  async function refuseLastAdministrator(all: SqlSession['all'], name: string): Promise<void> {
    // Locked, or two administrators could remove each other at once.
    const rows = await all(`select name from tenon_user where is_admin = 1${words.forUpdate}`);
    if (rows.length === 1 && rows[0] !== undefined && textOf(rows[0], 'name') === name) {
      throw new LastAdministratorError(name);
    }
  }

  return {
    async user(name) {
      const [row] = await session.all(`select ${userColumns} from tenon_user where name = ?`, [name]);
      return row === undefined ? undefined : readUser(row);
    },

    async users() {
      return (await session.all(`select ${userColumns} from tenon_user order by name`)).map(readUser);
    },

    putUser(user) {
      fitting('The user name', user.name, widths.user);
      fitting('The tenant', user.tenant, widths.user);
      return session.transaction(async ({run, all}) => {
        if (!user.isAdmin) await refuseLastAdministrator(all, user.name);
        // Whoever came in with the old password is out with the new one.
        await run(
          `delete from tenon_session where user_name = ? and exists
            (select 1 from tenon_user where name = ? and password_hash <> ?)`,
          [user.name, user.name, user.passwordHash],
        );
        // Not "update, then insert if nothing changed": one that changed nothing would look like none.
        await run('delete from tenon_user where name = ?', [user.name]);
        await run(`insert into tenon_user (${userColumns}) values (?, ?, ?, ?)`, [
          user.name,
          user.isAdmin ? 1 : 0,
          user.tenant,
          user.passwordHash,
        ]);
      });
    },

    removeUser: name =>
      session.transaction(async ({run, all}) => {
        await refuseLastAdministrator(all, name);
        await run('delete from tenon_session where user_name = ?', [name]);
        return (await run('delete from tenon_user where name = ?', [name])).changes > 0;
      }),

    async tokenByValue(token) {
      const [row] = await session.all(`select ${tokenColumns} ${tokens} where t.token_name = ?`, [
        hashOf(token),
      ]);
      return row === undefined ? undefined : readToken(row);
    },

    async tokens() {
      return (await session.all(`select ${tokenColumns} ${tokens} order by t.id`)).map(readToken);
    },

    async addToken(token, properties) {
      const hint = token.slice(0, hintLength);
      const day = new Date(properties.createTime).toISOString().slice(0, 10);
      fitting('The business owner', properties.businessOwner, 32);
      const [users, hosts] = [properties.legalUsers.join(','), properties.legalHosts.join(',')];
      fittingBytes('The list of users', users, widths.textBytes);
      fittingBytes('The list of hosts', hosts, widths.textBytes);
      try {
        const id = await session.transaction(async ({run}) => {
          const {insertId} = await run(
            `insert into ${tokenTable} (token_name, legal_users, legal_hosts, business_owner, create_time,
              update_time, elapse_day) values (?, ?, ?, ?, ?, ?, ?)`,
            [hashOf(token), users, hosts, properties.businessOwner, day, day, properties.elapseDay],
          );
          await run('insert into tenon_token (id, hint, is_admin, created_ms) values (?, ?, ?, ?)', [
            insertId,
            hint,
            properties.isAdmin ? 1 : 0,
            properties.createTime,
          ]);
          return insertId;
        });
        return {...properties, id, hint};
      } catch (error) {
        throw error instanceof DuplicateKeyError ? new TokenExistsError(hint) : error;
      }
    },

    revokeToken: id =>
      session.transaction(async ({run}) => {
        await run('delete from tenon_token where id = ?', [id]);
        return (await run(`delete from ${tokenTable} where id = ?`, [id])).changes > 0;
      }),

    async session(ticketHash) {
      const [row] = await session.all(
        'select ticket_hash, user_name, created_ms, last_access_ms from tenon_session where ticket_hash = ?',
        [ticketHash],
      );
      return row === undefined ? undefined : readSession(row);
    },

    async putSession({ticketHash, user, createdAt, lastAccessAt}) {
      await session.run(
        'replace into tenon_session (ticket_hash, user_name, created_ms, last_access_ms) values (?, ?, ?, ?)',
        [ticketHash, user, createdAt, lastAccessAt],
      );
    },

    async touchSession(ticketHash, at) {
      // Never backwards: two gateways may touch the same session in any order.
      await session.run(
        'update tenon_session set last_access_ms = ? where ticket_hash = ? and last_access_ms < ?',
        [at, ticketHash, at],
      );
    },

    async removeSession(ticketHash) {
      await session.run('delete from tenon_session where ticket_hash = ?', [ticketHash]);
    },

    async sweepSessions(before) {
      return (await session.run('delete from tenon_session where last_access_ms < ?', [before])).changes;
    },

    async secret(name, offer) {
      fitting('The name of a shared secret', name, 64);
      if (offer !== undefined) {
        await session.run(`${words.insertOrIgnore} into tenon_shared_secret (name, content) values (?, ?)`, [
          name,
          offer,
        ]);
      }
      const [row] = await session.all('select content from tenon_shared_secret where name = ?', [name]);
      return row === undefined ? undefined : textOf(row, 'content');
    },
  };
}

const readUser = (row: SqlRow): User => ({
  name: textOf(row, 'name'),
  isAdmin: integerOf(row, 'is_admin') === 1,
  tenant: textOf(row, 'tenant'),
  passwordHash: textOf(row, 'password_hash'),
});

const readToken = (row: SqlRow): Token => ({
  id: integerOf(row, 'id'),
  hint: textOf(row, 'hint'),
  isAdmin: integerOf(row, 'is_admin') === 1,
  legalUsers: members(textOf(row, 'legal_users')),
  legalHosts: members(textOf(row, 'legal_hosts')),
  businessOwner: textOf(row, 'business_owner'),
  createTime: integerOf(row, 'created_ms'),
  elapseDay: row['elapse_day'] === null ? -1 : integerOf(row, 'elapse_day'),
});

/** A blank list allows nobody. Members are compared as they stand, so nothing is trimmed. */
const members = (list: string): string[] => (list.trim() === '' ? [] : list.split(','));

const readSession = (row: SqlRow): Session => ({
  ticketHash: textOf(row, 'ticket_hash'),
  user: textOf(row, 'user_name'),
  createdAt: integerOf(row, 'created_ms'),
  lastAccessAt: integerOf(row, 'last_access_ms'),
});
