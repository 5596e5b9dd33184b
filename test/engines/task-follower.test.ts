/** Joining what socket and file bring: nothing twice, nothing lost, never more than the consumer can take. */
import {crc32} from 'node:zlib';
import test from 'ava';
import * as fc from 'fast-check';
import {systemClock} from '../../actors/runtime/clock.ts';
import type {EngineEvent} from '../../actors/ports.ts';
import {createTaskFollower, type TaskFollower} from '../../engines/task-follower.ts';

function record(type: number, text: string): Buffer {
  const payload = Buffer.from(text);
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUInt32BE(payload.length, 0);
  bytes.writeUInt8(type, 8);
  bytes.set(payload, 9);
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

const end = '{"outcome":"succeeded","resultCount":0,"engineIsReusable":true}';

function follower(
  consume: (events: readonly EngineEvent[]) => Promise<void>,
  fromOffset = 0,
): TaskFollower & {acks: number[]} {
  const acks: number[] = [];
  const made = createTaskFollower({
    taskID: 1,
    attempt: 1,
    fromOffset,
    consume,
    clock: systemClock,
    onDelivered: offset => acks.push(offset),
    onConsumerFailed: () => undefined,
  });
  return {...made, acks};
}

const textOf = (events: readonly EngineEvent[]): string =>
  events.map(event => (event.type === 'log' ? Buffer.from(event.lines).toString() : '')).join('');

test('bytes that come in overlapping ranges make every line once', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({maxLength: 20}), {minLength: 1, maxLength: 30}),
      fc.array(fc.tuple(fc.nat(), fc.nat(200)), {maxLength: 40}),
      async (lines, ranges) => {
        const spool = Buffer.concat([...lines.map(line => record(2, `${line}\n`)), record(4, end)]);
        let text = '';
        const {accept, received, drained, hasEnded, delivered} = follower(async events => {
          text += textOf(events);
        });
        for (const [seed, length] of ranges) {
          const offset = seed % spool.length;
          const bytes = spool.subarray(offset, offset + length);
          t.is(accept(offset, bytes), offset <= received());
        }
        accept(received(), spool.subarray(received()));
        await drained(0);
        t.is(text, lines.map(line => `${line}\n`).join(''));
        t.true(hasEnded());
        t.is(delivered(), spool.length);
      },
    ),
    {numRuns: 200},
  );
});

test('acknowledgements rise, end at the last record, and never run ahead of the consumer', async t => {
  const spool = Buffer.concat([
    record(1, '{}'),
    ...Array.from({length: 1000}, (_, n) => record(2, `${n}\n`)),
    record(4, end),
  ]);
  let taken = 0;
  const {accept, drained, acks} = follower(async events => {
    await Promise.resolve();
    taken += events.length;
  });
  for (let at = 0; at < spool.length; at += 100) accept(at, spool.subarray(at, at + 100));
  await drained(0);
  t.is(taken, 1001);
  t.deepEqual(
    acks,
    acks.toSorted((one, other) => one - other),
  );
  t.is(acks.at(-1), spool.length);
});

test('what waits for a consumer that stands still is told, and a stopped follower lets everybody go', async t => {
  const {accept, drained, delivered, stop} = follower(() => new Promise(() => undefined));
  accept(0, record(2, 'x'.repeat(1000)));
  let isDrained = false;
  const waiting = drained(500).then(() => {
    isDrained = true;
  });
  await Promise.resolve();
  t.false(isDrained);
  t.is(delivered(), 0);
  stop();
  await waiting;
});

test('after a rewind the rest of a record may be another one', async t => {
  let text = '';
  const {accept, rewind, drained, received} = follower(async events => {
    text += textOf(events);
  });
  accept(0, record(2, 'cut off').subarray(0, 12));
  rewind();
  t.is(received(), 0);
  accept(0, record(2, 'whole\n'));
  await drained(0);
  t.is(text, 'whole\n');
});

test('a damaged record stops there, after what stands before it was delivered', async t => {
  let text = '';
  const {accept, drained} = follower(async events => {
    text += textOf(events);
  });
  const bad = record(2, 'bad\n');
  bad[10] = 0;
  t.throws(() => accept(0, Buffer.concat([record(2, 'good\n'), bad])), {message: /damaged at offset 14/});
  await drained(0);
  t.is(text, 'good\n');
});
