/** Two nodes on a real network for the tests of the transport, and ears that collect what a connection says. */
import {randomBytes} from 'node:crypto';
import {systemClock} from '../../actors/runtime/clock.ts';
import type {CloseReason, Connection} from '../../cluster/connection.ts';
import {createWsTransport, type WsTransport, type WsTransportOptions} from '../../cluster/ws-transport.ts';

export const secret = Buffer.from('a secret of thirty-two bytes, or a few more');

let incarnations = 0;

export type Lines = {readonly lines: {fields: object; text: string}[]};

/** A transport on a free port of 127.0.0.1, with a log that can be read, and patient: the machine may be busy. */
export function wsNode(
  given: Partial<WsTransportOptions> & {readonly instance?: string} = {},
): WsTransport & Lines {
  const lines: {fields: object; text: string}[] = [];
  const note = (fields: object, text: string): void => void lines.push({fields, text});
  incarnations += 1;
  const {instance = 'localhost:9101', limits, ...options} = given;
  return {
    ...createWsTransport({
      identity: {instance, incarnation: `life-${incarnations}`, roles: ['entrance']},
      clusterName: 'test',
      secret: {current: secret},
      listenHost: '127.0.0.1',
      listenPort: 0,
      clock: systemClock,
      randomBytes,
      log: {warn: note, error: note},
      limits: {handshakeMs: 30_000, ...limits},
      ...options,
    }),
    lines,
  };
}

export type Heard = {readonly frames: Buffer[]; readonly closed: Promise<CloseReason>; drains: number};

/** Listens, and keeps copies of all frames. */
export function hear(connection: Connection, onFrame?: (frame: Buffer) => void): Heard {
  const frames: Buffer[] = [];
  const {promise, resolve} = Promise.withResolvers<CloseReason>();
  let closes = 0;
  const heard: Heard = {frames, closed: promise, drains: 0};
  connection.listen({
    onFrame(frame) {
      frames.push(Buffer.from(frame));
      onFrame?.(Buffer.from(frame));
    },
    onDrain() {
      heard.drains += 1;
    },
    onClose(reason) {
      closes += 1;
      if (closes > 1) throw new Error('closed twice');
      resolve(reason);
    },
  });
  return heard;
}

/** The connections that a node accepts, for whoever waits for the next one. */
export function acceptedBy(): {
  readonly onConnection: (connection: Connection) => void;
  readonly next: () => Promise<Connection>;
  readonly count: () => number;
} {
  const ready: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  let count = 0;
  return {
    onConnection(connection) {
      count += 1;
      const first = waiting.shift();
      if (first === undefined) ready.push(connection);
      else first(connection);
    },
    next: () =>
      new Promise(resolve => {
        const connection = ready.shift();
        if (connection === undefined) waiting.push(resolve);
        else resolve(connection);
      }),
    count: () => count,
  };
}

export const patience = (): AbortSignal => AbortSignal.timeout(60_000);

/** Waits for something that no event tells, looking every few milliseconds. Rejects after 30 s. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Waited 30 s in vain until ${what}.`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** What a transport rejects with; fails if it doesn't. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It was expected to reject.');
}
