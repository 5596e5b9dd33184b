/** `tenon user` and `tenon token` on a real database, while nobody else has it open. */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {AccountStore} from '../../actors/account-port.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {exitCodes} from '../../cli/exit-code.ts';
import {openDatabase} from '../../persistence/database.ts';
import {hashPassword, verifyPassword} from '../../persistence/password.ts';
import {runClient, type ClientRun} from '../support/client-run.ts';

type Place = {
  readonly directory: string;
  /** Runs the command on this place's database. */
  readonly run: (...argv: readonly string[]) => Promise<ClientRun>;
  /** Looks into the database between two commands. */
  readonly look: <T>(work: (accounts: AccountStore) => Promise<T>) => Promise<T>;
};

async function openPlace(t: ExecutionContext): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-accounts-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  const look: Place['look'] = async work => {
    const database = await openDatabase({
      url: 'sqlite:tenon.db',
      dataDirectory: directory,
      log: () => undefined,
      clock: systemClock,
    });
    try {
      return await work(database.accounts);
    } finally {
      await database.close();
    }
  };
  await look(async accounts =>
    accounts.putUser({
      name: 'admin',
      isAdmin: true,
      tenant: '',
      passwordHash: await hashPassword('first password'),
    }),
  );
  return {
    directory,
    look,
    run: (...argv) => runClient('', [...argv, '--data', directory], {environment: {}}),
  };
}

const file = ({directory}: Place, name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test('somebody is added with a made-up password, which opens the door', async t => {
  const place = await openPlace(t);
  const {code, stdout, stderr} = await place.run('user', 'add', 'Bob', '--tenant', 'blue');
  t.deepEqual([code, stderr], [0, '']);
  const made = /^user bob, password (\S{20})\n$/.exec(stdout)?.[1] ?? '';
  const bob = await place.look(accounts => accounts.user('bob'));
  t.like(bob, {name: 'bob', isAdmin: false, tenant: 'blue'});
  t.true(await verifyPassword(made, bob?.passwordHash));
});

test('a password may come from a file, and is not told again', async t => {
  const place = await openPlace(t);
  const passwordFile = file(place, 'secret', 'long enough\n');
  t.is(
    (await place.run('user', 'add', 'eve', '--admin', '--password-file', passwordFile)).stdout,
    'administrator eve\n',
  );
  const eve = await place.look(accounts => accounts.user('eve'));
  t.true(eve?.isAdmin);
  t.true(await verifyPassword('long enough', eve?.passwordHash));
});

test('a new password takes the place of the old one, and nothing else changes', async t => {
  const place = await openPlace(t);
  const {stdout} = await place.run('user', 'password', 'admin', '--json');
  const {password} = JSON.parse(stdout) as {password: string};
  const admin = await place.look(accounts => accounts.user('admin'));
  t.true(admin?.isAdmin);
  t.true(await verifyPassword(password, admin?.passwordHash));
  t.false(await verifyPassword('first password', admin?.passwordHash));
});

test('the list shows everybody and no password', async t => {
  const place = await openPlace(t);
  await place.run('user', 'add', 'bob', '--tenant', 'blue');
  t.is((await place.run('user', 'list')).stdout, 'USER   ADMIN  TENANT\nadmin  yes\nbob    no     blue\n');
  t.deepEqual(JSON.parse((await place.run('user', 'list', '--json')).stdout), {
    users: [
      {name: 'admin', isAdmin: true, tenant: ''},
      {name: 'bob', isAdmin: false, tenant: 'blue'},
    ],
  });
});

test('somebody is removed, but never the last administrator', async t => {
  const place = await openPlace(t);
  await place.run('user', 'add', 'bob');
  t.deepEqual(await place.run('user', 'remove', 'bob'), {code: 0, stdout: 'bob is removed.\n', stderr: ''});
  t.is(await place.look(accounts => accounts.user('bob')), undefined);
  const {code, stderr} = await place.run('user', 'remove', 'admin');
  t.is(code, exitCodes.refused);
  t.regex(stderr, /admin is the last administrator/);
});

test('what can not be done to users is refused in words', async t => {
  const place = await openPlace(t);
  const short = file(place, 'short', 'abc');
  const attempts: readonly [argv: readonly string[], code: number, message: RegExp][] = [
    [['add', 'admin'], exitCodes.refused, /There is a user admin already.*tenon user password admin/],
    [['password', 'nobody'], exitCodes.refused, /There is no user nobody/],
    [['remove', 'nobody'], exitCodes.refused, /There is no user nobody/],
    [['add', 'a b'], exitCodes.usage, /A user name has 1 to 50 letters/],
    [['add', 'bob', '--password-file', short], exitCodes.usage, /at least 8 characters.* has 3 characters/],
    [['add', 'bob', '--password-file', '/no/such'], exitCodes.usage, /\/no\/such can't be read/],
    [['add'], exitCodes.usage, /missing required argument 'name'/],
    [['rename', 'bob'], exitCodes.usage, /unknown command 'rename'/],
  ];
  for (const [argv, code, message] of attempts) {
    const result = await place.run('user', ...argv);
    t.is(result.code, code, argv.join(' '));
    t.regex(result.stderr, message);
    t.is(result.stdout, '');
  }
});

test('a token is told once, opens the door it is for, and can be revoked', async t => {
  const place = await openPlace(t);
  const made = await place.run(
    'token',
    'add',
    '--user',
    'bob',
    '--user',
    'eve',
    '--host',
    '192.0.2.7',
    '--days',
    '30',
    '--owner',
    'BDP',
  );
  const [, id = '', token = ''] = /^token (\d+): (\S{32})\n$/.exec(made.stdout) ?? [];
  t.like(await place.look(accounts => accounts.tokenByValue(token)), {
    isAdmin: false,
    legalUsers: ['bob', 'eve'],
    legalHosts: ['192.0.2.7'],
    elapseDay: 30,
    businessOwner: 'BDP',
  });
  const {stdout} = await place.run('token', 'list');
  t.regex(
    stdout,
    new RegExp(`^TOKEN .*\\n${id} +${token.slice(0, 6)} +no +bob,eve +192\\.0\\.2\\.7 +BDP +.* 30\\n$`),
  );
  t.false(stdout.includes(token));
  t.is((await place.run('token', 'revoke', id)).stdout, `token ${id} is revoked.\n`);
  t.is(await place.look(accounts => accounts.tokenByValue(token)), undefined);
  t.is((await place.run('token', 'revoke', id)).code, exitCodes.refused);
});

test("an administrator's token says so, and one that clients know already can be taken over", async t => {
  const place = await openPlace(t);
  const {token} = JSON.parse(
    (await place.run('token', 'add', '--user', '*', '--admin', '--json')).stdout,
  ) as {token: string};
  t.regex(token, /^ADMIN-\S{32}$/);
  t.like(await place.look(accounts => accounts.tokenByValue(token)), {
    isAdmin: true,
    legalUsers: ['*'],
    legalHosts: ['*'],
    elapseDay: -1,
  });
  const known = file(place, 'token', 'LINKISCLI-AUTH\n');
  t.regex((await place.run('token', 'add', '--user', '*', '--token-file', known)).stdout, /^token \d+\n$/);
  t.truthy(await place.look(accounts => accounts.tokenByValue('LINKISCLI-AUTH')));
  const again = await place.run('token', 'add', '--user', '*', '--token-file', known);
  t.is(again.code, exitCodes.refused);
  t.regex(again.stderr, /already there/);
});

test('what can not be done to tokens is refused in words', async t => {
  const place = await openPlace(t);
  for (const [argv, message] of [
    [['add'], /required option '--user <name>' not specified/],
    [['add', '--user', 'bob', '--days', '0'], /a whole number from 1 on/],
    [['add', '--user', 'bob', '--token-file', file(place, 'spaced', 'a b')], /no blanks and no commas/],
    [['revoke', 'x'], /A token is named by its number, not x/],
  ] as const) {
    const {code, stderr} = await place.run('token', ...argv);
    t.is(code, exitCodes.usage, argv.join(' '));
    t.regex(stderr, message);
  }
});

test('no database is made by looking for one', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tenon-accounts-'));
  t.teardown(() => rmSync(directory, {recursive: true, force: true}));
  const {code, stderr} = await runClient('', ['user', 'add', 'bob', '--data', directory], {environment: {}});
  t.is(code, exitCodes.usage);
  t.regex(stderr, /There is no database .*tenon\.db\. Start the node once before/);
});
