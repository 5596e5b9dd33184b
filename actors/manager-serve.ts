/**
 * Who gets the next engine. Among tenants the one with the fewest engines for its weight goes first, within a tenant the key
 * with the fewest, then the one that waits longest: weighted max-min fairness (Bertsekas & Gallager, Data Networks, 6.5.2). What
 * is free is granted at once; where nothing is, `manager-recall.ts` makes room.
 */
import type {Resources} from './engine-governance.ts';
import {reserve, usedOf} from './ledger.ts';
import {ecmsFor, firstBar, isOpen, type Bar} from './manager-gates.ts';
import type {GateName} from './gate.ts';
import {isRecallDue, makeRoomFor, recallIdleOf} from './manager-recall.ts';
import {
  deny,
  enginesOfKey,
  isForJobs,
  park,
  shareOf,
  settleWanting,
  type KnownEcm,
  type ManagerEffect,
  type ManagerState,
  type Wanting,
} from './manager-state.ts';

/** How many that can't be placed are looked at before the rest waits for the next change. */
const triesMax = 64;

/** One turn of serving: what it decided, and the quotas of which no engine idles. */
type Turn = {readonly effects: ManagerEffect[]; readonly searched: Set<string>};

export function serve(state: ManagerState, effects: ManagerEffect[]): void {
  if (state.phase !== 'active' || state.tenants.size === 0) return;
  const turn: Turn = {effects, searched: new Set()};
  if (!hasRoom(state)) {
    for (const {keys} of state.tenants.values()) {
      for (const wanting of keys) if (wanting.gate === null) tellGate(state, wanting, 'ecm', effects);
    }
    if (state.ecms.size === 0)
      for (const wanting of allWanting(state)) serveOne(state, wanting, new Set(), turn);
    return makeRoom(state, turn);
  }
  const unplaced = new Set<Wanting>();
  while (unplaced.size < triesMax && hasRoom(state)) {
    const wanting = next(state, unplaced);
    if (wanting === undefined) break;
    serveOne(state, wanting, unplaced, turn);
  }
  makeRoom(state, turn);
}

/** For the first that a quota does not hold up anyway. */
function makeRoom(state: ManagerState, turn: Turn): void {
  for (let tries = 0; tries < triesMax && isRecallDue(state); tries += 1) {
    const first = next(state, nobody);
    if (first === undefined || !isForJobs(first)) return;
    const bar = firstBar(state, first.key);
    if (bar === undefined) return makeRoomFor(state, first, turn.effects);
    holdAll(state, first, bar, turn);
  }
}

/** From time to time: who wants what nobody runs must not wait for a change that never comes. */
export function checkHopes(state: ManagerState, effects: ManagerEffect[]): void {
  if (state.phase !== 'active') return;
  for (const wanting of allWanting(state)) {
    checkHope(state, ecmsFor(state, wanting.key), wanting, state.limits.quotaOf(wanting.key).engine, effects);
  }
}

const nobody: ReadonlySet<Wanting> = new Set();

/** Whether any ECM could start any engine. Cheap, and mostly the answer where many wait. */
function hasRoom({ecms, ledger}: ManagerState): boolean {
  for (const {account, capacity, health} of ecms.values()) {
    if (health !== 'Healthy' && health !== 'WARN') continue;
    if (usedOf(ledger, account).instances < capacity.instances) return true;
  }
  return false;
}

const allWanting = ({tenants}: ManagerState): readonly Wanting[] =>
  [...tenants.values()].flatMap(({keys}) => [...keys]);

/** The one whose turn it is, of those that were not tried in vain. Jobs go before engines that are to be kept warm. */
const next = (state: ManagerState, unplaced: ReadonlySet<Wanting>): Wanting | undefined =>
  nextOf(state, unplaced, true) ?? nextOf(state, unplaced, false);

function nextOf(state: ManagerState, unplaced: ReadonlySet<Wanting>, isForJob: boolean): Wanting | undefined {
  let best: Wanting | undefined;
  let bestShare = Number.POSITIVE_INFINITY;
  let bestEngines = 0;
  for (const {name, keys} of state.tenants.values()) {
    const share = shareOf(state, name);
    if (share > bestShare) continue;
    for (const wanting of keys) {
      if (unplaced.has(wanting) || isForJobs(wanting) !== isForJob) continue;
      const engines = enginesOfKey(state, wanting);
      // Of equal ones the one that waits longest.
      const isNext =
        best === undefined ||
        share < bestShare ||
        engines < bestEngines ||
        (engines === bestEngines && wanting.sinceMs < best.sinceMs);
      if (isNext) [best, bestShare, bestEngines] = [wanting, share, engines];
    }
  }
  return best;
}

function serveOne(state: ManagerState, wanting: Wanting, unplaced: Set<Wanting>, turn: Turn): void {
  const {key} = wanting;
  const {effects} = turn;
  const bar = firstBar(state, key);
  if (bar !== undefined) return holdAll(state, wanting, bar, turn);
  const {engine} = state.limits.quotaOf(key);
  const fit = ecmsFor(state, key);
  const place = roomiest(state, fit, wanting, engine);
  if (place === undefined) {
    unplaced.add(wanting);
    tellGate(state, wanting, 'ecm', effects);
    checkHope(state, fit, wanting, engine, effects);
    return;
  }
  wanting.impossibleSinceMs = undefined;
  grant(state, wanting, place, engine, effects);
}

/** With it all of its tenant, where that has used up its quota: none of them need be chosen first to find out. */
function holdAll(state: ManagerState, wanting: Wanting, bar: Bar, turn: Turn): void {
  hold(state, wanting, bar, turn);
  if (bar.gate !== 'tenant') return;
  for (const other of state.tenants.get(wanting.key.tenant)?.keys ?? []) {
    const barOfOther = firstBar(state, other.key);
    if (barOfOther !== undefined) hold(state, other, barOfOther, turn);
  }
}

/** A quota is used up: it is looked at again when something of that account is given back. */
function hold(state: ManagerState, wanting: Wanting, bar: Bar, {effects, searched}: Turn): void {
  const {account, gate, unit, isHopeless} = bar;
  park(state, wanting, account);
  tellGate(state, wanting, gate, effects);
  if (isHopeless) {
    refuseForEver(state, wanting, quotaCodes[unit], effects);
    wanting.isHopeless = true;
    return;
  }
  if (!isForJobs(wanting) || searched.has(account)) return;
  if (!recallIdleOf(state, account, effects)) searched.add(account);
}

function grant(
  state: ManagerState,
  wanting: Wanting,
  {instance}: KnownEcm,
  resources: Resources,
  effects: ManagerEffect[],
): void {
  const {key, entrance} = wanting;
  const {fence, idPrefix} = state.settings;
  const engineId = `${idPrefix}-${state.nextEngine}`;
  state.nextEngine += 1;
  wanting.grantsIssued += 1;
  reserve(state.ledger, {
    engineId,
    key,
    ecm: instance,
    entrance: entrance.instance,
    resources,
    phase: 'granted',
    sinceMs: state.nowMs,
  });
  tellGate(state, wanting, null, effects);
  effects.push({
    type: 'notify',
    to: entrance.replyTo,
    notice: {type: 'grant', fence, key, engineId, ecm: instance, reserved: resources},
  });
  settleWanting(state, wanting);
}

/** The entrance's own, whose results need not be copied, as long as others are not clearly emptier. */
function roomiest(
  state: ManagerState,
  fit: readonly KnownEcm[],
  {key, entrance}: Wanting,
  wanted: Resources,
): KnownEcm | undefined {
  let best: KnownEcm | undefined;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const ecm of fit) {
    if (!isOpen(state, ecm, key.user, wanted)) continue;
    const {capacity, instance, health, account} = ecm;
    const used = usedOf(state.ledger, account);
    const load =
      Math.max(
        used.instances / capacity.instances,
        used.memoryBytes / capacity.memoryBytes,
        used.cores / capacity.cores,
      ) +
      (health === 'WARN' ? warnPenalty : 0) -
      (instance === entrance.instance ? ownBonus : 0);
    if (load < bestLoad) [best, bestLoad] = [ecm, load];
  }
  return best;
}

const ownBonus = 0.25;
const warnPenalty = 0.5;

function tellGate(
  {settings: {fence}}: ManagerState,
  wanting: Wanting,
  gate: GateName | null,
  effects: ManagerEffect[],
): void {
  if (wanting.gate === gate) return;
  wanting.gate = gate;
  const {key, entrance} = wanting;
  effects.push({type: 'notify', to: entrance.replyTo, notice: {type: 'waits', fence, key, gate}});
}

/* ---- what can never be had ---- */

/** Linkis' RMErrorCode: user memory, cores, instances; ECM total. */
const quotaCodes = {memoryBytes: 12_004, cores: 12_005, instances: 12_006} as const;
const noEcmCode = 30_002;
const ecmTooSmallCode = 11_000;

function checkHope(
  state: ManagerState,
  fit: readonly KnownEcm[],
  wanting: Wanting,
  wanted: Resources,
  effects: ManagerEffect[],
): void {
  const isTooSmall = ({capacity}: KnownEcm): boolean =>
    wanted.memoryBytes > capacity.memoryBytes ||
    wanted.cores > capacity.cores ||
    wanted.instances > capacity.instances;
  if (!fit.every(isTooSmall)) {
    wanting.impossibleSinceMs = undefined;
    return;
  }
  wanting.impossibleSinceMs ??= state.nowMs;
  // One may be restarting.
  if (state.nowMs - wanting.impossibleSinceMs < state.settings.impossibleMs) return;
  refuseForEver(state, wanting, fit.length === 0 ? noEcmCode : ecmTooSmallCode, effects);
}

function refuseForEver(state: ManagerState, wanting: Wanting, code: number, effects: ManagerEffect[]): void {
  const {engineType, user, tenant, pin} = wanting.key;
  const engine = state.limits.quotaOf(wanting.key).engine;
  const need = `${Math.round(engine.memoryBytes / 1_048_576)} MB, ${engine.cores} cores, ${engine.instances} engine`;
  const where = `${tenant === '' ? '' : ` for tenant ${tenant}`}${pin === '' ? '' : ` at ${pin}`}`;
  const message =
    code === noEcmCode
      ? `No ECM of the cluster runs ${engineType}${where}. Start one, or submit with other labels.`
      : code === ecmTooSmallCode
        ? `No ECM is large enough for an engine of ${engineType} (${need})${where}.`
        : `One engine of ${engineType} (${need}) is more than the quota of ${user} allows. Have the quota raised.`;
  deny(wanting, state.settings.fence, {code, message, retryable: code === noEcmCode}, effects);
}
