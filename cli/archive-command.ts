/** `tenon archive`: what retention has kept of removed jobs, in a data directory of this machine; no node is asked. */
import {resolve} from 'node:path';
import type {Command} from 'commander';
import {isRecord} from '../actors/domain/job-params.ts';
import {archivedJobs, archiveFiles} from '../persistence/files/archive.ts';
import {writeJson, type CommandWorld} from './client-command.ts';
import {RefusedError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';
import {wholeNumber} from './key-value.ts';
import {printTable} from './text-table.ts';

type ArchiveOptions = {readonly data: string; readonly json?: boolean};

/** Adds the commands to `archive`. */
export function archiveCommand({terminal, finish}: CommandWorld, archive: Command): void {
  const withPlace = (command: Command): Command =>
    command
      .option('--data <dir>', 'the data directory', './tenon-data')
      .option('--json', 'answer in JSON, for programs');

  withPlace(archive.command('list').description('show the files of archived jobs')).action(
    async ({data, json}: ArchiveOptions) => {
      const files = await archiveFiles(resolve(data));
      if (json) await writeJson(terminal, {files});
      else {
        await terminal.write(
          printTable({
            header: ['REMOVED', 'FILE', 'BYTES'],
            rows: files.map(({day, path, sizeBytes}) => [day, path, String(sizeBytes)]),
          }),
        );
      }
      finish(exitCodes.ok);
    },
  );

  withPlace(
    archive
      .command('show')
      .description('print an archived job as JSON')
      .argument('<job>', 'its number', wholeNumber(1)),
  ).action(async (taskID: number, {data}: ArchiveOptions) => {
    for (const {path} of await archiveFiles(resolve(data))) {
      for await (const job of archivedJobs(path)) {
        if (!isRecord(job['row']) || job['row']['id'] !== taskID) continue;
        await writeJson(terminal, job);
        finish(exitCodes.ok);
        return;
      }
    }
    throw new RefusedError(`There is no job ${taskID} in the archive of ${resolve(data)}.`);
  });
}
