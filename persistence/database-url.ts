/** Reads `--database`: `sqlite:FILE` or `mysql://user:password@host:port/database`. The password is never printed. */
import {isAbsolute, resolve} from 'node:path';
import {LinkisError} from '../actors/domain/errors.ts';

export type SqliteTarget = {readonly type: 'sqlite'; readonly file: string};

export type ServerTarget = {
  readonly type: 'server';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

export type DatabaseTarget = SqliteTarget | ServerTarget;

const forms = 'Use sqlite:FILE, or mysql://user:password@host:port/database.';

/** `--database` can't be used as it is. */
export class DatabaseUrlError extends LinkisError {
  override readonly name = 'DatabaseUrlError';
  readonly code = 20060;

  constructor(problem: string) {
    super(`The database URL ${problem}. ${forms}`);
  }
}

/** A relative FILE is meant from `dataDirectory`. Throws `DatabaseUrlError`. */
export function parseDatabaseUrl(url: string, dataDirectory: string): DatabaseTarget {
  if (url.startsWith('sqlite:')) return parseSqlite(url.slice('sqlite:'.length), dataDirectory);
  if (!/^(mysql|mariadb):/.test(url)) {
    const scheme = /^[a-z][a-z\d+.-]*:/i.exec(url)?.[0];
    throw new DatabaseUrlError(scheme === undefined ? 'has no scheme' : `starts with ${scheme}`);
  }
  return parseServer(url);
}

function parseSqlite(path: string, dataDirectory: string): SqliteTarget {
  const file = path.startsWith('//') ? path.slice(2) : path;
  if (file === '') throw new DatabaseUrlError('names no file');
  if (file === ':memory:' || file.includes('?')) {
    throw new DatabaseUrlError(
      `names '${file}', which is not a plain file: history must outlive the process`,
    );
  }
  return {type: 'sqlite', file: isAbsolute(file) ? file : resolve(dataDirectory, file)};
}

function parseServer(text: string): ServerTarget {
  if (!URL.canParse(text))
    throw new DatabaseUrlError('can not be parsed (a special character in the password is written as %XX)');
  const url = new URL(text);
  const database = decode(url.pathname.slice(1));
  if (url.hostname === '') throw new DatabaseUrlError('names no host');
  if (url.username === '') throw new DatabaseUrlError('names no user');
  if (!/^[\w$-]{1,64}$/.test(database)) {
    throw new DatabaseUrlError(
      database === ''
        ? 'names no database'
        : `names the database '${database}': letters, digits, _, $ and - are allowed`,
    );
  }
  if (url.search !== '' || url.hash !== '') throw new DatabaseUrlError('has options after the database name');
  return {
    type: 'server',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 3306 : Number(url.port),
    user: decode(url.username),
    password: decode(url.password),
    database,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError('has a % that is not followed by two hex digits (write it as %25)');
  }
}

/** What people may see of a target. */
export const printTarget = (target: DatabaseTarget): string =>
  target.type === 'sqlite'
    ? `sqlite:${target.file}`
    : `mysql://${encodeURIComponent(target.user)}@${target.host}:${target.port}/${target.database}`;
