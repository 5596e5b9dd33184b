/**
 * The outbox (G8) as an append-only file: one record a line, `crc32 json`. A record is whole or it is not there: the tail
 * that a crash left half written is cut at the next start, while a damaged record in the middle is kept aside and named.
 *
 * A reserve of `reserveBytes` is preallocated beside it and given up when the disk is full, so that the ends of running
 * jobs can still be recorded then (decision 19).
 */
import {
  mkdir,
  open,
  readFile,
  rename,
  stat,
  truncate,
  unlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import {join} from 'node:path';
import {crc32} from 'node:zlib';
import {OutboxFullError, type Outbox} from '../../actors/outbox.ts';
import type {JobUpdate} from '../../actors/ports.ts';

export type OutboxOptions = {
  readonly directory: string;
  readonly outboxBytesMax: number;
  readonly reserveBytes: number;
  readonly log: {readonly warn: (fields: object, text: string) => void};
};

/** Opens, and checks, the outbox of this data directory. */
export async function openOutbox({
  directory,
  outboxBytesMax,
  reserveBytes,
  log,
}: OutboxOptions): Promise<Outbox> {
  await mkdir(directory, {recursive: true, mode: 0o700});
  const path = join(directory, 'outbox.jsonl');
  const reservePath = join(directory, 'reserve');
  const left = await readRecords(path);
  if (left.damaged > 0) {
    const aside = `${path}.damaged`;
    await rename(path, aside);
    await writeFile(path, left.updates.map(printRecord).join(''), {mode: 0o600, flush: true});
    log.warn(
      {path: aside, records: left.damaged},
      'damaged records in the outbox were kept aside; the others are replayed',
    );
  } else if (left.tailBytes > 0) {
    await truncate(path, left.bytes);
    log.warn({path, bytes: left.tailBytes}, 'the last record in the outbox was never finished, and was cut');
  }
  await reserve(reservePath, reserveBytes);
  let file: FileHandle | undefined;
  let bytes = (await stat(path).catch(() => undefined))?.size ?? 0;

  async function write(text: string): Promise<void> {
    file ??= await open(path, 'a', 0o600);
    await file.appendFile(text);
    await file.datasync();
  }

  return {
    async append(updates) {
      const text = updates.map(printRecord).join('');
      const size = Buffer.byteLength(text);
      if (bytes + size > outboxBytesMax) throw new OutboxFullError(bytes + size, outboxBytesMax);
      try {
        await write(text);
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        await file?.close();
        file = undefined;
        await truncate(path, bytes);
        await unlink(reservePath);
        await write(text);
      }
      bytes += size;
    },
    async pending() {
      return (await readRecords(path)).updates;
    },
    async clear() {
      await file?.close();
      file = undefined;
      await writeFile(path, '', {mode: 0o600, flush: true});
      bytes = 0;
      await reserve(reservePath, reserveBytes);
    },
  };
}

const printRecord = (update: JobUpdate): string => {
  const json = JSON.stringify(update);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
};

type Records = {updates: JobUpdate[]; bytes: number; tailBytes: number; damaged: number};

async function readRecords(path: string): Promise<Records> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const end = text.lastIndexOf('\n') + 1;
  const records: Records = {
    updates: [],
    bytes: Buffer.byteLength(text.slice(0, end)),
    tailBytes: Buffer.byteLength(text.slice(end)),
    damaged: 0,
  };
  for (const line of text.slice(0, end).split('\n')) {
    if (line === '') continue;
    const json = line.slice(9);
    if (crc32(json).toString(16).padStart(8, '0') === line.slice(0, 8))
      records.updates.push(JSON.parse(json) as JobUpdate);
    else records.damaged += 1;
  }
  return records;
}

async function reserve(path: string, reserveBytes: number): Promise<void> {
  if (reserveBytes === 0 || (await stat(path).catch(() => undefined))?.size === reserveBytes) return;
  // Zeros are written, not only promised: a sparse file holds no blocks back.
  await writeFile(path, Buffer.alloc(reserveBytes), {mode: 0o600}).catch(() => undefined);
}

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
