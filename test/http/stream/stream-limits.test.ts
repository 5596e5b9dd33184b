import {once} from 'node:events';
import {request as httpRequest, type IncomingMessage} from 'node:http';
import {connect, type Socket} from 'node:net';
import test, {type ExecutionContext} from 'ava';
import {createStreamWorld, type StreamWorld} from '../../support/stream-client.ts';

type Refused = {readonly status: number | undefined; readonly body: unknown};

/** An upgrade that is expected to be refused: the answer, as HTTP. */
async function upgradeOf(
  world: StreamWorld,
  path: string,
  headers: Record<string, string>,
): Promise<Refused> {
  const request = httpRequest(world.url.replace('ws:', 'http:') + path, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  });
  request.end();
  const [response] = (await Promise.race([once(request, 'response'), once(request, 'upgrade')])) as [
    IncomingMessage,
  ];
  if (response.statusCode === 101) {
    response.socket.destroy();
    return {status: 101, body: undefined};
  }
  let text = '';
  for await (const piece of response) text += String(piece);
  return {status: response.statusCode, body: JSON.parse(text)};
}

async function setUp(
  t: ExecutionContext,
  ...options: Parameters<typeof createStreamWorld>
): Promise<StreamWorld> {
  const world = await createStreamWorld(...options);
  t.teardown(world.stop);
  return world;
}

const line = (length: number): string => `${'x'.repeat(length - 1)}\n`;

test('who is not logged in, and other paths, are refused in the envelope', async t => {
  const world = await setUp(t);
  t.deepEqual(await upgradeOf(world, '/ws/v1/stream?x=1', {}), {
    status: 401,
    body: {
      method: '/ws/v1/stream',
      status: -1,
      message: 'You are not logged in, please login first(您尚未登录，请先登录)!',
      data: {},
    },
  });
  t.is((await upgradeOf(world, '/ws/v1/other', {'x-user': 'ann'})).status, 404);
});

test('a page of another origin may not use the cookie; ours, configured ones and token headers may', async t => {
  const world = await setUp(t, {}, {corsOrigins: ['https://console.example.com']});
  const status = async (headers: Record<string, string>): Promise<number | undefined> =>
    (await upgradeOf(world, '/ws/v1/stream', {'x-user': 'ann', ...headers})).status;
  t.is(await status({cookie: 'a=b', origin: 'https://evil.example.com'}), 403);
  t.is(await status({cookie: 'a=b', origin: 'null'}), 403);
  t.is(await status({cookie: 'a=b', origin: world.url.replace('ws:', 'http:')}), 101);
  t.is(await status({cookie: 'a=b', origin: 'https://console.example.com'}), 101);
  t.is(await status({'token-user': 'ann', 'token-code': 'c', origin: 'https://evil.example.com'}), 101);
});

test('a check of the caller that fails or hangs is answered with 503, not with silence', async t => {
  const answers = [Promise.reject(new Error('database away')), new Promise<never>(() => undefined)];
  const authenticateUpgrade = async (): Promise<undefined> => answers.shift();
  const world = await setUp(t, {authenticationMs: 50}, {authenticateUpgrade});
  t.is((await upgradeOf(world, '/ws/v1/stream', {})).status, 503);
  t.is((await upgradeOf(world, '/ws/v1/stream', {})).status, 503);
  t.is(world.streams.metrics().upgradesRefused, 2);
});

test('frames that are no requests are answered with what was wrong, and the socket goes on', async t => {
  const world = await setUp(t);
  const job = world.addJob();
  const client = await world.connect('ann');
  const wrong: [unknown, number | null, RegExp][] = [
    ['not json', null, /not JSON/],
    ['', null, /not JSON/],
    ['7', null, /not a JSON object/],
    ['[]', null, /type is missing/],
    [{type: 'shout', taskID: 3}, 3, /type is "shout"/],
    [{type: 'subscribe'}, null, /taskID is missing/],
    [{type: 'subscribe', taskID: '7'}, null, /taskID is "7"/],
    [{type: 'subscribe', taskID: 0}, 0, /taskID is 0/],
    [{type: 'subscribe', taskID: 1.5}, null, /taskID is 1.5/],
    [{type: 'subscribe', taskID: 1e300}, null, /taskID is 1e\+300/],
    [{type: 'subscribe', taskID: 3, fromLine: -1}, 3, /fromLine is -1/],
    [{type: 'subscribe', taskID: 3, fromLine: null}, 3, /fromLine is null/],
    [{type: 'unsubscribe', taskID: {}}, null, /taskID is {}/],
  ];
  for (const [frame, taskID, message] of wrong) {
    client.send(frame);
    const error = await client.nextOf('error');
    t.is(error.taskID, taskID);
    t.regex(String(error['message']), message);
    t.is(error['code'], 80121);
  }
  client.send({type: 'subscribe', taskID: job.taskID, later: 'versions'});
  t.is((await client.nextOf('status'))['status'], 'Inited');
});

test('binary frames and frames over 64 KB close the socket with their own codes', async t => {
  const world = await setUp(t);
  const [binary, long] = [await world.connect('ann'), await world.connect('ann')];
  binary.ws.send(Buffer.from('{}'));
  t.is((await binary.closed).code, 1003);
  long.send('x'.repeat(64 * 1024 + 1));
  t.is((await long.closed).code, 1009);
});

test('a socket follows as many jobs as it may, and a user opens as many sockets', async t => {
  const world = await setUp(t, {subscriptionsPerSocketMax: 2, socketsPerUserMax: 2});
  const jobs = [world.addJob(), world.addJob(), world.addJob()];
  const client = await world.connect('ann');
  for (const {taskID} of jobs) client.subscribe(taskID);
  t.like(await client.nextOf('error'), {taskID: jobs[2]?.taskID, code: 80122});
  client.send({type: 'unsubscribe', taskID: jobs[0]?.taskID});
  client.subscribe(jobs[2]?.taskID ?? 0);
  await client.next(({type, taskID}) => type === 'status' && taskID === jobs[2]?.taskID);
  t.like(world.streams.metrics(), {sockets: 1, subscriptions: 2});
  const second = await world.connect('ann');
  t.is((await upgradeOf(world, '/ws/v1/stream', {'x-user': 'ann'})).status, 429);
  t.is((await upgradeOf(world, '/ws/v1/stream', {'x-user': 'bob'})).status, 101);
  second.ws.close();
  await second.closed;
  await world.connect('ann');
  t.pass();
});

test('a node that has its sockets refuses more', async t => {
  const world = await setUp(t, {socketsMax: 1});
  await world.connect('ann');
  t.is((await upgradeOf(world, '/ws/v1/stream', {'x-user': 'bob'})).status, 503);
});

test('a reader that does not read costs a bounded amount, holds up nobody, and is cut with the way to resume', async t => {
  const bytesMax = 256 * 1024;
  const world = await setUp(t, {
    unreadBytesPerSocketMax: bytesMax,
    unreadBytesPerSocketMin: bytesMax,
    slowReaderMs: 1500,
    closeGraceMs: 20_000,
  });
  const job = world.addJob();
  const [lazy, eager] = [await world.connect('ann'), await world.connect('ann')];
  lazy.subscribe(job.taskID);
  eager.subscribe(job.taskID);
  await lazy.nextOf('progress');
  lazy.ws.pause();
  let unreadMax = 0;
  const batch = line(100).repeat(600);
  for (let n = 0; n < 400; n++) {
    await job.append(batch);
    unreadMax = Math.max(unreadMax, world.streams.metrics().unreadBytes);
  }
  await job.end('Succeed');
  await eager.nextOf('end');
  t.is(eager.linesOf(job.taskID).length, 240_000);
  // Two sockets; each may exceed its share by the frame that filled it.
  t.true(unreadMax < 2 * (bytesMax + 200 * 1024), `${unreadMax} bytes waited`);
  const deadline = Date.now() + 20_000;
  while (world.streams.metrics().slowReadersCut === 0 && Date.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  t.like(world.streams.metrics(), {slowReadersCut: 1, sockets: 2});
  lazy.ws.resume();
  const {code, reason} = await lazy.closed;
  t.is(code, 4408);
  t.regex(reason, /subscribe with the line after the last you have/);
  const got = lazy.linesOf(job.taskID).length;
  t.true(got > 0 && got < 240_000);
  const again = await world.connect('ann');
  again.subscribe(job.taskID, got);
  await again.nextOf('end');
  t.is(again.linesOf(job.taskID, got).length, 240_000 - got);
});

test('a reader that pauses and goes on is neither cut nor loses a line', async t => {
  const world = await setUp(t, {unreadBytesPerSocketMax: 64 * 1024, unreadBytesPerSocketMin: 64 * 1024});
  const job = world.addJob();
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('progress');
  for (let n = 0; n < 300; n++) {
    if (n % 100 === 20) client.ws.pause();
    if (n % 100 === 80) client.ws.resume();
    await job.append(line(100).repeat(500));
    if (n % 10 === 0) job.progress(n / 300);
  }
  client.ws.resume();
  await job.end('Succeed');
  await client.nextOf('end');
  t.is(client.linesOf(job.taskID).length, 150_000);
  t.is(client.frames.at(-1)?.type, 'end');
});

test('a line longer than a frame comes whole, in frames that keep their limit', async t => {
  const world = await setUp(t);
  const job = world.addJob();
  const long = 'ü"\\'.repeat(300_000);
  await job.append(`a\n${long}\nb\n`);
  await job.end('Succeed');
  const client = await world.connect('ann');
  client.subscribe(job.taskID);
  await client.nextOf('end');
  t.true(client.linesOf(job.taskID)[1] === long);
  const raw = await rawFrames(world, job.taskID);
  t.true(raw.length > 5);
  t.true(Math.max(...raw) <= 256 * 1024, `a frame of ${Math.max(...raw)} bytes`);
});

/** Lengths of the WebSocket frames that a subscription brings, read off the connection. */
async function rawFrames(world: StreamWorld, taskID: number): Promise<number[]> {
  const {hostname, port} = new URL(world.url);
  const socket: Socket = connect(Number(port), hostname);
  socket.write(
    'GET /ws/v1/stream HTTP/1.1\r\nHost: x\r\nx-user: ann\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const text = Buffer.from(JSON.stringify({type: 'subscribe', taskID}));
  // Masked with zeros, which is a mask like any other.
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
  let received = Buffer.alloc(0);
  for await (const piece of socket) {
    received = Buffer.concat([received, piece as Buffer]);
    if (received.includes('"type":"end"')) break;
  }
  socket.destroy();
  const lengths: number[] = [];
  for (let at = received.indexOf('\r\n\r\n') + 4; at < received.length;) {
    const short = received.readUInt8(at + 1) & 0x7f;
    const [length, head] =
      short === 127
        ? [Number(received.readBigUInt64BE(at + 2)), 10]
        : short === 126
          ? [received.readUInt16BE(at + 2), 4]
          : [short, 2];
    lengths.push(length);
    at += head + length;
  }
  return lengths;
}

test('a client that floods requests and reads no answers is not served without bound', async t => {
  const world = await setUp(t, {unreadBytesPerSocketMax: 64 * 1024, unreadBytesPerSocketMin: 64 * 1024});
  const client = await world.connect('ann');
  client.ws.pause();
  const frame = JSON.stringify({type: 'nonsense', taskID: 1, filler: 'x'.repeat(50)});
  let unreadMax = 0;
  for (let n = 0; n < 200; n++) {
    for (let k = 0; k < 200; k++) client.ws.send(frame);
    await new Promise(resolve => setImmediate(resolve));
    unreadMax = Math.max(unreadMax, world.streams.metrics().unreadBytes);
  }
  t.true(unreadMax <= 64 * 1024 + 1024, `${unreadMax} bytes waited`);
  const other = await world.connect('bob');
  const job = world.addJob({submitUser: 'bob'});
  other.subscribe(job.taskID);
  t.truthy(await other.nextOf('status'));
});

test('a revoked login closes its sockets, and no others', async t => {
  const world = await setUp(t, {reauthenticateMs: 50});
  const [ann, bob] = [await world.connect('ann'), await world.connect('bob')];
  world.revoked.add('ann');
  const {code, reason} = await ann.closed;
  t.is(code, 4401);
  t.regex(reason, /Log in/);
  t.is(bob.ws.readyState, bob.ws.OPEN);
});

test('a peer that answers no ping is let go', async t => {
  const world = await setUp(t, {pingMs: 100});
  const dead = await world.connect('ann', {autoPong: false});
  const alive = await world.connect('ann');
  await dead.closed;
  t.is(alive.ws.readyState, alive.ws.OPEN);
});

test('a node that stops says so, and takes no new sockets', async t => {
  const world = await setUp(t);
  const client = await world.connect('ann');
  const closing = world.streams.close();
  t.is((await upgradeOf(world, '/ws/v1/stream', {'x-user': 'ann'})).status, 503);
  const {code, reason} = await client.closed;
  t.is(code, 1001);
  t.regex(reason, /Reconnect/);
  await closing;
  t.is(world.streams.metrics().sockets, 0);
});

test('followers that come and go leave nothing behind', async t => {
  const world = await setUp(t);
  const job = world.addJob();
  await job.append('a\n');
  for (let n = 0; n < 50; n++) {
    const client = await world.connect('ann');
    client.subscribe(job.taskID);
    if (n % 2 === 0) await client.nextOf('log');
    client.ws.terminate();
    await client.closed;
  }
  const last = await world.connect('ann');
  last.subscribe(job.taskID);
  await last.nextOf('log');
  t.like(world.streams.metrics(), {sockets: 1, subscriptions: 1});
  t.is(world.feed.listenerCount(), 1);
});
