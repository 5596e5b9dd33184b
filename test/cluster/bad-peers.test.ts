/**
 * Those who reach the cluster port and are no nodes of it, on real sockets. Each test also has an honest link between two
 * nodes, and ends with a frame over it: nobody else may feel anything.
 */
import test, {type ExecutionContext} from 'ava';
import {frameBytesMax, type Connection} from '../../cluster/connection.ts';
import {LinkError} from '../../cluster/link-errors.ts';
import type {WsTransport, WsTransportOptions} from '../../cluster/ws-transport.ts';
import {manualClock} from '../support/manual-clock.ts';
import {rawSocket, shakeHands, stranger, termsOf, upgradeRequest} from './transport-stranger.ts';
import {acceptedBy, hear, patience, rejection, secret, until, wsNode, type Lines} from './transport-world.ts';

type World = {
  readonly port: number;
  readonly node: WsTransport & Lines;
  /** Connections the node took, after that of the honest neighbour. */
  readonly taken: () => number;
  readonly nextTaken: () => Promise<Connection>;
};

/** A node that listens, and a neighbour it has a link with. */
async function world(t: ExecutionContext, options: Partial<WsTransportOptions> = {}): Promise<World> {
  const node = wsNode(options);
  const arrivals = acceptedBy();
  const listener = await node.listen(arrivals.onConnection);
  const dialled = await wsNode({instance: 'neighbour:1'}).dial(`127.0.0.1:${listener.port}`, patience());
  const accepted = await arrivals.next();
  const heard = hear(accepted);
  t.teardown(async () => {
    dialled.send(Buffer.from('still here'));
    try {
      await until(() => heard.frames.length > 0, 'the honest link had carried a frame');
    } finally {
      dialled.terminate();
      await listener.close();
    }
  });
  return {port: listener.port, node, taken: () => arrivals.count() - 1, nextTaken: arrivals.next};
}

const reasonsOf = ({node}: World): string =>
  [...node.refusals()].map(([reason, n]) => `${reason} ${n}`).join();

test('a node with another secret is told nothing but 4401, by either side', async t => {
  const here = await world(t);
  const other = wsNode({secret: {current: Buffer.alloc(32, 'wrong')}});
  const error = await rejection(other.dial(`127.0.0.1:${here.port}`, patience()));
  t.true(error instanceof LinkError);
  t.regex(error.message, /does not know the cluster secret/);

  const peer = await stranger(here.port);
  peer.ws.send(JSON.stringify({...JSON.parse(helloOf()), nonce: 'A'.repeat(43)}));
  await peer.nextText();
  peer.ws.send(JSON.stringify({type: 'proof', proof: 'B'.repeat(43)}));
  t.is(await peer.closed, 4401);
  t.is(peer.texts.length, 1);
  t.is(here.taken(), 0);
  t.is(here.node.refusals().get('wrongSecret'), 1);
});

/** A hello that is fine in every way. */
function helloOf(given: Parameters<typeof termsOf>[0] = {}): string {
  const {identity, clusterName: cluster, wire, nonce} = termsOf(given);
  return JSON.stringify({type: 'hello', cluster, ...identity, wire, nonce});
}

test('a good handshake that somebody recorded lets nobody in a second time', async t => {
  const here = await world(t);
  const honest = await stranger(here.port);
  const [hello = '', proof = ''] = await shakeHands(honest);
  (await here.nextTaken()).terminate();
  t.is(here.taken(), 1);

  const replaying = await stranger(here.port);
  replaying.ws.send(hello);
  await replaying.nextText();
  replaying.ws.send(proof);
  t.is(await replaying.closed, 4401);
  t.is(here.taken(), 1);
  t.is(reasonsOf(here), 'wrongSecret 1');
});

test('a node’s own proof, sent back to it, is no proof', async t => {
  const here = await world(t);
  const peer = await stranger(here.port);
  peer.ws.send(helloOf());
  const {proofs} = JSON.parse(await peer.nextText()) as {proofs: string[]};
  peer.ws.send(JSON.stringify({type: 'proof', proof: proofs[0]}));
  t.is(await peer.closed, 4401);
  t.is(reasonsOf(here), 'wrongSecret 1');
});

test('whoever takes on the node’s own identity is refused', async t => {
  const here = await world(t, {identity: {instance: 'here:1', incarnation: 'mine', roles: []}});
  const peer = await stranger(here.port);
  peer.ws.send(helloOf({identity: {instance: 'here:1', incarnation: 'mine', roles: []}}));
  t.is(await peer.closed, 4401);
  t.is(reasonsOf(here), 'itself 1');
});

test('a node of another cluster is refused, and the log names both', async t => {
  const here = await world(t);
  const peer = await stranger(here.port);
  peer.ws.send(helloOf({clusterName: 'production'}));
  t.is(await peer.closed, 4401);
  t.is(peer.texts.length, 0);
  t.is(reasonsOf(here), 'otherCluster 1');
  t.regex(here.node.lines[0]?.text ?? '', /127\.0\.0\.2.*"production".*"test"/);
});

test('a node from the future is refused with 4406, and the log names the versions', async t => {
  const here = await world(t);
  const peer = await stranger(here.port);
  peer.ws.send(helloOf({wire: {lowest: 7, highest: 9}}));
  t.is(await peer.closed, 4406);
  t.regex(here.node.lines[0]?.text ?? '', /versions 7 to 9, this node 1 to 2/);
  const future = wsNode({wire: {lowest: 7, highest: 9}});
  const error = await rejection(future.dial(`127.0.0.1:${here.port}`, patience()));
  t.regex(error.message, /no wire version that we speak/);
});

test('a node one release ahead is met at the version that both speak', async t => {
  const here = await world(t);
  const dialled = await wsNode({wire: {lowest: 2, highest: 3}}).dial(`127.0.0.1:${here.port}`, patience());
  t.is(dialled.peer.wireVersion, 2);
  t.is((await here.nextTaken()).peer.wireVersion, 2);
  dialled.terminate();
});

const nonsense: readonly (readonly [string, string | Buffer])[] = [
  ['no JSON', 'hello!'],
  ['JSON that is no message', '[1, 2]'],
  ['null', 'null'],
  ['a hello without a nonce', JSON.stringify({...JSON.parse(helloOf()), nonce: ''})],
  [
    'a hello whose instance is no address',
    JSON.stringify({...JSON.parse(helloOf()), instance: 'no address'}),
  ],
  ['a proof before the hello', JSON.stringify({type: 'proof', proof: 'A'.repeat(43)})],
  ['a text as long as a book', 'x'.repeat(60_000)],
  ['binary', Buffer.from([1, 2, 3])],
  ['thousands of nested arrays', '['.repeat(8000)],
];

for (const [what, data] of nonsense) {
  test(`${what} is answered with 4401`, async t => {
    const here = await world(t);
    const peer = await stranger(here.port);
    peer.ws.send(data);
    t.is(await peer.closed, 4401);
    t.is(peer.texts.length, 0);
    t.is(reasonsOf(here), 'notUnderstood 1');
  });
}

test('bytes that are no HTTP, a plain request, a wrong path, a wrong protocol: all are turned away', async t => {
  const here = await world(t);
  const requests: readonly string[] = [
    '\x16\x03\x01 not your protocol\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: node\r\n\r\n',
    upgradeRequest.replace('/cluster', '/elsewhere'),
    upgradeRequest.replace(/Sec-WebSocket-Protocol.*\r\n/, ''),
    upgradeRequest.replace(/Sec-WebSocket-Key.*\r\n/, ''),
    `GET /cluster HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  ];
  for (const request of requests) {
    const {socket, received, closed} = await rawSocket(here.port);
    socket.write(request);
    await closed;
    t.false(received().includes('101 '), request.slice(0, 40));
  }
  t.is(reasonsOf(here), `notWebSocket ${requests.length}`);
  t.is(here.node.lines.length, 1);
});

test('garbage after the upgrade ends the connection', async t => {
  const here = await world(t);
  const {socket, closed} = await rawSocket(here.port);
  socket.write(upgradeRequest);
  socket.write(Buffer.alloc(1000, 0xff));
  await closed;
  t.is(here.taken(), 0);
});

test('a frame that is longer than a stranger may send is cut off before it is taken in', async t => {
  const here = await world(t);
  const {socket, closed} = await rawSocket(here.port);
  socket.write(upgradeRequest);
  // Masked, binary, 8 MB announced: allowed for a node.
  socket.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0]));
  let written = 0;
  socket.on('drain', () => undefined);
  while (!socket.destroyed && written < 4_000_000) {
    const chunk = Buffer.alloc(10_000);
    written += chunk.length;
    if (!socket.write(chunk)) await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 2))]);
  }
  await closed;
  t.is(reasonsOf(here), 'tooMuch 1');
});

test('a node that sends more than a frame may hold is cut off with 1009', async t => {
  const here = await world(t);
  const peer = await stranger(here.port);
  await shakeHands(peer);
  const taken = hear(await here.nextTaken());
  peer.ws.send(Buffer.alloc(frameBytesMax));
  await until(() => taken.frames.length === 1, 'the longest frame was taken');
  peer.ws.send(Buffer.alloc(frameBytesMax + 1));
  t.is(await peer.closed, 1009);
  t.is((await taken.closed).code, 1009);
  t.is(taken.frames.length, 1);
});

test('a node that sends text is cut off with 1003', async t => {
  const here = await world(t);
  const peer = await stranger(here.port);
  await shakeHands(peer);
  const taken = hear(await here.nextTaken());
  peer.ws.send('text');
  t.is(await peer.closed, 1003);
  t.is((await taken.closed).code, 1003);
  t.is(taken.frames.length, 0);
});

test('who opens a connection and dawdles has three seconds, whatever the step', async t => {
  const clock = manualClock();
  const here = await world(t, {clock, limits: {handshakeMs: 3000}});
  const silent = await rawSocket(here.port);
  const slowHeader = await rawSocket(here.port);
  const slowHello = await rawSocket(here.port);
  slowHello.socket.write(upgradeRequest);
  const quiet = await stranger(here.port);
  const halfway = await stranger(here.port);
  halfway.ws.send(helloOf());
  await halfway.nextText();
  await until(() => here.node.newcomers() === 5 && slowHello.received().includes('101 '), 'all had come');
  for (let n = 0; n < 29; n++) {
    slowHeader.socket.write(upgradeRequest.slice(n, n + 1));
    slowHello.socket.write(Buffer.from([n === 0 ? 0x81 : 0xfe]));
    await new Promise(resolve => setTimeout(resolve, 5));
    clock.advance(100);
  }
  clock.advance(99);
  t.is(here.node.newcomers(), 5);
  clock.advance(1);
  await Promise.all([silent.closed, slowHeader.closed]);
  t.is(await quiet.closed, 4401);
  t.is(await halfway.closed, 4401);
  // This one does not answer the goodbye either.
  clock.advance(1000);
  await slowHello.closed;
  await until(() => here.node.newcomers() === 0, 'all were gone');
  t.is(reasonsOf(here), 'tooSlow 5');
  t.is(here.node.lines.length, 1);
});

test('one that was refused and does not go is cut off', async t => {
  const here = await world(t, {limits: {closeGraceMs: 100}});
  const {socket, received, closed} = await rawSocket(here.port);
  socket.write(upgradeRequest);
  await until(() => received().includes('101 '), 'it was upgraded');
  socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  await closed;
  // The close frame with 4401, and no word more.
  t.deepEqual(received().subarray(-4), Buffer.from([0x88, 0x02, 0x11, 0x31]));
});

test('200 silent connections at once cost 64 places and one line, and a node gets in meanwhile', async t => {
  const here = await world(t);
  const sockets = await Promise.all(Array.from({length: 200}, () => rawSocket(here.port)));
  t.teardown(() => {
    for (const {socket} of sockets) socket.destroy();
  });
  const refused = (): number => [...here.node.refusals().values()].reduce((sum, n) => sum + n, 0);
  await until(() => refused() >= 136, '136 were refused');
  t.true(here.node.newcomers() <= 64);
  await until(() => sockets.filter(({socket}) => socket.destroyed).length >= 136, '136 were closed');
  const dialled = await wsNode({instance: 'late:1'}).dial(`127.0.0.1:${here.port}`, patience());
  t.is((await here.nextTaken()).peer.instance, 'late:1');
  t.is(here.node.lines.length, 1);
  t.true((here.node.refusals().get('tooOften') ?? 0) > 0, reasonsOf(here));
  dialled.terminate();
});

test('connections from many hosts push out one another, oldest first, and no node', async t => {
  const here = await world(t, {limits: {newcomersMax: 10}});
  const silent = await Promise.all(
    Array.from({length: 40}, (_, n) => rawSocket(here.port, `127.0.0.${10 + (n % 20)}`)),
  );
  t.teardown(() => {
    for (const {socket} of silent) socket.destroy();
  });
  await until(() => here.node.refusals().get('crowdedOut') === 30, '30 were pushed out');
  t.is(here.node.newcomers(), 10);
  const asking = await Promise.all(
    Array.from({length: 10}, (_, n) => stranger(here.port, `127.0.0.${40 + n}`)),
  );
  const dialled = await wsNode().dial(`127.0.0.1:${here.port}`, patience());
  await here.nextTaken();
  dialled.terminate();
  await asking[0]?.closed;
  // Each counts once, whatever it had begun.
  t.is(reasonsOf(here), 'crowdedOut 41');
  t.true(here.node.lines.length <= 21);
});

test('a secret that is being changed: nodes meet as long as they have one of the two in common', async t => {
  const next = Buffer.alloc(48, 'the next one');
  const changing = {secret: {current: next, previous: secret}};
  const here = await world(t, changing);
  for (const options of [
    {},
    changing,
    {secret: {current: next}},
    {secret: {current: secret, previous: next}},
  ]) {
    const dialled = await wsNode(options).dial(`127.0.0.1:${here.port}`, patience());
    (await here.nextTaken()).terminate();
    dialled.terminate();
  }
  const other = wsNode({secret: {current: Buffer.alloc(32, 1), previous: Buffer.alloc(32, 2)}});
  t.true((await rejection(other.dial(`127.0.0.1:${here.port}`, patience()))) instanceof LinkError);
  // And the other way round: the changed node dials one that has not heard of it.
  const unchanged = wsNode({instance: 'unchanged:1'});
  const listener = await unchanged.listen(connection => connection.terminate());
  await t.notThrowsAsync(wsNode(changing).dial(`127.0.0.1:${listener.port}`, patience()));
  await listener.close();
});

test('a port that is taken is named', async t => {
  const here = await world(t);
  const error = await rejection(wsNode({listenPort: here.port}).listen(() => undefined));
  t.regex(error.message, new RegExp(`127\\.0\\.0\\.1:${here.port} \\(EADDRINUSE\\)`));
});
