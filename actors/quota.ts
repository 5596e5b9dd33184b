/**
 * Quotas from the configuration: which keys limit a user, creator and engine type, or a tenant, and what holds where nothing
 * is configured. Values that can't be read (another program wrote them) count as if they were not there.
 *
 * What users set for themselves can only lower a limit that administrators have given, or nobody has.
 */
import {anyone} from './configuration-scope.ts';
import type {ConfigurationLookup, FoundValue} from './configuration-lookup.ts';
import {defaultVersionOf} from './domain/engine-version.ts';
import {
  parseDuration,
  parseMemory,
  parseShare,
  parseWhole,
  printDuration,
  printMemory,
} from './domain/quantity.ts';
import type {Quota, QuotaSource, TenantQuota} from './engine-governance.ts';

export const quotaKeys = {
  memoryMax: 'wds.linkis.rm.client.memory.max',
  coresMax: 'wds.linkis.rm.client.core.max',
  instancesMax: 'wds.linkis.rm.instance',
  runningMax: 'wds.linkis.engine.running.job.max',
  waitingMax: 'tenon.queue.waiting.max',
  engineMemory: 'wds.linkis.engineconn.java.driver.memory',
  engineCores: 'wds.linkis.engineconn.java.driver.cores',
  engineIdle: 'wds.linkis.engineconn.max.free.time',
  engineJobsMax: 'wds.linkis.engineconn.max.task.execute.num',
  warmEngines: 'tenon.engine.warm',
} as const;

export const tenantKeys = {
  memoryMax: 'tenon.tenant.memory.max',
  coresMax: 'tenon.tenant.cores.max',
  instancesMax: 'tenon.tenant.instances.max',
  runningMax: 'tenon.tenant.running.max',
  waitingMax: 'tenon.tenant.waiting.max',
  waitingBytesMax: 'tenon.tenant.waiting.bytes.max',
  weight: 'tenon.tenant.weight',
} as const;

/** A limit that is none. Survives JSON, as `Infinity` would not. */
export const unlimited = Number.MAX_SAFE_INTEGER;

/** What the node's own settings say, where nothing is configured. */
export type QuotaSettings = {
  readonly groupRunningMax: number;
  readonly groupWaitingMax: number;
  readonly enginesPerUserMax: number;
  readonly engineIdleMs: number;
};

type Parse = (text: string) => number | undefined;

const atLeastOne: Parse = text => {
  const number = parseWhole(text);
  return number === undefined || number < 1 ? undefined : number;
};

const someMemory: Parse = text => {
  const bytes = parseMemory(text);
  return bytes === undefined || bytes < 1 ? undefined : bytes;
};

/** A reservation of next to nothing would let a user fill hosts past what they have. */
const engineMemoryMin = 16 * 1024 ** 2;
const engineMemory: Parse = text => {
  const bytes = parseMemory(text);
  return bytes === undefined || bytes < engineMemoryMin ? undefined : bytes;
};

const someTime: Parse = text => {
  const ms = parseDuration(text);
  return ms === undefined || ms < 1 ? undefined : ms;
};

/** Limits that users may lower for themselves, and never raise. */
const limitParsers = new Map<string, Parse>([
  [quotaKeys.memoryMax, someMemory],
  [quotaKeys.coresMax, atLeastOne],
  [quotaKeys.instancesMax, atLeastOne],
  [quotaKeys.runningMax, atLeastOne],
]);

const gib = 1024 ** 3;
const mib = 1024 ** 2;

/** Linkis' 20G, 10 cores and 10 engines, and never less than what the node's settings let a user have. */
export function defaultQuota(settings: QuotaSettings): Quota {
  const {groupRunningMax, groupWaitingMax, enginesPerUserMax: instances, engineIdleMs} = settings;
  const engine = {memoryBytes: 512 * mib, cores: 1, instances: 1};
  return {
    max: {
      memoryBytes: Math.max(20 * gib, instances * engine.memoryBytes),
      cores: Math.max(10, instances * engine.cores),
      instances,
    },
    engine,
    runningMax: groupRunningMax,
    waitingMax: groupWaitingMax,
    engineIdleMs,
    engineJobsMax: 0,
    warmEngines: 0,
  };
}

/** `defaultQuota` as the texts of its keys, for those whose key has no default of its own. */
export function defaultTexts(settings: QuotaSettings): ReadonlyMap<string, string> {
  const {max, engine, runningMax, waitingMax, engineIdleMs} = defaultQuota(settings);
  return new Map<string, string>([
    [quotaKeys.memoryMax, printMemory(max.memoryBytes)],
    [quotaKeys.coresMax, String(max.cores)],
    [quotaKeys.instancesMax, String(max.instances)],
    [quotaKeys.runningMax, String(runningMax)],
    [quotaKeys.waitingMax, String(waitingMax)],
    [quotaKeys.engineIdle, printDuration(engineIdleMs)],
    [quotaKeys.engineMemory, printMemory(engine.memoryBytes)],
    [quotaKeys.engineCores, String(engine.cores)],
  ]);
}

/** The nearest value that can be read; a user's own is cut at what would hold without it, where it is a limit. */
export function effectiveNumber(
  values: readonly FoundValue[],
  parse: Parse,
  fallback: number,
  isLimit: boolean,
): number {
  const read = values.flatMap(({text, source}) => {
    const number = parse(text);
    return number === undefined ? [] : [{number, source}];
  });
  const [nearest] = read;
  if (nearest === undefined) return fallback;
  if (!isLimit || nearest.source !== 'own') return nearest.number;
  const given = read.find(({source}) => source !== 'own')?.number ?? fallback;
  return Math.min(nearest.number, given);
}

export type QuotaKey = {readonly user: string; readonly creator: string; readonly engineType: string};

const scopeOf = ({user, creator, engineType}: QuotaKey) => ({
  user,
  creator,
  engineType,
  version: engineType === anyone ? anyone : defaultVersionOf(engineType),
});

export function quotaFor(lookup: ConfigurationLookup, key: QuotaKey, settings: QuotaSettings): Quota {
  const scope = scopeOf(key);
  const fallback = defaultQuota(settings);
  const valueOf = (name: string, parse: Parse, otherwise: number): number =>
    effectiveNumber(lookup.valuesFor(name, scope), parse, otherwise, limitParsers.has(name));
  return {
    max: {
      memoryBytes: valueOf(quotaKeys.memoryMax, someMemory, fallback.max.memoryBytes),
      cores: valueOf(quotaKeys.coresMax, atLeastOne, fallback.max.cores),
      instances: valueOf(quotaKeys.instancesMax, atLeastOne, fallback.max.instances),
    },
    engine: {
      memoryBytes: valueOf(quotaKeys.engineMemory, engineMemory, fallback.engine.memoryBytes),
      cores: valueOf(quotaKeys.engineCores, atLeastOne, fallback.engine.cores),
      instances: 1,
    },
    runningMax: valueOf(quotaKeys.runningMax, atLeastOne, fallback.runningMax),
    waitingMax: valueOf(quotaKeys.waitingMax, atLeastOne, fallback.waitingMax),
    engineIdleMs: valueOf(quotaKeys.engineIdle, someTime, fallback.engineIdleMs),
    engineJobsMax: valueOf(quotaKeys.engineJobsMax, parseWhole, fallback.engineJobsMax),
    warmEngines: valueOf(quotaKeys.warmEngines, parseWhole, fallback.warmEngines),
  };
}

export function tenantQuotaFor(lookup: ConfigurationLookup, tenant: string): TenantQuota {
  const valueOf = (name: string, parse: Parse, otherwise: number): number => {
    for (const text of lookup.tenantValuesFor(name, tenant)) {
      const number = parse(text);
      if (number !== undefined) return number;
    }
    return otherwise;
  };
  return {
    max: {
      memoryBytes: valueOf(tenantKeys.memoryMax, someMemory, unlimited),
      cores: valueOf(tenantKeys.coresMax, atLeastOne, unlimited),
      instances: valueOf(tenantKeys.instancesMax, atLeastOne, unlimited),
    },
    runningMax: valueOf(tenantKeys.runningMax, atLeastOne, unlimited),
    waitingMax: valueOf(tenantKeys.waitingMax, atLeastOne, unlimited),
    waitingBytesMax: valueOf(tenantKeys.waitingBytesMax, someMemory, unlimited),
    weight: valueOf(tenantKeys.weight, parseShare, 1),
  };
}

/** What a user's own `text` may at most be; undefined: no limit, or no number, which the key's own rule tells. */
export function raisedAbove(
  lookup: ConfigurationLookup,
  name: string,
  scope: Parameters<ConfigurationLookup['valuesFor']>[1],
  text: string,
  settings: QuotaSettings,
): {readonly allowed: string} | undefined {
  const parse = limitParsers.get(name);
  const wanted = parse?.(text);
  if (parse === undefined || wanted === undefined) return undefined;
  const given = lookup.valuesFor(name, scope).filter(({source}) => source !== 'own');
  const fallback = defaultTexts(settings).get(name) ?? '';
  const allowed = given.find(({text: each}) => parse(each) !== undefined)?.text ?? fallback;
  return wanted > (parse(allowed) ?? unlimited) ? {allowed} : undefined;
}

const rememberedMax = 10_000;

/** Answers from what was read last, and remembers its answers until that changes. */
export function createQuotaSource(
  configuration: {
    readonly current: () => ConfigurationLookup;
    readonly onChange: (listener: () => void) => () => void;
  },
  settings: QuotaSettings,
): QuotaSource {
  const quotas = new Map<string, Quota>();
  const tenants = new Map<string, TenantQuota>();
  let of: ConfigurationLookup | undefined;

  function remembered<Value>(
    values: Map<string, Value>,
    key: string,
    make: (now: ConfigurationLookup) => Value,
  ): Value {
    const now = configuration.current();
    if (now !== of) {
      quotas.clear();
      tenants.clear();
      of = now;
    }
    const known = values.get(key);
    if (known !== undefined) return known;
    const made = make(now);
    if (values.size >= rememberedMax) values.clear();
    values.set(key, made);
    return made;
  }

  return {
    quotaOf: key =>
      remembered(quotas, JSON.stringify([key.user, key.creator, key.engineType]), now =>
        quotaFor(now, key, settings),
      ),
    tenantQuotaOf: tenant => remembered(tenants, tenant, now => tenantQuotaFor(now, tenant)),
    onChange: listener => configuration.onChange(listener),
  };
}
