/** `tenon audit`: who changed what; `tenon audit verify`: whether the record is whole, read from the database itself. */
import {Command} from 'commander';
import {verifyAudit, type AuditAnchor} from '../actors/audit-chain.ts';
import {accountCommand, withDatabase, type AccountOptions} from './account-database.ts';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {RefusedError, UsageError} from './command-error.ts';
import {exitCodes} from './exit-code.ts';
import {wholeNumber} from './key-value.ts';
import {printTable} from './text-table.ts';
import {printTime} from './time-text.ts';

type ListOptions = ClientOptions & {
  readonly by?: string;
  readonly action?: string;
  readonly target?: string;
  readonly since?: string;
  readonly until?: string;
  readonly page: number;
  readonly size: number;
};

type VerifyOptions = AccountOptions & {readonly known?: string};

export function auditCommand(world: CommandWorld): Command {
  return new Command('audit')
    .description('who changed what: list, verify; administrators only')
    .addCommand(listCommand(world), {isDefault: true})
    .addCommand(verifyCommand(world));
}

const listCommand = (world: CommandWorld): Command =>
  clientCommand('list', 'show changes, the newest first')
    .option('--by <name>', 'only what this one did; os:NAME worked on the database itself')
    .option('--action <action>', 'only this: kill, drain, labelsChanged, …')
    .option('--target <target>', 'only what was done to this: job:7, HOST:PORT, …')
    .option('--since <time>', 'from this time on, as 2026-05-01 or 2026-05-01T10:20:30')
    .option('--until <time>', 'up to this time')
    .option('--page <number>', 'which page', wholeNumber(1), 1)
    .option('-n, --size <count>', 'changes on a page', wholeNumber(1), 50)
    .action(async (options: ListOptions) => {
      const {by, action, target, since, until, page, size} = options;
      const query = {
        user: by,
        action,
        target,
        from: timeOf('--since', since),
        to: timeOf('--until', until),
        pageNow: page,
        pageSize: size,
      };
      await withClient(options, world, async client => {
        const data = await client.ask('audit/list', {query});
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(table(Array.isArray(data['entries']) ? data['entries'] : []));
        return exitCodes.ok;
      });
    });

const verifyCommand = (world: CommandWorld): Command =>
  accountCommand('verify', 'check that no row was edited, put in or taken out beside the product')
    .option('--known <id:hash>', 'what this command said before: the record must still hold it')
    .action(async (options: VerifyOptions) => {
      const anchor = anchorOf(options.known);
      await withDatabase(options, world, async ({audit}) => {
        const verdict = await verifyAudit(audit, anchor);
        if (options.json) await writeJson(world.terminal, verdict);
        if (verdict.type === 'broken') {
          throw new RefusedError(`The audit is not whole: ${verdict.why}.`);
        }
        if (options.json) return;
        const {rows, removed, last} = verdict;
        const before = removed === 0 ? '' : `, ${removed} before them were removed by retention`;
        const newest = last.id === 0 ? '' : `; the newest is ${last.id}:${last.chain}`;
        await world.terminal.write(`${rows} rows are as they were written${before}${newest}\n`);
      });
    });

/** Throws `UsageError`. */
function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new UsageError(`${option} must be a time such as 2026-05-01T10:20:30, not ${text}`);
  }
  return ms;
}

/** Throws `UsageError`. */
function anchorOf(text: string | undefined): AuditAnchor | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (match === null)
    throw new UsageError(`--known must be ID:HASH, as tenon audit verify said, not ${text}`);
  return {id: Number(match[1]), chain: match[2] ?? ''};
}

const table = (entries: readonly unknown[]): string =>
  printTable({
    header: ['ID', 'WHEN', 'WHO', 'ACTION', 'TARGET', 'OUTCOME', 'BEFORE', 'AFTER', 'FROM'],
    rows: entries.map(value => {
      const entry: Readonly<Record<string, unknown>> =
        typeof value === 'object' && value !== null ? {...value} : {};
      const {id, at, user, action, target, outcome, before, after, address} = entry;
      return [
        String(id),
        typeof at === 'number' ? printTime(at) : '-',
        cell(user),
        cell(action),
        cell(target),
        cell(outcome),
        cell(before),
        cell(after),
        cell(address),
      ];
    }),
  });

const cell = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
