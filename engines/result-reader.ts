/** Result sets in an engine's directory, read piece by piece for an owner on another node. */
import {lstat, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {ResultFile} from '../actors/ecm-port.ts';
import {EngineRefusedError} from './engine-errors.ts';
import {openEngineFile} from './engine-file.ts';
import {isResult, resultName} from './result-publisher.ts';

/** In their order; none when the task wrote none. */
export async function listResultFiles(directory: string): Promise<readonly ResultFile[]> {
  const names = (await readdir(directory).catch(() => [])).filter(isResult);
  // No descriptors are held for this.
  const files = await Promise.all(
    names.map(async name => ({name, bytes: (await lstat(join(directory, name))).size})),
  );
  return files.toSorted((one, other) => numberOf(one.name) - numberOf(other.name));
}

const numberOf = (name: string): number => Number(resultName.exec(name)?.[1] ?? 0);

/**
 * At most `bytesMax` bytes from `offset` on, none at the end; `directory` lies in `engineDirectory`. Rejects with
 * `EngineRefusedError` for any other name.
 */
export async function readResultFile(
  engineDirectory: string,
  directory: string,
  name: string,
  offset: number,
  bytesMax: number,
): Promise<Uint8Array> {
  // The name comes from another node: nothing else of this host may be read by it.
  if (!resultName.test(name)) throw new EngineRefusedError('', 'badRequest', `${name} is no result set.`);
  const file = await openEngineFile(engineDirectory, join(directory, name));
  try {
    const buffer = Buffer.allocUnsafe(bytesMax);
    const {bytesRead} = await file.read(buffer, 0, bytesMax, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
