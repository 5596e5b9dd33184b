/** The folders that engines and their sockets lie in: the node's own, and closed to others, or only to be passed through. */
import {chmod, lstat, mkdir} from 'node:fs/promises';
import {dirname} from 'node:path';
import {EngineSetupError} from './engine-errors.ts';

/** Makes it with its parents if need be. Rejects with `EngineSetupError` when it is somebody else's, or can't be had. */
export async function preparePrivateFolder(path: string, wantedMode: number): Promise<void> {
  try {
    await makeFolder(path);
    const {uid, mode} = await lstat(path);
    if (uid !== process.getuid?.()) throw new Error('it belongs to another user');
    if ((mode & 0o777) !== wantedMode) await chmod(path, wantedMode);
  } catch (cause) {
    throw new EngineSetupError(
      `The folder ${path} does not do for engines: ${String(cause)}. Name another.`,
      {cause},
    );
  }
}

/** With its parents. Node's own recursive way never returns for a path in /proc. */
async function makeFolder(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> =>
    (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  if (await isThere()) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await mkdir(path, {mode: 0o700});
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!(await isThere())) throw error;
  }
}
