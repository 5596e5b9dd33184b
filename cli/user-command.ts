/** `tenon user`: who may log in. */
import {randomBytes} from 'node:crypto';
import type {Command} from 'commander';
import type {AccountStore, User} from '../actors/account-port.ts';
import {hashPassword, passwordBytesMax} from '../persistence/password.ts';
import {accountCommand, withAccounts, type AccountOptions} from './account-database.ts';
import {writeJson, type CommandWorld} from './client-command.ts';
import {RefusedError, UsageError} from './command-error.ts';
import {readSecret} from './connection.ts';
import type {Terminal} from './terminal.ts';
import {printTable} from './text-table.ts';

type PasswordOptions = AccountOptions & {readonly passwordFile?: string};
type AddOptions = PasswordOptions & {readonly admin?: boolean; readonly tenant?: string};

/** As in the execID and in paths of logs; a login brings names to lower case. */
const nameForm = /^[a-z0-9._-]{1,50}$/;
const passwordLengthMin = 8;
const generatedBytes = 15;

export function userCommand(world: CommandWorld, parent: Command): Command {
  const {terminal} = world;
  const passwordOption = [
    '--password-file <file>',
    'its password; "-" reads it. Without one it is made up',
  ] as const;
  return parent
    .addCommand(
      accountCommand('add', 'add somebody')
        .argument('<name>')
        .option('--admin', 'may administer: see and end what is not theirs')
        .option('--tenant <tenant>', 'tenant of their jobs', '')
        .option(...passwordOption)
        .action(async (given: string, options: AddOptions) => {
          const name = readName(given);
          const password = readPassword(options);
          await withAccounts(options, world, async (accounts, note) => {
            if ((await accounts.user(name)) !== undefined) {
              throw new RefusedError(
                `There is a user ${name} already. Give a new password with: tenon user password ${name}`,
              );
            }
            const {admin: isAdmin = false, tenant = ''} = options;
            await accounts.putUser({name, isAdmin, tenant, passwordHash: await hashPassword(password.text)});
            await tell(terminal, options, {name, isAdmin, tenant}, password);
            await note('userAdded', {target: `user:${name}`, after: {isAdmin, tenant}});
          });
        }),
    )
    .addCommand(
      accountCommand('list', 'show everybody').action(async (options: AccountOptions) => {
        await withAccounts(options, world, async accounts => {
          const users = (await accounts.users()).map(({name, isAdmin, tenant}) => ({name, isAdmin, tenant}));
          if (options.json) return await writeJson(terminal, {users});
          const rows = users.map(({name, isAdmin, tenant}) => [name, isAdmin ? 'yes' : 'no', tenant]);
          return await terminal.write(printTable({header: ['USER', 'ADMIN', 'TENANT'], rows}));
        });
      }),
    )
    .addCommand(
      accountCommand('password', 'give somebody a new password')
        .argument('<name>')
        .option(...passwordOption)
        .action(async (given: string, options: PasswordOptions) => {
          const name = readName(given);
          const password = readPassword(options);
          await withAccounts(options, world, async (accounts, note) => {
            const user = await knownUser(accounts, name);
            await accounts.putUser({...user, passwordHash: await hashPassword(password.text)});
            await tell(terminal, options, user, password);
            await note('passwordChanged', {target: `user:${name}`});
          });
        }),
    )
    .addCommand(
      accountCommand('remove', 'remove somebody and end their sessions; their jobs stay')
        .argument('<name>')
        .action(async (given: string, options: AccountOptions) => {
          const name = readName(given);
          await withAccounts(options, world, async (accounts, note) => {
            const {isAdmin, tenant} = await knownUser(accounts, name);
            await accounts.removeUser(name);
            await note('userRemoved', {target: `user:${name}`, before: {isAdmin, tenant}});
            await (options.json ? writeJson(terminal, {name}) : terminal.write(`${name} is removed.\n`));
          });
        }),
    );
}

function readName(given: string): string {
  const name = given.toLowerCase();
  if (!nameForm.test(name)) {
    throw new UsageError(
      `A user name has 1 to 50 letters, digits, dots, dashes and underscores, not ${given}`,
    );
  }
  return name;
}

async function knownUser(accounts: AccountStore, name: string): Promise<User> {
  const user = await accounts.user(name);
  if (user === undefined) throw new RefusedError(`There is no user ${name}. See: tenon user list`);
  return user;
}

type Password = {readonly text: string; readonly isGenerated: boolean};

function readPassword({passwordFile}: PasswordOptions): Password {
  if (passwordFile === undefined) {
    return {text: randomBytes(generatedBytes).toString('base64url'), isGenerated: true};
  }
  const text = readSecret(passwordFile);
  if (text.length < passwordLengthMin || Buffer.byteLength(text) > passwordBytesMax) {
    throw new UsageError(
      `A password has at least ${passwordLengthMin} characters and at most ${passwordBytesMax} bytes; the one in` +
        ` ${passwordFile} has ${text.length} characters.`,
    );
  }
  return {text, isGenerated: false};
}

/** A password that was made up is told this once: the database knows its hash only. */
async function tell(
  terminal: Terminal,
  {json}: AccountOptions,
  {name, isAdmin, tenant}: Omit<User, 'passwordHash'>,
  {text, isGenerated}: Password,
): Promise<void> {
  const password = isGenerated ? {password: text} : {};
  if (json) return await writeJson(terminal, {name, isAdmin, tenant, ...password});
  const kind = isAdmin ? 'administrator' : 'user';
  return await terminal.write(`${kind} ${name}${isGenerated ? `, password ${text}` : ''}\n`);
}
