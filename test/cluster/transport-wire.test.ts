/** What is WebSocket's own: the example of docs/wire.md, masks, goodbyes, and how failed dials are understood. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {connect, createServer, type AddressInfo} from 'node:net';
import test from 'ava';
import {acceptorHandshake} from '../../cluster/handshake-acceptor.ts';
import {diallerHandshake} from '../../cluster/handshake-dialler.ts';
import type {HandshakeEffect, HandshakeTerms} from '../../cluster/handshake.ts';
import {PeerGoneError} from '../../cluster/link-errors.ts';
import {dialError} from '../../cluster/ws-transport-dialler.ts';
import {projectRoot} from '../support/source-tree.ts';
import {acceptedBy, hear, patience, until, wsNode} from './transport-world.ts';

const textsOf = (effects: readonly HandshakeEffect[]): string[] =>
  effects.flatMap(effect => (effect.type === 'send' ? [effect.text] : []));

test('the handshake in docs/wire.md is what two nodes would say', t => {
  const page = readFileSync(join(projectRoot, 'docs/wire.md'), 'utf8');
  const said = page.split('\n').filter(line => line.startsWith('{"type":'));
  const secret = Buffer.from(/with the secret `([^`]+)`/.exec(page)?.[1] ?? '');
  const termsOf = (text = ''): HandshakeTerms => {
    const {cluster, instance, incarnation, roles, wire, nonce} = JSON.parse(
      text,
    ) as HandshakeTerms['identity'] & {
      readonly cluster: string;
      readonly wire: HandshakeTerms['wire'];
      readonly nonce: string;
    };
    return {
      identity: {instance, incarnation, roles},
      clusterName: cluster,
      secrets: [secret],
      wire,
      nonce,
      channelBinding: '',
      isCertified: () => true,
    };
  };
  const [dialler, acceptor] = [diallerHandshake(termsOf(said[0])), acceptorHandshake(termsOf(said[1]))];
  const hello = textsOf(dialler.handle({type: 'opened'}));
  const challenge = textsOf(acceptor.handle({type: 'received', text: hello.join()}));
  const proof = textsOf(dialler.handle({type: 'received', text: challenge.join()}));
  const welcome = textsOf(acceptor.handle({type: 'received', text: proof.join()}));
  t.deepEqual([...hello, ...challenge, ...proof, ...welcome], said);
});

test('the handshake is masked, frames between nodes are not', async t => {
  const arrivals = acceptedBy();
  const listener = await wsNode().listen(arrivals.onConnection);
  const chunks: Buffer[] = [];
  const between = createServer(near => {
    const far = connect(listener.port, '127.0.0.1');
    near.on('data', chunk => chunks.push(chunk));
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>(resolve => void between.listen(0, '127.0.0.1', resolve));
  const dialled = await wsNode().dial(`127.0.0.1:${(between.address() as AddressInfo).port}`, patience());
  t.teardown(async () => {
    dialled.terminate();
    between.close();
    await listener.close();
  });
  const heard = hear(await arrivals.next());
  dialled.send(Buffer.from('{"type":"frame"}'));
  await until(() => heard.frames.length === 1, 'the frame had come');
  const seen = Buffer.concat(chunks);
  t.false(seen.includes('{"type":"hello"'));
  t.true(seen.includes('{"type":"frame"}'));
});

test('whoever closes without ever having listened does not keep the peer waiting', async t => {
  const arrivals = acceptedBy();
  // Longer than the test may take: the goodbye itself must do.
  const limits = {closeGraceMs: 600_000};
  const listener = await wsNode({limits}).listen(arrivals.onConnection);
  t.teardown(() => listener.close());
  const dialled = await wsNode({limits}).dial(`127.0.0.1:${listener.port}`, patience());
  const accepted = await arrivals.next();
  const heard = hear(dialled);
  accepted.close(4000, 'left');
  t.deepEqual(await heard.closed, {code: 4000, text: 'left'});
});

test('a process is gone when every address of its host refuses, not when one keeps silent', t => {
  const failed = (code: string): Error => Object.assign(new Error(code), {code});
  const gone = (error: Error): boolean => dialError('host:1', error) instanceof PeerGoneError;
  t.true(gone(failed('ECONNREFUSED')));
  t.true(gone(new AggregateError([failed('ECONNREFUSED'), failed('ECONNREFUSED')])));
  t.false(gone(new AggregateError([failed('ECONNREFUSED'), failed('ETIMEDOUT')])));
  t.false(gone(new AggregateError([])));
  for (const code of ['ECONNRESET', 'EHOSTUNREACH', 'ENOTFOUND', 'ETIMEDOUT']) t.false(gone(failed(code)));
});
