/** What a directory takes on disk. */
import type {Dirent} from 'node:fs';
import {lstat, readdir} from 'node:fs/promises';
import {join} from 'node:path';

/** Beyond, the rest is not counted: a job can make files faster than anybody can count them. */
const entriesMax = 20_000;

/** Bytes of the files below `directory`; links are not followed, what vanishes meanwhile does not count. */
export async function diskBytesOf(directory: string): Promise<number> {
  let bytes = 0;
  let entries = 0;
  const waiting = [directory];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const found = await readdir(path, {withFileTypes: true}).catch((): Dirent[] => []);
    for (const entry of found) {
      entries += 1;
      if (entries > entriesMax) return bytes;
      const inner = join(path, entry.name);
      if (entry.isDirectory()) waiting.push(inner);
      else bytes += await blockBytes(inner);
    }
  }
  return bytes;
}

async function blockBytes(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * 512;
  } catch {
    return 0;
  }
}
