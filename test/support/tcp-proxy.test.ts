import {once} from 'node:events';
import {createServer, connect, type AddressInfo, type Socket} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {startTcpProxy, type TcpProxy} from './tcp-proxy.ts';

type Talk = {readonly proxy: TcpProxy; readonly client: Socket; readonly server: Socket};

/** A client and a server that are joined through a proxy. */
async function talk(t: ExecutionContext): Promise<Talk> {
  const listener = createServer({allowHalfOpen: true}).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const proxy = await startTcpProxy({
    targetPort: (listener.address() as AddressInfo).port,
    sourceOf: () => 'one',
  });
  const accepted = once(listener, 'connection');
  const client = connect({port: proxy.port, host: '127.0.0.1', allowHalfOpen: true});
  await once(client, 'connect');
  const [server] = (await accepted) as [Socket];
  client.on('error', () => undefined);
  server.on('error', () => undefined);
  t.teardown(async () => {
    client.destroy();
    server.destroy();
    listener.close();
    await proxy.close();
  });
  return {proxy, client, server};
}

const next = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);

/** Nothing came within 100 ms. */
async function isSilent(socket: Socket): Promise<boolean> {
  const came = once(socket, 'data').then(() => false);
  return Promise.race([came, sleep(100, true)]);
}

test('bytes and ends pass both ways', async t => {
  const {client, server} = await talk(t);
  client.end('hello');
  t.is(await next(server), 'hello');
  await once(server, 'end');
  server.end('and back');
  t.is(await next(client), 'and back');
  await once(client, 'end');
});

test('a megabyte arrives whole through slices', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.slice(1000);
  const sent = Buffer.alloc(1_000_000, 'abcdefg');
  const chunks: Buffer[] = [];
  server.on('data', chunk => chunks.push(chunk));
  client.end(sent);
  await once(server, 'end');
  t.true(Buffer.concat(chunks).equals(sent));
  t.true(chunks.length > 50, `${chunks.length} chunks`);
});

test('a black hole in one direction holds that one back, without a loss', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.blackhole('toTarget');
  client.write('lost?');
  t.true(await isSilent(server));
  server.write('the other way');
  t.is(await next(client), 'the other way');
  const late = next(server);
  proxy.pass();
  t.is(await late, 'lost?');
});

test('the end of a connection does not cross a black hole', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.blackhole('both');
  client.destroy();
  const closed = once(server, 'close');
  server.resume();
  t.is(await Promise.race([closed.then(() => 'closed'), sleep(100, 'open')]), 'open');
  proxy.pass();
  server.end();
  await closed;
  t.pass();
});

test('a fault of one source leaves the others alone', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.blackhole('both', 'two');
  client.write('to one');
  t.is(await next(server), 'to one');
  proxy.blackhole('both', 'one');
  client.write('held');
  t.true(await isSilent(server));
  const late = next(server);
  proxy.pass('one');
  t.is(await late, 'held');
});

test('a delay shifts, and keeps the order', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.delay(80, 40);
  const startMs = performance.now();
  const words: string[] = [];
  server.on('data', data => words.push(String(data)));
  for (let n = 0; n < 10; n += 1) client.write(`${n}`);
  client.end();
  await once(server, 'end');
  t.is(words.join(''), '0123456789');
  const tookMs = performance.now() - startMs;
  t.true(tookMs >= 80, `${tookMs} ms`);
});

test('a throttle holds its rate', async t => {
  const {proxy, client, server} = await talk(t);
  proxy.throttle(100_000);
  server.resume();
  const startMs = performance.now();
  client.end(Buffer.alloc(30_000));
  await once(server, 'end');
  const tookMs = performance.now() - startMs;
  t.true(tookMs > 200 && tookMs < 3000, `${tookMs} ms`);
});

test('a reset is seen as one by both', async t => {
  const {proxy, client, server} = await talk(t);
  const broken = [client, server].map(socket => once(socket, 'error'));
  proxy.reset();
  for (const [error] of (await Promise.all(broken)) as [NodeJS.ErrnoException][])
    t.is(error.code, 'ECONNRESET');
  while (proxy.sources().length > 0) await sleep(10);
});

test('with accepting frozen a connection is made, and nothing answers until it passes again', async t => {
  const {proxy} = await talk(t);
  proxy.freezeAccept();
  const second = connect(proxy.port, '127.0.0.1');
  t.teardown(() => second.destroy());
  await once(second, 'connect');
  second.write('anybody there?');
  t.true(await isSilent(second));
  t.is(proxy.sources().length, 1);
  proxy.pass();
  while (proxy.sources().length < 2) await sleep(10);
  t.pass();
});

test('a target that refuses is a reset for who dials', async t => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const {port} = listener.address() as AddressInfo;
  listener.close();
  const proxy = await startTcpProxy({targetPort: port});
  t.teardown(() => proxy.close());
  const client = connect(proxy.port, '127.0.0.1');
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNRESET');
});
