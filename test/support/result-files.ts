/** Result files of played jobs. */
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {ResultSetWriter} from '../../persistence/files/result-set-writer.ts';
import type {PlayedJob} from './log-governance.ts';

/** `_N.dolphin` with the columns id (int) and name (string). */
export async function writeTable(
  job: PlayedJob,
  number: number,
  rows: readonly (readonly (string | null)[])[],
): Promise<string> {
  await mkdir(job.resultLocation, {recursive: true});
  const path = join(job.resultLocation, `_${number}.dolphin`);
  const writer = await ResultSetWriter.table(path, [
    {name: 'id', type: 'int'},
    {name: 'name', type: 'string'},
  ]);
  for (const row of rows) await writer.row(row);
  await writer.close();
  return path;
}
