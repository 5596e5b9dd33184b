/** What all commands that talk to a node share: how they are told which and as whom, and how they end. */
import {Command, Option} from 'commander';
import type {ConnectionOptions} from './connection.ts';
import {resolveConnection} from './connection.ts';
import type {ExitCode} from './exit-code.ts';
import {createFacadeClient, type FacadeClient} from './facade-client.ts';
import type {Terminal} from './terminal.ts';

/** What a command is run with. */
export type CommandWorld = {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The command's exit code, told once it has done its work. */
  readonly finish: (code: ExitCode) => void;
};

export type ClientOptions = ConnectionOptions & {readonly json?: boolean};

export const clientCommand = (name: string, description: string): Command =>
  new Command(name)
    .description(description)
    .option('--json', 'answer in JSON, for programs')
    .addOption(new Option('--url <url>', 'the node (TENON_URL; http://127.0.0.1:9001)'))
    .addOption(new Option('--user <name>', 'who you are (TENON_USER)'))
    .addOption(new Option('--password-file <file>', 'your password; "-" reads it (TENON_PASSWORD)'))
    .addOption(new Option('--token-file <file>', 'a token instead of a password (TENON_TOKEN)'))
    .addOption(new Option('--data <dir>', 'use the credentials of this data directory (./tenon-data)'));

/** Opens the connection for one command and closes it, whatever happens. */
export async function withClient(
  options: ClientOptions,
  {environment, finish}: CommandWorld,
  work: (client: FacadeClient) => Promise<ExitCode>,
): Promise<void> {
  const client = createFacadeClient(resolveConnection(options, environment));
  try {
    finish(await work(client));
  } finally {
    await client.close();
  }
}

/** One JSON document on standard output. */
export const writeJson = (terminal: Terminal, value: unknown): Promise<void> =>
  terminal.write(`${JSON.stringify(value)}\n`);
