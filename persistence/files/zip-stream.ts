/**
 * A zip archive as it is written, from contents whose sizes nobody knows before: each entry's sizes follow its data
 * (APPNOTE 4.4.4, bit 3). Without the 64-bit extensions, which not every reader of xlsx takes: beyond 4 GB it refuses.
 */
import {Readable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {crc32, createDeflateRaw} from 'node:zlib';
import {WorkbookTooLargeError} from '../../actors/job-files.ts';

export type ZipEntry = {readonly name: string; readonly content: AsyncIterable<string> | Iterable<string>};

const bytesMax = 2 ** 32 - 1;
const version = 20;
/** Bit 3: sizes follow; bit 11: names are UTF-8. */
const flags = 0x0808;
const deflated = 8;
/** 1 January 1980, the earliest there is: archives of equal content are equal. */
const date = 0x0021;

type Written = {
  readonly name: Buffer;
  readonly offset: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
};

/** The archive's bytes, in order. Contents are asked for one after the other, as the archive is read. */
export async function* zip(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Buffer> {
  const written: Written[] = [];
  let offset = 0;
  for await (const {name, content} of entries) {
    const nameBytes = Buffer.from(name);
    const head = localHeader(nameBytes);
    yield head;
    const tally = {crc: 0, packed: 0, size: 0};
    yield* deflate(content, tally);
    const {crc, packed, size} = tally;
    if (size > bytesMax || offset + packed > bytesMax) throw new WorkbookTooLargeError('it is over 4 GB');
    yield descriptor(crc, packed, size);
    written.push({name: nameBytes, offset, crc, packed, size});
    offset += head.length + packed + 16;
  }
  const directory = Buffer.concat(written.map(centralHeader));
  yield directory;
  yield endOfDirectory(written.length, directory.length, offset);
}

async function* deflate(
  content: ZipEntry['content'],
  tally: {crc: number; packed: number; size: number},
): AsyncGenerator<Buffer> {
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const text of content) {
      const bytes = Buffer.from(text);
      tally.crc = crc32(bytes, tally.crc);
      tally.size += bytes.length;
      yield bytes;
    }
  }
  const packer = createDeflateRaw({level: 3});
  const feeding = pipeline(Readable.from(counted()), packer);
  // Its failure destroys the packer, so the loop below throws it; this only keeps it from being reported twice.
  feeding.catch(() => undefined);
  try {
    for await (const piece of packer) {
      const bytes = piece as Buffer;
      tally.packed += bytes.length;
      yield bytes;
    }
    await feeding;
  } finally {
    // Who closes the file after us must not do so while the content is still being read.
    packer.destroy();
    await feeding.catch(() => undefined);
  }
}

function localHeader(name: Buffer): Buffer {
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(version, 4);
  head.writeUInt16LE(flags, 6);
  head.writeUInt16LE(deflated, 8);
  head.writeUInt16LE(date, 12);
  head.writeUInt16LE(name.length, 26);
  return Buffer.concat([head, name]);
}

function descriptor(crc: number, packed: number, size: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc, 4);
  bytes.writeUInt32LE(packed, 8);
  bytes.writeUInt32LE(size, 12);
  return bytes;
}

function centralHeader({name, offset, crc, packed, size}: Written): Buffer {
  const head = Buffer.alloc(46);
  head.writeUInt32LE(0x02014b50, 0);
  head.writeUInt16LE(version, 4);
  head.writeUInt16LE(version, 6);
  head.writeUInt16LE(flags, 8);
  head.writeUInt16LE(deflated, 10);
  head.writeUInt16LE(date, 14);
  head.writeUInt32LE(crc, 16);
  head.writeUInt32LE(packed, 20);
  head.writeUInt32LE(size, 24);
  head.writeUInt16LE(name.length, 28);
  head.writeUInt32LE(offset, 42);
  return Buffer.concat([head, name]);
}

function endOfDirectory(entries: number, directoryBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries, 8);
  end.writeUInt16LE(entries, 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
