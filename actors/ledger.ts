/**
 * Who has which resources (Linkis' resource manager): reservations of live engines, and their sums by account. Sums are
 * derived from the reservations as these come and go, and `drift` compares them with a sum over all: used can't leak (G5).
 */
import {printEngineKey, type EngineKey} from './engine-key.ts';
import type {Resources} from './engine-governance.ts';

export type Reservation = {
  readonly engineId: string;
  readonly key: EngineKey;
  /** `host:port` of the ECM. */
  readonly ecm: string;
  /** `host:port` of the entrance that it was granted to; empty while nobody owns it. */
  readonly entrance: string;
  readonly resources: Resources;
  /** `granted`: nobody has reported it yet. */
  readonly phase: 'granted' | 'live';
  /** Since when it is in this phase, on the manager's clock. */
  readonly sinceMs: number;
  readonly taskID?: number;
};

/** Accounts are named by kind: `tenant`, `use` (user, creator, engine type), `type`, `ecm`, `ecmUser`, `key`. */
export type AccountKind = 'tenant' | 'use' | 'type' | 'ecm' | 'ecmUser' | 'key';

type Sum = {
  memoryBytes: number;
  cores: number;
  instances: number;
  readonly engines: Set<string>;
};

/** Owned by the manager's machine, which changes it in place. */
export type Ledger = {
  readonly reservations: Map<string, Reservation>;
  readonly sums: Map<string, Sum>;
};

export const emptyLedger = (): Ledger => ({reservations: new Map(), sums: new Map()});

const none: Resources = {memoryBytes: 0, cores: 0, instances: 0};

export const accountOf = (kind: AccountKind, ...names: readonly string[]): string =>
  [kind, ...names].join('\n');

const accountsOf = ({key, ecm}: Reservation): readonly string[] => [
  accountOf('tenant', key.tenant),
  accountOf('use', key.user, key.creator, key.engineType),
  accountOf('type', key.engineType),
  accountOf('ecm', ecm),
  accountOf('ecmUser', ecm, key.user),
  accountOf('key', printEngineKey(key)),
];

/** Adds it, or replaces the one of the same engine. */
export function reserve(ledger: Ledger, reservation: Reservation): void {
  const {engineId, key, ecm, resources} = reservation;
  const known = ledger.reservations.get(engineId);
  if (known?.key === key && known.ecm === ecm && known.resources === resources) {
    // Its sums stay as they are.
    ledger.reservations.set(engineId, reservation);
    return;
  }
  free(ledger, engineId);
  ledger.reservations.set(reservation.engineId, reservation);
  for (const name of accountsOf(reservation)) {
    const sum = ledger.sums.get(name) ?? {...none, engines: new Set<string>()};
    add(sum, reservation, 1);
    sum.engines.add(engineId);
    ledger.sums.set(name, sum);
  }
}

/** Idempotent. Answers what was given back. */
export function free(ledger: Ledger, engineId: string): Reservation | undefined {
  const reservation = ledger.reservations.get(engineId);
  if (reservation === undefined) return undefined;
  ledger.reservations.delete(engineId);
  for (const name of accountsOf(reservation)) {
    const sum = ledger.sums.get(name);
    if (sum === undefined) continue;
    add(sum, reservation, -1);
    sum.engines.delete(engineId);
    if (sum.engines.size === 0) ledger.sums.delete(name);
  }
  return reservation;
}

function add(sum: Sum, {resources}: Reservation, sign: 1 | -1): void {
  sum.memoryBytes += sign * resources.memoryBytes;
  sum.cores += sign * resources.cores;
  sum.instances += sign * resources.instances;
}

export const usedOf = ({sums}: Ledger, account: string): Resources => sums.get(account) ?? none;

export const enginesOf = ({sums}: Ledger, account: string): ReadonlySet<string> =>
  sums.get(account)?.engines ?? noEngines;

const noEngines: ReadonlySet<string> = new Set();

/** Accounts whose sum is not that of their reservations; empty, unless there is a fault of ours. */
export function drift({reservations, sums}: Ledger): readonly string[] {
  const fresh = emptyLedger();
  for (const reservation of reservations.values()) reserve(fresh, reservation);
  const names = new Set([...sums.keys(), ...fresh.sums.keys()]);
  return [...names].filter(name => {
    const [one, other] = [sums.get(name) ?? none, fresh.sums.get(name) ?? none];
    // Fractions of cores don't add up exactly.
    return units.some(unit => Math.abs(one[unit] - other[unit]) > 1e-6);
  });
}

export const units = ['instances', 'memoryBytes', 'cores'] as const satisfies readonly (keyof Resources)[];

/** The first unit of which `used + wanted` is more than `max`; undefined if there is room. */
export const lackOf = (
  used: Resources,
  wanted: Resources,
  max: Resources,
): (typeof units)[number] | undefined => units.find(unit => used[unit] + wanted[unit] > max[unit]);
