/** A listening facade over fakes, on a free port, and a client that speaks to it as programs do. */
import {randomBytes} from 'node:crypto';
import {Writable} from 'node:stream';
import type {ExecutionContext} from 'ava';
import {pino} from 'pino';
import {defaultsOf} from '../../actors/domain/setting.ts';
import {systemClock, type Clock} from '../../actors/runtime/clock.ts';
import {createFacade, type Facade} from '../../http/facade.ts';
import type {FacadeDependencies} from '../../http/route-context.ts';
import {httpSettings, type HttpSettings} from '../../http/settings.ts';
import {createFakeAccounts, fakeHash, verifyFakePassword, type FakeAccounts} from './fake-accounts.ts';
import {createFakeGovernance, type FakeGovernance} from './fake-governance.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed envelope. */
  readonly body: {
    readonly method: string | null;
    readonly status: number;
    readonly message: string;
    // Tests look into answers of any shape.
    readonly data: Record<string, unknown>;
  };
  readonly text: string;
};

export type Client = {
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly post: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly cookie: string;
};

export type FacadeWorld = FakeGovernance & {
  readonly url: string;
  readonly facade: Facade;
  readonly accounts: FakeAccounts;
  /** Parsed log lines so far. */
  readonly logged: Record<string, unknown>[];
  /** With these headers on every request; none: nobody. */
  readonly client: (headers?: Record<string, string>) => Client;
  /** Logs in with the password `pw-NAME`. */
  readonly as: (name: string) => Promise<Client>;
};

export const instance = {host: 'gw.example.com', port: 9001};

/** Users `alice`, `bob`, and `root`, who administers; each has the password `pw-NAME`. */
export async function startFacade(
  t: ExecutionContext,
  settings: Partial<HttpSettings> = {},
  clock: Clock = systemClock,
  replaced: Partial<FacadeDependencies> = {},
): Promise<FacadeWorld> {
  const fake = createFakeGovernance(clock.now);
  const accounts = createFakeAccounts();
  for (const name of ['alice', 'bob', 'root']) {
    // oxlint-disable-next-line no-await-in-loop
    await accounts.putUser({
      name,
      isAdmin: name === 'root',
      tenant: '',
      passwordHash: fakeHash(`pw-${name}`),
    });
  }
  const logged: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const facade = await createFacade(
    {
      governance: fake.governance,
      jobs: fake.jobs,
      accounts,
      clock,
      randomBytes,
      verifyPassword: verifyFakePassword,
      log: pino(sink),
      instance,
      engineTypes: ['shell', 'python'],
      metrics: [],
      ...replaced,
    },
    {...defaultsOf(httpSettings), port: 0, logPollHoldMs: 0, ...settings},
  );
  const {url} = await facade.listen();
  t.teardown(() => facade.close(100));

  const client = (headers: Record<string, string> = {}): Client => ({
    cookie: headers['cookie'] ?? '',
    get: (path, more = {}) => ask(url + path, {headers: {...headers, ...more}}),
    post: (path, body, more = {}) =>
      ask(url + path, {
        method: 'POST',
        headers: {...(body !== undefined && {'content-type': 'application/json'}), ...headers, ...more},
        ...(body !== undefined && {body: typeof body === 'string' ? body : JSON.stringify(body)}),
      }),
  });

  return Object.assign(fake, {
    url,
    facade,
    accounts,
    logged,
    client,
    async as(name: string) {
      const answer = await client().post('/api/rest_j/v1/user/login', {
        userName: name,
        password: `pw-${name}`,
      });
      if (answer.body.status !== 0) throw new Error(`${answer.text} ${JSON.stringify(logged)}`);
      return client({cookie: cookieOf(answer)});
    },
  });
}

/** The `name=value` of the cookie that an answer sets. */
export const cookieOf = ({headers}: Answer): string => headers.get('set-cookie')?.split(';', 1)[0] ?? '';

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  const body = (isJson && text !== '' ? JSON.parse(text) : {}) as Answer['body'];
  return {status: response.status, headers: response.headers, body, text};
}
