/**
 * `user/*`: login, logout, and who am I (contract 2.2). None of them needs a session, all answer with `method` null but
 * where Linkis' exception branch answers.
 */
import {Type} from 'typebox';
import type {FastifyReply, FastifyRequest} from 'fastify';
import {gatewayMethod, gatewayService} from '../api-path.ts';
import type {Authenticated, Refusal} from '../authentication.ts';
import {tokenBlankText} from '../authentication.ts';
import {envelopeStatus, ok, refused, send} from '../envelope.ts';
import {
  exceptionText,
  expiredTicketText,
  notLoggedInCode,
  notLoggedInText,
  unknownTicketText,
} from '../linkis-text.ts';
import {createLoginKey} from '../login-key.ts';
import {createLogin, type LoginOutcome} from '../login.ts';
import {headOf} from '../request-caller.ts';
import type {FacadeApp, RouteContext} from '../route-context.ts';
import {clearTicket, hashTicket, newTicket, readCookies, setTicket, ticketCookie} from '../session-ticket.ts';

const Credentials = Type.Object({
  userName: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  password: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {
      description: 'Plain, or encrypted with user/publicKey, as base64.',
    }),
  ),
  passwdEncrypt: Type.Optional(
    Type.Union([Type.String(), Type.Null()], {description: 'Used when password is absent.'}),
  ),
});

/** Read-only answers about the caller; Linkis doesn't check the HTTP method of any `user/*`. */
const anyMethod = ['GET', 'POST'];
const open = {access: 'open'} as const;

export function userRoutes(app: FacadeApp, context: RouteContext): void {
  const {accounts, addresses, audit, authentication, clock, instance, randomBytes, settings} = context;
  const login = createLogin(context, settings);
  const key = createLoginKey(accounts);
  const loginFacts = {sessionTimeOut: settings.sessionTimeoutMs, enableWatermark: true};

  const isSecure = (request: FastifyRequest): boolean =>
    settings.tlsCertFile !== '' || addresses.isSecure(request.headers, request.socket.remoteAddress ?? '');

  async function openSession(user: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const ticket = newTicket(randomBytes);
    const now = clock.now();
    await accounts.putSession({ticketHash: hashTicket(ticket), user, createdAt: now, lastAccessAt: now});
    reply.header('set-cookie', setTicket(ticket, isSecure(request)));
  }

  app.post(
    '/api/user/login',
    {
      config: open,
      schema: {
        tags: ['user'],
        summary: 'Log in with name and password; opens a session',
        body: Credentials,
        querystring: Credentials,
      },
    },
    async (request, reply) => {
      const current = await authentication.bySession(headOf(request));
      if (current.type === 'caller') {
        const {user} = current.caller;
        const text = `${user} already logged in, please log out before signing in(已经登录，请先退出再进行登录)！`;
        return send(reply, ok(null, {userName: user}, text));
      }
      const {userName, password, passwdEncrypt} = {...request.query, ...request.body};
      const refuse = (message: string): void => send(reply, refused(null, message, loginFacts));
      if (isBlank(userName)) return refuse('Username can not be empty(用户名不能为空)！');
      const given = password ?? passwdEncrypt;
      if (isBlank(given)) return refuse('Password can not be blank(密码不能为空)！');

      const plain = settings.loginEncryption ? ((await key.decrypt(given)) ?? given) : given;
      const address = addresses.of(request.headers, request.socket.remoteAddress ?? '');
      const who = {user: userName.toLowerCase().slice(0, 128), address, requestId: request.id};
      const outcome = await login.check(userName, plain, address);
      if (outcome.type !== 'right') {
        audit.note(outcome.type === 'wrong' ? 'loginFailed' : 'loginLimited', who);
        return refuseLogin(outcome, reply, loginFacts);
      }
      const {name, isAdmin} = outcome.user;
      await openSession(name, request, reply);
      audit.note('login', {...who, user: name});
      return send(reply, ok(null, {userName: name, isAdmin, ...loginFacts}, 'login successful(登录成功)！'));
    },
  );

  app.route({
    method: anyMethod,
    url: '/api/user/token-login',
    config: open,
    schema: {tags: ['user'], summary: 'Open a session with the headers Token-Code and Token-User'},
    handler: async (request, reply) => {
      if (request.method !== 'POST') return send(reply, refused(null, 'Only support method POST'));
      const head = headOf(request);
      const outcome = await authentication.byToken(head);
      if (outcome === undefined) {
        return send(reply, {
          method: gatewayMethod(head.url),
          status: envelopeStatus.notLoggedIn,
          message: tokenBlankText,
          data: {},
        });
      }
      if (outcome.type === 'refusal') return send(reply, outcome.envelope);
      const {user} = outcome.caller;
      await openSession(user, request, reply);
      audit.note('login', outcome.caller, {by: 'token'});
      const data = {userName: user, isAdmin: false, enableWatermark: true};
      return send(reply, ok(null, data, 'login successful(登录成功)！'));
    },
  });

  app.route({
    method: anyMethod,
    url: '/api/user/logout',
    config: open,
    schema: {tags: ['user'], summary: 'End the session'},
    handler: async (request, reply) => {
      const current = await authentication.bySession(headOf(request));
      const ticket = readCookies(request.headers.cookie)[ticketCookie];
      if (ticket !== undefined) {
        await accounts.removeSession(hashTicket(ticket));
        authentication.forgetSession(hashTicket(ticket));
      }
      if (current.type === 'caller') audit.note('logout', current.caller);
      reply.header('set-cookie', clearTicket(isSecure(request)));
      send(reply, ok(null, {}, 'Logout successful(退出登录成功)！'));
    },
  });

  /** The caller by token or session; these routes are open, so they ask by themselves. */
  const whoIs = async (request: FastifyRequest): Promise<Authenticated | Refusal> =>
    authentication.authenticate(headOf(request));

  const longText = (refusal: Refusal): string =>
    refusal.why === 'token' || refusal.why === 'databaseAway'
      ? refusal.envelope.message
      : exceptionText(notLoggedInCode, longTexts[refusal.why], instance, gatewayService);

  app.route({
    method: anyMethod,
    url: '/api/user/userInfo',
    config: open,
    schema: {tags: ['user'], summary: 'The name of who is logged in'},
    handler: async (request, reply) => {
      const outcome = await whoIs(request);
      if (outcome.type === 'refusal') {
        return send(reply, refused(gatewayMethod(request.originalUrl), longText(outcome)));
      }
      return send(reply, ok(null, {userName: outcome.caller.user}, 'get user information succeed!'));
    },
  });

  app.route({
    method: anyMethod,
    url: '/api/user/heartbeat',
    config: open,
    schema: {tags: ['user'], summary: 'Keeps the session alive'},
    handler: async (request, reply) => {
      const outcome = await whoIs(request);
      if (outcome.type === 'refusal') {
        const {status} = outcome.envelope;
        return send(reply, {method: null, status, message: longText(outcome), data: {}});
      }
      return send(reply, ok(null, {}, 'Maintain heartbeat success(维系心跳成功)'));
    },
  });

  app.route({
    method: anyMethod,
    url: '/api/user/publicKey',
    config: open,
    schema: {tags: ['user'], summary: 'The key with which a password may be encrypted for login'},
    handler: async (request, reply) => {
      const data = {
        enableSSL: isSecure(request),
        enableLoginEncrypt: settings.loginEncryption,
        ...(settings.loginEncryption && {publicKey: await key.publicKey(), debugTime: clock.now()}),
      };
      send(reply, ok(null, data, 'Gain success(获取成功)！'));
    },
  });

  app.route({
    method: anyMethod,
    url: '/api/user/baseinfo',
    config: open,
    schema: {tags: ['user'], summary: 'What the console shows and hides'},
    handler: async (_request, reply) => {
      const data = {
        resultSetExportEnable: true,
        linkisClusterName: settings.clusterName,
        engineLogOnlyAdminEnable: false,
      };
      send(reply, ok(null, data, 'get baseinfo success(获取成功)！'));
    },
  });

  app.route({
    method: anyMethod,
    url: '/api/user/oauth-redirect',
    config: open,
    schema: {tags: ['user'], summary: 'OAuth is not offered'},
    handler: async (request, reply) => {
      send(reply, {
        method: gatewayMethod(request.originalUrl),
        status: envelopeStatus.notLoggedIn,
        message: 'Gateway 未启用 OAuth 认证，请采用其他认证方式!',
        data: {},
      });
    },
  });

  app.route({
    method: [...anyMethod, 'PUT', 'DELETE'],
    url: '/api/user/*',
    config: open,
    schema: {hide: true},
    handler: async (request, reply) => {
      const path = gatewayMethod(request.originalUrl);
      send(reply, refused(null, `unknown request URI ${path}`));
    },
  });
}

const longTexts = {missing: notLoggedInText, unknown: unknownTicketText, expired: expiredTicketText};

const isBlank = (text: string | null | undefined): text is null | undefined | '' =>
  text === undefined || text === null || text.trim() === '';

function refuseLogin(
  outcome: Exclude<LoginOutcome, {type: 'right'}>,
  reply: FastifyReply,
  loginFacts: Readonly<Record<string, unknown>>,
): void {
  if (outcome.type === 'wrong') {
    return send(reply, refused(null, 'wrong user name or password(用户名或密码错误)！', loginFacts));
  }
  const seconds = outcome.type === 'limited' ? Math.max(1, Math.ceil(outcome.retryAfterMs / 1000)) : 2;
  const why =
    outcome.type === 'limited'
      ? 'Too many wrong passwords for this name or from this address'
      : 'Too many logins at this moment';
  const text = `${why}. Try again in ${seconds} s(登录尝试过于频繁，请 ${seconds} 秒后重试)！`;
  const envelope = refused(null, text, {...loginFacts, retryAfterSeconds: seconds});
  // 429 says to balancers and clients what 400 would not; Linkis' clients look at neither.
  reply.header('retry-after', seconds).code(429).send(envelope);
}
