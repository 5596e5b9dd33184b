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

export type EnginePoolState = {
  readonly limits: EnginePoolLimits;
  readonly engines: ReadonlyMap<string, PooledEngine>;
  /** Oldest first. */
  readonly requests: readonly Request[];
  readonly nextEngine: number;
  readonly isClosed: boolean;
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
  requests: [],
  nextEngine: 1,
  isClosed: false,
});

export function decidePool(
  idPrefix: string,
): (state: EnginePoolState, message: EnginePoolMessage) => PoolDecision {
  return (state, message) => serve(settle(state, message), idPrefix);
}

/** What the message says of engines and requests, before anything is granted. */
function settle(state: EnginePoolState, message: EnginePoolMessage): PoolDecision {
  switch (message.type) {
    case 'requestEngine': {
      const {type: _, ...request} = message;
      return keep({...state, requests: [...state.requests, request]});
    }
    case 'cancelRequest':
      return keep({
        ...state,
        requests: state.requests.filter(
          ({taskID, attempt}) => taskID !== message.taskID || attempt !== message.attempt,
        ),
      });
    case 'release':
      return release(state, message.engineId, message.isReusable);
    case 'close':
      return keep({...state, isClosed: true});
    case 'endEngine':
      return endEngine(state, message.engineId);
    case 'engineStarted':
      return idle(state, message.engineId, message.ref);
    case 'engineAdopted': {
      const {engineId, key, isBusy, ref} = message;
      const adopted = put(state, engineId, {
        key,
        status: 'busy',
        ref,
        idleCount: 0,
        isUsed: true,
        endsWithJob: false,
      });
      return isBusy ? keep(adopted) : idle(adopted, engineId, ref);
    }
    case 'launchFailed':
      return launchFailed(state, message.engineId, message.failure);
    case 'engineExited':
      return keep(drop(state, message.engineId));
    case 'idleDue': {
      const engine = state.engines.get(message.engineId);
      return engine?.status === 'idle' && engine.idleCount === message.idleCount
        ? endEngine(state, message.engineId)
        : keep(state);
    }
  }
}

function release(state: EnginePoolState, engineId: string, isReusable: boolean): PoolDecision {
  const engine = state.engines.get(engineId);
  if (engine?.status !== 'busy' || engine.ref === undefined) return keep(state);
  return isReusable && !engine.endsWithJob ? idle(state, engineId, engine.ref) : endEngine(state, engineId);
}

function idle(state: EnginePoolState, engineId: string, ref: Ref<EngineCommand>): PoolDecision {
  const engine = state.engines.get(engineId);
  if (engine === undefined) return keep(state, {type: 'shutdown', ref});
  const idleCount = engine.idleCount + 1;
  return keep(put(state, engineId, {...engine, status: 'idle', ref, idleCount}), {
    type: 'idleTimer',
    engineId,
    idleCount,
    afterMs: state.limits.idleMs,
  });
}

function endEngine(state: EnginePoolState, engineId: string): PoolDecision {
  const engine = state.engines.get(engineId);
  if (engine?.ref === undefined || engine.status === 'ending') return keep(state);
  return keep(put(state, engineId, {...engine, status: 'ending'}), {type: 'shutdown', ref: engine.ref});
}

/** The oldest request that this engine was started for hears of it; the others wait for another launch. */
function launchFailed(state: EnginePoolState, engineId: string, failure: Failure): PoolDecision {
  const engine = state.engines.get(engineId);
  const rest = drop(state, engineId);
  const request = engine === undefined ? undefined : state.requests.find(({key}) => sameKey(key, engine.key));
  return request === undefined
    ? keep(rest)
    : keep(
        {...rest, requests: rest.requests.filter(other => other !== request)},
        {type: 'deny', request, failure},
      );
}

/** Grants what can be granted, and launches what is lacking, oldest request first. */
function serve({state, effects: before}: PoolDecision, idPrefix: string): PoolDecision {
  if (state.isClosed) {
    return {
      state,
      effects: [...before, {type: 'show', engines: state.engines, waiting: state.requests.length}],
    };
  }
  const effects = [...before];
  const engines = new Map(state.engines);
  const requests: Request[] = [];
  let {nextEngine} = state;
  // An engine that is starting serves one request of its key; further requests need another.
  const starting = new Map<string, number>();
  for (const {status, key} of engines.values()) {
    if (status === 'starting') starting.set(printKey(key), (starting.get(printKey(key)) ?? 0) + 1);
  }
  let idleCount = [...engines.values()].filter(({status}) => status === 'idle').length;
  for (const [index, request] of state.requests.entries()) {
    if (idleCount === 0 && engines.size >= state.limits.enginesMax) {
      // Nothing can change for those behind either; a long queue costs no more than a short one.
      requests.push(...state.requests.slice(index));
      break;
    }
    const {key, executeOnce} = request;
    const found = [...engines].find(
      ([, engine]) => engine.status === 'idle' && sameKey(engine.key, key) && !(executeOnce && engine.isUsed),
    );
    if (found !== undefined && found[1].ref !== undefined) {
      const [engineId, engine] = found;
      engines.set(engineId, {...engine, status: 'busy', isUsed: true, endsWithJob: executeOnce});
      idleCount -= 1;
      effects.push({type: 'grant', request, engine: {engineId, ref: found[1].ref, isReused: engine.isUsed}});
      continue;
    }
    requests.push(request);
    const started = starting.get(printKey(key)) ?? 0;
    if (started > 0) {
      starting.set(printKey(key), started - 1);
      continue;
    }
    const room = makeRoom(engines, state.limits, key);
    if (room === 'none') continue;
    if (room !== 'free') {
      idleCount -= 1;
      effects.push({type: 'shutdown', ref: room.ref});
      continue;
    }
    const engineId = `${idPrefix}-${nextEngine}`;
    nextEngine += 1;
    engines.set(engineId, {key, status: 'starting', idleCount: 0, isUsed: false, endsWithJob: false});
    effects.push({type: 'launch', engineId, key});
  }
  effects.push({type: 'show', engines, waiting: requests.length});
  return {state: {...state, engines, requests, nextEngine}, effects};
}

/** Whether one more engine may start; otherwise an idle one that makes way (and is marked so), if there is any. */
function makeRoom(
  engines: Map<string, PooledEngine>,
  {enginesMax, enginesPerUserMax}: EnginePoolLimits,
  {user}: EngineKey,
): 'free' | 'none' | {ref: Ref<EngineCommand>} {
  const ofUser = [...engines.values()].filter(engine => engine.key.user === user).length;
  if (engines.size < enginesMax && ofUser < enginesPerUserMax) return 'free';
  const isUserFull = ofUser >= enginesPerUserMax;
  // One that is ending already makes the room this request waits for.
  if (
    [...engines.values()].some(({status, key}) => status === 'ending' && (!isUserFull || key.user === user))
  )
    return 'none';
  for (const [engineId, engine] of engines) {
    if (engine.status !== 'idle' || engine.ref === undefined || (isUserFull && engine.key.user !== user))
      continue;
    engines.set(engineId, {...engine, status: 'ending'});
    return {ref: engine.ref};
  }
  return 'none';
}

const printKey = ({engineType, user, creator}: EngineKey): string => `${engineType}\n${user}\n${creator}`;
const sameKey = (a: EngineKey, b: EngineKey): boolean =>
  a.engineType === b.engineType && a.user === b.user && a.creator === b.creator;

const keep = (state: EnginePoolState, ...effects: EnginePoolEffect[]): PoolDecision => ({state, effects});

const put = (state: EnginePoolState, engineId: string, engine: PooledEngine): EnginePoolState => ({
  ...state,
  engines: new Map(state.engines).set(engineId, engine),
});

function drop(state: EnginePoolState, engineId: string): EnginePoolState {
  const engines = new Map(state.engines);
  engines.delete(engineId);
  return {...state, engines};
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
