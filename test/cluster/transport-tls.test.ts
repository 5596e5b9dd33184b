/** Certificates between nodes: who is let in with which, and why a proof can't be passed on. */
import {connect, type AddressInfo} from 'node:net';
import {connect as connectTls, createServer, type TLSSocket} from 'node:tls';
import test, {type ExecutionContext} from 'ava';
import {LinkError} from '../../cluster/link-errors.ts';
import type {WsTransport} from '../../cluster/ws-transport.ts';
import type {ClusterTls} from '../../cluster/ws-transport-tls.ts';
import {authority, localNode, otherNode, stranger} from './transport-certificates.ts';
import {acceptedBy, patience, rejection, until, wsNode, type Lines} from './transport-world.ts';

const oneWay: ClusterTls = {...localNode, ca: authority, isMutual: false};
const mutual: ClusterTls = {...oneWay, isMutual: true};

async function listening(
  t: ExecutionContext,
  tls?: ClusterTls,
): Promise<{readonly node: WsTransport & Lines; readonly port: number; readonly taken: () => number}> {
  const node = wsNode(tls === undefined ? {} : {tls});
  const arrivals = acceptedBy();
  const listener = await node.listen(connection => {
    arrivals.onConnection(connection);
    t.teardown(() => connection.terminate());
  });
  t.teardown(() => listener.close());
  return {node, port: listener.port, taken: arrivals.count};
}

const dialWith = (tls: ClusterTls | undefined, port: number, instance = 'localhost:1', host = 'localhost') =>
  wsNode({instance, ...(tls === undefined ? {} : {tls})}).dial(`${host}:${port}`, patience());

test('a name and an address that the certificate holds are both good to dial', async t => {
  const {port, taken} = await listening(t, mutual);
  await dialWith(mutual, port, 'localhost:1', 'localhost');
  await dialWith(mutual, port, '127.0.0.1:1', '127.0.0.1');
  t.is(taken(), 2);
});

test('a certificate of a stranger is refused by the dialler, though it names the right host', async t => {
  const {port, taken} = await listening(t, {...oneWay, ...stranger});
  const error = await rejection(dialWith(oneWay, port));
  t.true(error instanceof LinkError);
  t.regex(error.message, /self-signed|self signed|unable to verify/);
  t.is(taken(), 0);
});

test('a certificate of another host is refused by the dialler', async t => {
  const {port} = await listening(t, {...oneWay, ...otherNode});
  t.regex((await rejection(dialWith(oneWay, port))).message, /does not match certificate's altnames/);
});

test('a dialler whose certificate nobody vouches for is refused where certificates are demanded', async t => {
  const {node, port, taken} = await listening(t, mutual);
  const error = await rejection(dialWith({...mutual, ...stranger}, port));
  t.true(error instanceof LinkError, error.message);
  t.is(taken(), 0);
  t.is(node.refusals().get('tlsFailed'), 1);
});

test('a dialler with the certificate of another host is refused where certificates are demanded', async t => {
  const {node, port, taken} = await listening(t, mutual);
  t.regex((await rejection(dialWith({...mutual, ...otherNode}, port))).message, /4401/);
  t.is(taken(), 0);
  t.regex(node.lines[0]?.text ?? '', /not made out to the host of localhost:1/);
  await dialWith({...mutual, ...otherNode}, port, 'other.example:1');
  t.is(taken(), 1);
});

test('where no certificate is demanded the secret alone decides', async t => {
  const {port, taken} = await listening(t, oneWay);
  await dialWith({...oneWay, ...otherNode}, port);
  t.is(taken(), 1);
});

test('a node with TLS and one without do not meet, and neither calls the other gone', async t => {
  const plain = await listening(t);
  const secure = await listening(t, oneWay);
  t.true((await rejection(dialWith(oneWay, plain.port))) instanceof LinkError);
  t.true((await rejection(dialWith(undefined, secure.port))) instanceof LinkError);
  t.is(plain.taken() + secure.taken(), 0);
});

test('somebody in between with a good certificate can’t pass the proofs on', async t => {
  const {port, taken} = await listening(t, oneWay);
  const between = createServer({...localNode}, (near: TLSSocket) => {
    const far = connectTls({host: 'localhost', port, ca: authority});
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>(resolve => void between.listen(0, '127.0.0.1', resolve));
  t.teardown(() => between.close());
  const error = await rejection(dialWith(oneWay, (between.address() as AddressInfo).port));
  t.regex(error.message, /does not know the cluster secret/);
  t.is(taken(), 0);
});

test('a connection that never begins TLS has no more time than any other', async t => {
  const node = wsNode({tls: oneWay, limits: {handshakeMs: 200}});
  const listener = await node.listen(() => t.fail());
  t.teardown(() => listener.close());
  const socket = connect(listener.port, '127.0.0.1');
  await new Promise(resolve => socket.once('close', resolve));
  await until(() => node.refusals().get('tooSlow') === 1, 'it is counted');
  t.pass();
});
