/** Result sets that come piece by piece from the node whose engine wrote them. */
import {mkdir, open, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import type {ResultSink} from '../actors/ecm-port.ts';
import {EngineRefusedError} from './engine-errors.ts';
import {countResultFiles, resultName, syncPath} from './result-publisher.ts';

export const resultSink: ResultSink = {
  async store(directory, file, read) {
    if (!resultName.test(file)) throw new EngineRefusedError('', 'badRequest', `${file} is no result set.`);
    await mkdir(directory, {recursive: true, mode: 0o700});
    const path = join(directory, file);
    try {
      const part = await open(`${path}.part`, 'w', 0o600);
      try {
        for (let offset = 0; ;) {
          const bytes = await read(offset);
          if (bytes.length === 0) break;
          await part.write(bytes, 0, bytes.length, offset);
          offset += bytes.length;
        }
        await part.sync();
      } finally {
        await part.close();
      }
      await rename(`${path}.part`, path);
      await syncPath(directory);
    } catch (error) {
      await rm(`${path}.part`, {force: true});
      throw error;
    }
  },
  count: countResultFiles,
};
