/**
 * Which engine a job gets (Linkis' AM): an idle one that fits, or a new one within the limits.
 *
 *   request ─▶ idle engine with the same key ─▶ granted
 *           └▶ none: launch (evicting an idle engine of another key if the node is full) ─▶ granted when it has started
 *                    not allowed now: the request waits for a release, in order
 *
 * A key is engine type, user and creator: engines are never shared between tenants (G9). An engine taken for a job that
 * asked for its own (`executeOnce`) ends with it.
 */
import type {GrantedEngine, JobReport} from './job-protocol.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {Failure} from './domain/errors.ts';
import type {Decision, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type EngineKey = {readonly engineType: string; readonly user: string; readonly creator: string};

export type EnginePoolCommand =
  | {
      type: 'requestEngine';
      taskID: number;
      attempt: number;
      key: EngineKey;
      executeOnce: boolean;
      replyTo: Ref<JobReport>;
    }
  | {type: 'cancelRequest'; taskID: number; attempt: number}
  | {type: 'release'; engineId: string; isReusable: boolean}
  /** The node leaves: nothing is granted or launched any more, what is given back stays idle. */
  | {type: 'close'}
  /** Ends an engine by order of a person. */
  | {type: 'endEngine'; engineId: string};

export type EnginePoolReport =
  | {type: 'engineStarted'; engineId: string; ref: Ref<EngineCommand>}
  /** Found at start; `isBusy` when it works on, or keeps the end of, a task. */
  | {type: 'engineAdopted'; engineId: string; key: EngineKey; isBusy: boolean; ref: Ref<EngineCommand>}
  | {type: 'launchFailed'; engineId: string; failure: Failure}
  | {type: 'engineExited'; engineId: string}
  | {type: 'idleDue'; engineId: string; idleCount: number};

export type EnginePoolMessage = EnginePoolCommand | EnginePoolReport;

export type EnginePoolLimits = {
  readonly enginesMax: number;
  readonly enginesPerUserMax: number;
  readonly idleMs: number;
};

type Request = Omit<EnginePoolCommand & {type: 'requestEngine'}, 'type'>;

export type PooledEngine = {
  readonly key: EngineKey;
  readonly status: 'starting' | 'idle' | 'busy' | 'ending';
  readonly ref?: Ref<EngineCommand>;
  /** Rises with each idle period, so that an old timer is told from the present one. */
  readonly idleCount: number;
  readonly isUsed: boolean;
  readonly endsWithJob: boolean;
};

/**
 * Owned by the machine, which changes it in place: copying a thousand engines for every message would cost more than all
 * decisions. The counts and the index of idle engines follow `engines`; only `put` and `drop` touch them.
 */
export type EnginePoolState = {
  readonly limits: EnginePoolLimits;
  readonly engines: Map<string, PooledEngine>;
  /** Ids of idle engines by key, the longest idle first. */
  readonly idle: Map<string, Set<string>>;
  readonly startingCounts: Map<string, number>;
  readonly userCounts: Map<string, number>;
  idleCount: number;
  /** Oldest first. */
  requests: Request[];
  nextEngine: number;
  isClosed: boolean;
};

export type EnginePoolEffect =
  | {type: 'grant'; request: Request; engine: GrantedEngine}
  | {type: 'deny'; request: Request; failure: Failure}
  | {type: 'launch'; engineId: string; key: EngineKey}
  | {type: 'shutdown'; ref: Ref<EngineCommand>}
  | {type: 'idleTimer'; engineId: string; idleCount: number; afterMs: number}
  | {type: 'show'; engines: ReadonlyMap<string, PooledEngine>; waiting: number};

type PoolDecision = Decision<EnginePoolState, EnginePoolEffect>;

export const emptyPool = (limits: EnginePoolLimits): EnginePoolState => ({
  limits,
  engines: new Map(),
  idle: new Map(),
  startingCounts: new Map(),
  userCounts: new Map(),
  idleCount: 0,
  requests: [],
  nextEngine: 1,
  isClosed: false,
});

export function decidePool(
  idPrefix: string,
): (state: EnginePoolState, message: EnginePoolMessage) => PoolDecision {
  return (state, message) => {
    const effects = settle(state, message);
    if (!state.isClosed) serve(state, idPrefix, effects);
    effects.push({type: 'show', engines: state.engines, waiting: state.requests.length});
    return {state, effects};
  };
}

/** What the message says of engines and requests, before anything is granted. */
function settle(state: EnginePoolState, message: EnginePoolMessage): EnginePoolEffect[] {
  switch (message.type) {
    case 'requestEngine': {
      const {type: _, ...request} = message;
      state.requests.push(request);
      return [];
    }
    case 'cancelRequest':
      state.requests = state.requests.filter(
        ({taskID, attempt}) => taskID !== message.taskID || attempt !== message.attempt,
      );
      return [];
    case 'release':
      return release(state, message.engineId, message.isReusable);
    case 'close':
      state.isClosed = true;
      return [];
    case 'endEngine':
      return endEngine(state, message.engineId);
    case 'engineStarted':
      return makeIdle(state, message.engineId, message.ref);
    case 'engineAdopted': {
      const {engineId, key, isBusy, ref} = message;
      put(state, engineId, {key, status: 'busy', ref, idleCount: 0, isUsed: true, endsWithJob: false});
      return isBusy ? [] : makeIdle(state, engineId, ref);
    }
    case 'launchFailed':
      return launchFailed(state, message.engineId, message.failure);
    case 'engineExited':
      drop(state, message.engineId);
      return [];
    case 'idleDue': {
      const engine = state.engines.get(message.engineId);
      return engine?.status === 'idle' && engine.idleCount === message.idleCount
        ? endEngine(state, message.engineId)
        : [];
    }
  }
}

function release(state: EnginePoolState, engineId: string, isReusable: boolean): EnginePoolEffect[] {
  const engine = state.engines.get(engineId);
  if (engine?.status !== 'busy' || engine.ref === undefined) return [];
  return isReusable && !engine.endsWithJob
    ? makeIdle(state, engineId, engine.ref)
    : endEngine(state, engineId);
}

function makeIdle(state: EnginePoolState, engineId: string, ref: Ref<EngineCommand>): EnginePoolEffect[] {
  const engine = state.engines.get(engineId);
  if (engine === undefined) return [{type: 'shutdown', ref}];
  const idleCount = engine.idleCount + 1;
  put(state, engineId, {...engine, status: 'idle', ref, idleCount});
  return [{type: 'idleTimer', engineId, idleCount, afterMs: state.limits.idleMs}];
}

function endEngine(state: EnginePoolState, engineId: string): EnginePoolEffect[] {
  const engine = state.engines.get(engineId);
  if (engine?.ref === undefined || engine.status === 'ending') return [];
  put(state, engineId, {...engine, status: 'ending'});
  return [{type: 'shutdown', ref: engine.ref}];
}

/** The oldest request that this engine was started for hears of it; the others wait for another launch. */
function launchFailed(state: EnginePoolState, engineId: string, failure: Failure): EnginePoolEffect[] {
  const engine = state.engines.get(engineId);
  drop(state, engineId);
  const request = engine && state.requests.find(({key}) => printKey(key) === printKey(engine.key));
  if (request === undefined) return [];
  state.requests = state.requests.filter(other => other !== request);
  return [{type: 'deny', request, failure}];
}

/** Grants what can be granted, and launches what is lacking, oldest request first. */
function serve(state: EnginePoolState, idPrefix: string, effects: EnginePoolEffect[]): void {
  const {engines, limits, requests} = state;
  const left: Request[] = [];
  // An engine that is starting serves one request of its key; further requests need another.
  const spokenFor = new Map<string, number>();
  let seen = 0;
  for (const request of requests) {
    // Nothing can change for those behind either; a long queue costs no more than a short one.
    if (state.idleCount === 0 && engines.size >= limits.enginesMax) break;
    seen += 1;
    const {key, executeOnce} = request;
    const keyText = printKey(key);
    const found = idleEngineFor(state, keyText, executeOnce);
    if (found !== undefined) {
      const {engineId, engine, ref} = found;
      put(state, engineId, {...engine, status: 'busy', isUsed: true, endsWithJob: executeOnce});
      effects.push({type: 'grant', request, engine: {engineId, ref, isReused: engine.isUsed}});
      continue;
    }
    left.push(request);
    const spoken = spokenFor.get(keyText) ?? 0;
    if (spoken < (state.startingCounts.get(keyText) ?? 0)) {
      spokenFor.set(keyText, spoken + 1);
      continue;
    }
    const room = makeRoom(state, key.user);
    if (room === 'none') continue;
    if (room !== 'free') {
      effects.push({type: 'shutdown', ref: room.ref});
      continue;
    }
    const engineId = `${idPrefix}-${state.nextEngine}`;
    state.nextEngine += 1;
    put(state, engineId, {key, status: 'starting', idleCount: 0, isUsed: false, endsWithJob: false});
    spokenFor.set(keyText, spoken + 1);
    effects.push({type: 'launch', engineId, key});
  }
  if (seen > 0) requests.splice(0, seen, ...left);
}

function idleEngineFor(
  {idle, engines}: EnginePoolState,
  keyText: string,
  executeOnce: boolean,
): {engineId: string; engine: PooledEngine; ref: Ref<EngineCommand>} | undefined {
  for (const engineId of idle.get(keyText) ?? []) {
    const engine = engines.get(engineId);
    if (engine?.ref === undefined || (executeOnce && engine.isUsed)) continue;
    return {engineId, engine, ref: engine.ref};
  }
  return undefined;
}

/** Whether one more engine may start; otherwise an idle one that makes way (and is marked so), if there is any. */
function makeRoom(state: EnginePoolState, user: string): 'free' | 'none' | {ref: Ref<EngineCommand>} {
  const {engines, limits} = state;
  const isUserFull = (state.userCounts.get(user) ?? 0) >= limits.enginesPerUserMax;
  if (engines.size < limits.enginesMax && !isUserFull) return 'free';
  let longestIdle: {engineId: string; engine: PooledEngine; ref: Ref<EngineCommand>} | undefined;
  for (const [engineId, engine] of engines) {
    if (isUserFull && engine.key.user !== user) continue;
    // One that is ending already makes the room this request waits for.
    if (engine.status === 'ending') return 'none';
    if (engine.status !== 'idle' || engine.ref === undefined || longestIdle !== undefined) continue;
    longestIdle = {engineId, engine, ref: engine.ref};
  }
  if (longestIdle === undefined) return 'none';
  put(state, longestIdle.engineId, {...longestIdle.engine, status: 'ending'});
  return {ref: longestIdle.ref};
}

const printKey = ({engineType, user, creator}: EngineKey): string => `${engineType}\n${user}\n${creator}`;

function put(state: EnginePoolState, engineId: string, engine: PooledEngine): void {
  const before = state.engines.get(engineId);
  if (before !== undefined) count(state, engineId, before, -1);
  state.engines.set(engineId, engine);
  count(state, engineId, engine, 1);
}

function drop(state: EnginePoolState, engineId: string): void {
  const before = state.engines.get(engineId);
  if (before === undefined) return;
  count(state, engineId, before, -1);
  state.engines.delete(engineId);
}

function count(state: EnginePoolState, engineId: string, {key, status}: PooledEngine, by: 1 | -1): void {
  add(state.userCounts, key.user, by);
  if (status === 'starting') add(state.startingCounts, printKey(key), by);
  if (status !== 'idle') return;
  state.idleCount += by;
  const keyText = printKey(key);
  const ofKey = state.idle.get(keyText) ?? new Set();
  if (by === 1) state.idle.set(keyText, ofKey.add(engineId));
  else if (ofKey.delete(engineId) && ofKey.size === 0) state.idle.delete(keyText);
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}

export type EnginePoolDependencies = {
  readonly limits: EnginePoolLimits;
  readonly idPrefix: string;
  /** Starts an engine actor; its reports come back to the pool. */
  readonly launch: (engineId: string, key: EngineKey, pool: Ref<EnginePoolMessage>) => void;
  readonly show: (engines: ReadonlyMap<string, PooledEngine>, waiting: number) => void;
};

export function enginePool({
  limits,
  idPrefix,
  launch,
  show,
}: EnginePoolDependencies): Machine<EnginePoolState, EnginePoolMessage, EnginePoolEffect> {
  return {
    initial: emptyPool(limits),
    decide: decidePool(idPrefix),
    perform(effect, {self, setTimer}) {
      switch (effect.type) {
        case 'grant': {
          const {
            request: {attempt, replyTo},
            engine,
          } = effect;
          if (!replyTo.tell({type: 'engineGranted', attempt, engine})) {
            self.tell({type: 'release', engineId: engine.engineId, isReusable: true});
          }
          return;
        }
        case 'deny': {
          const {
            request: {attempt, replyTo},
            failure,
          } = effect;
          replyTo.tell({type: 'engineDenied', attempt, failure});
          return;
        }
        case 'launch':
          return launch(effect.engineId, effect.key, self);
        case 'shutdown':
          effect.ref.tell({type: 'shutdown'});
          return;
        case 'idleTimer': {
          const {engineId, idleCount, afterMs} = effect;
          return setTimer(`idle-${engineId}`, afterMs, {type: 'idleDue', engineId, idleCount});
        }
        case 'show':
          return show(effect.engines, effect.waiting);
      }
    },
  };
}
