/** `entrance/submit` and `entrance/execute` against contract 4 and appendix A.2. */
import test from 'ava';
import {DrainingError, QueueFullError} from '../../actors/domain/errors.ts';
import {SubmissionError} from '../support/fake-governance.ts';
import {startFacade} from '../support/facade-world.ts';

const echo = {
  executionContent: {code: 'echo 1', runType: 'shell'},
  params: {variable: {}, configuration: {}},
  source: {scriptPath: 'ip'},
  labels: {engineType: 'shell-1', userCreator: 'alice-IDE'},
};

test('a submission answers with execID and taskID, and the governance gets body and caller', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const {status, body, headers} = await alice.post('/api/rest_j/v1/entrance/submit', echo);
  t.is(status, 200);
  t.deepEqual(body, {
    method: '/api/entrance/submit',
    status: 0,
    message: 'OK',
    data: {
      execID: 'exec_id018024linkis-cg-entrancehost-01.example.com:9104IDE_alice_shell_45158',
      taskID: 45_158,
    },
  });
  t.regex(headers.get('content-type') ?? '', /^application\/json/);
  const [one] = world.submitted;
  t.deepEqual(one?.body, echo);
  t.is(one?.caller.user, 'alice');
  t.is(one?.caller.address, '127.0.0.1');
  t.is(one?.caller.requestId, headers.get('x-request-id') ?? 'none');
});

for (const prefix of ['/api/rest_j/v1', '/api/rest_s/v1', '/api/v1', '/api']) {
  test(`the prefix ${prefix} works, and services answer without it`, async t => {
    const alice = await (await startFacade(t)).as('alice');
    const {body} = await alice.post(`${prefix}/entrance/execute`, echo);
    t.is(body.method, '/api/entrance/execute');
    t.is(body.status, 0);
  });
}

test('another version than 1 is named in the answer', async t => {
  const alice = await (await startFacade(t)).as('alice');
  const {status, body} = await alice.get('/api/rest_j/v2/entrance/submit');
  t.is(status, 200);
  t.is(body.status, 1);
  t.is(body.message, 'The gatewayv1 not support version v2.');
});

test('Content-Encoding: utf-8 on the body, as Java clients send it, is no obstacle', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const {body} = await alice.post('/api/rest_j/v1/entrance/submit', echo, {'content-encoding': 'utf-8'});
  t.is(body.status, 0);
  t.deepEqual(world.submitted[0]?.body, echo);
});

test('a body without a content type counts as JSON', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const response = await fetch(`${world.url}/api/entrance/submit`, {
    method: 'POST',
    headers: {cookie: alice.cookie},
    body: Buffer.from(JSON.stringify(echo)),
  });
  t.is(response.status, 200);
  t.deepEqual(world.submitted[0]?.body, echo);
});

test('nulls and keys that nobody knows reach the governance as they are', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const body = {
    ...echo,
    executeUser: null,
    scriptPath: null,
    params: null,
    wds: {linkis: [1]},
    formatCode: false,
  };
  await alice.post('/api/entrance/submit', body);
  t.deepEqual(world.submitted[0]?.body, body);
});

test('a refusal has its code, and the shape of contract 1.4', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const desc = 'Label params invalid You need to specify engineTypeLabel in labels,such as spark-2.4.3';
  world.refusal = new SubmissionError(20_009, desc);
  const {status, body} = await alice.post('/api/rest_j/v1/entrance/submit', {...echo, labels: {a: '1'}});
  t.is(status, 400);
  t.deepEqual(body, {
    method: null,
    status: 1,
    message: `error code(错误码): 20009, error message(错误信息): ${desc}.`,
    data: {
      errorMsg: {
        level: 2,
        errCode: 20_009,
        desc,
        ip: 'gw.example.com',
        port: 9001,
        serviceKind: 'linkis-cg-entrance',
      },
    },
  });
});

test('a route that nobody serves answers with HTTP 200, the text of the note and the body as it came', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.refusal = new SubmissionError(11_011, 'no instance has the label');
  const raw = '{"executionContent":{"code":"echo 1"},\r\n "labels":{"engineType":"shell-1","route":"et2"}}';
  const {status, body} = await alice.post('/api/v1/entrance/submit', raw);
  t.is(status, 200);
  t.deepEqual(body, {
    method: '/api/rest_j/v1/entrance/submit',
    status: 1,
    message:
      'GatewayErrorException: errCode: 11011 ,desc: Cannot route to the corresponding service, URL: /api/rest_j/v1/entrance/submit' +
      ' RouteLabel: [{"stringValue":"et2","labelKey":"route","feature":null,"modifiable":true,"featureKey":"feature","empty":false}]' +
      ' ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway',
    data: {data: raw},
  });
});

test('while the database is away a submission is refused with 20052 and a hint to retry', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  await alice.get('/api/user/userInfo');
  world.isAway = true;
  world.accounts.isAway = true;
  const {status, body, headers} = await alice.post('/api/entrance/submit', echo);
  t.is(status, 400);
  t.is(
    body.message,
    'error code(错误码): 20052, error message(错误信息): Persist jobRequest error, please submit again later(存储Job异常，请稍后重新提交任务).',
  );
  t.like(body.data['errorMsg'], {errCode: 20_052, level: 4});
  t.is(headers.get('retry-after'), '2');
});

for (const [refusal, code] of [
  [new QueueFullError('IDE_alice_shell', 10, 10), 12_001],
  [new DrainingError(), 20_053],
] as const) {
  test(`${refusal.name} says that it may be tried again`, async t => {
    const world = await startFacade(t);
    const alice = await world.as('alice');
    world.refusal = refusal;
    const {body, headers} = await alice.post('/api/entrance/submit', echo);
    t.like(body.data['errorMsg'], {errCode: code, desc: refusal.message});
    t.is(headers.get('retry-after'), '2');
  });
}

test('what nobody expected is logged whole, and answered with the request’s id alone', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  world.refusal = new TypeError('secret path /srv/x');
  const {status, body, text} = await alice.post('/api/entrance/submit', echo, {'x-request-id': 'mine-7'});
  t.is(status, 500);
  t.is(body.status, 1);
  t.regex(body.message, /^operation failed\(操作失败\)s！the reason\(原因\)：TypeError: .*mine-7/);
  t.false(text.includes('secret'));
  const logged = world.logged.find(line => line['msg'] === 'a request failed');
  t.is(logged?.['requestId'], 'mine-7');
  t.true(JSON.stringify(logged?.['err']).includes('secret path /srv/x'));
});

test('a client’s request id is taken over when it is harmless, else replaced', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const good = await alice.post('/api/entrance/submit', echo, {'x-request-id': 'trace.42/a'});
  t.is(good.headers.get('x-request-id'), 'trace.42/a');
  t.is(world.submitted[0]?.caller.requestId, 'trace.42/a');
  const bad = await alice.post('/api/entrance/submit', echo, {'x-request-id': 'a b"c'});
  t.regex(bad.headers.get('x-request-id') ?? '', /^[\w-]{6,}$/);
});

test('an idempotency key is handed on; one that is none is refused', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  await alice.post('/api/entrance/submit', echo, {'idempotency-key': 'k-1'});
  t.is(world.submitted[0]?.idempotencyKey, 'k-1');
  const {status, body} = await alice.post('/api/entrance/submit', echo, {'idempotency-key': 'x'.repeat(129)});
  t.is(status, 400);
  t.regex(body.message, /Idempotency-Key has to be 1 to 128/);
  t.is(world.submitted.length, 1);
});

test('without a login nothing is submitted', async t => {
  const world = await startFacade(t);
  const {status, body} = await world.client().post('/api/entrance/submit', echo);
  t.is(status, 401);
  t.deepEqual(body, {
    method: '/api/rest_j/v1/entrance/submit',
    status: -1,
    message: 'You are not logged in, please login first(您尚未登录，请先登录)!',
    data: {},
  });
  t.deepEqual(world.submitted, []);
});
