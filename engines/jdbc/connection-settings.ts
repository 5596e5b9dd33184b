/**
 * Which database a SQL job wants, and how much of a result: from its runtime parameters, then the data source that they
 * name, then what the node's configuration says, under Linkis' keys. Without any it is the engine's own DuckDB.
 */
import {
  ConnectionUrlMissingError,
  DatabaseUrlError,
  DatasourceUnknownError,
  SqlSettingError,
} from './jdbc-errors.ts';

export type ServerKind = 'mysql' | 'postgres';
export type FileKind = 'duckdb' | 'sqlite';

export type TlsMode = 'off' | 'unverified' | 'verified';

export type ServerSettings = {
  readonly kind: ServerKind;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Never shown. */
  readonly password: string;
  readonly tls: TlsMode;
};

export type FileSettings = {
  readonly kind: FileKind;
  /** `:memory:` for a database that lives as long as the connection. */
  readonly file: string;
};

export type ConnectionSettings = ServerSettings | FileSettings;

export type SqlSettings = {
  readonly connection: ConnectionSettings;
  /** A longer result set is cut. 0: never. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly statementTimeoutMs: number;
  /** Parameters of the URL that mean nothing here. */
  readonly ignored: readonly string[];
};

export type Values = Readonly<Record<string, unknown>>;

export const settingKeys = {
  url: 'wds.linkis.jdbc.connect.url',
  user: 'wds.linkis.jdbc.username',
  password: 'wds.linkis.jdbc.password',
  driver: 'wds.linkis.jdbc.driver',
  database: 'linkis.jdbc.default.db',
  datasource: 'wds.linkis.engine.runtime.datasource',
  rowsMax: 'wds.linkis.jdbc.default.limit',
  bytesMax: 'wds.linkis.jdbc.result.max.bytes',
  timeoutS: 'wds.linkis.jdbc.query.timeout',
} as const;

/** `wds.linkis.jdbc.datasource.NAME.url`, `….username`, `….password` in the node's configuration. */
const datasourcePrefix = 'wds.linkis.jdbc.datasource.';

const rowsMaxDefault = 5000;
const bytesMaxDefault = 1024 * 1024 * 1024;
const timeoutSDefault = 1800;
const portOf: Readonly<Record<ServerKind, number>> = {mysql: 3306, postgres: 5432};
const urlCharsMax = 4096;

/** Throws the errors of `jdbc-errors.ts`. */
export function sqlSettings(
  runtimeParams: Values,
  properties: Readonly<Record<string, string>>,
): SqlSettings {
  const sources = [withoutBlanks(runtimeParams), datasourceOf(runtimeParams, properties), properties];
  const given: Values = {...properties, ...sources[0], ...connectionIn(sources)};
  const text = (key: string): string => {
    const value = given[key];
    if (value === undefined || value === null) return '';
    if (typeof value !== 'string' && typeof value !== 'number') throw new SqlSettingError(key, 'a text');
    return String(value);
  };
  const count = (key: string, fallback: number): number => {
    const value = text(key).trim();
    if (value === '') return fallback;
    if (!/^\d{1,15}$/.test(value)) throw new SqlSettingError(key, 'a whole number from 0');
    return Number(value);
  };
  const timeoutS = count(settingKeys.timeoutS, timeoutSDefault);
  return {
    ...connectionOf(text),
    rowsMax: count(settingKeys.rowsMax, rowsMaxDefault),
    bytesMax: count(settingKeys.bytesMax, bytesMaxDefault),
    statementTimeoutMs: (timeoutS === 0 ? timeoutSDefault : timeoutS) * 1000,
  };
}

/** Where it is, for people: never with a password. */
export const placeOf = (settings: ConnectionSettings): string =>
  'host' in settings
    ? `${settings.kind === 'mysql' ? 'MySQL' : 'PostgreSQL'} at ${settings.host}:${settings.port}`
    : `${settings.kind === 'sqlite' ? 'SQLite' : 'DuckDB'} ${settings.file === ':memory:' ? 'in memory' : `file ${settings.file}`}`;

/**
 * The first source that has a URL says where to; a user and a password come together, from it or from one before it.
 * Never from one after it: whoever chooses the host would be sent the node's own password.
 */
function connectionIn(sources: readonly Values[]): Values {
  const last = sources.findIndex(source => settingKeys.url in source);
  const allowed = last < 0 ? sources.slice(0, 1) : sources.slice(0, last + 1);
  const from = (key: string): Values | undefined => allowed.find(source => key in source);
  const credentials = from(settingKeys.user) ?? from(settingKeys.password);
  return {
    [settingKeys.url]: from(settingKeys.url)?.[settingKeys.url],
    [settingKeys.driver]: from(settingKeys.driver)?.[settingKeys.driver],
    [settingKeys.user]: credentials?.[settingKeys.user],
    [settingKeys.password]: credentials?.[settingKeys.password],
  };
}

/** A form field that was left empty says nothing. */
const withoutBlanks = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== null));

function datasourceOf(runtimeParams: Values, properties: Readonly<Record<string, string>>): Values {
  const name = runtimeParams[settingKeys.datasource];
  if (typeof name !== 'string' || name === '') return {};
  const prefix = `${datasourcePrefix}${name}.`;
  const found = {
    [settingKeys.url]: properties[`${prefix}url`],
    [settingKeys.user]: properties[`${prefix}username`],
    [settingKeys.password]: properties[`${prefix}password`],
  };
  if (found[settingKeys.url] !== undefined) return withoutBlanks(found);
  const names = Object.keys(properties)
    .filter(key => key.startsWith(datasourcePrefix) && key.endsWith('.url'))
    .map(key => key.slice(datasourcePrefix.length, -'.url'.length));
  throw new DatasourceUnknownError(name, names.toSorted());
}

function connectionOf(text: (key: string) => string): Pick<SqlSettings, 'connection' | 'ignored'> {
  const url = text(settingKeys.url).trim();
  const user = text(settingKeys.user);
  if (url === '') {
    if (user !== '') throw new ConnectionUrlMissingError('a user name was given, but no URL');
    if (text(settingKeys.driver) !== '')
      throw new ConnectionUrlMissingError('a driver was given, but no URL');
    return {connection: {kind: 'duckdb', file: ':memory:'}, ignored: []};
  }
  if (url.length > urlCharsMax) throw new DatabaseUrlError(`it has more than ${urlCharsMax} characters`);
  const file = /^(?:jdbc:)?(?<kind>sqlite|duckdb):(?<file>[^?]*)/.exec(url)?.groups;
  if (file !== undefined) {
    const kind = file['kind'] === 'sqlite' ? 'sqlite' : 'duckdb';
    return {connection: {kind, file: filePath(file['file'] ?? '')}, ignored: []};
  }
  return serverOf(url, user, text(settingKeys.password), text(settingKeys.database));
}

function filePath(text: string): string {
  const path = text.startsWith('//') ? text.slice(2) : text;
  if (path === '' || path === ':memory:') return ':memory:';
  if (path.includes('\0')) throw new DatabaseUrlError('its file name holds a NUL');
  return path;
}

const userKeys = new Set(['user', 'username']);
const tlsKeys = new Set(['usessl', 'ssl', 'sslmode', 'ssl-mode']);

function serverOf(
  url: string,
  user: string,
  password: string,
  database: string,
): Pick<SqlSettings, 'connection' | 'ignored'> {
  const match = /^(?:jdbc:)?(?<scheme>[a-z][a-z0-9]*):\/\//i.exec(url);
  const scheme = match?.groups?.['scheme']?.toLowerCase() ?? '';
  const kind = ['mysql', 'mariadb'].includes(scheme)
    ? 'mysql'
    : ['postgresql', 'postgres'].includes(scheme)
      ? 'postgres'
      : undefined;
  if (kind === undefined) {
    // Not the text itself: whatever it is, it may hold a password.
    throw new DatabaseUrlError(scheme === '' ? 'it has no scheme' : `there is no driver for ${scheme}`);
  }
  let parsed: URL;
  try {
    // A scheme of our own: for those that it knows, the parser bends what is wrong.
    parsed = new URL(url.replace(/^(?:jdbc:)?[^:]*:/i, 'database:'));
  } catch {
    throw new DatabaseUrlError('its host, port or path is malformed');
  }
  if (parsed.hostname === '') throw new DatabaseUrlError('it names no host');
  const params = new Map([...parsed.searchParams].map(([key, value]) => [key.toLowerCase(), value]));
  const known = (key: string): boolean => userKeys.has(key) || tlsKeys.has(key) || key === 'password';
  const inUrl = (part: string): string => decoded(part);
  return {
    connection: {
      kind,
      host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(parsed.port) || portOf[kind],
      database: inUrl(parsed.pathname.slice(1)) || database,
      user: user || params.get('user') || params.get('username') || inUrl(parsed.username),
      password: password || params.get('password') || inUrl(parsed.password),
      tls: tlsOf(params),
    },
    ignored: [...params.keys()].filter(key => !known(key)),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function tlsOf(params: ReadonlyMap<string, string>): TlsMode {
  const mode = (params.get('sslmode') ?? params.get('ssl-mode') ?? '').toLowerCase().replace('_', '-');
  if (['verify-ca', 'verify-full', 'verify-identity'].includes(mode)) return 'verified';
  if (['require', 'required'].includes(mode)) return 'unverified';
  const isOn = [params.get('usessl'), params.get('ssl')].some(value => value?.toLowerCase() === 'true');
  return isOn ? 'unverified' : 'off';
}
