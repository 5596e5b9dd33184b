/** The codec of the engine protocol, and the worked example of its documentation. */
import {readFileSync} from 'node:fs';
import test from 'ava';
import * as fc from 'fast-check';
import {
  createFrameDecoder,
  decodeData,
  decodeJson,
  encodeAck,
  encodeFrame,
  encodeJson,
  frameType,
  type Frame,
} from '../../engines/engine-frame.ts';

const anyFrame = fc.record({
  type: fc.integer({min: 0, max: 255}),
  payload: fc.uint8Array({maxLength: 300}).map(bytes => Buffer.from(bytes)),
});

test('frames come out as they went in, however the bytes are cut', t => {
  fc.assert(
    fc.property(fc.array(anyFrame), fc.array(fc.integer({min: 1, max: 40})), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({type, payload}) => encodeFrame(type, payload)));
      const decoder = createFrameDecoder(1000);
      const found: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const length = cuts[turn % Math.max(1, cuts.length)] ?? 7;
        found.push(...decoder.push(bytes.subarray(at, at + length)));
        at += length;
      }
      t.deepEqual(
        found.map(({type, payload}) => ({type, payload: payload.toString('hex')})),
        frames.map(({type, payload}) => ({type, payload: payload.toString('hex')})),
      );
    }),
  );
});

test('a frame that announces more than the limit is refused before its body has come', t => {
  const decoder = createFrameDecoder(100);
  const error = t.throws(() => decoder.push(Buffer.from([0, 0, 1, 0, 0x91])));
  t.regex(error?.message ?? '', /announces 256 bytes; allowed are 1 to 100/);
});

test('a frame without a type is refused', t => {
  t.throws(() => createFrameDecoder(100).push(Buffer.from([0, 0, 0, 0, 0])), {message: /announces 0 bytes/});
});

test('a payload that is no JSON object is refused', t => {
  for (const text of ['', '[]', 'null', '"x"', '{', '3']) {
    t.throws(() => decodeJson(Buffer.from(text)), {name: 'EngineProtocolError'});
  }
});

test('a data frame shorter than its header is refused', t => {
  t.throws(() => decodeData(Buffer.alloc(19)), {name: 'EngineProtocolError'});
});

const example = (name: string): string => examples.get(name) ?? `no example ${name}`;

/** The hex blocks of the document, by the name on the line before. */
const examples = new Map(
  [
    ...readFileSync(new URL('../../docs/engine-protocol.md', import.meta.url), 'utf8').matchAll(
      /`example: ([^`]+)`[^]*?```hex\n([^]*?)```/g,
    ),
  ].map(([, name = '', block = '']) => [name, block.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, '')] as const),
);

test('the frames of the documented example are what the codec writes', t => {
  t.is(
    encodeJson(frameType.request, {taskID: 7, attempt: 1, from: 0, id: 2, type: 'follow'}).toString('hex'),
    example('follow'),
  );
  t.is(encodeAck(7, 1, 86).toString('hex'), example('ack'));
});

test('the data frame of the documented example is what the codec reads', t => {
  const [frame] = createFrameDecoder(1000).push(Buffer.from(example('data'), 'hex'));
  t.is(frame?.type, frameType.data);
  const {taskID, attempt, offset, bytes} = decodeData(frame?.payload ?? Buffer.alloc(0));
  t.deepEqual({taskID, attempt, offset}, {taskID: 7, attempt: 1, offset: 0});
  t.is(bytes.toString('hex'), example('spool'));
});
