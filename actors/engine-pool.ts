/**
 * Which engine a job gets: an idle one that fits, or a new one once the manager has granted it.
 *
 *   request ─▶ idle engine with the same key ─▶ granted
 *           └▶ none: stated to the manager ──grant──▶ launch ─▶ granted when it has started
 *                                          ◀─recall── an engine is given back: an idle one, or the next whose job ends
 *
 * The way of a job with a warm engine stays within this node. An engine taken for a job that asked for its own
 * (`executeOnce`) ends with it.
 */
import {ecmFailure} from './ecm-errors.ts';
import {refusalCodes} from './ecm-refusals.ts';
import type {Failure} from './domain/errors.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {EngineKey} from './engine-key.ts';
import {noteChanges, noticed, sayState} from './engine-pool-notices.ts';
import type {
  EnginePoolCommand,
  EnginePoolEffect,
  EnginePoolMessage,
  EnginePoolReport,
  EngineWait,
} from './engine-pool-protocol.ts';
import {
  denyOldest,
  dropEngine,
  endEngine,
  isOwed,
  keyStateOf,
  putEngine,
  settleOwed,
  type EnginePoolState,
  type KeyState,
  type PooledEngine,
} from './engine-pool-state.ts';
import type {Decision} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

/** `NoEcmError` */
const noEcmCode = 20_950;

type PoolDecision = Decision<EnginePoolState, EnginePoolEffect>;

export function decidePool(state: EnginePoolState, message: EnginePoolMessage): PoolDecision {
  const effects: EnginePoolEffect[] = [];
  settle(state, message, effects);
  if (message.type !== 'stateDue') noteChanges(state, effects);
  return {state, effects};
}

function settle(state: EnginePoolState, message: EnginePoolMessage, effects: EnginePoolEffect[]): void {
  switch (message.type) {
    case 'requestEngine':
      return request(state, message, effects);
    case 'cancelRequest': {
      const ofKey = keyStateOf(state, message.key);
      const before = ofKey.waiting.length;
      ofKey.waiting = ofKey.waiting.filter(
        ({taskID, attempt}) => taskID !== message.taskID || attempt !== message.attempt,
      );
      state.waitingCount -= before - ofKey.waiting.length;
      state.changed.add(ofKey);
      return;
    }
    case 'release':
      return release(state, message.engineId, message.isReusable, effects);
    case 'close':
      state.isClosed = true;
      for (const ofKey of state.keys.values()) state.changed.add(ofKey);
      return;
    case 'endEngine':
      return endEngine(state, message.engineId, effects);
    case 'retireEngine':
      return retire(state, message.engineId, effects);
    case 'setLimits':
      state.limits = message.limits;
      for (const ofKey of state.keys.values()) state.changed.add(ofKey);
      return;
    case 'explain': {
      const wait = waitOf(state, message.taskID, message.key);
      effects.push({type: 'tell', tell: () => message.reply(wait)});
      return;
    }
    case 'engineStarted':
      return started(state, message, effects);
    case 'engineAdopted': {
      const {engineId, key, taskID, ecm, ref} = message;
      const reserved = state.limits.quotaOf(key).engine;
      const engine = {key, ref, ecm, idleCount: 0, jobCount: 1, endsWithJob: false, reserved};
      putEngine(state, engineId, {...engine, status: 'busy', ...(taskID === undefined ? {} : {taskID})});
      if (taskID === undefined) makeIdle(state, engineId, ref, effects);
      return;
    }
    case 'launchFailed':
      return launchFailed(state, message.engineId, message.failure, effects);
    case 'launchRetryDue':
      if (state.engines.get(message.engineId)?.status === 'starting') dropEngine(state, message.engineId);
      return;
    case 'engineExited':
      dropEngine(state, message.engineId);
      return;
    case 'idleDue': {
      const engine = state.engines.get(message.engineId);
      if (engine?.status === 'idle' && engine.idleCount === message.idleCount) {
        idleDue(state, message.engineId, engine, effects);
      }
      return;
    }
    case 'stateDue':
      return sayState(state, message.isFull, effects);
    case 'notice':
      return noticed(state, message.notice, effects);
  }
}

/* ---- jobs ---- */

function request(
  state: EnginePoolState,
  message: EnginePoolCommand & {type: 'requestEngine'},
  effects: EnginePoolEffect[],
): void {
  const {type: _, ...wanted} = message;
  const ofKey = keyStateOf(state, wanted.key);
  ofKey.waiting.push(wanted);
  state.waitingCount += 1;
  state.changed.add(ofKey);
  if (state.isClosed) return;
  for (const engineId of ofKey.idle) if (give(state, ofKey, engineId, effects)) return;
}

/** To the first who waits and may have it. */
function give(
  state: EnginePoolState,
  ofKey: KeyState,
  engineId: string,
  effects: EnginePoolEffect[],
): boolean {
  const engine = state.engines.get(engineId);
  if (engine?.status !== 'idle' || engine.ref === undefined || state.isClosed) return false;
  const isUsed = engine.jobCount > 0;
  const at = ofKey.waiting.findIndex(({executeOnce}) => !executeOnce || !isUsed);
  const taken = ofKey.waiting[at];
  if (taken === undefined) return false;
  if (at === 0) ofKey.waiting.shift();
  else ofKey.waiting.splice(at, 1);
  state.waitingCount -= 1;
  const {taskID, executeOnce} = taken;
  const jobCount = engine.jobCount + 1;
  const {engineJobsMax} = state.limits.quotaOf(ofKey.key);
  const endsWithJob = executeOnce || (engineJobsMax > 0 && jobCount >= engineJobsMax);
  // One that is lent has no job.
  const given = taskID > 0 ? {taskID} : {};
  putEngine(state, engineId, {...engine, status: 'busy', ...given, jobCount, endsWithJob});
  effects.push({
    type: 'grant',
    request: taken,
    engine: {
      engineId,
      ref: engine.ref,
      isReused: isUsed,
      reserved: engine.reserved,
      launchMs: isUsed ? 0 : (engine.launchMs ?? 0),
      ...(ofKey.gate === null ? {} : {waitedAt: ofKey.gate}),
    },
  });
  if (ofKey.waiting.length === 0) ofKey.gate = null;
  return true;
}

function waitOf(state: EnginePoolState, taskID: number, key: EngineKey): EngineWait | undefined {
  const ofKey = keyStateOf(state, key);
  const ahead = ofKey.waiting.findIndex(waiting => waiting.taskID === taskID);
  if (ahead < 0) return undefined;
  const holders = [...state.engines]
    .filter(([, engine]) => engine.status === 'busy' && keyStateOf(state, engine.key) === ofKey)
    .slice(0, 10)
    .map(([engineId, engine]) => ({
      engineId,
      ...(engine.taskID === undefined ? {} : {taskID: engine.taskID}),
    }));
  return {ahead, starting: ofKey.starting, gate: ofKey.gate, holders};
}

/* ---- engines ---- */

function release(
  state: EnginePoolState,
  engineId: string,
  isReusable: boolean,
  effects: EnginePoolEffect[],
): void {
  const engine = state.engines.get(engineId);
  if (engine?.status !== 'busy' || engine.ref === undefined) return;
  const {key, ecm, endsWithJob} = engine;
  if (isReusable && !endsWithJob && !isOwed(keyStateOf(state, key), ecm))
    makeIdle(state, engineId, engine.ref, effects);
  else endEngine(state, engineId, effects);
}

function started(
  state: EnginePoolState,
  {engineId, ref, launchMs}: EnginePoolReport & {type: 'engineStarted'},
  effects: EnginePoolEffect[],
): void {
  const engine = state.engines.get(engineId);
  if (engine === undefined) return void effects.push({type: 'shutdown', ref});
  if (launchMs !== undefined) putEngine(state, engineId, {...engine, launchMs});
  makeIdle(state, engineId, ref, effects);
}

function makeIdle(
  state: EnginePoolState,
  engineId: string,
  ref: Ref<EngineCommand>,
  effects: EnginePoolEffect[],
): void {
  const engine = state.engines.get(engineId);
  if (engine === undefined) return;
  const idleCount = engine.idleCount + 1;
  const {taskID: _, ...rest} = engine;
  putEngine(state, engineId, {...rest, status: 'idle', ref, idleCount});
  const ofKey = keyStateOf(state, engine.key);
  if (give(state, ofKey, engineId, effects)) return;
  const {engineIdleMs} = state.limits.quotaOf(engine.key);
  effects.push({type: 'idleTimer', engineId, idleCount, afterMs: engineIdleMs});
}

function idleDue(
  state: EnginePoolState,
  engineId: string,
  {key, idleCount}: PooledEngine,
  effects: EnginePoolEffect[],
): void {
  const {warmEngines, engineIdleMs} = state.limits.quotaOf(key);
  if (keyStateOf(state, key).idle.size > warmEngines) return endEngine(state, engineId, effects);
  effects.push({type: 'idleTimer', engineId, idleCount, afterMs: engineIdleMs});
}

function retire(state: EnginePoolState, engineId: string, effects: EnginePoolEffect[]): void {
  const engine = state.engines.get(engineId);
  if (engine?.status !== 'busy') return endEngine(state, engineId, effects);
  settleOwed(state, engine);
  putEngine(state, engineId, {...engine, endsWithJob: true});
}

/** The ECM had no room, would not, or was away: another is granted. */
const noPlaceCodes: readonly number[] = [
  noEcmCode,
  ecmFailure.full,
  ecmFailure.notReady,
  refusalCodes.unfit,
  refusalCodes.overCommitted,
  refusalCodes.staleManager,
];

/** One request hears of it, the others wait for another launch. */
function launchFailed(
  state: EnginePoolState,
  engineId: string,
  failure: Failure,
  effects: EnginePoolEffect[],
): void {
  const engine = state.engines.get(engineId);
  if (engine === undefined) return;
  // That the ECM had no room after all is no fault of the job. What the manager knows is right again in a moment.
  if (noPlaceCodes.includes(failure.code)) return void effects.push({type: 'launchRetryTimer', engineId});
  dropEngine(state, engineId);
  denyOldest(state, keyStateOf(state, engine.key), failure, effects);
}
