/**
 * What frames consist of. Envelopes are arrays, read by position: a newer version appends fields, and older ones ignore
 * them. The table is in docs/wire.md.
 */
import {FrameError} from './remote-errors.ts';

/** First field of an envelope. Unknown kinds from 128 on are ignored, others end the connection. */
export const kinds = {
  resume: 1,
  tell: 2,
  ask: 3,
  reply: 4,
  failure: 5,
  ack: 6,
  credit: 7,
  ping: 8,
  pong: 9,
  watch: 10,
  ended: 11,
  services: 12,
  goodbye: 13,
} as const;
const ignorableFrom = 128;

/** Why a question failed on the target's node, at once. */
export const failures = {full: 1, stopped: 2, notUnderstood: 3} as const;

/** Messages and bytes of frames that may be sent on this connection, counted from its start. */
export type Credit = {readonly messages: number; readonly bytes: number};

/** One service of a node: key, number, flags (`refFlags`), path. */
export type ServiceEntry = {
  readonly name: string;
  readonly uid: number;
  readonly flags: number;
  readonly path: string;
};

export const write = {
  resume: (received: number, {messages, bytes}: Credit) => [kinds.resume, received, messages, bytes],
  tell: (uid: number, sequence: number, body: unknown) => [kinds.tell, uid, sequence, body],
  ask: (uid: number, sequence: number, replyTo: number, leftMs: number, body: unknown) => [
    kinds.ask,
    uid,
    sequence,
    replyTo,
    leftMs,
    body,
  ],
  reply: (uid: number, sequence: number, body: unknown) => [kinds.reply, uid, sequence, body],
  failure: (uid: number, sequence: number, why: unknown) => [kinds.failure, uid, sequence, why],
  /** Version 2 grants credit along with it; version 1 needs two envelopes. */
  ack: (version: number, received: number, {messages, bytes}: Credit) =>
    version === 1
      ? [
          [kinds.ack, received],
          [kinds.credit, messages, bytes],
        ]
      : [[kinds.ack, received, messages, bytes]],
  ping: (number: number) => [kinds.ping, number],
  pong: (number: number) => [kinds.pong, number],
  watch: (uid: number, sequence: number) => [kinds.watch, uid, sequence],
  ended: (uid: number, sequence: number) => [kinds.ended, uid, sequence],
  services: (entries: readonly ServiceEntry[]) => [
    kinds.services,
    entries.map(({name, uid, flags, path}) => [name, uid, flags, path]),
  ],
  goodbye: (why: string) => [kinds.goodbye, why],
} as const;

/** Where the content of envelopes goes. `sequence` is 0 for what is sent at most once. */
export type EnvelopeReader = {
  readonly resume: (received: number, credit: Credit) => void;
  readonly tell: (uid: number, sequence: number, body: unknown) => void;
  readonly ask: (uid: number, sequence: number, replyTo: number, leftMs: number, body: unknown) => void;
  readonly reply: (uid: number, sequence: number, body: unknown) => void;
  readonly failure: (uid: number, sequence: number, why: number) => void;
  readonly ack: (received: number) => void;
  readonly credit: (credit: Credit) => void;
  readonly ping: (number: number) => void;
  readonly pong: (number: number) => void;
  readonly watch: (uid: number, sequence: number) => void;
  readonly ended: (uid: number, sequence: number) => void;
  readonly services: (entries: readonly ServiceEntry[]) => void;
  readonly goodbye: (why: string) => void;
};

/** @throws FrameError for what is no envelope. */
export function readEnvelope(raw: unknown, reader: EnvelopeReader): void {
  if (!Array.isArray(raw)) throw new FrameError('an envelope is no array');
  const fields = raw as readonly unknown[];
  switch (fields[0]) {
    case kinds.tell:
      return reader.tell(count(fields, 1), count(fields, 2), fields[3]);
    case kinds.ask:
      return reader.ask(count(fields, 1), count(fields, 2), count(fields, 3), count(fields, 4), fields[5]);
    case kinds.reply:
      return reader.reply(count(fields, 1), count(fields, 2), fields[3]);
    case kinds.ack:
      reader.ack(count(fields, 1));
      if (fields.length > 2) reader.credit({messages: count(fields, 2), bytes: count(fields, 3)});
      return;
    case kinds.credit:
      return reader.credit({messages: count(fields, 1), bytes: count(fields, 2)});
    case kinds.ping:
      return reader.ping(count(fields, 1));
    case kinds.pong:
      return reader.pong(count(fields, 1));
    case kinds.resume:
      return reader.resume(count(fields, 1), {messages: count(fields, 2), bytes: count(fields, 3)});
    case kinds.failure:
      return reader.failure(count(fields, 1), count(fields, 2), count(fields, 3));
    case kinds.watch:
      return reader.watch(count(fields, 1), count(fields, 2));
    case kinds.ended:
      return reader.ended(count(fields, 1), count(fields, 2));
    case kinds.services:
      return reader.services(servicesFrom(fields[1]));
    case kinds.goodbye:
      return reader.goodbye(String(fields[1]));
    default:
      if (count(fields, 0) < ignorableFrom) throw new FrameError(`kind ${String(fields[0])} is unknown`);
  }
}

function count(fields: readonly unknown[], index: number): number {
  const value = fields[index];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FrameError(`field ${index} of an envelope of kind ${String(fields[0])} is no count`);
}

function servicesFrom(list: unknown): ServiceEntry[] {
  if (!Array.isArray(list)) throw new FrameError('the services are no array');
  return list.map((entry: unknown) => {
    if (Array.isArray(entry)) {
      const [name, uid, flags, path] = entry as readonly unknown[];
      if (
        typeof name === 'string' &&
        typeof uid === 'number' &&
        typeof flags === 'number' &&
        typeof path === 'string'
      ) {
        return {name, uid, flags, path};
      }
    }
    throw new FrameError('an entry of the services is none');
  });
}
