/** Moves result sets out of an engine's directory to where readers look for them. */
import {chmod, chown, copyFile, lstat, mkdir, open, readdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {openEngineFile} from './engine-file.ts';

/** What a result set is called when it is whole. */
export const resultName = /^_(\d{1,9})\.dolphin$/;

/** Of one job; our python engine refuses to show more, whatever else a job makes is not taken for results. */
export const resultsMax = 10_000;
/** A job may have made very many files: each takes a descriptor of this process while it is moved. */
const atATime = 16;

/**
 * Moves every `_N.dolphin` of `from` (in the engine's `directory`) into `to`, which is made if there is anything to move.
 * On disk, also after a power loss, before it resolves: the row that names the results is committed next. May be repeated
 * after any interruption. Returns the number of results in `to`.
 */
export async function publishResultFiles(from: string, to: string, directory = from): Promise<number> {
  const names = (await listDirectory(from)).filter(isResult);
  if (names.length > 0) {
    await mkdir(to, {recursive: true, mode: 0o700});
    const {uid} = await lstat(directory);
    const move = uid === process.getuid?.() ? publish : copyOf(directory);
    const waiting = names.values();
    const work = async (): Promise<void> => {
      for (const name of waiting) await move(join(from, name), join(to, name));
    };
    await Promise.all(Array.from({length: atATime}, work));
    await syncPath(to);
  }
  return countResultFiles(to);
}

export const isResult = (name: string): boolean =>
  Number(resultName.exec(name)?.[1] ?? resultsMax) < resultsMax;

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

/** Of somebody else's file: a copy that is ours, so that he can't change a result that has been published. */
const copyOf =
  (directory: string) =>
  async (source: string, target: string): Promise<void> => {
    const file = await openEngineFile(directory, source);
    try {
      // By its descriptor: what was checked is what is copied.
      await copyFile(`/proc/self/fd/${file.fd}`, `${target}.part`);
    } finally {
      await file.close();
    }
    // Copying kept the owner.
    await chown(`${target}.part`, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await chmod(`${target}.part`, 0o600);
    await syncPath(`${target}.part`);
    await rename(`${target}.part`, target);
  };

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
