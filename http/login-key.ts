/**
 * The RSA key with which browsers encrypt a password before they send it (`user/publicKey`, 2048 bit, PKCS#1 v1.5 as
 * Linkis' console does it). Shared through the database, so that any gateway reads what another one's key encrypted. Made
 * when it is first asked for: a start does not wait for it.
 */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
  type KeyObject,
} from 'node:crypto';
import {promisify} from 'node:util';
import type {AccountStore} from '../actors/account-port.ts';

export type LoginKey = {
  /** Base64 of the X.509 form. Rejects with `DatabaseAwayError`. */
  readonly publicKey: () => Promise<string>;
  /** The text behind base64 of an RSA cipher text; undefined if it can be none. */
  readonly decrypt: (base64: string) => Promise<string | undefined>;
};

const modulusBits = 2048;
const cipherTextBytes = modulusBits / 8;

type KeyPair = {readonly secret: KeyObject; readonly publicKey: string};

export function createLoginKey(accounts: AccountStore): LoginKey {
  let loaded: Promise<KeyPair> | undefined;

  function load(): Promise<KeyPair> {
    loaded ??= read(accounts).catch((error: unknown) => {
      // The next login asks again.
      loaded = undefined;
      throw error;
    });
    return loaded;
  }

  return {
    publicKey: async () => (await load()).publicKey,
    async decrypt(base64) {
      // A form field turns `+` into a blank.
      const cipherText = Buffer.from(base64.replaceAll(' ', '+'), 'base64');
      if (cipherText.length !== cipherTextBytes) return undefined;
      const {secret} = await load();
      try {
        return privateDecrypt({key: secret, padding: constants.RSA_PKCS1_PADDING}, cipherText).toString(
          'utf8',
        );
      } catch {
        // Encrypted with another key, or not encrypted at all: a wrong password, like any other.
        return undefined;
      }
    },
  };
}

async function read(accounts: AccountStore): Promise<KeyPair> {
  const secret = createPrivateKey(await accounts.sharedSecret('login-rsa-key', makeKey));
  const publicKey = createPublicKey(secret).export({type: 'spki', format: 'der'}).toString('base64');
  return {secret, publicKey};
}

async function makeKey(): Promise<string> {
  const {privateKey} = await promisify(generateKeyPair)('rsa', {modulusLength: modulusBits});
  return privateKey.export({type: 'pkcs8', format: 'pem'}).toString();
}
