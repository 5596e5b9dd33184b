/**
 * How room is made for who lacks an engine: one that idles makes way; where none does, a tenant that has more than its share
 * gives one back when its job ends, and within a tenant a key that has more than another. Nobody's job is interrupted.
 */
import {printEngineKey} from './engine-key.ts';
import {accountOf, enginesOf, usedOf} from './ledger.ts';
import {ecmsFor} from './manager-gates.ts';
import {
  enginesOfKey,
  lacking,
  recallsUnderWay,
  shareOf,
  spareOf,
  type ManagerEffect,
  type ManagerState,
  type Wanting,
} from './manager-state.ts';

/** Who uses an engine, and on which ECM. */
type Holder = {readonly wanting: Wanting; readonly ecm: string};

/** Looking at every engine takes a millisecond for a thousand of them. */
const recallEveryMs = 50;

/**
 * An idle engine of this account makes way for another of it; false: none idles. Also one of the same key: its entrance would
 * not lack an engine while it has an idle one, unless a job wants one that nobody has used.
 */
export function recallIdleOf(state: ManagerState, account: string, effects: ManagerEffect[]): boolean {
  for (const engineId of enginesOf(state.ledger, account)) {
    const holder = holderOf(state, engineId);
    if (holder === undefined || spareOf(holder.wanting) <= 0) continue;
    issue(state, holder, false, effects);
    return true;
  }
  return false;
}

export const isRecallDue = ({nowMs, recalledMs}: ManagerState): boolean =>
  nowMs - recalledMs >= recallEveryMs;

/** For the one whose turn it is, where no ECM has room for it. */
export function makeRoomFor(state: ManagerState, wanting: Wanting, effects: ManagerEffect[]): void {
  state.recalledMs = state.nowMs;
  const toCome = roomToCome(state);
  const mine = wanting.key.tenant;
  if (toCome >= lackingOf(state, mine)) return;
  const holders = holdersNear(state, wanting);
  const idle = most(holders, ({wanting: other}) =>
    spareOf(other) > 0 ? shareOf(state, other.key.tenant) : undefined,
  );
  if (idle !== undefined) return issue(state, idle, false, effects);
  // As if all the room to come were given to this one, and the others had lost it.
  const target = shareOf(state, mine, toCome + 1);
  const leavingOf = leavingByTenant(state);
  const donor = most(holders, ({wanting: other}) => {
    const {tenant} = other.key;
    if (tenant !== mine) {
      const share = shareOf(state, tenant, -(leavingOf.get(tenant) ?? 0));
      return share > target ? share : undefined;
    }
    const surplus = enginesOfKey(state, other) - leaving(other) - enginesOfKey(state, wanting) - toCome;
    return surplus > 1 ? surplus / Number.MAX_SAFE_INTEGER : undefined;
  });
  if (donor !== undefined) issue(state, donor, true, effects);
}

/** Engines whose end would give this one room. */
function holdersNear(state: ManagerState, {key}: Wanting): readonly Holder[] {
  const holders: Holder[] = [];
  for (const {instance, enginesPerUserMax, health} of ecmsFor(state, key)) {
    if (health !== 'Healthy' && health !== 'WARN') continue;
    const ofUser = accountOf('ecmUser', instance, key.user);
    const isUserFull = usedOf(state.ledger, ofUser).instances >= enginesPerUserMax;
    for (const engineId of enginesOf(state.ledger, isUserFull ? ofUser : accountOf('ecm', instance))) {
      const holder = holderOf(state, engineId);
      if (holder !== undefined) holders.push(holder);
    }
  }
  return holders;
}

function holderOf({ledger, entrances}: ManagerState, engineId: string): Holder | undefined {
  const reservation = ledger.reservations.get(engineId);
  if (reservation === undefined) return undefined;
  const {key, entrance, ecm} = reservation;
  const wanting = entrances.get(entrance)?.keys.get(printEngineKey(key));
  return wanting && {wanting, ecm};
}

/** The one with the highest value; undefined: not eligible. */
function most(
  holders: readonly Holder[],
  valueOf: (holder: Holder) => number | undefined,
): Holder | undefined {
  let best: Holder | undefined;
  let bestValue = Number.NEGATIVE_INFINITY;
  for (const holder of holders) {
    const value = valueOf(holder);
    if (value !== undefined && value > bestValue) [best, bestValue] = [holder, value];
  }
  return best;
}

/** Engines that will be given back without being asked again. */
const leaving = (wanting: Wanting): number => wanting.ending + recallsUnderWay(wanting);

function roomToCome({entrances}: ManagerState): number {
  let sum = 0;
  for (const {keys} of entrances.values()) for (const wanting of keys.values()) sum += leaving(wanting);
  return sum;
}

function leavingByTenant({entrances}: ManagerState): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const {keys} of entrances.values()) {
    for (const wanting of keys.values()) {
      const {tenant} = wanting.key;
      sums.set(tenant, (sums.get(tenant) ?? 0) + leaving(wanting));
    }
  }
  return sums;
}

function lackingOf({tenants}: ManagerState, tenant: string): number {
  let sum = 0;
  for (const wanting of tenants.get(tenant)?.keys ?? []) sum += lacking(wanting);
  return sum;
}

function issue(
  {settings: {fence}, nowMs, recalled}: ManagerState,
  {wanting, ecm}: Holder,
  isForced: boolean,
  effects: ManagerEffect[],
): void {
  wanting.recallsIssued += 1;
  wanting.recalledMs = nowMs;
  recalled.add(wanting);
  const {key, entrance} = wanting;
  effects.push({
    type: 'notify',
    to: entrance.replyTo,
    notice: {type: 'recall', fence, key, ecm, isForced},
  });
}
