/** What pages of other origins can and can't do (decisions 45 and 53). */
import {request as httpRequest} from 'node:http';
import test from 'ava';
import {startFacade} from '../support/facade-world.ts';

/** `fetch` sets `Sec-Fetch-*` by itself; this sends what it is given. */
async function send(
  url: string,
  method: string,
  headers: Record<string, string>,
): Promise<{status: number; headers: Record<string, unknown>; body: string}> {
  const {promise, resolve, reject} = Promise.withResolvers<{
    status: number;
    headers: Record<string, unknown>;
    body: string;
  }>();
  const request = httpRequest(url, {method, headers}, response => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => resolve({status: response.statusCode ?? 0, headers: response.headers, body}));
  });
  request.on('error', reject);
  request.end();
  return promise;
}

for (const site of ['cross-site', 'same-site']) {
  test(`a request that a browser marks ${site} kills nothing`, async t => {
    const world = await startFacade(t);
    const {cookie} = await world.as('alice');
    const taskID = world.add({status: 'Running'});
    const {status, body} = await send(`${world.url}/api/entrance/${taskID}/kill`, 'GET', {
      cookie,
      'sec-fetch-site': site,
    });
    t.is(status, 403);
    t.like(JSON.parse(body), {status: 3, method: `/api/rest_j/v1/entrance/${taskID}/kill`});
    t.deepEqual(world.killed, []);
  });
}

for (const site of ['same-origin', 'none']) {
  test(`a request that a browser marks ${site} passes`, async t => {
    const world = await startFacade(t);
    const {cookie} = await world.as('alice');
    const {status} = await send(`${world.url}/api/jobhistory/list`, 'GET', {cookie, 'sec-fetch-site': site});
    t.is(status, 200);
  });
}

const origin = 'https://console.example.com';

test('a configured origin may call with credentials, and is told so by the preflight', async t => {
  const world = await startFacade(t, {corsOrigins: [origin]});
  const {cookie} = await world.as('alice');
  const preflight = await send(`${world.url}/api/entrance/submit`, 'OPTIONS', {
    origin,
    'sec-fetch-site': 'cross-site',
    'access-control-request-method': 'POST',
  });
  t.is(preflight.status, 204);
  t.is(preflight.headers['access-control-allow-origin'], origin);
  t.is(preflight.headers['access-control-allow-credentials'], 'true');
  t.regex(String(preflight.headers['access-control-allow-headers']), /content-type/);
  const call = await send(`${world.url}/api/jobhistory/list`, 'GET', {
    cookie,
    origin,
    'sec-fetch-site': 'cross-site',
  });
  t.is(call.status, 200);
  t.is(call.headers['access-control-allow-origin'], origin);
});

test('another origin gets neither CORS headers nor an answer', async t => {
  const world = await startFacade(t, {corsOrigins: [origin]});
  const {cookie} = await world.as('alice');
  const answer = await send(`${world.url}/api/jobhistory/list`, 'GET', {
    cookie,
    origin: 'https://evil.example.com',
    'sec-fetch-site': 'cross-site',
  });
  t.is(answer.status, 403);
  t.is(answer.headers['access-control-allow-origin'], undefined);
});

test('behind a trusted proxy that speaks HTTPS the cookie is Secure', async t => {
  const world = await startFacade(t, {trustedProxies: ['127.0.0.1']});
  const answer = await world
    .client()
    .post('/api/user/login', {userName: 'alice', password: 'pw-alice'}, {'x-forwarded-proto': 'https'});
  t.regex(answer.headers.get('set-cookie') ?? '', /; Secure$/);
  const other = await startFacade(t);
  const plain = await other
    .client()
    .post('/api/user/login', {userName: 'alice', password: 'pw-alice'}, {'x-forwarded-proto': 'https'});
  t.notRegex(plain.headers.get('set-cookie') ?? '', /Secure/);
});
