/** What the manager knows: of entrances what they stated, of ECMs what they reported, and the ledger that follows from both. */
import {printEngineKey, type EngineKey} from './engine-key.ts';
import type {EngineTypeLimits} from './engine-type-limits.ts';
import type {QuotaSource} from './engine-governance.ts';
import type {GateName} from './gate.ts';
import {accountOf, emptyLedger, enginesOf, type Ledger} from './ledger.ts';
import type {EcmReport, GroupLoad, ManagerNotice} from './manager-protocol.ts';
import type {Failure} from './domain/errors.ts';
import type {Ref} from './runtime/ref.ts';

export type ManagerLimits = Pick<QuotaSource, 'quotaOf' | 'tenantQuotaOf'> & {
  /** Engines of a type in the whole cluster; absent: any number. */
  readonly engineTypeMax: EngineTypeLimits;
};

export type ManagerSettings = {
  readonly instance: string;
  readonly fence: number;
  /** Engines are named by it and a number; no other manager has it. */
  readonly idPrefix: string;
  /** How long a new manager waits for reports of ECMs that it knows to live. */
  readonly gatherMs: number;
  /** A granted engine that nobody reports for so long was never started. */
  readonly grantMs: number;
  /** A live engine that its ECM reports no more for so long is gone. */
  readonly lostMs: number;
  /** How long no ECM may offer an engine type before who wants it is told that there is none. */
  readonly impossibleMs: number;
};

/** Of a manager whose engines take at most `launchTimeoutMs` to start. Reports come once a second. */
export const managerTimes = (
  launchTimeoutMs: number,
): Pick<ManagerSettings, 'gatherMs' | 'grantMs' | 'lostMs' | 'impossibleMs'> => ({
  gatherMs: 5000,
  // Beyond the launch's own time, until it is reported.
  grantMs: launchTimeoutMs + 5000,
  lostMs: 5000,
  impossibleMs: 30_000,
});

/** One key of one entrance. */
export type Wanting = {
  readonly entrance: EntranceRecord;
  readonly key: EngineKey;
  readonly keyText: string;
  /** Of the ledger. */
  readonly account: string;
  /** Of the entrance's counts. */
  life: number;
  wanted: number;
  sinceMs: number;
  idle: number;
  ending: number;
  grantsIssued: number;
  grantsTaken: number;
  recallsIssued: number;
  recallsTaken: number;
  /** When the last recall was issued. */
  recalledMs: number;
  /** The account whose quota it waits for; it is not looked at until something of that account is given back. */
  parkedAt: string | undefined;
  /** That quota is less than one engine needs. */
  isHopeless: boolean;
  gate: GateName | null;
  /** Since when nobody could ever give it an engine. */
  impossibleSinceMs: number | undefined;
};

export type EntranceRecord = {
  readonly instance: string;
  incarnation: string;
  sequence: number;
  replyTo: Ref<ManagerNotice>;
  readonly keys: Map<string, Wanting>;
  load: readonly GroupLoad[];
};

/** Those of one tenant that lack engines and wait for no quota. */
export type TenantWants = {readonly name: string; readonly keys: Set<Wanting>};

/** With the name of its account, which is asked for at every decision. */
export type KnownEcm = EcmReport & {readonly account: string};

/** Owned by the machine, which changes it in place. */
export type ManagerState = {
  readonly settings: ManagerSettings;
  limits: ManagerLimits;
  phase: 'gathering' | 'active';
  readonly startedMs: number;
  nowMs: number;
  /** ECMs known to live, whether or not they have reported. */
  expected: ReadonlySet<string>;
  readonly ecms: Map<string, KnownEcm>;
  /** By instance. */
  readonly entrances: Map<string, EntranceRecord>;
  readonly ledger: Ledger;
  readonly tenants: Map<string, TenantWants>;
  readonly parked: Map<string, Set<Wanting>>;
  /** Those that have been asked to give an engine back, and have not said that they heard. */
  readonly recalled: Set<Wanting>;
  /** Engines given back a moment ago, oldest first, with when. */
  readonly gone: Map<string, number>;
  nextEngine: number;
  healed: number;
  recalledMs: number;
};

export type ManagerEffect =
  | {type: 'notify'; to: Ref<ManagerNotice>; notice: ManagerNotice}
  | {type: 'answer'; answer: () => void}
  | {type: 'log'; level: 'info' | 'warn'; fields: object; text: string};

export const emptyManager = (
  settings: ManagerSettings,
  limits: ManagerLimits,
  nowMs: number,
): ManagerState => ({
  settings,
  limits,
  phase: 'gathering',
  startedMs: nowMs,
  nowMs,
  expected: new Set(),
  ecms: new Map(),
  entrances: new Map(),
  ledger: emptyLedger(),
  tenants: new Map(),
  parked: new Map(),
  recalled: new Set(),
  gone: new Map(),
  nextEngine: 1,
  healed: 0,
  recalledMs: 0,
});

/** Engines that it lacks, beyond those that are granted and under way. */
export const lacking = ({wanted, grantsIssued, grantsTaken}: Wanting): number =>
  wanted - (grantsIssued - grantsTaken);

export const recallsUnderWay = ({recallsIssued, recallsTaken}: Wanting): number =>
  Math.max(0, recallsIssued - recallsTaken);

/** Idle engines that are not asked for yet. */
export const spareOf = (wanting: Wanting): number => wanting.idle - recallsUnderWay(wanting);

/** For jobs; otherwise only to have some ready, which takes no room from anybody. */
export const isForJobs = ({sinceMs}: Wanting): boolean => sinceMs > 0;

export const enginesOfTenant = ({ledger}: ManagerState, tenant: string): number =>
  enginesOf(ledger, accountOf('tenant', tenant)).size;

/** How much a tenant has for its weight, `more` engines included. */
export const shareOf = (state: ManagerState, tenant: string, more = 0): number =>
  (enginesOfTenant(state, tenant) + more) /
  Math.max(state.limits.tenantQuotaOf(tenant).weight, smallestWeight);

const smallestWeight = 0.001;

export const enginesOfKey = ({ledger}: ManagerState, {account}: Wanting): number =>
  enginesOf(ledger, account).size;

export function wantingOf(entrance: EntranceRecord, key: EngineKey): Wanting {
  const keyText = printEngineKey(key);
  const known = entrance.keys.get(keyText);
  if (known !== undefined) return known;
  const made: Wanting = {
    entrance,
    key,
    keyText,
    account: accountOf('key', keyText),
    life: 0,
    wanted: 0,
    sinceMs: 0,
    idle: 0,
    ending: 0,
    grantsIssued: 0,
    grantsTaken: 0,
    recallsIssued: 0,
    recallsTaken: 0,
    recalledMs: 0,
    parkedAt: undefined,
    isHopeless: false,
    gate: null,
    impossibleSinceMs: undefined,
  };
  entrance.keys.set(keyText, made);
  return made;
}

/** Puts it among those to be served, or takes it out, as its lack says. */
export function settleWanting(state: ManagerState, wanting: Wanting): void {
  const {tenant} = wanting.key;
  const wants = state.tenants.get(tenant);
  if (lacking(wanting) > 0 && wanting.parkedAt === undefined) {
    if (wants === undefined) state.tenants.set(tenant, {name: tenant, keys: new Set([wanting])});
    else wants.keys.add(wanting);
    return;
  }
  wants?.keys.delete(wanting);
  if (wants?.keys.size === 0) state.tenants.delete(tenant);
  if (lacking(wanting) <= 0) unpark(state, wanting);
}

export function park(state: ManagerState, wanting: Wanting, account: string): void {
  wanting.parkedAt = account;
  const parked = state.parked.get(account);
  if (parked === undefined) state.parked.set(account, new Set([wanting]));
  else parked.add(wanting);
  settleWanting(state, wanting);
}

export function unpark(state: ManagerState, wanting: Wanting): void {
  const {parkedAt} = wanting;
  if (parkedAt === undefined) return;
  wanting.parkedAt = undefined;
  wanting.isHopeless = false;
  const parked = state.parked.get(parkedAt);
  parked?.delete(wanting);
  if (parked?.size === 0) state.parked.delete(parkedAt);
}

/** Something of these accounts was given back: who waited for it is looked at again. */
export function unparkAt(state: ManagerState, accounts: readonly string[]): void {
  for (const account of accounts) {
    for (const wanting of state.parked.get(account) ?? []) {
      unpark(state, wanting);
      settleWanting(state, wanting);
    }
  }
}

/** An engine of this key is gone, or idles: who waits for what it holds is looked at again. */
export const unparkFor = (state: ManagerState, {user, creator, engineType, tenant}: EngineKey): void =>
  unparkAt(state, [
    accountOf('tenant', tenant),
    accountOf('use', user, creator, engineType),
    accountOf('type', engineType),
  ]);

export const unparkAll = (state: ManagerState): void => unparkAt(state, [...state.parked.keys()]);

/** Every job of it is told. */
export function deny(wanting: Wanting, fence: number, failure: Failure, effects: ManagerEffect[]): void {
  const {key, entrance} = wanting;
  for (let count = lacking(wanting); count > 0; count -= 1) {
    effects.push({type: 'notify', to: entrance.replyTo, notice: {type: 'denied', fence, key, failure}});
  }
}
