/**
 * Drives one side of the handshake over a WebSocket, and takes care of how much a stranger may send. ws fixes its frame
 * limit when the socket is made, and it is the one for nodes; so the bytes of the connection itself are counted until the
 * peer has proved itself. ws allocates nothing for bytes that have not come.
 */
import type {Duplex} from 'node:stream';
import type {RawData, WebSocket} from 'ws';
import type {Clock} from '../actors/runtime/clock.ts';
import type {PeerIdentity} from './connection.ts';
import type {Handshake, HandshakeInput, Refusal} from './handshake.ts';

export type HandshakeRunOptions = {
  readonly ws: WebSocket;
  /** The connection below `ws`. */
  readonly socket: Duplex;
  readonly handshake: Handshake;
  /** What the peer may send before it has proved itself. */
  readonly bytesMax: number;
  /** How long a peer that was refused may take to hear it. */
  readonly closeGraceMs: number;
  readonly clock: Clock;
  /** Called at once, between two frames: whoever takes over misses none. */
  readonly onAccepted: (peer: PeerIdentity) => void;
  readonly onRefused: (refusal: Refusal) => void;
};

export type HandshakeRun = {readonly handle: (input: HandshakeInput) => void};

export function runHandshake(options: HandshakeRunOptions): HandshakeRun {
  const {ws, socket, handshake, bytesMax, closeGraceMs, clock} = options;
  let bytes = 0;

  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= bytesMax) return;
    handle({type: 'receivedTooMuch', bytes});
    ws.terminate();
  };
  const onMessage = (data: RawData, isBinary: boolean): void =>
    handle(
      isBinary || !Buffer.isBuffer(data)
        ? {type: 'receivedBinary'}
        : {type: 'received', text: data.toString('utf8')},
    );
  const onClose = (code: number): void => handle({type: 'closed', code});

  function handle(input: HandshakeInput): void {
    for (const effect of handshake.handle(input)) {
      switch (effect.type) {
        case 'send':
          ws.send(effect.text);
          break;
        case 'trust':
          socket.off('data', onData);
          break;
        case 'accept':
          ws.off('message', onMessage);
          ws.off('close', onClose);
          options.onAccepted(effect.peer);
          break;
        case 'refuse': {
          ws.off('message', onMessage);
          ws.off('close', onClose);
          ws.close(effect.code);
          const cancel = clock.after(closeGraceMs, () => ws.terminate());
          ws.once('close', cancel);
          options.onRefused(effect);
          break;
        }
      }
    }
  }

  // Before ws' own listener, so that too much is noticed before it is parsed.
  socket.prependListener('data', onData);
  ws.on('message', onMessage);
  ws.on('close', onClose);
  handle({type: 'opened'});
  return {handle};
}
