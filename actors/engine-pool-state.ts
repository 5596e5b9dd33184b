/** The engines of an entrance and who waits for one, by key; what the pool's decisions read and change. */
import {printEngineKey, type EngineKey} from './engine-key.ts';
import type {Failure} from './domain/errors.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {EnginePoolEffect} from './engine-pool-protocol.ts';
import type {Quota, Resources} from './engine-governance.ts';
import type {GateName} from './gate.ts';
import type {JobReport} from './job-protocol.ts';
import type {KeyStatement} from './manager-protocol.ts';
import type {Ref} from './runtime/ref.ts';

export type EngineRequest = {
  readonly taskID: number;
  readonly attempt: number;
  readonly key: EngineKey;
  readonly executeOnce: boolean;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  readonly replyTo: Ref<JobReport>;
};

export type PooledEngine = {
  readonly key: EngineKey;
  readonly status: 'starting' | 'idle' | 'busy' | 'ending';
  readonly ref?: Ref<EngineCommand>;
  /** The job that it was given. */
  readonly taskID?: number;
  /** Rises with each idle period, so that an old timer is told from the present one. */
  readonly idleCount: number;
  readonly jobCount: number;
  /** It gets no other job: its own asked for that, or its place is needed. */
  readonly endsWithJob: boolean;
  /** `host:port` of its ECM; empty: not known here. */
  readonly ecm: string;
  readonly reserved: Resources;
  /** How long its start took; absent for one that was adopted. */
  readonly launchMs?: number;
};

export type KeyState = {
  readonly key: EngineKey;
  /** Which of the keys that this pool ever had it is. */
  readonly life: number;
  /** Oldest first. */
  waiting: EngineRequest[];
  /** Ids, the longest idle first. */
  readonly idle: Set<string>;
  starting: number;
  ending: number;
  /** Recalled while all were busy: the next of these ECMs (empty: of any) whose job ends is given back. */
  owed: readonly string[];
  grantsTaken: number;
  recallsTaken: number;
  /** What the manager says this key waits for. */
  gate: GateName | null;
  /** As it was last stated. */
  stated: string;
};

export type PoolLimits = {
  readonly quotaOf: (
    key: EngineKey,
  ) => Pick<Quota, 'engine' | 'engineIdleMs' | 'engineJobsMax' | 'warmEngines'>;
};

/** Owned by the machine, which changes it in place; others only read. */
export type EnginePoolState = {
  limits: PoolLimits;
  readonly engines: Map<string, PooledEngine>;
  readonly keys: Map<string, KeyState>;
  /** Keys whose statement has changed since it was last made. */
  readonly changed: Set<KeyState>;
  /** Engines that ended, or were not started after all, since then. */
  gone: string[];
  waitingCount: number;
  keysMade: number;
  fence: number;
  sequence: number;
  isClosed: boolean;
  isStateDue: boolean;
};

export const emptyPool = (limits: PoolLimits): EnginePoolState => ({
  limits,
  engines: new Map(),
  keys: new Map(),
  changed: new Set(),
  gone: [],
  waitingCount: 0,
  keysMade: 0,
  fence: 0,
  sequence: 0,
  isClosed: false,
  isStateDue: false,
});

export function keyStateOf(state: EnginePoolState, key: EngineKey): KeyState {
  const keyText = printEngineKey(key);
  const known = state.keys.get(keyText);
  if (known !== undefined) return known;
  state.keysMade += 1;
  const made: KeyState = {
    key,
    life: state.keysMade,
    waiting: [],
    idle: new Set(),
    starting: 0,
    ending: 0,
    owed: [],
    grantsTaken: 0,
    recallsTaken: 0,
    gate: null,
    stated: '',
  };
  state.keys.set(keyText, made);
  return made;
}

/** The only two that change `engines`: counts by key follow. */
export function putEngine(state: EnginePoolState, engineId: string, engine: PooledEngine): void {
  const before = state.engines.get(engineId);
  if (before !== undefined) count(state, engineId, before, -1);
  state.engines.set(engineId, engine);
  count(state, engineId, engine, 1);
}

export function dropEngine(state: EnginePoolState, engineId: string): PooledEngine | undefined {
  const before = state.engines.get(engineId);
  if (before === undefined) return undefined;
  count(state, engineId, before, -1);
  state.engines.delete(engineId);
  state.gone.push(engineId);
  settleOwed(state, before);
  return before;
}

function count(
  state: EnginePoolState,
  engineId: string,
  {key, status, endsWithJob}: PooledEngine,
  by: 1 | -1,
): void {
  const ofKey = keyStateOf(state, key);
  state.changed.add(ofKey);
  if (status === 'starting') ofKey.starting += by;
  if (status === 'ending' || (status === 'busy' && endsWithJob)) ofKey.ending += by;
  if (status !== 'idle') return;
  if (by === 1) ofKey.idle.add(engineId);
  else ofKey.idle.delete(engineId);
}

/** Engines that must still be started: for those who wait, and to keep as many ready as configured. */
export function wantedBy(state: EnginePoolState, {key, waiting, idle, starting}: KeyState): number {
  if (state.isClosed) return 0;
  const warm = Math.max(0, state.limits.quotaOf(key).warmEngines - idle.size);
  return Math.max(0, waiting.length + warm - starting);
}

export function statementOf(state: EnginePoolState, ofKey: KeyState): KeyStatement {
  const {key, life, waiting, grantsTaken, recallsTaken, idle, ending, owed} = ofKey;
  return {
    key,
    life,
    wanted: wantedBy(state, ofKey),
    sinceMs: waiting[0]?.sinceMs ?? 0,
    grantsTaken,
    recallsTaken,
    idle: idle.size,
    ending: ending + owed.length,
  };
}

/** Whether an engine of one ECM is meant where one of another is asked for; an empty name is that of any. */
export const isSameEcm = (one: string, other: string): boolean => one === '' || other === '' || one === other;

export const isOwed = (ofKey: KeyState, ecm: string): boolean =>
  ofKey.owed.some(owed => isSameEcm(owed, ecm));

/** This engine is given back, which may have been asked for. One that would have ended anyway pays for nothing. */
export function settleOwed(state: EnginePoolState, {key, ecm, status, endsWithJob}: PooledEngine): void {
  if (status !== 'busy' || endsWithJob) return;
  const ofKey = keyStateOf(state, key);
  const at = ofKey.owed.findIndex(owed => isSameEcm(owed, ecm));
  if (at >= 0) ofKey.owed = ofKey.owed.toSpliced(at, 1);
}

/** Once; its actor says when it is gone. */
export function endEngine(state: EnginePoolState, engineId: string, effects: EnginePoolEffect[]): void {
  const engine = state.engines.get(engineId);
  if (engine?.ref === undefined || engine.status === 'ending') return;
  settleOwed(state, engine);
  putEngine(state, engineId, {...engine, status: 'ending'});
  effects.push({type: 'shutdown', ref: engine.ref});
}

/** The one that waits longest hears of the failure. */
export function denyOldest(
  state: EnginePoolState,
  ofKey: KeyState,
  failure: Failure,
  effects: EnginePoolEffect[],
): void {
  const oldest = ofKey.waiting.shift();
  if (oldest === undefined) return;
  state.waitingCount -= 1;
  state.changed.add(ofKey);
  effects.push({type: 'deny', request: oldest, failure});
}
