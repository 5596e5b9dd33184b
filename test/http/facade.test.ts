/** Starting, serving TLS, and closing. */
import {randomBytes} from 'node:crypto';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {get} from 'node:https';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {pino} from 'pino';
import {defaultsOf} from '../../actors/domain/setting.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {createFacade} from '../../http/facade.ts';
import {ok, send} from '../../http/envelope.ts';
import {callerOf} from '../../http/request-caller.ts';
import {httpSettings, type HttpSettings} from '../../http/settings.ts';
import {createFakeAccounts, verifyFakePassword} from '../support/fake-accounts.ts';
import {createFakeGovernance, SubmissionError} from '../support/fake-governance.ts';
import {instance, startFacade} from '../support/facade-world.ts';
import {testCertificate, testKey} from '../support/tls-fixture.ts';

const makeFacade = (settings: Partial<HttpSettings>, accounts = createFakeAccounts()) => {
  const fake = createFakeGovernance(systemClock.now);
  return createFacade(
    {
      governance: fake.governance,
      jobs: fake.jobs,
      accounts,
      clock: systemClock,
      randomBytes,
      verifyPassword: verifyFakePassword,
      log: pino({level: 'silent'}),
      instance,
      engineTypes: [],
      metrics: [],
    },
    {...defaultsOf(httpSettings), port: 0, ...settings},
  );
};

async function tlsFiles(t: ExecutionContext): Promise<Pick<HttpSettings, 'tlsCertFile' | 'tlsKeyFile'>> {
  const directory = await mkdtemp(join(tmpdir(), 'tenon-tls-'));
  t.teardown(() => rm(directory, {recursive: true}));
  const [tlsCertFile, tlsKeyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  await writeFile(tlsCertFile, testCertificate);
  await writeFile(tlsKeyFile, testKey);
  return {tlsCertFile, tlsKeyFile};
}

test('with a certificate the facade speaks HTTPS', async t => {
  const facade = await makeFacade(await tlsFiles(t));
  t.teardown(() => facade.close(0));
  const {url, port} = await facade.listen();
  t.is(url, `https://127.0.0.1:${port}`);
  const {promise, resolve, reject} = Promise.withResolvers<string>();
  const request = get(`${url}/health/live`, {ca: testCertificate}, response => {
    response.setEncoding('utf8');
    response.on('data', resolve);
  });
  request.on('error', reject);
  t.is(await promise, '{"status":"up"}');
});

test('a certificate that can’t be read is an error that names setting and file', async t => {
  const files = await tlsFiles(t);
  await t.throwsAsync(() => makeFacade({...files, tlsCertFile: '/nowhere/cert.pem'}), {
    name: 'TlsFileError',
    message: /http\.tlsCertFile is \/nowhere\/cert\.pem, which does not do: ENOENT/,
  });
  await t.throwsAsync(() => makeFacade({...files, tlsKeyFile: ''}), {
    name: 'TlsFileError',
    message: /http\.tlsKeyFile is empty/,
  });
  await t.throwsAsync(() => makeFacade({...files, tlsCertFile: files.tlsKeyFile}), {name: 'TlsFileError'});
});

test('a port that is taken is an error with Node’s code', async t => {
  const one = await makeFacade({});
  t.teardown(() => one.close(0));
  const {port} = await one.listen();
  const two = await makeFacade({port});
  t.teardown(() => two.close(0));
  await t.throwsAsync(() => two.listen(), {code: 'EADDRINUSE'});
});

test('closing lets a request that is under way finish, and takes no new one', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const {kill} = world.governance;
  Object.assign(world.governance, {
    async kill(...call: Parameters<typeof kill>) {
      arrived.resolve();
      await gate.promise;
      return kill(...call);
    },
  });
  const taskID = world.add({status: 'Running'});
  const killing = alice.get(`/api/entrance/${taskID}/kill`);
  await arrived.promise;
  const closing = world.facade.close(20_000);
  await t.throwsAsync(() => alice.get('/health/live'));
  gate.resolve();
  t.is((await killing).body.status, 0);
  await closing;
});

test('what outlasts the drain is cut', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const arrived = Promise.withResolvers<void>();
  Object.assign(world.governance, {
    kill: () => {
      arrived.resolve();
      return new Promise(() => {});
    },
  });
  const taskID = world.add({status: 'Running'});
  const killing = t.throwsAsync(alice.get(`/api/entrance/${taskID}/kill`));
  await arrived.promise;
  await world.facade.close(50);
  await killing;
  t.pass();
});

test('routes of other parts get the same login, errors and safe headers', async t => {
  const accounts = createFakeAccounts();
  await accounts.addToken('T', {
    isAdmin: false,
    legalUsers: ['*'],
    legalHosts: ['*'],
    businessOwner: '',
    createTime: 0,
    elapseDay: -1,
  });
  const facade = await makeFacade({}, accounts);
  t.teardown(() => facade.close(0));
  await facade.register(
    async (app, {answer}) => {
      app.get('/api/filesystem/who', async (request, reply) => {
        send(reply, ok('/api/filesystem/who', {answer, user: callerOf(request).user}));
      });
      app.get('/api/filesystem/broken', async () => {
        throw new SubmissionError(80_004, 'The path: is empty');
      });
    },
    {answer: 42},
  );
  const {url} = await facade.listen();
  const nobody = await fetch(`${url}/api/rest_j/v1/filesystem/who`);
  t.is(nobody.status, 401);
  t.is(nobody.headers.get('x-content-type-options'), 'nosniff');
  const headers = {'token-code': 'T', 'token-user': 'alice'};
  const who = (await (await fetch(`${url}/api/v1/filesystem/who`, {headers})).json()) as {data: object};
  t.deepEqual(who.data, {answer: 42, user: 'alice'});
  const broken = await fetch(`${url}/api/filesystem/broken`, {headers});
  t.is(broken.status, 400);
  const {message} = (await broken.json()) as {message: string};
  t.is(message, 'error code(错误码): 80004, error message(错误信息): The path: is empty.');
});

test('an upgrade is authenticated like a request', async t => {
  const world = await startFacade(t);
  const {cookie} = await world.as('alice');
  const callers: (string | undefined)[] = [];
  world.facade.server.on('upgrade', (request, socket) => {
    const answer = async (): Promise<void> => {
      callers.push((await world.facade.authenticateUpgrade(request))?.user);
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    };
    void answer();
  });
  const {request} = await import('node:http');
  const upgrade = (headers: Record<string, string>) =>
    new Promise<void>((resolve, reject) => {
      const asked = request(`${world.url}/ws/v1/stream`, {
        headers: {connection: 'upgrade', upgrade: 'websocket', ...headers},
      });
      asked.on('response', response => {
        response.resume();
        response.on('end', () => resolve());
      });
      asked.on('error', reject);
      asked.end();
    });
  await upgrade({cookie});
  await upgrade({});
  t.deepEqual(callers, ['alice', undefined]);
});
