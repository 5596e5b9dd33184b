/** The pool and the manager: what it is told, and what it states. */
import {printEngineKey} from './engine-key.ts';
import type {EnginePoolEffect} from './engine-pool-protocol.ts';
import {
  denyOldest,
  endEngine,
  isSameEcm,
  keyStateOf,
  putEngine,
  statementOf,
  wantedBy,
  type EnginePoolState,
  type KeyState,
  type PooledEngine,
} from './engine-pool-state.ts';
import type {ManagerNotice} from './manager-protocol.ts';

export function noticed(state: EnginePoolState, notice: ManagerNotice, effects: EnginePoolEffect[]): void {
  if (notice.fence < state.fence) return;
  if (notice.fence > state.fence) {
    // A new manager counts from 0.
    state.fence = notice.fence;
    for (const ofKey of state.keys.values()) {
      ofKey.grantsTaken = 0;
      ofKey.recallsTaken = 0;
      ofKey.stated = '';
      state.changed.add(ofKey);
    }
  }
  const ofKey = keyStateOf(state, notice.key);
  state.changed.add(ofKey);
  switch (notice.type) {
    case 'grant': {
      const {engineId, key, ecm, reserved, fence} = notice;
      ofKey.grantsTaken += 1;
      if (wantedBy(state, ofKey) === 0 || state.engines.has(engineId)) return void state.gone.push(engineId);
      const engine = {key, ecm, reserved, idleCount: 0, jobCount: 0, endsWithJob: false} as const;
      putEngine(state, engineId, {...engine, status: 'starting'});
      effects.push({type: 'launch', engineId, key, ecm, reserved, fence});
      return;
    }
    case 'recall':
      ofKey.recallsTaken += 1;
      return recalled(state, ofKey, notice.ecm, notice.isForced, effects);
    case 'waits':
      // What held up those that still wait is told with their grant.
      ofKey.gate = notice.gate ?? (ofKey.waiting.length > 0 ? ofKey.gate : null);
      return;
    case 'denied':
      return denyOldest(state, ofKey, notice.failure, effects);
  }
}

function recalled(
  state: EnginePoolState,
  ofKey: KeyState,
  ecm: string,
  isForced: boolean,
  effects: EnginePoolEffect[],
): void {
  const isThere = (engine: PooledEngine | undefined): boolean =>
    engine !== undefined && isSameEcm(engine.ecm, ecm);
  for (const engineId of ofKey.idle) {
    if (isThere(state.engines.get(engineId))) return endEngine(state, engineId, effects);
  }
  if (!isForced) return;
  const busy = [...state.engines.values()].filter(
    engine => engine.status === 'busy' && !engine.endsWithJob && keyStateOf(state, engine.key) === ofKey,
  );
  // Not more than there are: what is recalled twice is given back once.
  const owed = ofKey.owed.filter(other => isSameEcm(other, ecm)).length;
  if (busy.filter(isThere).length > owed) ofKey.owed = [...ofKey.owed, ecm];
}

/** More wanted is said at once, everything else with what has gathered. */
export function noteChanges(state: EnginePoolState, effects: EnginePoolEffect[]): void {
  if (state.isStateDue || (state.changed.size === 0 && state.gone.length === 0)) return;
  state.isStateDue = true;
  effects.push({type: 'stateTimer'});
  const isMoreWanted = [...state.changed].some(
    ofKey => wantedBy(state, ofKey) > 0 && ofKey.stated !== JSON.stringify(statementOf(state, ofKey)),
  );
  if (isMoreWanted || state.gone.length > 0) makeStatement(state, false, effects);
}

export function sayState(state: EnginePoolState, isFull: boolean, effects: EnginePoolEffect[]): void {
  if (!isFull) state.isStateDue = false;
  if (isFull || state.changed.size > 0 || state.gone.length > 0) makeStatement(state, isFull, effects);
}

function makeStatement(state: EnginePoolState, isFull: boolean, effects: EnginePoolEffect[]): void {
  if (isFull) forgetUnused(state);
  const keys = [];
  for (const ofKey of isFull ? state.keys.values() : state.changed) {
    const statement = statementOf(state, ofKey);
    const text = JSON.stringify(statement);
    if (!isFull && text === ofKey.stated) continue;
    ofKey.stated = text;
    keys.push(statement);
  }
  const {gone, fence} = state;
  state.changed.clear();
  state.gone = [];
  if (!isFull && keys.length === 0 && gone.length === 0) return;
  state.sequence += 1;
  effects.push({type: 'state', statement: {fence, sequence: state.sequence, isFull, keys, gone}});
}

/** The manager forgets a key that a full statement does not name. */
function forgetUnused(state: EnginePoolState): void {
  const used = new Set([...state.engines.values()].map(({key}) => printEngineKey(key)));
  for (const [keyText, ofKey] of state.keys) {
    if (used.has(keyText) || ofKey.waiting.length > 0 || wantedBy(state, ofKey) > 0) continue;
    state.keys.delete(keyText);
    state.changed.delete(ofKey);
  }
}
