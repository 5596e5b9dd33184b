/**
 * The administrator of a new database: made once, with a password from a file or a generated one, which is printed once
 * and written to `credentials` (0600) in the data directory. Nobody else can log in before that.
 */
import {randomBytes} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {AccountStore} from './actors/account-port.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {Config} from './config.ts';
import {hashPassword} from './persistence/password.ts';

export type FirstAdministrator = {
  readonly user: string;
  readonly password: string;
  readonly isGenerated: boolean;
};

/** A password and its hash, made while the database opens. */
export type FirstPassword = FirstAdministrator & {readonly passwordHash: string};

/** Undefined when this data directory has had its first start, and so will hardly need one. Rejects like `makePassword`. */
export const firstPassword = async (config: Place): Promise<FirstPassword | undefined> =>
  existsSync(join(config.dataDirectory, 'credentials')) ? undefined : makePassword(config);

type Place = Pick<Config, 'node' | 'dataDirectory'>;

/** Rejects when the password file can't be read or its password is too short. */
async function makePassword({node: {adminUser, adminPasswordFile}}: Place): Promise<FirstPassword> {
  const isGenerated = adminPasswordFile === '';
  const password = isGenerated
    ? randomBytes(15).toString('base64url')
    : (await readFile(adminPasswordFile, 'utf8')).trim();
  if (password.length < passwordLengthMin) {
    throw new Error(
      `The password in ${adminPasswordFile} has ${password.length} characters; it needs ${passwordLengthMin}.`,
    );
  }
  return {user: adminUser.toLowerCase(), password, isGenerated, passwordHash: await hashPassword(password)};
}

/**
 * Undefined when there are users already, or another node makes the first one at this moment: of several that start on an
 * empty database one does, the one whose `incarnation` is noted first.
 */
export async function firstAdministrator(
  accounts: Pick<AccountStore, 'users' | 'putUser' | 'sharedSecret'>,
  made: FirstPassword | undefined,
  config: Place,
  {incarnation, clock}: {readonly incarnation: string; readonly clock: Clock},
): Promise<FirstAdministrator | undefined> {
  if ((await accounts.users()).length > 0) return undefined;
  const maker = await accounts.sharedSecret(makerName, async () => incarnation);
  if (maker !== incarnation && (await appears(accounts, clock))) return undefined;
  const {user, password, isGenerated, passwordHash} = made ?? (await makePassword(config));
  // Written first: a password that was set and could not be told would lock everybody out.
  const text = isGenerated ? `user: ${user}\npassword: ${password}\n` : `user: ${user}\n`;
  await writeFile(join(config.dataDirectory, 'credentials'), text, {mode: 0o600, flush: true});
  await accounts.putUser({name: user, isAdmin: true, tenant: '', passwordHash});
  return {user, password, isGenerated};
}

/** Whether somebody else makes it. One that was noted long ago has died before it came to that. */
async function appears(accounts: Pick<AccountStore, 'users'>, clock: Clock): Promise<boolean> {
  for (let look = 0; look < looksMax; look += 1) {
    // oxlint-disable-next-line no-await-in-loop
    await new Promise<void>(resolve => void clock.after(lookEveryMs, resolve));
    // oxlint-disable-next-line no-await-in-loop
    if ((await accounts.users()).length > 0) return true;
  }
  return false;
}

const makerName = 'first-administrator';
const looksMax = 25;
const lookEveryMs = 200;
const passwordLengthMin = 8;
