/**
 * `tenon backup`: a copy of the embedded database, while its node runs or not. To restore, stop the node, put the copy in the
 * place of the database (`tenon.db` in the data directory, its `-wal` and `-shm` removed), and start the node.
 */
import {existsSync} from 'node:fs';
import {resolve} from 'node:path';
import type {Command} from 'commander';
import {readConfig} from '../config.ts';
import {BackupNotOfferedError} from '../persistence/backup.ts';
import {copyDatabase} from '../persistence/database-copy.ts';
import {parseDatabaseUrl} from '../persistence/database-url.ts';
import {accountCommand, type AccountOptions} from './account-database.ts';
import {writeJson, type CommandWorld} from './client-command.ts';
import {UsageError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';

export function backupCommand({terminal, environment, finish}: CommandWorld): Command {
  return accountCommand('backup', 'copy the embedded database into a new file; the node may be running')
    .argument('<file>', 'where to; must not exist')
    .action(async (given: string, {data, database, config, json}: AccountOptions) => {
      const {node, dataDirectory} = readConfig({options: {data, database, config}, environment});
      const target = parseDatabaseUrl(node.database, dataDirectory);
      if (target.type !== 'sqlite') throw new BackupNotOfferedError('A MySQL or MariaDB server');
      if (!existsSync(target.file)) {
        throw new UsageError(
          `There is no database ${target.file}. Say where it is: --data DIR, or --database sqlite:FILE.`,
        );
      }
      const file = resolve(given);
      const bytes = await copyDatabase(target.file, file);
      await (json
        ? writeJson(terminal, {file, bytes})
        : terminal.write(
            `${target.file} is copied to ${file} (${bytes} bytes). Logs and results are files: copy them from` +
              ` ${dataDirectory} after this.\n`,
          ));
      finish(exitCodes.ok);
    });
}
