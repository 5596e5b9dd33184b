/**
 * The administrator of a new database: made once, with a password from a file or a generated one, which is printed once
 * and written to `credentials` (0600) in the data directory. Nobody else can log in before that.
 */
import {randomBytes} from 'node:crypto';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {AccountStore} from './actors/ports.ts';
import {hashPassword} from './persistence/password.ts';

export type FirstAdministrator = {
  readonly user: string;
  readonly password: string;
  readonly isGenerated: boolean;
};

/** Undefined when there are users already. Rejects when the password file can't be read or is too short. */
export async function firstAdministrator(
  accounts: AccountStore,
  {
    adminUser,
    adminPasswordFile,
    dataDirectory,
  }: {readonly adminUser: string; readonly adminPasswordFile: string; readonly dataDirectory: string},
): Promise<FirstAdministrator | undefined> {
  if ((await accounts.users()).length > 0) return undefined;
  const user = adminUser.toLowerCase();
  const isGenerated = adminPasswordFile === '';
  const password = isGenerated
    ? randomBytes(15).toString('base64url')
    : (await readFile(adminPasswordFile, 'utf8')).trim();
  if (password.length < passwordLengthMin) {
    throw new Error(
      `The password in ${adminPasswordFile} has ${password.length} characters; it needs ${passwordLengthMin}.`,
    );
  }
  if (isGenerated) {
    // Written first: a password that was set and could not be told would lock everybody out.
    await writeFile(join(dataDirectory, 'credentials'), `user: ${user}\npassword: ${password}\n`, {
      mode: 0o600,
      flush: true,
    });
  }
  await accounts.putUser({name: user, isAdmin: true, tenant: '', passwordHash: await hashPassword(password)});
  return {user, password, isGenerated};
}

const passwordLengthMin = 8;
