/**
 * Which node a command talks to, and as whom. Flags go before the environment, and that before the `credentials` file that
 * a node's first start leaves in its data directory, which is used for a node on this machine only.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {UsageError} from './command-error.ts';

export type ConnectionOptions = {
  readonly url?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tokenFile?: string;
  /** Data directory whose `credentials` may be used. */
  readonly data?: string;
};

export type Identity =
  | {readonly type: 'password'; readonly user: string; readonly password: string}
  | {readonly type: 'token'; readonly user: string; readonly token: string};

export type Connection = {
  /** Without a slash at its end. */
  readonly url: string;
  readonly identity: Identity;
};

type Environment = Readonly<Record<string, string | undefined>>;

const urlDefault = 'http://127.0.0.1:9001';
const dataDefault = './tenon-data';

/** Throws `UsageError`. */
export function resolveConnection(options: ConnectionOptions, environment: Environment): Connection {
  const url = readUrl(options.url ?? filled(environment['TENON_URL']) ?? urlDefault);
  return {url: url.href.replace(/\/+$/, ''), identity: readIdentity(options, environment, url)};
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`The node's URL must be http://HOST:PORT or https://HOST:PORT, not ${text}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(
      'A URL with a password in it ends up in process lists: use --user and --password-file.',
    );
  }
  return url;
}

function readIdentity(options: ConnectionOptions, environment: Environment, url: URL): Identity {
  const user = options.user ?? filled(environment['TENON_USER']);
  const secret = secretOf(options, environment);
  if (secret !== undefined) {
    if (user === undefined) {
      throw new UsageError(`There is a ${secret.type}, but no user: give --user NAME, or set TENON_USER.`);
    }
    return secret.type === 'token'
      ? {type: 'token', user, token: secret.text}
      : {type: 'password', user, password: secret.text};
  }
  const found = isLocal(url) ? readCredentials(options.data ?? filled(environment['TENON_DATA'])) : undefined;
  if (found === undefined || (user !== undefined && user.toLowerCase() !== found.user.toLowerCase())) {
    throw new UsageError(
      `Who are you? Give --user NAME and --password-file FILE (or --token-file FILE), or set TENON_USER and` +
        ` TENON_PASSWORD (or TENON_TOKEN).${isLocal(url) ? ' With --data DIR the credentials of that node are used.' : ''}`,
    );
  }
  return {type: 'password', ...found};
}

type Secret = {readonly type: 'password' | 'token'; readonly text: string};

function secretOf(
  {passwordFile, tokenFile}: ConnectionOptions,
  environment: Environment,
): Secret | undefined {
  if (passwordFile !== undefined && tokenFile !== undefined) {
    throw new UsageError('Give --password-file or --token-file, not both.');
  }
  if (tokenFile !== undefined) return {type: 'token', text: readSecret(tokenFile)};
  if (passwordFile !== undefined) return {type: 'password', text: readSecret(passwordFile)};
  const token = filled(environment['TENON_TOKEN']);
  if (token !== undefined) return {type: 'token', text: token};
  const password = filled(environment['TENON_PASSWORD']);
  return password === undefined ? undefined : {type: 'password', text: password};
}

/** A file's text without the line break at its end. Throws `UsageError`; `-` is standard input. */
export function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text.trim() === '') throw new UsageError(`${file} is empty.`);
  return text;
}

const filled = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const isLocal = ({hostname}: URL): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);

/** Undefined if there is no such file; throws `UsageError` if it says something else. */
function readCredentials(directory = dataDefault): {user: string; password: string} | undefined {
  const file = join(directory, 'credentials');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const user = /^user: (.+)$/m.exec(text)?.[1];
  const password = /^password: (.+)$/m.exec(text)?.[1];
  if (user === undefined || password === undefined) {
    throw new UsageError(`${file} must have a line "user: NAME" and a line "password: TEXT".`);
  }
  return {user, password};
}
