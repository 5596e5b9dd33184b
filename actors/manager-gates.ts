/** What stands between a key and another engine: quotas first, then room on an ECM. The same rules decide and explain. */
import type {EngineKey} from './engine-key.ts';
import type {Resources} from './engine-governance.ts';
import {holdersMax, type Gate, type GateHolder, type GateName} from './gate.ts';
import {accountOf, enginesOf, lackOf, usedOf} from './ledger.ts';
import type {KnownEcm, ManagerState} from './manager-state.ts';

type Unit = keyof Resources;

/** A quota that is used up: by whom, of what, and how much. */
export type Bar = {
  readonly gate: GateName;
  readonly account: string;
  readonly unit: Unit;
  readonly value: number;
  readonly limit: number;
  /** One engine alone is more than the limit: waiting does not help. */
  readonly isHopeless: boolean;
};

const unlimited: Resources = {
  memoryBytes: Number.POSITIVE_INFINITY,
  cores: Number.POSITIVE_INFINITY,
  instances: Number.POSITIVE_INFINITY,
};

export function firstBar(state: ManagerState, key: EngineKey): Bar | undefined {
  const {engineType, user, creator, tenant} = key;
  const quota = state.limits.quotaOf({user, creator, engineType});
  const typeMax = state.limits.engineTypeMax[engineType];
  return (
    barOf(
      state,
      'tenant',
      accountOf('tenant', tenant),
      quota.engine,
      state.limits.tenantQuotaOf(tenant).max,
    ) ??
    barOf(state, 'user', accountOf('use', user, creator, engineType), quota.engine, quota.max) ??
    (typeMax === undefined
      ? undefined
      : barOf(state, 'engineType', accountOf('type', engineType), quota.engine, {
          ...unlimited,
          instances: typeMax,
        }))
  );
}

function barOf(
  {ledger}: ManagerState,
  gate: GateName,
  account: string,
  wanted: Resources,
  max: Resources,
): Bar | undefined {
  const used = usedOf(ledger, account);
  const unit = lackOf(used, wanted, max);
  return (
    unit && {gate, account, unit, value: used[unit], limit: max[unit], isHopeless: wanted[unit] > max[unit]}
  );
}

/** Whether that ECM takes an engine of this key now: `ecmBar` without the words. */
export function isOpen({ledger}: ManagerState, ecm: KnownEcm, user: string, wanted: Resources): boolean {
  const {instance, account, health, capacity, enginesPerUserMax} = ecm;
  return (
    (health === 'Healthy' || health === 'WARN') &&
    lackOf(usedOf(ledger, account), wanted, capacity) === undefined &&
    usedOf(ledger, accountOf('ecmUser', instance, user)).instances + wanted.instances <= enginesPerUserMax
  );
}

/** Why an ECM takes no engine of this key now; undefined if it does. */
export function ecmBar(
  state: ManagerState,
  ecm: KnownEcm,
  key: EngineKey,
  wanted: Resources,
): Gate | undefined {
  const {instance, health, healthReason, capacity} = ecm;
  const {ledger} = state;
  const of = (what: string, opens: string, rest: Partial<Gate> = {}): Gate => ({
    gate: 'ecm',
    unit: 'instances',
    value: usedOf(ledger, accountOf('ecm', instance)).instances,
    limit: capacity.instances,
    holders: [],
    what: `ECM ${instance} ${what}`,
    opens,
    ...rest,
  });
  if (health !== 'Healthy' && health !== 'WARN') {
    const why = healthReason === '' ? '' : `: ${healthReason}`;
    return of(
      `is ${health} and starts no engines${why}.`,
      'Its health is restored, or another ECM has room.',
    );
  }
  const account = accountOf('ecm', instance);
  const used = usedOf(ledger, account);
  const unit = lackOf(used, wanted, capacity);
  if (unit !== undefined) {
    return of(
      `has ${count(unit, used[unit])} of ${print(unit, capacity[unit])} in use.`,
      'An engine there ends, or becomes idle and makes way.',
      {unit, value: used[unit], limit: capacity[unit], holders: holdersOf(state, account, unit)},
    );
  }
  const ofUser = accountOf('ecmUser', instance, key.user);
  const {instances} = usedOf(ledger, ofUser);
  if (instances + wanted.instances > ecm.enginesPerUserMax) {
    return of(
      `runs ${instances} engines of ${key.user}, at most ${ecm.enginesPerUserMax} are allowed.`,
      `An engine of ${key.user} there ends or becomes idle.`,
      {value: instances, limit: ecm.enginesPerUserMax, holders: holdersOf(state, ofUser, 'instances')},
    );
  }
  return undefined;
}

/**
 * Where engines of this key may run at all: by engine type and pin; on ECMs that carry its tenant as label if there are any,
 * else on those without a tenant.
 */
export function ecmsFor({ecms}: ManagerState, {engineType, tenant, pin}: EngineKey): readonly KnownEcm[] {
  const open: KnownEcm[] = [];
  const ofTenant: KnownEcm[] = [];
  for (const ecm of ecms.values()) {
    if (!ecm.engineTypes.includes(engineType) || (pin !== '' && pin !== ecm.instance)) continue;
    const label = ecm.labels['tenant'] ?? '';
    if (label === '') open.push(ecm);
    else if (label === tenant) ofTenant.push(ecm);
  }
  return ofTenant.length > 0 ? ofTenant : open;
}

/** All gates of a key, for people. Empty: the next engine can be granted. */
export function gatesOf(state: ManagerState, key: EngineKey): readonly Gate[] {
  const {user, creator, engineType} = key;
  const gates: Gate[] = [];
  if (state.phase === 'gathering') gates.push(gathering(state));
  const bar = firstBar(state, key);
  if (bar !== undefined) gates.push(gateOfBar(state, bar, key));
  const {engine} = state.limits.quotaOf({user, creator, engineType});
  const fit = ecmsFor(state, key);
  if (fit.length === 0) gates.push(nobodyServes(state, key));
  const bars = fit.map(ecm => ecmBar(state, ecm, key, engine));
  // One with room is enough.
  if (bars.every(found => found !== undefined)) gates.push(...bars.slice(0, holdersMax));
  return gates;
}

export function gateOfBar(state: ManagerState, bar: Bar, key: EngineKey): Gate {
  const {gate, account, unit, value, limit} = bar;
  const owner = ownerOf(gate, key);
  return {
    gate,
    unit,
    value,
    limit,
    holders: holdersOf(state, account, unit),
    what: `${owner} has ${count(unit, value)} of ${print(unit, limit)} in use.`,
    opens: bar.isHopeless
      ? `The quota of ${owner} is raised: one engine alone needs more.`
      : `An engine of ${owner} ends or becomes idle, or the quota is raised.`,
  };
}

function ownerOf(gate: GateName, {user, creator, engineType, tenant}: EngineKey): string {
  if (gate === 'tenant') return tenant === '' ? 'Everybody without a tenant' : `Tenant ${tenant}`;
  return gate === 'engineType'
    ? `Engine type ${engineType}`
    : `${user} with creator ${creator} and ${engineType}`;
}

const gathering = ({settings, expected, ecms}: ManagerState): Gate => ({
  gate: 'manager',
  unit: 'reports',
  value: [...expected].filter(instance => ecms.has(instance)).length,
  limit: expected.size,
  holders: [],
  what: `The manager of ${settings.instance} has just taken over and grants nothing yet.`,
  opens: `Every ECM has reported what it runs, or ${settings.gatherMs} ms have passed.`,
});

const nobodyServes = ({ecms}: ManagerState, {engineType, tenant, pin}: EngineKey): Gate => ({
  gate: 'ecm',
  unit: 'ecms',
  value: 0,
  limit: 1,
  holders: [],
  what:
    `None of ${ecms.size} ECMs runs ${engineType}` +
    `${tenant === '' ? '' : ` for tenant ${tenant}`}${pin === '' ? '' : ` at ${pin}`}.`,
  opens: 'An ECM that does joins the cluster.',
});

function holdersOf({ledger}: ManagerState, account: string, unit: Unit): readonly GateHolder[] {
  const byKey = new Map<string, GateHolder>();
  for (const engineId of enginesOf(ledger, account)) {
    const reservation = ledger.reservations.get(engineId);
    if (reservation === undefined) continue;
    const {user, creator, engineType} = reservation.key;
    const who = `${user}-${creator} ${engineType}`;
    const holds = (byKey.get(who)?.holds ?? 0) + reservation.resources[unit];
    byKey.set(who, {who, holds, user});
  }
  return [...byKey.values()].toSorted((a, b) => b.holds - a.holds).slice(0, holdersMax);
}

const count = (unit: Unit, value: number): number =>
  unit === 'memoryBytes' ? Math.round(value / 1_048_576) : value;

const words: Readonly<Record<Unit, string>> = {
  memoryBytes: 'MB of memory',
  cores: 'cores',
  instances: 'engines',
};

const print = (unit: Unit, value: number): string => `${count(unit, value)} ${words[unit]}`;
