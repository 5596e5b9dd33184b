/**
 * The manager (Linkis' application and resource manager): one in the cluster, by lease. It decides who may start an engine and
 * on which ECM; engines, jobs and their messages never pass through it. All it knows was stated by entrances and reported by
 * ECMs a moment ago, so a successor needs nothing from it (decision 31): it grants nothing until every ECM that is known to
 * live has reported, and then knows the same.
 *
 *   gathering ──all ECMs have reported, or `gatherMs` have passed──▶ active
 */
import {printEngineKey} from './engine-key.ts';
import {accountOf, drift, free, reserve, usedOf, type Reservation} from './ledger.ts';
import {gatesOf} from './manager-gates.ts';
import type {
  EcmReport,
  ManagerCommand,
  NodeMetrics,
  ReportedEngine,
  ReservedEngine,
  ResourceReport,
  Statement,
} from './manager-protocol.ts';
import {checkHopes, serve} from './manager-serve.ts';
import {
  emptyManager,
  settleWanting,
  unparkAll,
  unparkAt,
  wantingOf,
  type EntranceRecord,
  type ManagerEffect,
  type ManagerLimits,
  type ManagerSettings,
  type ManagerState,
} from './manager-state.ts';
import type {Decision, Machine} from './runtime/machine.ts';
import type {Clock} from './runtime/clock.ts';

export type ManagerMessage = {readonly atMs: number} & (
  | ManagerCommand
  | {type: 'ecm'; report: EcmReport}
  /** `isOver`: by its lease; otherwise it can't be reached, and its engines may live. */
  | {type: 'ecmGone'; instance: string; isOver: boolean}
  /** Instances of ECMs that are known to live. */
  | {type: 'expect'; ecms: readonly string[]}
  | {type: 'entranceGone'; incarnation: string}
  | {type: 'limits'; limits: ManagerLimits}
  | {type: 'tick'}
);

type ManagerDecision = Decision<ManagerState, ManagerEffect>;

export function decideManager(state: ManagerState, message: ManagerMessage): ManagerDecision {
  const effects: ManagerEffect[] = [];
  state.nowMs = message.atMs;
  handle(state, message, effects);
  if (state.phase === 'gathering' && isComplete(state)) {
    state.phase = 'active';
    const {fence} = state.settings;
    effects.push({
      type: 'log',
      level: 'info',
      fields: {fence, ecms: state.ecms.size, engines: state.ledger.reservations.size},
      text: 'the manager grants engines',
    });
  }
  serve(state, effects);
  return {state, effects};
}

const isComplete = ({expected, ecms, nowMs, startedMs, settings}: ManagerState): boolean =>
  [...expected].every(instance => ecms.has(instance)) || nowMs - startedMs >= settings.gatherMs;

function handle(state: ManagerState, message: ManagerMessage, effects: ManagerEffect[]): void {
  switch (message.type) {
    case 'state':
      return stated(state, message);
    case 'ecm':
      return reported(state, message.report, effects);
    case 'ecmGone':
      return ecmGone(state, message.instance, message.isOver);
    case 'expect':
      state.expected = new Set(message.ecms);
      return;
    case 'entranceGone':
      return entranceGone(state, message.incarnation);
    case 'limits':
      state.limits = message.limits;
      return unparkAll(state);
    case 'tick':
      expire(state, effects);
      return checkHopes(state, effects);
    case 'explain': {
      const gates = gatesOf(state, message.key);
      return answer(effects, () => message.replyTo.tell({ok: true, value: gates}));
    }
    case 'getEngineStatus': {
      const found = state.ledger.reservations.get(message.engineId);
      const value = found === undefined ? null : viewOf(found);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
    case 'getNodeMetrics': {
      const value = metricsOf(state, message.instance);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
    case 'resources': {
      const value = reportOf(state);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
  }
}

const answer = (effects: ManagerEffect[], tell: () => void): void =>
  void effects.push({type: 'answer', answer: tell});

/* ---- entrances ---- */

function stated(state: ManagerState, {statement, replyTo}: ManagerCommand & {readonly type: 'state'}): void {
  const {entrance: instance, sequence, keys, isFull, gone, load, fence} = statement;
  const entrance = entranceOf(state, statement, replyTo);
  // An earlier one that came late says what is true no more.
  if (sequence < entrance.sequence) return;
  entrance.sequence = sequence;
  entrance.replyTo = replyTo;
  entrance.statedMs = state.nowMs;
  if (load !== undefined) entrance.load = load;
  for (const engineId of gone) {
    if (state.ledger.reservations.get(engineId)?.entrance === instance) giveBack(state, engineId);
  }
  const named = new Set<string>();
  const isOfThis = fence === state.settings.fence;
  for (const {key, wanted, sinceMs, idle, ending, grantsTaken, recallsTaken} of keys) {
    const wanting = wantingOf(entrance, key);
    named.add(wanting.keyText);
    wanting.wanted = wanted;
    wanting.sinceMs = sinceMs;
    wanting.idle = idle;
    wanting.ending = ending;
    // Counts of a former manager's grants say nothing of this one's.
    if (isOfThis) {
      // Never more than were issued: those of a key that was forgotten meanwhile are not counted here any more.
      wanting.grantsTaken = Math.min(wanting.grantsIssued, Math.max(wanting.grantsTaken, grantsTaken));
      wanting.recallsTaken = Math.min(wanting.recallsIssued, Math.max(wanting.recallsTaken, recallsTaken));
    }
    settleWanting(state, wanting);
  }
  if (!isFull) return;
  for (const keyText of entrance.keys.keys()) if (!named.has(keyText)) forget(state, entrance, keyText);
}

function entranceOf(
  state: ManagerState,
  {entrance: instance, incarnation}: Statement,
  replyTo: EntranceRecord['replyTo'],
): EntranceRecord {
  const known = state.entrances.get(instance);
  if (known?.incarnation === incarnation) return known;
  if (known !== undefined) entranceGone(state, known.incarnation);
  const made: EntranceRecord = {
    instance,
    incarnation,
    sequence: -1,
    replyTo,
    keys: new Map(),
    load: [],
    statedMs: state.nowMs,
  };
  state.entrances.set(instance, made);
  return made;
}

function forget(state: ManagerState, entrance: EntranceRecord, keyText: string): void {
  const wanting = entrance.keys.get(keyText);
  if (wanting === undefined) return;
  wanting.wanted = 0;
  wanting.grantsTaken = wanting.grantsIssued;
  settleWanting(state, wanting);
  entrance.keys.delete(keyText);
}

/** Its engines stay in the ledger as long as their ECMs report them. */
function entranceGone(state: ManagerState, incarnation: string): void {
  for (const [instance, entrance] of state.entrances) {
    if (entrance.incarnation !== incarnation) continue;
    for (const keyText of entrance.keys.keys()) forget(state, entrance, keyText);
    state.entrances.delete(instance);
    for (const {engineId, entrance: owner, phase} of state.ledger.reservations.values()) {
      if (owner === instance && phase === 'granted') giveBack(state, engineId);
    }
  }
}

/* ---- engines ---- */

function giveBack(state: ManagerState, engineId: string): void {
  const reservation = free(state.ledger, engineId);
  if (reservation === undefined) return;
  state.gone.set(engineId, state.nowMs);
  const {user, creator, engineType, tenant} = reservation.key;
  unparkAt(state, [
    accountOf('tenant', tenant),
    accountOf('use', user, creator, engineType),
    accountOf('type', engineType),
  ]);
}

/** What an ECM reports is true: what it does not have is given back, what nobody granted is entered. */
function reported(state: ManagerState, report: EcmReport, effects: ManagerEffect[]): void {
  const {instance, engines} = report;
  const isNew = !state.ecms.has(instance);
  state.ecms.set(instance, {...report, account: accountOf('ecm', instance)});
  const found = new Set<string>();
  for (const engine of engines) {
    found.add(engine.engineId);
    enter(state, instance, engine, isNew, effects);
  }
  const {lostMs} = state.settings;
  for (const reservation of state.ledger.reservations.values()) {
    const {engineId, ecm, phase, sinceMs} = reservation;
    if (ecm !== instance || phase !== 'live' || found.has(engineId)) continue;
    // `sinceMs` of a live one is when it was last reported.
    if (state.nowMs - sinceMs >= lostMs) heal(state, reservation, 'is reported no more', effects);
  }
}

function enter(
  state: ManagerState,
  ecm: string,
  {engineId, key, resources, entrance, taskID}: ReportedEngine,
  isNew: boolean,
  effects: ManagerEffect[],
): void {
  const known = state.ledger.reservations.get(engineId);
  // Reported before it ended, and heard after.
  if (known === undefined && state.gone.has(engineId)) return;
  const isSame = known?.ecm === ecm && known.phase === 'live' && known.entrance === entrance;
  if (isSame && known.taskID === taskID && known.sinceMs === state.nowMs) return;
  if (known === undefined && !isNew && state.phase === 'active') {
    state.healed += 1;
    effects.push({
      type: 'log',
      level: 'info',
      fields: {engineId, ecm},
      text: 'an engine that nobody had reserved is entered in the ledger',
    });
  }
  reserve(state.ledger, {
    engineId,
    // The ECM does not know what the entrance asked for beyond user, creator and type.
    key: known?.key ?? key,
    ecm,
    entrance: entrance === '' ? (known?.entrance ?? '') : entrance,
    resources: known?.resources ?? resources,
    phase: 'live',
    sinceMs: state.nowMs,
    ...(taskID === undefined ? {} : {taskID}),
  });
}

function heal(
  state: ManagerState,
  {engineId, ecm}: Reservation,
  why: string,
  effects: ManagerEffect[],
): void {
  state.healed += 1;
  giveBack(state, engineId);
  effects.push({
    type: 'log',
    level: 'warn',
    fields: {engineId, ecm},
    text: `a reservation is given back: the engine ${why}`,
  });
}

function ecmGone(state: ManagerState, instance: string, isOver: boolean): void {
  state.ecms.delete(instance);
  if (!isOver) return;
  for (const {engineId, ecm} of state.ledger.reservations.values()) {
    if (ecm === instance) giveBack(state, engineId);
  }
}

/** Grants that nobody made use of. The entrance may never have heard of them: they count as not issued. */
function expire(state: ManagerState, effects: ManagerEffect[]): void {
  const {grantMs, lostMs} = state.settings;
  for (const [engineId, goneMs] of state.gone) {
    if (state.nowMs - goneMs < lostMs) break;
    state.gone.delete(engineId);
  }
  for (const reservation of state.ledger.reservations.values()) {
    const {phase, sinceMs, entrance, key} = reservation;
    if (phase !== 'granted' || state.nowMs - sinceMs < grantMs) continue;
    heal(state, reservation, 'was granted and never started', effects);
    const wanting = state.entrances.get(entrance)?.keys.get(printEngineKey(key));
    if (wanting === undefined || wanting.grantsIssued <= wanting.grantsTaken) continue;
    wanting.grantsIssued -= 1;
    settleWanting(state, wanting);
  }
}

/* ---- what is asked ---- */

const viewOf = ({engineId, key, ecm, entrance, resources, phase, taskID}: Reservation): ReservedEngine => ({
  engineId,
  key,
  ecm,
  entrance,
  resources,
  phase,
  ...(taskID === undefined ? {} : {taskID}),
});

function metricsOf({ecms, ledger}: ManagerState, wanted: string): readonly NodeMetrics[] {
  return [...ecms.values()]
    .filter(({instance}) => wanted === '' || wanted === instance)
    .map(({instance, health, healthReason, capacity, load}) => ({
      instance,
      health,
      healthReason,
      capacity,
      used: usedOf(ledger, accountOf('ecm', instance)),
      ...(load === undefined ? {} : {load}),
    }));
}

function reportOf(state: ManagerState): ResourceReport {
  const {settings, ledger, entrances, healed} = state;
  return {
    instance: settings.instance,
    fence: settings.fence,
    engines: [...ledger.reservations.values()].map(viewOf),
    loads: [...entrances.values()].flatMap(({load}) => load),
    drift: drift(ledger),
    healed,
  };
}

export type ManagerDependencies = {
  readonly settings: ManagerSettings;
  readonly limits: ManagerLimits;
  readonly clock: Clock;
  readonly log: {
    readonly info: (fields: object, text: string) => void;
    readonly warn: (fields: object, text: string) => void;
  };
};

export function manager({
  settings,
  limits,
  clock,
  log,
}: ManagerDependencies): Machine<ManagerState, ManagerMessage, ManagerEffect> {
  return {
    initial: emptyManager(settings, limits, clock.monotonicMs()),
    decide: decideManager,
    perform(effect) {
      switch (effect.type) {
        case 'notify':
          // A notice that is lost is made up for by the next statement.
          effect.to.tell(effect.notice);
          return;
        case 'answer':
          return effect.answer();
        case 'log':
          return log[effect.level](effect.fields, effect.text);
      }
    },
  };
}
