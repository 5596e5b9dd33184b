/** Login, logout and sessions: contract 2.2, 2.3, 2.6. */
import {constants, createPublicKey, publicEncrypt} from 'node:crypto';
import test from 'ava';
import {ticketCookie} from '../../http/session-ticket.ts';
import {manualClock} from '../support/manual-clock.ts';
import {cookieOf, startFacade} from '../support/facade-world.ts';

const login = '/api/rest_j/v1/user/login';
const facts = {sessionTimeOut: 3_600_000, enableWatermark: true};
const wrong = 'wrong user name or password(用户名或密码错误)！';

test('the right password opens a session', async t => {
  const world = await startFacade(t);
  const answer = await world.client().post(login, {userName: 'alice', password: 'pw-alice'});
  t.is(answer.status, 200);
  t.deepEqual(answer.body, {
    method: null,
    status: 0,
    message: 'login successful(登录成功)！',
    data: {userName: 'alice', isAdmin: false, ...facts},
  });
  const cookie = answer.headers.get('set-cookie') ?? '';
  t.regex(cookie, /^linkis_user_session_ticket_id_v1=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  const {body} = await world.client({cookie: cookieOf(answer)}).get('/api/rest_j/v1/user/userInfo');
  t.deepEqual(body, {
    method: null,
    status: 0,
    message: 'get user information succeed!',
    data: {userName: 'alice'},
  });
});

test('an administrator is told so', async t => {
  const world = await startFacade(t);
  const {body} = await world.client().post(login, {userName: 'root', password: 'pw-root'});
  t.like(body.data, {userName: 'root', isAdmin: true});
});

test('the name counts in any case, the session is of the lower-cased one', async t => {
  const world = await startFacade(t);
  const {body} = await world.client().post(login, {userName: 'ALice', password: 'pw-alice'});
  t.is(body.data['userName'], 'alice');
});

test('name and password may come in the query', async t => {
  const world = await startFacade(t);
  const {body} = await world.client().post(`${login}?userName=alice&password=pw-alice`);
  t.is(body.status, 0);
});

const failures: readonly [what: string, body: unknown, message: string][] = [
  ['a wrong password', {userName: 'alice', password: 'x'}, wrong],
  ['a user that does not exist', {userName: 'nobody', password: 'x'}, wrong],
  ['a password longer than any', {userName: 'alice', password: 'x'.repeat(5000)}, wrong],
  ['no name', {password: 'x'}, 'Username can not be empty(用户名不能为空)！'],
  ['a blank name', {userName: ' ', password: 'x'}, 'Username can not be empty(用户名不能为空)！'],
  ['no password', {userName: 'alice'}, 'Password can not be blank(密码不能为空)！'],
  ['null as password', {userName: 'alice', password: null}, 'Password can not be blank(密码不能为空)！'],
  ['no body', undefined, 'Username can not be empty(用户名不能为空)！'],
];
for (const [what, body, message] of failures) {
  test(`login with ${what} is refused in Linkis’ words`, async t => {
    const world = await startFacade(t);
    const answer = await world.client().post(login, body);
    t.is(answer.status, 400);
    t.deepEqual(answer.body, {method: null, status: 1, message, data: facts});
    t.is(answer.headers.get('set-cookie'), null);
  });
}

test('a password of another type is refused before anything is checked', async t => {
  const world = await startFacade(t);
  const {status, body} = await world.client().post(login, {userName: 'alice', password: 5});
  t.is(status, 400);
  t.regex(body.message, /11001.*body\/password must be string or must be null/);
});

test('an unknown or ended cookie beside the right password does not stop the login', async t => {
  const world = await startFacade(t);
  const stale = world.client({cookie: `${ticketCookie}=gone`});
  const {body} = await stale.post(login, {userName: 'alice', password: 'pw-alice'});
  t.is(body.message, 'login successful(登录成功)！');
});

test('who is logged in already is told so, and the password is not looked at', async t => {
  const alice = await (await startFacade(t)).as('alice');
  const {status, body, headers} = await alice.post(login, {userName: 'bob', password: 'x'});
  t.is(status, 200);
  t.deepEqual(body, {
    method: null,
    status: 0,
    message: 'alice already logged in, please log out before signing in(已经登录，请先退出再进行登录)！',
    data: {userName: 'alice'},
  });
  t.is(headers.get('set-cookie'), null);
});

test('a password encrypted with the public key logs in, and so does one named passwdEncrypt', async t => {
  const world = await startFacade(t);
  const {body} = await world.client().get('/api/rest_j/v1/user/publicKey');
  t.like(body, {method: null, message: 'Gain success(获取成功)！'});
  t.like(body.data, {enableSSL: false, enableLoginEncrypt: true});
  const key = createPublicKey({
    key: Buffer.from(String(body.data['publicKey']), 'base64'),
    format: 'der',
    type: 'spki',
  });
  const encrypt = (text: string): string =>
    publicEncrypt({key, padding: constants.RSA_PKCS1_PADDING}, Buffer.from(text)).toString('base64');
  const one = await world.client().post(login, {userName: 'alice', password: encrypt('pw-alice')});
  t.is(one.body.status, 0);
  const two = await world.client().post(login, {userName: 'alice', passwdEncrypt: encrypt('pw-alice')});
  t.is(two.body.status, 0);
  const three = await world.client().post(login, {userName: 'alice', password: encrypt('no')});
  t.is(three.body.message, wrong);
});

test('the public key is the same for every facade on one database', async t => {
  const world = await startFacade(t);
  const ask = async () => (await world.client().get('/api/user/publicKey')).body.data['publicKey'];
  const [one, two] = await Promise.all([ask(), ask()]);
  t.is(typeof one, 'string');
  t.is(one, two);
});

test('logout ends the session at once and takes the cookie back', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  t.is((await alice.get('/api/user/userInfo')).body.status, 0);
  const answer = await alice.post('/api/rest_j/v1/user/logout');
  t.is(answer.body.message, 'Logout successful(退出登录成功)！');
  t.regex(answer.headers.get('set-cookie') ?? '', /^linkis_user_session_ticket_id_v1=; Path=\/.*Max-Age=0/);
  t.is((await alice.get('/api/jobhistory/list')).status, 401);
});

test('a session ends after an hour without use, and lives on with it', async t => {
  const clock = manualClock(1_800_000_000_000);
  const world = await startFacade(t, {}, clock);
  const alice = await world.as('alice');
  const minutes = (count: number): void => clock.advance(count * 60_000);
  const list = async () => (await alice.get('/api/jobhistory/list')).status;
  minutes(40);
  t.is(await list(), 200);
  minutes(40);
  t.is(await list(), 200);
  minutes(61);
  t.is(await list(), 401);
  const {status, body} = await alice.get('/api/rest_j/v1/user/userInfo');
  t.is(status, 400);
  t.deepEqual(body, {
    method: '/api/rest_j/v1/user/userInfo',
    status: 1,
    message:
      'errCode: 11002 ,desc: Login has expired, please log in again!(登录已过期，请重新登录！) ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway',
    data: {},
  });
});

test('ended sessions are swept out of the database', async t => {
  const clock = manualClock(1_800_000_000_000);
  const world = await startFacade(t, {}, clock);
  const {cookie} = await world.as('alice');
  const swept = Promise.withResolvers<number>();
  const {sweepSessions} = world.accounts;
  Object.assign(world.accounts, {
    async sweepSessions(before: number) {
      const count = await sweepSessions(before);
      if (count > 0) swept.resolve(count);
      return count;
    },
  });
  t.not(cookie, '');
  for (let n = 0; n < 20; n += 1) {
    clock.advance(5 * 60_000);
    // The next sweep is set up when the last one has ended.
    // oxlint-disable-next-line no-await-in-loop
    await new Promise(resolve => setImmediate(resolve));
  }
  t.is(await swept.promise, 1);
});

test('heartbeat keeps who is logged in, and tells who is not in the long form', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  t.is((await alice.get('/api/user/heartbeat')).body.message, 'Maintain heartbeat success(维系心跳成功)');
  const {status, body} = await world.client().get('/api/user/heartbeat');
  t.is(status, 401);
  t.is(body.status, -1);
  t.regex(body.message, /^errCode: 11002 ,desc: You are not logged in, please login first/);
  const unknown = await world.client({cookie: `${ticketCookie}=x`}).get('/api/user/heartbeat');
  t.regex(unknown.body.message, /^errCode: 11002 ,desc: please login first!/);
});

test('what the login page asks for is answered without a login', async t => {
  const nobody = (await startFacade(t)).client();
  const base = await nobody.get('/api/rest_j/v1/user/baseinfo');
  t.is(base.body.message, 'get baseinfo success(获取成功)！');
  t.like(base.body.data, {resultSetExportEnable: true, engineLogOnlyAdminEnable: false});
  const oauth = await nobody.get('/api/rest_j/v1/user/oauth-redirect');
  t.is(oauth.status, 401);
  t.is(oauth.body.message, 'Gateway 未启用 OAuth 认证，请采用其他认证方式!');
  const other = await nobody.get('/api/rest_j/v1/user/nonsense');
  t.is(other.body.message, 'unknown request URI /api/rest_j/v1/user/nonsense');
});

test('too many wrong passwords for a name are answered with 429 and how long to wait', async t => {
  const clock = manualClock();
  const world = await startFacade(t, {loginFailuresPerUserMax: 3}, clock);
  const guess = (password: string) => world.client().post(login, {userName: 'alice', password});
  for (let n = 0; n < 3; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await guess('x')).body.message, wrong);
  }
  const {status, body, headers} = await guess('pw-alice');
  t.is(status, 429);
  t.is(body.status, 1);
  t.regex(body.message, /^Too many wrong passwords for this name or from this address. Try again in 60 s/);
  t.is(headers.get('retry-after'), '60');
  t.is((await world.client().post(login, {userName: 'bob', password: 'pw-bob'})).body.status, 0);
  clock.advance(60_000);
  t.is((await guess('pw-alice')).body.status, 0);
});

test('an address is limited over all names, and unknown names count too', async t => {
  const world = await startFacade(t, {loginFailuresPerAddressMax: 4});
  for (const userName of ['a', 'b', 'c', 'd']) {
    // oxlint-disable-next-line no-await-in-loop
    await world.client().post(login, {userName, password: 'x'});
  }
  const {status} = await world.client().post(login, {userName: 'alice', password: 'pw-alice'});
  t.is(status, 429);
});

test('guesses sent at once are counted before they are checked', async t => {
  const world = await startFacade(t, {loginFailuresPerUserMax: 5});
  const answers = await Promise.all(
    Array.from({length: 20}, () => world.client().post(login, {userName: 'alice', password: 'x'})),
  );
  t.is(answers.filter(({status}) => status === 400).length, 5);
  t.is(answers.filter(({status}) => status === 429).length, 15);
});

test('logins, failures and logouts are audited with name and address, never with a password', async t => {
  const world = await startFacade(t);
  await world.client().post(login, {userName: 'alice', password: 'hunter2'});
  const alice = await world.as('alice');
  await alice.post('/api/user/logout');
  const audited = world.logged.filter(line => line['audit'] === true);
  t.deepEqual(
    audited.map(({action, user, address}) => ({action, user, address})),
    ['loginFailed', 'login', 'logout'].map(action => ({action, user: 'alice', address: '127.0.0.1'})),
  );
  t.false(JSON.stringify(world.logged).includes('hunter2'));
});

test('while the database is away a login is refused, not called wrong, and does not count', async t => {
  const world = await startFacade(t, {loginFailuresPerUserMax: 1, loginEncryption: false});
  world.accounts.isAway = true;
  for (let n = 0; n < 3; n += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, body} = await world.client().post(login, {userName: 'alice', password: 'pw-alice'});
    t.is(status, 400);
    t.regex(body.message, /20052.*The database cannot be reached now/);
  }
  world.accounts.isAway = false;
  t.is((await world.client().post(login, {userName: 'alice', password: 'pw-alice'})).body.status, 0);
});
