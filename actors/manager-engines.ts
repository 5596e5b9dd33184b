/** What ECMs report, and how the ledger follows: what they do not have is given back, what nobody granted is entered. */
import {printEngineKey} from './engine-key.ts';
import {accountOf, enginesOf, free, reserve, type Reservation} from './ledger.ts';
import type {EcmReport, ReportedEngine} from './manager-protocol.ts';
import {
  recallsUnderWay,
  settleWanting,
  unparkFor,
  type ManagerEffect,
  type ManagerState,
} from './manager-state.ts';

function giveBack(state: ManagerState, engineId: string): void {
  const reservation = free(state.ledger, engineId);
  if (reservation !== undefined) unparkFor(state, reservation.key);
}

/** Nobody has it any more; a report that says otherwise is older than that. */
export function ended(state: ManagerState, engineId: string): void {
  if (!state.ledger.reservations.has(engineId)) return;
  state.gone.set(engineId, state.nowMs);
  giveBack(state, engineId);
}

/** What an ECM reports is true: what it does not have is given back, what nobody granted is entered. */
export function reported(state: ManagerState, report: EcmReport, effects: ManagerEffect[]): void {
  const {instance, engines} = report;
  const isNew = !state.ecms.has(instance);
  state.ecms.set(instance, {...report, account: accountOf('ecm', instance)});
  const found = new Set<string>();
  for (const engine of engines) {
    found.add(engine.engineId);
    enter(state, instance, engine, isNew, effects);
  }
  const {lostMs} = state.settings;
  for (const engineId of [...enginesOf(state.ledger, accountOf('ecm', instance))]) {
    if (found.has(engineId)) continue;
    const reservation = state.ledger.reservations.get(engineId);
    // `sinceMs` of a live one is when it was last reported.
    if (reservation?.phase !== 'live' || state.nowMs - reservation.sinceMs < lostMs) continue;
    heal(state, reservation, 'is reported no more', effects);
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
  ended(state, engineId);
  effects.push({
    type: 'log',
    level: 'warn',
    fields: {engineId, ecm},
    text: `a reservation is given back: the engine ${why}`,
  });
}

export function ecmGone(state: ManagerState, instance: string, isOver: boolean): void {
  state.ecms.delete(instance);
  if (!isOver) return;
  // They may outlive it: then the next process of that ECM reports them, and they are entered again.
  for (const engineId of [...enginesOf(state.ledger, accountOf('ecm', instance))]) giveBack(state, engineId);
}

/** Grants that nobody made use of, and recalls that nobody heard: they count as not issued. */
export function expire(state: ManagerState, effects: ManagerEffect[]): void {
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
  for (const wanting of state.recalled) {
    if (recallsUnderWay(wanting) > 0) {
      if (state.nowMs - wanting.recalledMs < lostMs) continue;
      wanting.recallsIssued = wanting.recallsTaken;
      unparkFor(state, wanting.key);
    }
    state.recalled.delete(wanting);
  }
}
