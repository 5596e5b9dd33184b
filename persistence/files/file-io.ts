/**
 * Positional reads and writes that do all of it: the kernel may do part, which callers would have to loop over. Plain
 * descriptors, as the objects of `fs/promises` cost about twice as much for the small writes of short jobs.
 */
import {fdatasync, fstat, fsync, ftruncate, open, close, read, write, writev} from 'node:fs';
import {promisify} from 'node:util';

const readOnce = promisify(read);
const writeOnce = promisify(write);
const writevOnce = promisify(writev);
const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const statFile = promisify(fstat);

export const cutFile = promisify(ftruncate);
export const syncData = promisify(fdatasync);

export const sizeOf = async (fd: number): Promise<number> => (await statFile(fd)).size;

/** Reads `length` bytes at `position`, fewer only at the end of the file. */
export async function readAt(fd: number, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const {bytesRead} = await readOnce(fd, buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === length ? buffer : buffer.subarray(0, filled);
}

export async function writeAt(fd: number, position: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await writeOnce(fd, bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** Writes the buffers one after the other in one call, if the kernel takes them whole. */
export async function writeAllAt(
  fd: number,
  position: number,
  buffers: readonly Uint8Array[],
): Promise<void> {
  const [first] = buffers;
  if (first !== undefined && buffers.length === 1) return writeAt(fd, position, first);
  const total = buffers.reduce((sum, {length}) => sum + length, 0);
  const {bytesWritten} = await writevOnce(fd, [...buffers], position);
  if (bytesWritten < total) {
    await writeAt(fd, position + bytesWritten, Buffer.concat(buffers).subarray(bytesWritten));
  }
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await openFile(path, 'r');
  try {
    await syncFile(fd);
  } finally {
    await closeFile(fd);
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
