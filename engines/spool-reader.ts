/** Reads ranges of a spool file: what an owner falls back to whenever the socket does not deliver. */
import type {FileHandle} from 'node:fs/promises';
import type {EngineDirectory} from './engine-directory.ts';
import {openEngineFile} from './engine-file.ts';

/** At most `lengthMax` bytes from `offset` on; empty at the end of the file, or if there is no such file. */
export async function readSpool(
  {path, spool}: Pick<EngineDirectory, 'path' | 'spool'>,
  taskID: number,
  attempt: number,
  offset: number,
  lengthMax: number,
): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await openEngineFile(path, spool(taskID, attempt));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const buffer = Buffer.allocUnsafe(lengthMax);
    const {bytesRead} = await file.read(buffer, 0, lengthMax, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
