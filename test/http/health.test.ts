/** Health, metrics, OpenAPI and the gateway's own answers. */
import test from 'ava';
import {manualClock} from '../support/manual-clock.ts';
import {startFacade} from '../support/facade-world.ts';

test('live is up as long as the process answers', async t => {
  const world = await startFacade(t);
  world.isReady = false;
  world.accounts.isAway = true;
  t.is((await world.client().get('/health/live')).status, 200);
});

test('ready says why it is not', async t => {
  const clock = manualClock();
  const world = await startFacade(t, {}, clock);
  const ask = async () => {
    const {status, text} = await world.client().get('/health/ready');
    return [status, JSON.parse(text)] as const;
  };
  t.deepEqual(await ask(), [200, {status: 'ready'}]);
  world.isReady = false;
  t.deepEqual(await ask(), [503, {status: 'not ready', why: 'recovering 3 jobs'}]);
  world.isReady = true;
  world.accounts.isAway = true;
  clock.advance(1000);
  t.deepEqual(await ask(), [503, {status: 'not ready', why: 'the database cannot be reached'}]);
});

test('metrics show jobs by status, requests by route, and the process; never a name', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.add({status: 'Running'});
  world.add({status: 'Succeed'});
  await alice.get('/api/rest_j/v1/jobhistory/list');
  await alice.get('/api/entrance/45158/status');
  const {status, text, headers} = await world.client().get('/metrics');
  t.is(status, 200);
  t.regex(headers.get('content-type') ?? '', /^text\/plain/);
  t.regex(text, /^tenon_jobs\{status="Running"\} 1$/m);
  t.regex(text, /^tenon_unfinished_jobs\{engine_type="shell",state="running"\} 1$/m);
  t.regex(
    text,
    /^tenon_http_request_duration_seconds_count\{method="GET",route="\/api\/entrance\/:id\/status",status="2xx"\} 1$/m,
  );
  t.regex(text, /_bucket\{method="GET",route="\/api\/jobhistory\/list",status="2xx",le="\+Inf"\} 1$/m);
  t.regex(text, /^process_cpu_seconds_total /m);
  t.regex(text, /^nodejs_eventloop_lag_seconds /m);
  t.false(text.includes('alice'));
});

test('metrics leave out what can’t be had while the database is away, and show the rest', async t => {
  const world = await startFacade(t);
  world.add({status: 'Running'});
  world.isAway = true;
  const {status, text} = await world.client().get('/metrics');
  t.is(status, 200);
  t.notRegex(text, /^tenon_jobs\{/m);
  t.regex(text, /^tenon_unfinished_jobs\{/m);
});

test('metrics can be put behind a login', async t => {
  const world = await startFacade(t, {metricsNeedLogin: true});
  t.is((await world.client().get('/metrics')).status, 401);
  t.is((await (await world.as('alice')).get('/metrics')).status, 200);
});

test('the API describes itself, from the schemas that validate', async t => {
  const world = await startFacade(t);
  const {status, text, headers} = await world.client().get('/api/rest_j/v1/openapi.json');
  t.is(status, 200);
  t.regex(headers.get('content-type') ?? '', /^application\/json/);
  const document = JSON.parse(text) as {
    openapi: string;
    paths: Record<
      string,
      Record<string, {requestBody?: {content: Record<string, {schema: {properties: object}}>}}>
    >;
  };
  t.is(document.openapi, '3.1.0');
  for (const path of [
    '/api/user/login',
    '/api/entrance/submit',
    '/api/entrance/execute',
    '/api/entrance/{id}/status',
    '/api/entrance/{id}/progress',
    '/api/entrance/{id}/log',
    '/api/entrance/{id}/kill',
    '/api/entrance/{id}/killJobs',
    '/api/jobhistory/{taskID}/get',
    '/api/jobhistory/list',
    '/api/gateway/heartbeat',
    '/health/ready',
  ]) {
    t.truthy(document.paths[path], path);
  }
  const schema =
    document.paths['/api/entrance/submit']?.['post']?.requestBody?.content['application/json']?.schema;
  t.deepEqual(Object.keys(schema?.properties ?? {}).slice(0, 3), ['executionContent', 'labels', 'params']);
});

test('every described path is one that answers', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const {text} = await alice.get('/api/openapi.json');
  const {paths} = JSON.parse(text) as {paths: Record<string, Record<string, unknown>>};
  for (const [path, methods] of Object.entries(paths)) {
    if (path === '/api/user/logout') continue;
    const url = path.replaceAll(/\{\w+\}/g, '1');
    // oxlint-disable-next-line no-await-in-loop
    const {status, body} = 'get' in methods ? await alice.get(url) : await alice.post(url, {});
    t.not(status, 404, path);
    t.not(status, 500, `${path} ${body.message}`);
  }
});

test('the gateway’s heartbeat lists where to reach it, for who is logged in', async t => {
  const world = await startFacade(t);
  const {body} = await (await world.as('alice')).get('/api/rest_j/v1/gateway/heartbeat');
  t.is(body.message, 'Gateway heartbeat ok!');
  t.deepEqual(body.data, {gatewayList: ['gw.example.com:9001'], isHealthy: true});
  t.is((await world.client().get('/api/rest_j/v1/gateway/heartbeat')).status, 401);
});

test('engine types are those the node has', async t => {
  const alice = await (await startFacade(t)).as('alice');
  const {body} = await alice.get('/api/rest_j/v1/configuration/engineType');
  t.deepEqual(body.data, {engineType: ['shell', 'python']});
  t.is(body.method, '/api/configuration/engineType');
});
