/** What every `AccountStore` must do. */
import test, {type ExecutionContext} from 'ava';
import type {AccountStore, Token, User} from '../../actors/account-port.ts';
import {LastAdministratorError} from '../../persistence/account-store.ts';

export type OpenAccounts = (t: ExecutionContext) => Promise<AccountStore>;

const user = (name: string, more: Partial<User> = {}): User => ({
  name,
  isAdmin: false,
  tenant: 'default',
  passwordHash: `scrypt$${name}`,
  ...more,
});

const token: Omit<Token, 'id' | 'hint'> = {
  isAdmin: true,
  legalUsers: ['alice', 'bob '],
  legalHosts: ['*'],
  businessOwner: 'BDP',
  createTime: 1_700_000_000_123,
  elapseDay: -1,
};

export function accountStoreContract(title: string, open: OpenAccounts, isSerial = false): void {
  const register = isSerial ? test.serial : test;
  const it = (what: string, run: (t: ExecutionContext, accounts: AccountStore) => Promise<void>): void =>
    register(`${title}: ${what}`, async t => run(t, await open(t)));

  it('users are found by their exact name', async (t, accounts) => {
    await accounts.putUser(user('alice', {isAdmin: true}));
    await accounts.putUser(user('Zoë'));
    t.deepEqual(await accounts.user('alice'), user('alice', {isAdmin: true}));
    t.is(await accounts.user('Alice'), undefined);
    t.deepEqual(
      (await accounts.users()).map(({name}) => name),
      ['Zoë', 'alice'],
    );
  });

  it('putting a user again replaces it, also with the same values', async (t, accounts) => {
    await accounts.putUser(user('alice'));
    await accounts.putUser(user('alice'));
    await accounts.putUser(user('alice', {tenant: 'other'}));
    t.deepEqual(await accounts.users(), [user('alice', {tenant: 'other'})]);
  });

  it('the last administrator is neither removed nor demoted', async (t, accounts) => {
    await accounts.putUser(user('root', {isAdmin: true}));
    await accounts.putUser(user('alice'));
    const error = await t.throwsAsync(accounts.removeUser('root'), {instanceOf: LastAdministratorError});
    t.regex(error?.message ?? '', /root is the last administrator/);
    await t.throwsAsync(accounts.putUser(user('root')), {instanceOf: LastAdministratorError});
    t.true((await accounts.user('root'))?.isAdmin);
    await accounts.putUser(user('second', {isAdmin: true}));
    t.true(await accounts.removeUser('root'));
  });

  it('two administrators who remove each other at once leave one', async (t, accounts) => {
    await accounts.putUser(user('one', {isAdmin: true}));
    await accounts.putUser(user('two', {isAdmin: true}));
    const results = await Promise.allSettled([accounts.removeUser('one'), accounts.removeUser('two')]);
    t.deepEqual(results.map(({status}) => status).toSorted(), ['fulfilled', 'rejected']);
    t.is((await accounts.users()).length, 1);
  });

  it('removing a user ends its sessions and nobody elses', async (t, accounts) => {
    await accounts.putUser(user('alice'));
    for (const name of ['alice', 'bob']) {
      await accounts.putSession({ticketHash: `hash-${name}`, user: name, createdAt: 1, lastAccessAt: 2});
    }
    t.true(await accounts.removeUser('alice'));
    t.false(await accounts.removeUser('alice'));
    t.is(await accounts.session('hash-alice'), undefined);
    t.is((await accounts.session('hash-bob'))?.user, 'bob');
  });

  it("a new password ends the user's sessions, and nothing else does", async (t, accounts) => {
    for (const name of ['alice', 'bob']) {
      await accounts.putUser(user(name));
      await accounts.putSession({ticketHash: `hash-${name}`, user: name, createdAt: 1, lastAccessAt: 2});
    }
    await accounts.putUser(user('alice', {tenant: 'other', isAdmin: true}));
    t.is((await accounts.session('hash-alice'))?.user, 'alice', 'the password is the same');
    await accounts.putUser(user('alice', {passwordHash: 'scrypt$new', isAdmin: true}));
    t.is(await accounts.session('hash-alice'), undefined);
    t.is((await accounts.session('hash-bob'))?.user, 'bob');
  });

  it('a token is found by its value and listed without it', async (t, accounts) => {
    const added = await accounts.addToken('ADMIN-secret-value', token);
    t.deepEqual(added, {...token, id: added.id, hint: 'ADMIN-'});
    t.deepEqual(await accounts.tokenByValue('ADMIN-secret-value'), added);
    t.is(await accounts.tokenByValue('admin-secret-value'), undefined);
    t.deepEqual(await accounts.tokens(), [added]);
    t.notRegex(JSON.stringify(await accounts.tokens()), /secret/);
  });

  it('a token for nobody stays one for nobody', async (t, accounts) => {
    await accounts.addToken('t', {...token, legalUsers: [], elapseDay: 30});
    t.like(await accounts.tokenByValue('t'), {legalUsers: [], elapseDay: 30});
  });

  it('the same token twice is refused', async (t, accounts) => {
    await accounts.addToken('same', token);
    await t.throwsAsync(accounts.addToken('same', token), {
      name: 'TokenExistsError',
      message: /already there/,
    });
    t.is((await accounts.tokens()).length, 1);
  });

  it('a revoked token opens nothing', async (t, accounts) => {
    const {id} = await accounts.addToken('t', token);
    t.true(await accounts.revokeToken(id));
    t.false(await accounts.revokeToken(id));
    t.is(await accounts.tokenByValue('t'), undefined);
  });

  it('a session is kept, touched forwards only, and removed', async (t, accounts) => {
    const session = {ticketHash: 'a'.repeat(64), user: 'alice', createdAt: 10, lastAccessAt: 20};
    await accounts.putSession(session);
    t.deepEqual(await accounts.session(session.ticketHash), session);
    await accounts.touchSession(session.ticketHash, 30);
    await accounts.touchSession(session.ticketHash, 25);
    t.is((await accounts.session(session.ticketHash))?.lastAccessAt, 30);
    await accounts.removeSession(session.ticketHash);
    t.is(await accounts.session(session.ticketHash), undefined);
  });

  it('sweeping removes idle sessions and says how many', async (t, accounts) => {
    for (const at of [1, 2, 3])
      await accounts.putSession({ticketHash: `h${at}`, user: 'u', createdAt: 0, lastAccessAt: at});
    t.is(await accounts.sweepSessions(3), 2);
    t.is((await accounts.session('h3'))?.user, 'u');
  });

  it('all get the shared secret of the first writer', async (t, accounts) => {
    const made: string[] = [];
    const make = (value: string) => async (): Promise<string> => {
      made.push(value);
      return value;
    };
    const got = await Promise.all(['a', 'b', 'c'].map(value => accounts.sharedSecret('rsa', make(value))));
    t.is(new Set(got).size, 1);
    const before = made.length;
    t.true(got.includes(await accounts.sharedSecret('rsa', make('later'))));
    t.is(made.length, before, 'nothing is made when there is one');
    t.is(await accounts.sharedSecret('other', make('x')), 'x');
  });

  it('a user name too long is refused', async (t, accounts) => {
    await t.throwsAsync(accounts.putUser(user('u'.repeat(51))), {
      name: 'ValueTooLongError',
      message: /51 characters, at most 50/,
    });
  });
}
