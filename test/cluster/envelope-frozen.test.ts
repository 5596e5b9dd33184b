import test from 'ava';
import {CallbackRef, callbackRef} from '../../actors/runtime/callback-ref.ts';
import {FrameDecoder, FrameEncoder} from '../../cluster/frame-codec.ts';
import type {RefAddress, RefScope} from '../../cluster/frame-refs.ts';
import {readEnvelope, write, type EnvelopeReader} from '../../cluster/envelope.ts';
import {frozenFrames} from './envelope-frames.ts';

/** Refs get the address that is next in `addresses`, and the addresses that are read are kept. */
function scope(addresses: readonly RefAddress[], read: RefAddress[]): RefScope {
  const left = [...addresses];
  return {
    addressOf() {
      const address = left.shift();
      if (address === undefined) throw new Error('no address left');
      return address;
    },
    refOf(address) {
      read.push(address);
      return callbackRef('/revived', () => {});
    },
  };
}

const addresses: readonly RefAddress[] = [
  {at: 'sender', uid: 41, flags: 0, path: '/jobs/7'},
  {at: 'senderAsk', uid: 77},
  {at: 'receiver', uid: 5},
  {at: 'elsewhere', uid: 9, flags: 1, path: '/x', instance: 'c:9', incarnation: 'c1'},
];
const ref = callbackRef('/any', () => {});
const job = {type: 'job', id: 4711, user: 'höpfner', progress: 0.25, labels: ['a', null, true], to: ref};

const script = (version: number): readonly (readonly unknown[])[] => [
  [
    write.resume(0, {messages: 4096, bytes: 1_048_576}),
    write.services([{name: 'jobs', uid: 12, flags: 0, path: '/jobs'}]),
  ],
  [
    write.tell(12, 1, job),
    write.tell(12, 0, {type: 'chunk', bytes: new Uint8Array([1, 2, 255]), none: undefined}),
    write.ask(12, 2, 77, 5000, {type: 'status', replyTo: ref}),
    ...write.ack(version, 40_000, {messages: 8192, bytes: 3_000_000}),
  ],
  [
    write.tell(12, 3, {...job, id: 4712}),
    write.reply(78, 4, {status: 'Running', from: ref}),
    write.failure(79, 5, 2),
    write.watch(9, 6),
    write.ended(13, 7),
    write.ping(1),
    write.pong(2),
    write.goodbye('bye'),
  ],
];

/** What `readEnvelope` makes of envelopes, as plain data. */
function heard(envelopes: readonly unknown[]): unknown[] {
  const calls: unknown[] = [];
  const reader = new Proxy({} as EnvelopeReader, {
    get:
      (_, name) =>
      (...given: unknown[]): void =>
        void calls.push([name, ...given]),
  });
  for (const envelope of envelopes) readEnvelope(envelope, reader);
  return calls;
}

/** With refs and bytes replaced by what can be compared. */
function plain(value: unknown): unknown {
  if (value instanceof CallbackRef) return 'ref';
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}

for (const version of [1, 2] as const) {
  test(`frames of wire version ${version} are made as ever`, t => {
    const encoder = new FrameEncoder(version, scope([...addresses, ...addresses], []));
    const made = script(version).map(envelopes => Buffer.from(encoder.encode(envelopes)).toString('hex'));
    t.deepEqual(made, frozenFrames[version]);
  });

  test(`frames of wire version ${version} are read as ever`, t => {
    const read: RefAddress[] = [];
    const decoder = new FrameDecoder(version, scope([], read));
    const calls = frozenFrames[version].flatMap(hex => heard(decoder.decode(Buffer.from(hex, 'hex'))));
    t.deepEqual(read, addresses.slice(0, 4));
    t.deepEqual(plain(calls), plain(script(version).flatMap(heard)));
  });
}
