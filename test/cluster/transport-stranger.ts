/** Somebody at the cluster port who is no node: speaks WebSocket, or bytes, and sees what comes back. */
import {randomBytes} from 'node:crypto';
import {connect, type Socket} from 'node:net';
import {WebSocket} from 'ws';
import {diallerHandshake} from '../../cluster/handshake-dialler.ts';
import type {HandshakeTerms} from '../../cluster/handshake.ts';
import {clusterPath, clusterProtocol} from '../../cluster/hello.ts';
import {secret} from './transport-world.ts';

export type Stranger = {
  readonly ws: WebSocket;
  /** Texts that came. */
  readonly texts: string[];
  readonly nextText: () => Promise<string>;
  readonly closed: Promise<number>;
};

/** Opens a WebSocket to the cluster port, and says nothing. */
export async function stranger(port: number, localAddress = '127.0.0.2'): Promise<Stranger> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${clusterPath}`, [clusterProtocol], {
    localAddress,
    perMessageDeflate: false,
  });
  const texts: string[] = [];
  const unread: string[] = [];
  let wake: (() => void) | undefined;
  ws.on('message', data => {
    const text = (data as Buffer).toString();
    texts.push(text);
    unread.push(text);
    wake?.();
  });
  ws.on('error', () => undefined);
  const closed = new Promise<number>(resolve => {
    ws.on('close', code => {
      resolve(code);
      wake?.();
    });
  });
  await new Promise((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  return {
    ws,
    texts,
    closed,
    async nextText() {
      while (unread.length === 0) {
        if (ws.readyState === ws.CLOSED) throw new Error('The connection was closed instead.');
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      return unread.shift() ?? '';
    },
  };
}

export const termsOf = (given: Partial<HandshakeTerms> = {}): HandshakeTerms => ({
  identity: {instance: 'stranger:9999', incarnation: 'stranger', roles: ['entrance']},
  clusterName: 'test',
  secrets: [secret],
  wire: {lowest: 1, highest: 2},
  nonce: randomBytes(32).toString('base64url'),
  channelBinding: '',
  isCertified: () => true,
  ...given,
});

/** What a node that knows the secret sends, in turn: hello, and a proof for the challenge that is given back. */
export async function shakeHands({ws, nextText}: Stranger, terms = termsOf()): Promise<string[]> {
  const machine = diallerHandshake(terms);
  const sent: string[] = [];
  const send = (input: Parameters<typeof machine.handle>[0]): void => {
    for (const effect of machine.handle(input)) {
      if (effect.type !== 'send') continue;
      sent.push(effect.text);
      ws.send(effect.text);
    }
  };
  send({type: 'opened'});
  send({type: 'received', text: await nextText()});
  await nextText();
  return sent;
}

export type RawSocket = {
  readonly socket: Socket;
  readonly received: () => Buffer;
  readonly closed: Promise<void>;
};

/** A TCP connection, without any protocol. */
export async function rawSocket(port: number, localAddress = '127.0.0.2'): Promise<RawSocket> {
  const socket = connect({host: '127.0.0.1', port, localAddress});
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<void>(resolve => void socket.once('close', () => resolve()));
  await Promise.race([new Promise(resolve => socket.once('connect', resolve)), closed]);
  return {socket, received: () => Buffer.concat(chunks), closed};
}

/** The request that a real dialler begins with. */
export const upgradeRequest = [
  `GET ${clusterPath} HTTP/1.1`,
  'Host: node',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  `Sec-WebSocket-Protocol: ${clusterProtocol}`,
  '',
  '',
].join('\r\n');
