/** Token headers and cookies: contract 2.5. */
import test, {type ExecutionContext} from 'ava';
import type {Token} from '../../actors/account-port.ts';
import type {HttpSettings} from '../../http/settings.ts';
import {manualClock} from '../support/manual-clock.ts';
import {startFacade} from '../support/facade-world.ts';

const list = '/api/rest_j/v1/jobhistory/list';

async function startWithToken(
  t: ExecutionContext,
  token: Partial<Token> = {},
  settings: Partial<HttpSettings> = {},
) {
  const clock = manualClock(1_800_000_000_000);
  const world = await startFacade(t, settings, clock);
  const added = await world.accounts.addToken('SECRET-AUTH', {
    isAdmin: false,
    legalUsers: ['*'],
    legalHosts: ['*'],
    businessOwner: 'BDP',
    createTime: clock.now(),
    elapseDay: -1,
    ...token,
  });
  const headers = {'token-code': 'SECRET-AUTH', 'token-user': 'alice'};
  return {...world, clock, id: added.id, headers, alice: world.client(headers)};
}

const refusal = (code: number, desc: string): string =>
  'Token Authentication Failed, token: SECRET-AUTH，tokenUser: alice, reason:' +
  ` errCode: ${code} ,desc: ${desc} ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway`;

test('token headers let in as the user they name, and set no cookie', async t => {
  const {alice} = await startWithToken(t);
  const {status, headers} = await alice.get(list);
  t.is(status, 200);
  t.is(headers.get('set-cookie'), null);
  t.is((await alice.get('/api/user/userInfo')).body.data['userName'], 'alice');
});

test('cookies of the same names do as well', async t => {
  const {client} = await startWithToken(t);
  const {status} = await client({cookie: 'Token-Code=SECRET-AUTH; Token-User=alice'}).get(list);
  t.is(status, 200);
});

test('only one of the two headers is no token request: the session decides', async t => {
  const world = await startWithToken(t);
  const {status, body} = await world.client({'token-code': 'SECRET-AUTH'}).get(list);
  t.is(status, 401);
  t.is(body.message, 'You are not logged in, please login first(您尚未登录，请先登录)!');
  const {cookie} = await world.as('bob');
  const bob = await world.client({'token-code': 'wrong', cookie}).get('/api/user/userInfo');
  t.is(bob.body.data['userName'], 'bob');
});

const failures: readonly [what: string, token: Partial<Token>, code: number, desc: string][] = [
  [
    'a user it is not for',
    {legalUsers: ['bob', 'Alice']},
    15_202,
    'Illegal TokenUser for Token(Token非法用户: alice)!',
  ],
  ['an empty list of users', {legalUsers: []}, 15_202, 'Illegal TokenUser for Token(Token非法用户: alice)!'],
  ['a host it is not for', {legalHosts: ['10.0.0.9']}, 15_203, 'Illegal Host for Token(非法ip: 127.0.0.1)!'],
  [
    'its days over',
    {elapseDay: 1, createTime: 1_800_000_000_000 - 86_400_001},
    15_201,
    'Token is not valid or stale(SECRET-AUTH 令牌已过期)!',
  ],
];
for (const [what, token, code, desc] of failures) {
  test(`a token with ${what} is refused with ${code}`, async t => {
    const {alice} = await startWithToken(t, token);
    const {status, body} = await alice.get(list);
    t.is(status, 401);
    t.deepEqual(body, {
      method: '/api/rest_j/v1/jobhistory/list',
      status: -1,
      message: refusal(code, desc),
      data: {},
    });
  });
}

test('a token that nobody made is refused with 15204', async t => {
  const {client} = await startWithToken(t);
  const {status, body} = await client({'token-code': 'OTHER', 'token-user': 'alice'}).get(list);
  t.is(status, 401);
  t.true(body.message.includes('errCode: 15204 ,desc: Invalid Token(数据库中未配置的无效令牌)'));
});

test('listed users and hosts are let in, up to the last millisecond of the days', async t => {
  const {alice, clock} = await startWithToken(t, {
    legalUsers: ['alice'],
    legalHosts: ['127.0.0.1'],
    elapseDay: 2,
  });
  t.is((await alice.get(list)).status, 200);
  clock.advance(2 * 86_400_000);
  t.is((await alice.get(list)).status, 200);
  clock.advance(1);
  t.is((await alice.get(list)).status, 401);
});

test('a blank header beside the other is told to give both', async t => {
  const {client, headers} = await startWithToken(t);
  for (const blank of [{'token-user': ' '}, {'token-code': ''}]) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, body} = await client({...headers, ...blank}).get(list);
    t.is(status, 401);
    t.is(body.message, '请在Header或Cookie中同时指定Token-Code 和 Token-User，以便完成token认证！');
  }
});

test('tokens can be switched off', async t => {
  const {alice} = await startWithToken(t, {}, {tokenAuthentication: false});
  const {status, body} = await alice.get(list);
  t.is(status, 401);
  t.is(body.message, 'Gateway未启用token认证，请采用其他认证方式!');
});

test('a revoked token is dead within a second', async t => {
  const {alice, accounts, clock, id} = await startWithToken(t);
  t.is((await alice.get(list)).status, 200);
  await accounts.revokeToken(id);
  clock.advance(1000);
  t.is((await alice.get(list)).status, 401);
});

test('a session whose user is removed is dead within a second', async t => {
  const clock = manualClock(1_800_000_000_000);
  const world = await startFacade(t, {}, clock);
  const alice = await world.as('alice');
  t.is((await alice.get(list)).status, 200);
  await world.accounts.removeUser('alice');
  clock.advance(1000);
  t.is((await alice.get(list)).status, 401);
});

test('a busy client costs one look-up a second, not one a request', async t => {
  const {alice, accounts} = await startWithToken(t);
  await alice.get(list);
  const before = accounts.questions();
  await Promise.all(Array.from({length: 50}, () => alice.get(list)));
  t.is(accounts.questions(), before);
});

test('while the database is away who was seen lately stays in, and a stranger is not called logged out', async t => {
  const {alice, accounts, clock, client} = await startWithToken(t);
  await alice.get(list);
  accounts.isAway = true;
  clock.advance(30_000);
  t.is((await alice.get(list)).status, 200);
  const {status, body} = await client({'token-code': 'NEW', 'token-user': 'alice'}).get(list);
  t.is(status, 400);
  t.regex(body.message, /20052.*The database cannot be reached now/);
  clock.advance(60_001);
  t.is((await alice.get(list)).status, 400);
});

test('an administrator’s token says so to the governance; a name that administers is one by token too', async t => {
  const world = await startWithToken(t, {isAdmin: true});
  await world.alice.post('/api/entrance/submit', {});
  t.like(world.submitted[0]?.caller, {user: 'alice', hasAdminToken: true, isAdmin: false});
  await world.client({...world.headers, 'token-user': 'root'}).post('/api/entrance/submit', {});
  t.like(world.submitted[1]?.caller, {user: 'root', hasAdminToken: true, isAdmin: true});
});

test('the user of a token is lower-cased after its check, so that jobs have one owner', async t => {
  const world = await startWithToken(t, {legalUsers: ['Alice']});
  await world.client({...world.headers, 'token-user': 'Alice'}).post('/api/entrance/submit', {});
  t.is(world.submitted[0]?.caller.user, 'alice');
});

test('token-login opens a session; without a token, or by GET, it says what is missing', async t => {
  const {alice, client} = await startWithToken(t);
  const {body, headers} = await alice.post('/api/rest_j/v1/user/token-login');
  t.is(body.message, 'login successful(登录成功)！');
  t.deepEqual(body.data, {userName: 'alice', isAdmin: false, enableWatermark: true});
  const cookie = headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  t.is((await client({cookie}).get(list)).status, 200);
  t.is((await alice.get('/api/user/token-login')).body.message, 'Only support method POST');
  const none = await client().post('/api/user/token-login');
  t.is(none.status, 401);
  t.is(none.body.message, '请在Header或Cookie中同时指定Token-Code 和 Token-User，以便完成token认证！');
});

test('behind a trusted proxy the client’s address is what legal_hosts sees; a client can’t make one up', async t => {
  const trusting = await startWithToken(t, {legalHosts: ['10.1.2.3']}, {trustedProxies: ['127.0.0.0/8']});
  t.is((await trusting.alice.get(list, {'x-forwarded-for': '10.1.2.3'})).status, 200);
  t.is((await trusting.alice.get(list, {'x-forwarded-for': '10.1.2.3, 10.9.9.9'})).status, 401);
  const other = await startWithToken(t, {legalHosts: ['10.1.2.3']});
  t.is((await other.alice.get(list, {'x-forwarded-for': '10.1.2.3'})).status, 401);
});
