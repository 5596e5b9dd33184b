/** `tenon quota`: what users have and may have; `tenon quota set`: what they may have, for administrators. */
import type {Command} from 'commander';
import {quotaKeys, tenantKeys} from '../actors/quota.ts';
import {printDuration, printMemory} from '../actors/domain/quantity.ts';
import {isRecord} from '../actors/domain/job-params.ts';
import {defaultVersionOf} from '../actors/domain/engine-version.ts';
import {
  clientCommand,
  withClient,
  writeJson,
  type ClientOptions,
  type CommandWorld,
} from './client-command.ts';
import {UsageError} from './command-error.ts';
import {exitCodes, type ExitCode} from './exit-code.ts';
import type {Data, FacadeClient} from './facade-client.ts';
import {collectPair, type KeyValues} from './key-value.ts';
import {printTable} from './text-table.ts';

type ListOptions = ClientOptions & {
  readonly of?: string;
  readonly creator?: string;
  readonly engine?: string;
};
type SetOptions = ListOptions & {readonly tenant?: string; readonly force?: boolean};

/** Short names beside the keys themselves. */
const shortKeys: Readonly<Record<string, string>> = {
  memory: quotaKeys.memoryMax,
  cores: quotaKeys.coresMax,
  engines: quotaKeys.instancesMax,
  running: quotaKeys.runningMax,
  waiting: quotaKeys.waitingMax,
  'engine-memory': quotaKeys.engineMemory,
  'engine-cores': quotaKeys.engineCores,
  'engine-jobs': quotaKeys.engineJobsMax,
  idle: quotaKeys.engineIdle,
  warm: quotaKeys.warmEngines,
};

const shortTenantKeys: Readonly<Record<string, string>> = {
  memory: tenantKeys.memoryMax,
  cores: tenantKeys.coresMax,
  engines: tenantKeys.instancesMax,
  running: tenantKeys.runningMax,
  waiting: tenantKeys.waitingMax,
  'waiting-bytes': tenantKeys.waitingBytesMax,
  weight: tenantKeys.weight,
};

export const quotaCommand = (world: CommandWorld): Command =>
  clientCommand('quota', 'show quotas and what is used of them; administrators see all')
    .option('--of <user>', 'whose')
    .option('--creator <creator>', 'of one creator')
    .option('--engine <type>', 'of one engine type')
    .action(async (options: ListOptions) => {
      await withClient(options, world, async client => {
        const {of: user, creator, engine: engineType} = options;
        const data = await client.ask('rm/quota', {query: {user, creator, engineType}});
        if (options.json) await writeJson(world.terminal, data);
        else await world.terminal.write(tables(data));
        return exitCodes.ok;
      });
    })
    .addCommand(setCommand(world))
    .addCommand(verifyCommand(world));

const verifyCommand = (world: CommandWorld): Command =>
  clientCommand('verify', 'compare what is reserved with the engines there are; administrators only').action(
    async (_options: ClientOptions, command: Command) => {
      const options = command.optsWithGlobals<ClientOptions>();
      let code: ExitCode = exitCodes.ok;
      await withClient(options, world, async client => {
        const data = await client.ask('rm/verify');
        const faults = ['drift', 'missing', 'unknown'].flatMap(kind => listed(kind, data[kind]));
        if (faults.length > 0) code = exitCodes.failed;
        if (options.json) await writeJson(world.terminal, data);
        else {
          const {reservations, manager, healed} = data;
          const head = `${String(reservations)} reservations, manager ${String(manager)}, ${String(healed)} put right since it began.`;
          const verdict =
            faults.length === 0 ? 'Each has its engine, and each engine has one.' : faults.join('\n');
          await world.terminal.write(`${head}\n${verdict}\n`);
        }
        return code;
      });
    },
  );

const listed = (kind: string, value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(one => `${kind}: ${String(one).replaceAll('\n', ' ')}`) : [];

const setCommand = (world: CommandWorld): Command =>
  clientCommand('set', 'set quotas, such as memory=20G; nothing after the = takes a value away')
    .argument(
      '<key=value...>',
      `${Object.keys(shortKeys).join(', ')}, or a key of the configuration`,
      collectPair,
    )
    .option('--of <user>', 'for whom; without it for yourself, "*" for everybody')
    .option('--creator <creator>', 'for one creator only')
    .option('--engine <type>', 'for one engine type only, such as shell or shell-1')
    .option('--tenant <tenant>', `for a tenant, "*" for all: ${Object.keys(shortTenantKeys).join(', ')}`)
    .option('--force', "also what the key's rule refuses")
    .action(async (values: KeyValues, _options: SetOptions, command: Command) => {
      // The list has options of the same names, and is asked for them first.
      const options: SetOptions = command.optsWithGlobals();
      await withClient(options, world, async client => {
        const scope = scopeOf(options, client.user);
        const saved: Data[] = [];
        for (const [name, value] of Object.entries(values)) {
          // oxlint-disable-next-line no-await-in-loop -- one after another, so that the first refusal ends it
          saved.push(await setOne(client, scope, keyOf(name, options), value, options.force === true));
        }
        if (options.json) await writeJson(world.terminal, {saved});
        else await world.terminal.write(saved.map(printSaved).join(''));
        return exitCodes.ok;
      });
    });

function scopeOf({of, creator, engine, tenant}: SetOptions, caller: string): Data {
  if (tenant !== undefined) {
    if (of !== undefined || creator !== undefined || engine !== undefined) {
      throw new UsageError('--tenant stands alone: a tenant has no user, creator or engine type.');
    }
    return {tenant, user: caller};
  }
  const at = engine?.indexOf('-') ?? -1;
  const type = at < 0 ? engine : engine?.slice(0, at);
  return {
    user: of ?? caller,
    creator: creator ?? '*',
    engineType: type ?? '*',
    version:
      type === undefined || type === '*' ? '*' : at < 0 ? defaultVersionOf(type) : engine?.slice(at + 1),
  };
}

function keyOf(name: string, {tenant}: SetOptions): string {
  const names = tenant === undefined ? shortKeys : shortTenantKeys;
  const key = Object.hasOwn(names, name) ? names[name] : undefined;
  if (key === undefined && !name.includes('.')) {
    throw new UsageError(
      `There is no ${name}. Give one of ${Object.keys(names).join(', ')}, or the name of a key.`,
    );
  }
  return key ?? name;
}

/** The answer, with the key that was meant. */
async function setOne(
  client: FacadeClient,
  scope: Data,
  configKey: string,
  configValue: string,
  force: boolean,
): Promise<Data> {
  const body = {...scope, configKey};
  const answer =
    configValue === ''
      ? await client.ask('configuration/keyvalue', {body, method: 'DELETE'})
      : await client.ask('configuration/keyvalue', {body: {...body, configValue, ...(force && {force})}});
  return {key: configKey, ...answer};
}

function printSaved({key, configValue, msg}: Data): string {
  const value = isRecord(configValue) ? textOf(configValue['configValue']) : undefined;
  const line = value === undefined ? `${textOf(key)} is taken away\n` : `${textOf(key)} = ${value}\n`;
  return msg === undefined ? line : `${line}${textOf(msg)}\n`;
}

function tables({quotas, tenants}: Data): string {
  const users = printTable({
    header: [
      'USER',
      'CREATOR',
      'ENGINE',
      'TENANT',
      'MEMORY',
      'CORES',
      'ENGINES',
      'RUNNING',
      'WAITING',
      'IDLE',
      'WARM',
    ],
    rows: listOf(quotas).map(row => [
      textOf(row['user']),
      textOf(row['creator']),
      textOf(row['engineType']),
      textOf(row['tenant']),
      ...resourceCells(row),
      share(row['runningJobs'], row['runningMax']),
      share(row['queuedJobs'], row['waitingMax']),
      typeof row['engineIdleMs'] === 'number' ? printDuration(row['engineIdleMs']) : '-',
      textOf(row['warmEngines']),
    ]),
  });
  const rows = listOf(tenants);
  if (rows.length === 0) return users;
  return `${users}\n${printTable({
    header: ['TENANT', 'WEIGHT', 'MEMORY', 'CORES', 'ENGINES', 'RUNNING', 'WAITING'],
    rows: rows.map(row => [
      textOf(row['tenant']),
      textOf(row['weight']),
      ...resourceCells(row),
      share(row['runningJobs'], row['runningMax']),
      share(row['queuedJobs'], row['waitingMax']),
    ]),
  })}`;
}

/** What is in use or locked, of what may be. */
function resourceCells({used, locked, max}: Data): readonly string[] {
  const [inUse, reserved, limits] = [recordOf(used), recordOf(locked), recordOf(max)];
  return (['memoryBytes', 'cores', 'instances'] as const).map(name => {
    const sum = numberOf(inUse[name]) + numberOf(reserved[name]);
    const print = name === 'memoryBytes' ? printMemory : String;
    const limit = limits[name];
    return `${sum === 0 ? '0' : print(sum)}/${typeof limit === 'number' ? print(limit) : '∞'}`;
  });
}

const share = (used: unknown, max: unknown): string =>
  `${numberOf(used)}/${typeof max === 'number' ? max : '∞'}`;

const recordOf = (value: unknown): Data => (isRecord(value) ? value : {});
const listOf = (value: unknown): readonly Data[] => (Array.isArray(value) ? value.map(recordOf) : []);
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const textOf = (value: unknown): string =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : '-';
