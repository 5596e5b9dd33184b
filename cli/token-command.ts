/** `tenon token`: what programs show instead of a password, in the headers `Token-Code` and `Token-User`. */
import {randomBytes} from 'node:crypto';
import type {Command} from 'commander';
import type {Token} from '../actors/account-port.ts';
import {systemClock} from '../actors/runtime/clock.ts';
import {accountCommand, withAccounts, type AccountOptions} from './account-database.ts';
import {writeJson, type CommandWorld} from './client-command.ts';
import {RefusedError, UsageError} from './command-error.ts';
import {readSecret} from './connection.ts';
import {collectText, wholeNumber} from './key-value.ts';
import {printTable} from './text-table.ts';
import {printTime} from './time-text.ts';

type AddOptions = AccountOptions & {
  readonly user: readonly string[];
  readonly host?: readonly string[];
  readonly admin?: boolean;
  readonly owner: string;
  readonly days?: number;
  readonly tokenFile?: string;
};

const generatedBytes = 24;
/** Linkis tells an administrator's token by this word in it; so do people. */
const adminPrefix = 'ADMIN-';
const everybody = '*';
const never = -1;

export function tokenCommand(world: CommandWorld, parent: Command): Command {
  const {terminal} = world;
  return parent
    .addCommand(
      accountCommand('add', 'make a token; it is told this once')
        .requiredOption('--user <name>', 'who may be named with it; * is everybody; repeatable', collectText)
        .option('--host <address>', 'where it may come from; repeatable (*)', collectText)
        .option('--admin', 'may name any execute user, and see and end what is not theirs')
        .option('--owner <name>', 'who answers for it', 'tenon')
        .option('--days <count>', 'how long it lasts (for ever)', wholeNumber(1))
        .option('--token-file <file>', 'take the token of this file, as one that clients know already')
        .action(async (options: AddOptions) => {
          const {admin: isAdmin = false, user, host = [everybody], owner, days = never, tokenFile} = options;
          const token = tokenFile === undefined ? newToken(isAdmin) : readSecret(tokenFile);
          if (/[\s,]/.test(token)) throw new UsageError('A token holds no blanks and no commas.');
          await withAccounts(options, world, async (accounts, note) => {
            const facts = {
              isAdmin,
              legalUsers: user,
              legalHosts: host,
              businessOwner: owner,
              elapseDay: days,
            };
            const {id} = await accounts.addToken(token, {...facts, createTime: systemClock.now()});
            const told = tokenFile === undefined ? {token} : {};
            await (options.json
              ? writeJson(terminal, {id, ...told})
              : terminal.write(`token ${id}${tokenFile === undefined ? `: ${token}` : ''}\n`));
            await note('tokenAdded', {target: `token:${id}`, after: facts});
          });
        }),
    )
    .addCommand(
      accountCommand('list', 'show all tokens by their first characters').action(
        async (options: AccountOptions) => {
          await withAccounts(options, world, async accounts => {
            const tokens = await accounts.tokens();
            await (options.json ? writeJson(terminal, {tokens}) : terminal.write(table(tokens)));
          });
        },
      ),
    )
    .addCommand(
      accountCommand('revoke', 'end a token; every node refuses it within a second')
        .argument('<id>', 'its number in the list')
        .action(async (given: string, options: AccountOptions) => {
          const id = /^\d{1,15}$/.test(given) ? Number(given) : NaN;
          if (Number.isNaN(id))
            throw new UsageError(`A token is named by its number, not ${given}. See: tenon token list`);
          await withAccounts(options, world, async (accounts, note) => {
            const known = (await accounts.tokens()).find(token => token.id === id);
            if (!(await accounts.revokeToken(id))) {
              throw new RefusedError(`There is no token ${id}. See: tenon token list`);
            }
            const {hint: _hint, ...before} = {hint: '', ...known};
            await note('tokenRevoked', {target: `token:${id}`, before});
            await (options.json ? writeJson(terminal, {id}) : terminal.write(`token ${id} is revoked.\n`));
          });
        }),
    );
}

const newToken = (isAdmin: boolean): string =>
  `${isAdmin ? adminPrefix : ''}${randomBytes(generatedBytes).toString('base64url')}`;

const table = (tokens: readonly Token[]): string =>
  printTable({
    header: ['TOKEN', 'BEGINS', 'ADMIN', 'USERS', 'HOSTS', 'OWNER', 'MADE', 'DAYS'],
    rows: tokens.map(({id, hint, isAdmin, legalUsers, legalHosts, businessOwner, createTime, elapseDay}) => [
      String(id),
      hint,
      isAdmin ? 'yes' : 'no',
      legalUsers.join(','),
      legalHosts.join(','),
      businessOwner,
      printTime(createTime),
      elapseDay === never ? 'for ever' : String(elapseDay),
    ]),
  });
