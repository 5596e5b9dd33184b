/** Requests that are wrong in ways a program, a mistake or an attacker makes them. */
import {connect} from 'node:net';
import test from 'ava';
import {startFacade} from '../support/facade-world.ts';

const submit = '/api/rest_j/v1/entrance/submit';

const bodies: readonly [what: string, body: string, says: RegExp][] = [
  ['an array', '[]', /body must be object/],
  ['a text', '"x"', /body must be object/],
  [
    'code that is a number',
    '{"executionContent":{"code":5}}',
    /body\/executionContent\/code must be string or must be null/,
  ],
  ['content that is a text', '{"executionContent":"echo"}', /body\/executionContent must be object/],
  ['labels that are a list', '{"labels":["a"]}', /body\/labels must be object/],
  ['params that are a text', '{"params":"x"}', /body\/params must be object/],
  ['an execute user that is an object', '{"executeUser":{}}', /body\/executeUser must be string/],
  ['half a JSON', '{"executionContent":', /The request can't be read: .*JSON/],
  ['text that is no JSON', 'hello', /The request can't be read/],
  ['a key that would reach prototypes', '{"__proto__":{"isAdmin":true}}', /The request can't be read/],
  [
    'deep nesting in a wrong place',
    `{"labels":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    /body\/labels must be object/,
  ],
];
for (const [what, body, says] of bodies) {
  test(`a submission with ${what} is refused, and says where it is wrong`, async t => {
    const world = await startFacade(t);
    const alice = await world.as('alice');
    const answer = await alice.post(submit, body);
    t.is(answer.status, 400);
    t.is(answer.body.status, 1);
    t.regex(answer.body.message, says);
    t.like(answer.body.data['errorMsg'], {errCode: 11_001, serviceKind: 'linkis-cg-entrance'});
    t.deepEqual(world.submitted, []);
  });
}

test('an empty body is an empty submission, which the governance judges', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  await alice.post(submit);
  await alice.post(submit, '');
  await alice.post(submit, '{}');
  t.deepEqual(
    world.submitted.map(({body}) => body),
    [{}, {}, {}],
  );
});

test('a form, or plain text, is not taken for JSON', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    // oxlint-disable-next-line no-await-in-loop
    const {status, body} = await alice.post(submit, '{"labels":{}}', {'content-type': type});
    t.is(status, 415);
    t.regex(body.message, /sent with Content-Type: application\/json/);
  }
  t.deepEqual(world.submitted, []);
});

test('a body of 50 MB gets a clear answer, though the client is still sending', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const code = 'x'.repeat(50 * 1024 * 1024);
  const {status, body, headers} = await alice.post(submit, {executionContent: {code}});
  t.is(status, 413);
  t.is(body.method, submit);
  t.is(body.status, 1);
  t.regex(body.message, /11001.*larger than 5242880 bytes.*http\.bodyBytesMax/);
  t.regex(headers.get('content-type') ?? '', /^application\/json/);
  t.is((await alice.get('/api/user/userInfo')).body.status, 0);
});

test('a 50 MB body without a length is counted as it comes', async t => {
  const world = await startFacade(t);
  const {cookie} = await world.as('alice');
  const piece = Buffer.alloc(1024 * 1024, 'x');
  let pieces = 0;
  const body = new ReadableStream<Buffer>({
    pull(controller) {
      pieces += 1;
      if (pieces > 50) controller.close();
      else controller.enqueue(pieces === 1 ? Buffer.from('{"executionContent":{"code":"') : piece);
    },
  });
  const response = await fetch(world.url + submit, {
    method: 'POST',
    headers: {cookie, 'content-type': 'application/json'},
    body,
    duplex: 'half',
  });
  t.is(response.status, 413);
  const envelope = (await response.json()) as {status: number; message: string};
  t.is(envelope.status, 1);
  t.regex(envelope.message, /larger than/);
});

test('a body as large as allowed is taken', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const code = 'x'.repeat(5 * 1024 * 1024 - 100);
  t.is((await alice.post(submit, {executionContent: {code}})).body.status, 0);
});

test('invalid UTF-8 in a body is repaired, not fatal', async t => {
  const world = await startFacade(t);
  const {cookie} = await world.as('alice');
  const body = Buffer.concat([
    Buffer.from('{"executionCode":"'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"}'),
  ]);
  const response = await fetch(world.url + submit, {
    method: 'POST',
    headers: {cookie, 'content-type': 'application/json'},
    body,
  });
  t.is(response.status, 200);
  t.deepEqual(world.submitted[0]?.body, {executionCode: '\ufffd\ufffd'});
});

test('an unknown service, path and place each answer in Linkis’ shape', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const service = await alice.post('/api/rest_j/v1/nonsense/x', {a: 1});
  t.is(service.status, 200);
  t.deepEqual(service.body, {
    method: '/api/rest_j/v1/nonsense/x',
    status: 1,
    message:
      'NoApplicationExistsException: errCode: 10050 ,desc: Application nonsense does not exist any instances(应用程序 nonsense 不存在任何实例) ,ip: gw.example.com ,port: 9001 ,serviceKind: linkis-mg-gateway',
    data: {data: '{"a":1}'},
  });
  const path = await alice.get('/api/rest_j/v1/entrance/nonsense?x=1');
  t.is(path.status, 404);
  t.deepEqual(path.body as unknown, {
    method: '/api/entrance/nonsense',
    status: 404,
    message: 'Not Found, with request path:/api/entrance/nonsense',
    data: [],
  });
  const place = await world.client().get('/elsewhere');
  t.is(place.status, 404);
  t.is(place.body.message, 'Cannot find a service to deal /elsewhere, ignore it.');
});

test('who is not logged in does not learn which paths exist', async t => {
  const nobody = (await startFacade(t)).client();
  for (const path of [
    '/api/entrance/nonsense',
    '/api/nonsense/x',
    '/api',
    '/api/rest_j/v1/jobhistory/1/get',
  ]) {
    // oxlint-disable-next-line no-await-in-loop
    t.is((await nobody.get(path)).status, 401, path);
  }
});

test('every answer is JSON with headers that keep browsers from guessing and storing', async t => {
  const world = await startFacade(t);
  const alice = await world.as('alice');
  const answers = [
    await alice.get('/api/user/userInfo'),
    await alice.get('/api/entrance/x/status'),
    await alice.get('/api/nonsense'),
    await world.client().get('/api/jobhistory/list'),
    await alice.post(submit, 'hello'),
  ];
  for (const {headers} of answers) {
    t.regex(headers.get('content-type') ?? '', /^application\/json/);
    t.is(headers.get('x-content-type-options'), 'nosniff');
    t.is(headers.get('cache-control'), 'no-store');
    t.is(headers.get('access-control-allow-origin'), null);
    t.truthy(headers.get('x-request-id'));
  }
});

/** Writes bytes to a new connection and resolves to all that comes back until it closes. */
async function raw(url: string, ...pieces: string[]): Promise<string> {
  const {hostname, port} = new URL(url);
  const socket = connect(Number(port), hostname);
  const received: Buffer[] = [];
  socket.on('data', (data: Buffer) => received.push(data));
  for (const piece of pieces) socket.write(piece);
  await new Promise<void>(resolve => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
  return Buffer.concat(received).toString();
}

test('what is no HTTP is answered in the envelope, and hung up on', async t => {
  const {url} = await startFacade(t);
  const answer = await raw(url, 'NONSENSE\r\n\r\n');
  t.regex(answer, /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/json/);
  t.regex(answer, /\{"method":null,"status":1,"message":"This is no HTTP request that can be read\."/);
});

test('a head larger than allowed gets 431', async t => {
  const {url} = await startFacade(t);
  const answer = await raw(url, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`);
  t.regex(answer, /^HTTP\/1\.1 431 /);
  t.regex(answer, /"status":1,"message":"The request head is too large/);
});

test('a client that sends its head drop by drop is hung up on in time', async t => {
  const {url} = await startFacade(t, {headersTimeoutMs: 500});
  const before = performance.now();
  const answer = await raw(url, 'GET / HTTP/1.1\r\n', 'Host: x\r\n');
  t.regex(answer, /^HTTP\/1\.1 408 /);
  // Node by itself would look only every 30 s.
  t.true(performance.now() - before < 15_000);
});

test('a client that never sends the body it announced is hung up on in time', async t => {
  const world = await startFacade(t, {requestTimeoutMs: 1000});
  const {cookie} = await world.as('alice');
  const head = `POST /api/entrance/submit HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
  const answer = await raw(world.url, head);
  t.regex(answer, /^HTTP\/1\.1 408 /);
  t.deepEqual(world.submitted, []);
});
