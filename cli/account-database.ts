/** The database that `tenon user`, `tenon token` and `tenon audit verify` work on: the node's own, which may be running meanwhile. */
import {existsSync} from 'node:fs';
import {Command, Option} from 'commander';
import type {AccountStore} from '../actors/account-port.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {readConfig} from '../config.ts';
import {openDatabase, type Database} from '../persistence/database.ts';
import {parseDatabaseUrl} from '../persistence/database-url.ts';
import {noteInto, type NoteChange} from './audit-note.ts';
import type {CommandWorld} from './client-command.ts';
import {UsageError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';

export type AccountOptions = {
  readonly data?: string;
  readonly database?: string;
  readonly config?: string;
  readonly json?: boolean;
};

export const accountCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option('--json', 'answer in JSON, for programs')
    .addOption(new Option('--data <dir>', 'data directory of the node (TENON_DATA; ./tenon-data)'))
    .addOption(new Option('--database <url>', 'its database (TENON_DATABASE; sqlite:tenon.db)'))
    .addOption(new Option('--config <file>', 'its tenon.yaml (TENON_CONFIG)'));

/** Opens the database that a node started with the same options would use. Rejects with `UsageError` if there is none. */
export async function withDatabase(
  {data, database, config}: AccountOptions,
  {environment, terminal, finish}: CommandWorld,
  work: (database: Database) => Promise<void>,
): Promise<void> {
  const {node, dataDirectory} = readConfig({options: {data, database, config}, environment});
  const target = parseDatabaseUrl(node.database, dataDirectory);
  // Opening would make it, and a node that finds users in its database makes no administrator.
  if (target.type === 'sqlite' && !existsSync(target.file)) {
    throw new UsageError(
      `There is no database ${target.file}. Start the node once before, or say where it is: --data DIR or --database URL.`,
    );
  }
  const opened = await openDatabase({
    url: node.database,
    dataDirectory,
    clock: systemClock,
    log(level, message) {
      if (level === 'warn') terminal.note(message);
    },
  });
  try {
    await work(opened);
    finish(exitCodes.ok);
  } finally {
    await opened.close();
  }
}

/** The same, for people and tokens; each change is to be noted. */
export const withAccounts = (
  options: AccountOptions,
  world: CommandWorld,
  work: (accounts: AccountStore, note: NoteChange) => Promise<void>,
): Promise<void> => withDatabase(options, world, ({accounts, audit}) => work(accounts, noteInto(audit)));
