/** Where an engine listens. */
import {createHash} from 'node:crypto';
import {lstat, rmdir, unlink} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {EngineSetupError} from './engine-errors.ts';

/** A socket address holds 108 bytes, the last of which ends it (decision 41). */
const socketPathBytesMax = 107;

/** A hash of the engine's own directory: nodes of one host may share the folder, and engine ids. */
const nameOf = (enginePath: string): string =>
  createHash('sha256').update(enginePath).digest('hex').slice(0, 20);

/** `hasFolder`: in one of its own, for an engine that may make nothing in `directory`. Throws `EngineSetupError`. */
export function socketPathOf(directory: string, enginePath: string, hasFolder: boolean): string {
  const path = join(directory, nameOf(enginePath), ...(hasFolder ? ['s'] : []));
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathBytesMax) {
    throw new EngineSetupError(
      `The socket path ${path} has ${bytes} bytes; at most ${socketPathBytesMax} work. Name a shorter folder.`,
    );
  }
  return path;
}

/** Of an engine that is gone. What else its file may name stays: it could be anything. */
export async function removeEngineSocket(path: string, enginePath: string): Promise<void> {
  const [socket, engine] = await Promise.all(
    [path, enginePath].map(each => lstat(each).catch(() => undefined)),
  );
  const isIts = engine === undefined ? socket?.uid === process.getuid?.() : socket?.uid === engine.uid;
  if (socket?.isSocket() === true && isIts) await unlink(path).catch(() => undefined);
  const folder = dirname(path);
  if (basename(folder) === nameOf(enginePath)) await rmdir(folder).catch(() => undefined);
}
