/**
 * Files in an engine's directory, which may belong to somebody else than this process: a job may put anything in their place.
 * What is read must be a regular file of the engine's own account, so nobody gets to read through us what he can't himself.
 */
import {constants, lstat, open, type FileHandle} from 'node:fs/promises';
import {dirname} from 'node:path';
import {EngineProtocolError} from './engine-errors.ts';

/** `path` below `directory`, the engine's. Rejects as `open` does, or with `EngineProtocolError` for what is no such file. */
export async function openEngineFile(directory: string, path: string): Promise<FileHandle> {
  const {uid} = await lstat(directory);
  // A pipe in its place must not hold us up.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    // Some of the first files are the launcher's; no folder in between leads elsewhere there.
    const isOurs = found.uid === process.getuid?.() && dirname(path) === directory;
    if (!found.isFile() || (found.uid !== uid && !isOurs)) {
      throw new EngineProtocolError(`${path} is not a file of that engine`);
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The beginning, if it is longer. Rejects like `openEngineFile`. */
export async function readEngineFile(directory: string, path: string, bytesMax: number): Promise<Buffer> {
  const file = await openEngineFile(directory, path);
  try {
    const buffer = Buffer.allocUnsafe(bytesMax);
    const {bytesRead} = await file.read(buffer, 0, bytesMax, 0);
    return Buffer.from(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
