/** Reading a spool: in any pieces, damaged or cut anywhere. */
import {crc32} from 'node:zlib';
import {readFileSync} from 'node:fs';
import test from 'ava';
import * as fc from 'fast-check';
import {
  createSpoolDecoder,
  eventOf,
  openedOf,
  recordType,
  SpoolDamagedError,
  type SpoolRecord,
} from '../../engines/spool-record.ts';

/** Written here by hand, by the document alone. */
function encodeRecord(type: number, payload: Uint8Array): Buffer {
  const record = Buffer.alloc(9 + payload.length);
  record.writeUInt32BE(payload.length, 0);
  record.writeUInt8(type, 8);
  record.set(payload, 9);
  record.writeUInt32BE(crc32(record.subarray(8)), 4);
  return record;
}

const anyRecord = fc.tuple(fc.integer({min: 1, max: 4}), fc.uint8Array({maxLength: 200}));

const decodeAll = (bytes: Buffer, pieceBytes: number): SpoolRecord[] => {
  const decoder = createSpoolDecoder(0);
  const records: SpoolRecord[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    records.push(...decoder.push(bytes.subarray(at, at + pieceBytes)));
  return records;
};

test('records come out as they went in, with their offsets, however the bytes are cut', t => {
  fc.assert(
    fc.property(fc.array(anyRecord), fc.integer({min: 1, max: 64}), (records, pieceBytes) => {
      const encoded = records.map(([type, payload]) => encodeRecord(type, payload));
      const found = decodeAll(Buffer.concat(encoded), pieceBytes);
      let offset = 0;
      t.deepEqual(
        found.map(record => ({
          type: record.type,
          payload: record.payload.toString('hex'),
          offset: record.offset,
        })),
        records.map(([type, payload], index) => {
          offset += encoded[index]?.length ?? 0;
          return {type, payload: Buffer.from(payload).toString('hex'), offset};
        }),
      );
    }),
  );
});

test('a cut anywhere gives the records before it, and says how far it came', t => {
  fc.assert(
    fc.property(fc.array(anyRecord, {minLength: 1}), fc.nat(), (records, seed) => {
      const encoded = records.map(([type, payload]) => encodeRecord(type, payload));
      const bytes = Buffer.concat(encoded);
      const cut = seed % bytes.length;
      const decoder = createSpoolDecoder(0);
      const found = decoder.push(bytes.subarray(0, cut));
      let whole = 0;
      let offset = 0;
      while (offset + (encoded[whole]?.length ?? Infinity) <= cut) offset += encoded[whole++]?.length ?? 0;
      t.is(found.length, whole);
      t.is(decoder.decoded(), offset);
      t.is(decoder.received(), cut);
    }),
  );
});

test('a changed byte is found, wherever it is, and never changes a record that is delivered', t => {
  fc.assert(
    fc.property(
      fc.array(anyRecord, {minLength: 1, maxLength: 5}),
      fc.nat(),
      fc.integer({min: 1, max: 255}),
      (records, seed, change) => {
        const bytes = Buffer.concat(records.map(([type, payload]) => encodeRecord(type, payload)));
        const intact = decodeAll(bytes, bytes.length);
        const at = seed % bytes.length;
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        const decoder = createSpoolDecoder(0);
        const found = decoder.push(damaged);
        // Only a length that grew can hide the damage: then the record just never completes.
        t.true(decoder.damage() !== undefined || decoder.received() > decoder.decoded());
        t.deepEqual(
          found.map(({payload}) => payload.toString('hex')),
          intact.slice(0, found.length).map(({payload}) => payload.toString('hex')),
        );
        const untouched = intact.filter(({offset}) => offset <= at).length;
        t.is(found.length, untouched);
        t.is(decoder.decoded(), intact[untouched - 1]?.offset ?? 0);
      },
    ),
  );
});

test('a record of absurd length is damage, not something to wait for', t => {
  const decoder = createSpoolDecoder(0);
  t.deepEqual(decoder.push(Buffer.from('7fffffff0000000002', 'hex')), []);
  t.true(decoder.damage() instanceof SpoolDamagedError);
});

test('records become events; those of other kinds are passed over', t => {
  const event = (type: number, text: string): unknown => {
    const [record] = createSpoolDecoder(100).push(encodeRecord(type, Buffer.from(text)));
    return record === undefined ? undefined : eventOf(7, 2, record);
  };
  t.like(event(recordType.log, 'a\n'), {type: 'log', taskID: 7, attempt: 2, offset: 111});
  t.like(event(recordType.progress, '{"progress":0.5,"info":[{"id":"x","totalTasks":2}]}'), {
    type: 'progress',
    progress: 0.5,
    info: [{id: 'x', totalTasks: 2, runningTasks: 0, failedTasks: 0, succeedTasks: 0}],
  });
  t.like(
    event(
      recordType.ended,
      '{"outcome":"failed","resultCount":1,"engineIsReusable":true,"failure":{"code":5,"message":"m"}}',
    ),
    {
      type: 'ended',
      end: {
        outcome: 'failed',
        resultCount: 1,
        engineIsReusable: true,
        failure: {code: 5, message: 'm', retryable: false},
      },
    },
  );
  t.is(event(recordType.opened, '{}'), undefined);
  t.is(event(77, 'from a later version'), undefined);
  t.throws(() => event(recordType.ended, '{"outcome":"exploded"}'), {instanceOf: SpoolDamagedError});
});

test('a receipt is taken if it is one, within its bounds, and never makes an end unreadable', t => {
  const endOf = (receipt: unknown): unknown => {
    const text = JSON.stringify({outcome: 'killed', resultCount: 0, engineIsReusable: true, receipt});
    const event = eventOf(7, 1, {type: recordType.ended, payload: Buffer.from(text), offset: 9});
    return event?.type === 'ended' ? event.end.receipt : t.fail();
  };
  const receipt = {signals: ['SIGTERM', 'SIGKILL'], processesEnded: 3, pids: [4, 5, 6], tookMs: 120};
  t.deepEqual(endOf(receipt), receipt);
  t.deepEqual(endOf({...receipt, more: 1, pids: Array.from({length: 5000}, (_, pid) => pid)}), {
    ...receipt,
    pids: Array.from({length: 100}, (_, pid) => pid),
  });
  t.deepEqual(endOf({...receipt, signals: ['SIGTERM', '<b>', 7], pids: [4, -1, 'x', 1.5]}), {
    ...receipt,
    signals: ['SIGTERM'],
    pids: [4],
  });
  for (const wrong of [null, 'SIGKILL', [], {...receipt, tookMs: -1}, {...receipt, pids: 7}, {signals: []}])
    t.is(endOf(wrong), undefined);
});

test('the spool of the documented example reads as described', t => {
  const text = readFileSync(new URL('../../docs/engine-protocol.md', import.meta.url), 'utf8');
  const [, block = ''] = /`example: spool`[^]*?```hex\n([^]*?)```/.exec(text) ?? [];
  const bytes = Buffer.from(block.replaceAll(/#.*$/gm, '').replaceAll(/\s/g, ''), 'hex');
  const [opened, log, ended] = createSpoolDecoder(0).push(bytes);
  t.deepEqual(opened && openedOf(opened), {taskID: 7, attempt: 1, epoch: 3});
  t.like(log && eventOf(7, 1, log), {type: 'log', offset: 86});
  t.is(log?.payload.toString(), 'hello\n');
  t.like(ended && eventOf(7, 1, ended), {
    type: 'ended',
    end: {outcome: 'succeeded', resultCount: 1, engineIsReusable: true},
  });
});
