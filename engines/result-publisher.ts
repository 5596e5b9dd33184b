/** Moves result sets out of an engine's directory to where readers look for them. */
import {copyFile, mkdir, open, readdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';

/** What a result set is called when it is whole. */
export const resultName = /^_(\d+)\.dolphin$/;

/**
 * Moves every `_N.dolphin` of `from` into `to`, which is made if there is anything to move. On disk, also after a power
 * loss, before it resolves: the row that names the results is committed next. May be repeated after any interruption.
 * Returns the number of results in `to`.
 */
export async function publishResultFiles(from: string, to: string): Promise<number> {
  const names = (await listDirectory(from)).filter(name => resultName.test(name));
  if (names.length > 0) {
    await mkdir(to, {recursive: true, mode: 0o700});
    await Promise.all(names.map(name => publish(join(from, name), join(to, name))));
    await syncPath(to);
  }
  return countResultFiles(to);
}

/** Result sets are numbered from 0 without gaps. */
export async function countResultFiles(directory: string): Promise<number> {
  const numbers = (await listDirectory(directory)).map(name => Number(resultName.exec(name)?.[1] ?? -1));
  return Math.max(-1, ...numbers) + 1;
}

async function publish(source: string, target: string): Promise<void> {
  await syncPath(source);
  try {
    await rename(source, target);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    // Another file system: the copy gets the name only when it is whole.
    await copyFile(source, `${target}.part`);
    await syncPath(`${target}.part`);
    await rename(`${target}.part`, target);
    await rm(source);
  }
}

export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function listDirectory(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
