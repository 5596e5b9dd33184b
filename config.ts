/**
 * Joins the floors' settings into one documented whole, and is the sole reader of `process.env` and `tenon.yaml`.
 *
 * Precedence: command line, environment, file, default. All mistakes are reported together, each with where it stands,
 * what was expected and what was given; a configuration is valid as a whole or it is not used.
 */
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {hostname} from 'node:os';
import {resolve} from 'node:path';
import {ecmSettings} from './actors/ecm-settings.ts';
import {retentionSettings, type RetentionPolicy} from './actors/retention-settings.ts';
import {governanceSettings} from './actors/settings.ts';
import {submissionSettings} from './actors/submission-settings.ts';
import type {Setting, SettingGroup, SettingValues} from './actors/domain/setting.ts';
import {parseNodeAddress, type NodeAddress} from './cluster/node-address.ts';
import {ownEngineTypes} from './engines/own-engine-types.ts';
import {parseEngineTypeLimits} from './actors/engine-type-limits.ts';
import {parseEnginePrograms} from './engines/engine-programs.ts';
import {httpSettings} from './http/settings.ts';
import {streamSettings} from './http/stream/stream-settings.ts';
import {checkNodeOptions, nodeSettings, type NodeOptions} from './node-options.ts';

/** Loaded when there is a file: without one it would be 70 modules for nothing. */
const yaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** Every setting of the product, by group; `docs/configuration.md` is printed from it. */
export const settingGroups = {
  node: nodeSettings,
  http: httpSettings,
  stream: streamSettings,
  governance: governanceSettings,
  ecm: ecmSettings,
  submission: submissionSettings,
  retention: retentionSettings,
} as const satisfies Record<string, SettingGroup>;

export type Config = {
  readonly node: NodeOptions;
  readonly http: SettingValues<typeof httpSettings>;
  readonly stream: SettingValues<typeof streamSettings>;
  readonly governance: SettingValues<typeof governanceSettings>;
  readonly ecm: SettingValues<typeof ecmSettings>;
  readonly submission: SettingValues<typeof submissionSettings>;
  readonly retention: RetentionPolicy;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly hostName: string;
  readonly timeZone: string;
  /** Where private sockets may live. */
  readonly runtimeDirectory: string;
  /** The environment engines may inherit from, by allow-list. */
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** `options` as the command line gave them: keys of `node`, `config` (a file) and `set` (`group.key=value`, repeatable). */
export type ConfigInput = {
  readonly options: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

/** Something in the configuration can't be used; the message lists every mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(mistakes: readonly string[]) {
    super(
      `The configuration has ${mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`}:\n` +
        mistakes.map(mistake => `  - ${mistake}`).join('\n') +
        '\nEvery setting is explained in docs/configuration.md.',
    );
  }
}

type Raw = {readonly value: unknown; readonly where: string};

/** Reads and checks everything. Throws `ConfigError`. */
export function readConfig({options, environment = process.env}: ConfigInput): Config {
  const mistakes: string[] = [];
  const raw = new Map<string, Raw>();
  readFile(options['config'] ?? environment['TENON_CONFIG'], raw, mistakes);
  readEnvironment(environment, raw);
  readOptions(options, raw, mistakes);
  const values = (group: string, settings: SettingGroup): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(settings).map(([key, setting]) => {
        const given = raw.get(`${group}.${key}`);
        return [
          key,
          given === undefined ? setting.default : check(setting, given, `${group}.${key}`, mistakes),
        ];
      }),
    );
  const node = values('node', nodeSettings) as Config['node'];
  const http = values('http', httpSettings) as Config['http'];
  const stream = values('stream', streamSettings) as Config['stream'];
  const governance = values('governance', governanceSettings) as Config['governance'];
  const ecm = values('ecm', ecmSettings) as Config['ecm'];
  const submission = values('submission', submissionSettings) as Config['submission'];
  const retention = values('retention', retentionSettings) as Config['retention'];
  const {host, port} = endpointOf(node.listen, 'listen', mistakes);
  if (node.cluster !== '') endpointOf(node.cluster, 'cluster', mistakes);
  if (node.clusterListen !== '') endpointOf(node.clusterListen, 'clusterListen', mistakes);
  for (const peer of node.join) endpointOf(peer, 'join', mistakes);
  checkNodeOptions(node, mistakes);
  checkTimeZone(governance.timeZone, mistakes);
  for (const mistake of parseEnginePrograms(governance.enginePrograms, ownEngineTypes).mistakes)
    mistakes.push(`governance.enginePrograms: ${mistake}`);
  for (const mistake of parseEngineTypeLimits(governance.engineTypeMax).mistakes)
    mistakes.push(`governance.engineTypeMax: ${mistake}`);
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return {
    node,
    governance,
    ecm,
    stream,
    submission,
    retention,
    http: {...http, host, port},
    dataDirectory: resolve(node.data),
    hostName: hostname().replaceAll('_', '-'),
    timeZone: governance.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone,
    runtimeDirectory: environment['XDG_RUNTIME_DIR'] ?? '',
    environment,
  };
}

/** The settings of the file: top-level keys are those of `node`; the other groups are maps. */
function readFile(path: unknown, raw: Map<string, Raw>, mistakes: string[]): void {
  if (typeof path !== 'string' || path === '') return;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    mistakes.push(
      `the file ${path} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
    return;
  }
  const tree = parseFile(path, text, mistakes);
  for (const [key, value] of Object.entries(tree)) {
    const where = `${key} in ${path}`;
    if (Object.hasOwn(nodeSettings, key)) {
      raw.set(`node.${key}`, {value, where});
    } else if (isGroup(key) && typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        if (Object.hasOwn(settingGroups[key], name))
          raw.set(`${key}.${name}`, {value: inner, where: `${key}.${name} in ${path}`});
        else mistakes.push(unknownKey(`${key}.${name}`, path));
      }
    } else mistakes.push(unknownKey(key, path));
  }
}

/** A plain property file, as Linkis' services have, is read too: its route label is the seed's way to set one. */
function parseFile(path: string, text: string, mistakes: string[]): Record<string, unknown> {
  const routes = /^\s*spring\.eureka\.instance\.metadata-map\.route\s*[=:]\s*(\S+)\s*$/m.exec(text);
  const rest = text.replaceAll(/^\s*spring\.eureka\..*$/gm, '');
  try {
    const tree: unknown = yaml().parse(rest) ?? {};
    if (typeof tree !== 'object' || Array.isArray(tree)) {
      mistakes.push(`${path} must hold settings, such as listen: 127.0.0.1:9001, not ${excerptOf(tree)}`);
      return {};
    }
    const record = {...tree} as Record<string, unknown>;
    return routes === null ? record : {...record, label: [`route=${routes[1]}`]};
  } catch (error) {
    mistakes.push(`${path} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
}

const excerptOf = (value: unknown): string => (JSON.stringify(value) ?? '').slice(0, 80);

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  raw: Map<string, Raw>,
): void {
  for (const [group, settings] of Object.entries(settingGroups)) {
    for (const key of Object.keys(settings)) {
      const name = environmentName(group, key);
      const value = environment[name];
      if (value !== undefined && value !== '')
        raw.set(`${group}.${key}`, {value, where: `the environment variable ${name}`});
    }
  }
}

/** For a node that is configured by code alone: what its engines may inherit, without `TENON_…`. */
export const environmentWithoutSettings = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TENON_')));

/** `node.listen` is `TENON_LISTEN`, `http.bodyBytesMax` is `TENON_HTTP_BODY_BYTES_MAX`. */
export function environmentName(group: string, key: string): string {
  const words = key.replaceAll(/[A-Z]/g, capital => `_${capital}`).toUpperCase();
  return group === 'node' ? `TENON_${words}` : `TENON_${group.toUpperCase()}_${words}`;
}

function readOptions(
  options: Readonly<Record<string, unknown>>,
  raw: Map<string, Raw>,
  mistakes: string[],
): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || key === 'config' || key === 'set') continue;
    const flag = `--${key.replaceAll(/[A-Z]/g, capital => `-${capital.toLowerCase()}`)}`;
    if (Object.hasOwn(nodeSettings, key)) raw.set(`node.${key}`, {value, where: flag});
    else mistakes.push(unknownKey(flag, 'the command line'));
  }
  const set = options['set'];
  for (const pair of Array.isArray(set) ? set : typeof set === 'string' ? [set] : []) {
    const [name = '', ...value] = String(pair).split('=');
    const [group = '', key = ''] = name.split('.');
    if (isGroup(group) && Object.hasOwn(settingGroups[group], key)) {
      raw.set(name, {value: value.join('='), where: `--set ${name}`});
    } else mistakes.push(unknownKey(name, 'the command line'));
  }
}

const isGroup = (name: string): name is keyof typeof settingGroups => Object.hasOwn(settingGroups, name);
const unknownKey = (key: string, where: string): string => `${key} in ${where} is no setting`;

function check(setting: Setting, {value, where}: Raw, name: string, mistakes: string[]): unknown {
  const problem = (expected: string): unknown => {
    mistakes.push(`${where}: ${name} must be ${expected}, not ${JSON.stringify(value)}`);
    return setting.default;
  };
  const {min = -Infinity, max = Infinity} = setting;
  switch (setting.type) {
    case 'integer':
    case 'duration': {
      const number =
        setting.type === 'duration'
          ? parseDuration(value)
          : typeof value === 'number'
            ? value
            : Number(value || NaN);
      return Number.isSafeInteger(number) && number >= min && number <= max
        ? number
        : problem(
            `${setting.type === 'duration' ? 'milliseconds, or text such as 30s,' : 'a whole number'} from ${min} to ${max}`,
          );
    }
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return value === 'true' || value === 'false' ? value === 'true' : problem('true or false');
    case 'string':
      return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : problem('text');
    case 'list': {
      const list = Array.isArray(value)
        ? value.map(String)
        : typeof value === 'string'
          ? value.split(',').map(part => part.trim())
          : undefined;
      return list !== undefined && list.length >= Math.max(0, min) && list.length <= max
        ? list.filter(part => part !== '')
        : problem('a list');
    }
  }
}

const unitMs: Readonly<Record<string, number>> = {ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000};

function parseDuration(value: unknown): number {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(String(value));
  return match === null ? NaN : Number(match[1]) * (unitMs[match[2] ?? 'ms'] ?? 1);
}

/** Where the facade listens when the text can't be read; then the configuration is not used anyway. */
const anywhere: NodeAddress = {host: '127.0.0.1', port: 0};

function endpointOf(text: string, key: string, mistakes: string[]): NodeAddress {
  const address = parseNodeAddress(text);
  if (typeof address !== 'string') return address;
  mistakes.push(`${key} ${address}`.replace(' :', ':'));
  return anywhere;
}

function checkTimeZone(timeZone: string, mistakes: string[]): void {
  if (timeZone === '') return;
  try {
    Intl.DateTimeFormat('en', {timeZone});
  } catch {
    mistakes.push(`governance.timeZone: ${timeZone} is no time zone of the IANA database`);
  }
}
