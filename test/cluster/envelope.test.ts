import test from 'ava';
import fc from 'fast-check';
import {Packr} from 'msgpackr';
import {callbackRef} from '../../actors/runtime/callback-ref.ts';
import {readEnvelope, type EnvelopeReader} from '../../cluster/envelope.ts';
import {EnvelopeWeight} from '../../cluster/envelope-weight.ts';
import {FrameDecoder, FrameEncoder} from '../../cluster/frame-codec.ts';
import {fieldsMax} from '../../cluster/frame-limits.ts';
import type {RefScope} from '../../cluster/frame-refs.ts';
import {FrameError, UnsendableError} from '../../cluster/remote-errors.ts';

const noRefs: RefScope = {
  addressOf: ref => ({at: 'sender', uid: ref.uid, flags: 0, path: ref.path}),
  refOf: () => callbackRef('/revived', () => {}),
};
const decoder = (): FrameDecoder => new FrameDecoder(2, noRefs);
const frame = (...bytes: number[]): Uint8Array => Uint8Array.from([2, ...bytes]);

const plainValue = fc.letrec(tie => ({
  value: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.string({unit: 'binary'}),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.uint8Array({maxLength: 40}),
    fc.array(tie('value'), {maxLength: 20}),
    fc.dictionary(
      fc.string({maxLength: 6}).filter(key => key !== '__proto__'),
      tie('value'),
      {maxKeys: 6, noNullPrototype: true},
    ),
  ),
})).value;

/** `-0` and lone surrogates aside, which msgpack has no form for. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === 'string') return value.toWellFormed();
  if (Object.is(value, -0)) return 0;
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key.toWellFormed(), wellFormed(each)]),
  );
};

test('whatever may be sent comes out as it went in, frame after frame, and weighs about what it takes', t => {
  fc.assert(
    fc.property(fc.array(plainValue, {minLength: 1, maxLength: 8}), values => {
      const encoder = new FrameEncoder(2, noRefs);
      const reader = decoder();
      const weight = new EnvelopeWeight();
      for (const value of values) {
        weight.weigh(value);
        const bytes = encoder.encode([value]);
        t.deepEqual(wellFormed(reader.decode(bytes)), wellFormed([value]));
        t.true(bytes.length <= 3 * weight.bytes + 2000);
      }
    }),
    {numRuns: 300},
  );
});

test('more kinds of objects than the table holds, and than it is rebuilt for, come out right', t => {
  const encoder = new FrameEncoder(2, noRefs);
  const reader = decoder();
  for (let shape = 0; shape < 4000; shape += 1) {
    const value = {[`a${shape % 700}`]: shape, [`b${shape}`]: {[`c${shape % 130}`]: [shape]}};
    t.deepEqual(reader.decode(encoder.encode([value, value])), [value, value]);
  }
});

test('bytes that no node sends are refused before anything is made of them', t => {
  const whole = new FrameEncoder(2, noRefs).encode([
    [2, 1, 0, {type: 'x', list: [1, 'two', new Uint8Array(3)]}],
  ]);
  t.notThrows(() => decoder().decode(whole));
  for (let length = 0; length < whole.length; length += 1) {
    t.throws(() => decoder().decode(whole.subarray(0, length)), {instanceOf: FrameError}, `${length} bytes`);
  }
  const refused: Readonly<Record<string, Uint8Array>> = {
    'another version': Uint8Array.from([1, 0x90]),
    'no array': frame(0x01),
    'more than the array': frame(0x90, 0x00),
    'a huge array': frame(0xdd, 0xff, 0xff, 0xff, 0xff),
    'a huge map': frame(0x91, 0xdf, 0x7f, 0xff, 0xff, 0xff),
    'a huge text': frame(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff),
    'a record that is not defined': frame(0x91, 0x41),
    'a record whose fields are no array': frame(0x91, 0xd4, 0x72, 0x40, 0x01),
    'a record with a number for a name': frame(0x91, 0xd4, 0x72, 0x40, 0x91, 0x01, 0x01),
    'an error': frame(0x91, 0xd4, 0x65, 0x00, 0x92, 0xa1, 0x45, 0xa1, 0x45),
    'a regular expression': frame(0x91, 0xd4, 0x78, 0x00, 0x92, 0xa1, 0x45, 0xa0),
    'a date': frame(0x91, 0xd6, 0xff, 0x00, 0x00, 0x00, 0x00),
    'a typed array': frame(0x91, 0xc7, 0x02, 0x74, 0x01, 0x01),
    'what msgpack never uses': frame(0x91, 0xc1),
    'an address of a ref that is none': frame(0x91, 0xd4, 0x01, 0x00, 0x92, 0x00, 0xa1, 0x45),
    'values too deep': frame(...Array<number>(100).fill(0x91), 0x01),
  };
  for (const [what, bytes] of Object.entries(refused)) {
    t.throws(() => decoder().decode(bytes), {instanceOf: FrameError}, what);
  }
});

test('data stay where they came in; a small piece among other things does not keep its frame', t => {
  const decoded = (value: unknown): {bytes: Uint8Array; frame: Uint8Array} => {
    const encoded = Uint8Array.from(new FrameEncoder(2, noRefs).encode([value]));
    const [{bytes}] = decoder().decode(encoded) as [{bytes: Uint8Array}];
    return {bytes, frame: encoded};
  };
  const large = decoded({bytes: Buffer.alloc(10_000, 7)});
  t.is(large.bytes.buffer, large.frame.buffer, 'no copy of what is large');
  t.true(large.bytes.every(byte => byte === 7));
  const small = decoded({bytes: Buffer.alloc(10, 7), text: 'x'.repeat(10_000)});
  t.not(small.bytes.buffer, small.frame.buffer);
  t.true(small.bytes.buffer.byteLength < 10_000);
  t.deepEqual(
    [...small.bytes],
    Array.from({length: 10}, () => 7),
  );
});

test('random bytes are an error or values, and nothing else happens', t => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 60}), bytes => {
      try {
        t.true(Array.isArray(decoder().decode(frame(...bytes))));
      } catch (error) {
        t.true(error instanceof FrameError, String(error));
      }
    }),
    {numRuns: 2000},
  );
});

test('keys with a meaning of their own are harmless', t => {
  const packr = new Packr({sequential: true});
  const evil: unknown = JSON.parse(
    '[[2, 1, 0, {"__proto__": {"polluted": 1}, "constructor": {"prototype": 1}}]]',
  );
  const body = packr.pack(evil);
  const [envelope] = decoder().decode(Uint8Array.from([2, ...body])) as [readonly unknown[]];
  const message = envelope[3] as Record<string, unknown>;
  t.is(Object.getPrototypeOf(message), Object.prototype);
  t.is(message['polluted'], undefined);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('what cannot be sent says why', t => {
  const weight = new EnvelopeWeight();
  const cycle: {self?: unknown} = {};
  cycle.self = cycle;
  class Job {
    readonly id = 1;
  }
  const refused: Readonly<Record<string, unknown>> = {
    'a function': {run() {}},
    'a symbol': [Symbol('x')],
    'a bigint': 5n,
    'an object of class Job': new Job(),
    'an object of class Date': [new Date(0)],
    'an object of class Set': new Set([1]),
    'a cycle': cycle,
    'bytes, where': new Uint8Array(8_000_000),
    'use a Map': Object.fromEntries(Array.from({length: fieldsMax + 1}, (_, index) => [`k${index}`, 1])),
  };
  for (const [why, value] of Object.entries(refused)) {
    const error = t.throws(() => weight.weigh(value), {instanceOf: UnsendableError}, why);
    t.true(error.message.includes(why), error.message);
  }
  t.notThrows(() => weight.weigh(new Map([['a', {ref: callbackRef('/x', () => {})}]])));
  t.true(
    (() => {
      weight.weigh({bytes: new Uint8Array(4097)});
      return weight.isBulk;
    })(),
  );
});

test('the largest messages fit into a frame, whatever they consist of', t => {
  const weight = new EnvelopeWeight();
  const million = 1_000_000;
  const large: readonly unknown[] = [
    Array(1_700_000).fill(null),
    Array(300_000).fill('日本語日本'),
    '日'.repeat(2_300_000),
    Array.from({length: 200_000}, () => ({a: 1, b: {}})),
    new Uint8Array(7 * million),
    Array(700_000).fill(0.1),
  ];
  for (const message of large) {
    weight.weigh(message);
    const bytes = new FrameEncoder(2, noRefs).encode([[2, 1, 1, message]]);
    t.is((decoder().decode(bytes)[0] as readonly unknown[]).length, 4);
  }
  t.throws(() => weight.weigh(Array(900_000).fill('日本語日本')), {instanceOf: UnsendableError});
});

test('unknown kinds are ignored from 128 on; below, and without counts, they are an error', t => {
  const calls: unknown[] = [];
  const reader = new Proxy({} as EnvelopeReader, {
    get:
      (_, name) =>
      (...given: unknown[]): void =>
        void calls.push([name, ...given]),
  });
  readEnvelope([200, 'whatever'], reader);
  readEnvelope([8, 3, 'a field that a later version appended'], reader);
  t.deepEqual(calls, [['ping', 3]]);
  for (const bad of [
    [99],
    [2, -1, 0, {}],
    [2, 1.5, 0, {}],
    [3, 1, 1],
    ['x'],
    {},
    null,
    [12, [['a', 1, 0]]],
  ]) {
    t.throws(() => readEnvelope(bad, reader), {instanceOf: FrameError}, JSON.stringify(bad));
  }
});
