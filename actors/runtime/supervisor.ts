/**
 * An actor that keeps others running. Failure reaches it as a message, after the failed actor has stopped; a restart is
 * always a new actor, made by the child's factory from what is durable. Beyond the policy's intensity the supervisor
 * fails itself, so that its own supervisor, or `onFailure`, decides.
 *
 *   running ── failed ──▶ down ── back-off over, and no affected sibling still stopping ──▶ running (a new actor)
 *      └── a sibling failed (rest_for_one: one started before; one_for_all: any) ──▶ stopping ──▶ down
 *
 * A child that ends without failing stays ended.
 */
import {LinkisError} from '../domain/errors.ts';
import type {Clock} from './clock.ts';
import type {ActorContext, ActorFailure, Decision, Machine, SpawnOptions} from './machine.ts';
import type {Random} from './random.ts';
import type {Ref} from './ref.ts';
import {decideRestart, type RestartPolicy} from './restart-policy.ts';
import type {RuntimeLog} from './runtime-log.ts';
import type {ActorSystem} from './system.ts';

export type SupervisorPolicy = RestartPolicy & {
  /** Who is restarted besides the failed child: nobody, those started after it, everybody. */
  readonly strategy: 'one_for_one' | 'rest_for_one' | 'one_for_all';
};

/** Starts the child as an actor below the supervisor. To be called once by the factory. */
export type SpawnChild = <S, M, E>(machine: Machine<S, M, E>, options?: SpawnOptions) => Ref<M>;

export type ChildSpec = {
  readonly name: string;
  /** Called at each start; keeps the new ref wherever it is needed. What it throws counts as a failure of the child. */
  readonly start: (spawn: SpawnChild) => Ref<never>;
};

export type SupervisorMessage =
  | {readonly type: 'start'}
  | {
      readonly type: 'childFailed';
      readonly name: string;
      readonly generation: number;
      readonly failure: ActorFailure;
      readonly atMs: number;
      readonly chance: number;
    }
  | {readonly type: 'childStopped'; readonly name: string; readonly generation: number}
  | {readonly type: 'backOffOver'; readonly name: string; readonly generation: number};

export type ChildState = {
  readonly name: string;
  /** Counts the starts; reports of an earlier one are ignored. */
  readonly generation: number;
  readonly status: 'running' | 'stopping' | 'backingOff' | 'ready' | 'ended';
};

export type SupervisorState = {
  readonly policy: SupervisorPolicy;
  readonly children: readonly ChildState[];
  readonly restartsAtMs: readonly number[];
};

export type SupervisorEffect =
  | {readonly type: 'startChild'; readonly name: string; readonly generation: number}
  | {readonly type: 'stopChild'; readonly name: string}
  | {readonly type: 'backOff'; readonly name: string; readonly generation: number; readonly afterMs: number}
  | {readonly type: 'logRestart'; readonly failure: ActorFailure; readonly afterMs: number}
  | {readonly type: 'giveUp'; readonly failure: ActorFailure};

type SupervisorDecision = Decision<SupervisorState, SupervisorEffect>;

/** A child failed more often than its supervisor allows. `cause` is its last failure. */
export class RestartLimitError extends LinkisError {
  override readonly name = 'RestartLimitError';
  readonly code = 20905;

  constructor({path, during, error}: ActorFailure, {restartsMax, withinMs}: RestartPolicy) {
    super(
      `Actor ${path} failed again (while handling ${during}) after ${restartsMax} restarts within ${withinMs} ms.` +
        ' The cause says why; it has to be removed before a restart can help.',
      {cause: error},
    );
  }
}

export function decide(state: SupervisorState, message: SupervisorMessage): SupervisorDecision {
  if (message.type === 'start') return startReady(state);
  const child = state.children.find(({name}) => name === message.name);
  if (child === undefined || child.generation !== message.generation) return {state, effects: []};
  switch (message.type) {
    case 'childFailed':
      if (child.status === 'stopping') return startReady(move(state, child, 'ready'));
      return child.status === 'running' ? recover(state, child, message) : {state, effects: []};
    case 'childStopped':
      if (child.status === 'stopping') return startReady(move(state, child, 'ready'));
      return {state: child.status === 'running' ? move(state, child, 'ended') : state, effects: []};
    case 'backOffOver':
      return child.status === 'backingOff' ? startReady(move(state, child, 'ready')) : {state, effects: []};
  }
}

function recover(
  state: SupervisorState,
  failed: ChildState,
  {failure, atMs, chance}: Extract<SupervisorMessage, {type: 'childFailed'}>,
): SupervisorDecision {
  const restart = decideRestart(state.policy, state.restartsAtMs, atMs, chance);
  if (restart.type === 'giveUp') {
    return {state: move(state, failed, 'ended'), effects: [{type: 'giveUp', failure}]};
  }
  const {afterMs, restartsAtMs} = restart;
  const {name, generation} = failed;
  const taken = state.children.filter(child => child.status === 'running' && isTaken(state, failed, child));
  const down = move({...state, restartsAtMs}, failed, 'backingOff');
  return {
    state: taken.reduce((before, child) => move(before, child, 'stopping'), down),
    effects: [
      {type: 'logRestart', failure, afterMs},
      ...taken.toReversed().map(child => ({type: 'stopChild', name: child.name}) as const),
      {type: 'backOff', name, generation, afterMs},
    ],
  };
}

/** Whether `child` goes down with `failed`. */
function isTaken({policy, children}: SupervisorState, failed: ChildState, child: ChildState): boolean {
  switch (policy.strategy) {
    case 'one_for_one':
      return false;
    case 'rest_for_one':
      return children.indexOf(child) > children.indexOf(failed);
    case 'one_for_all':
      return child !== failed;
  }
}

function startReady(state: SupervisorState): SupervisorDecision {
  const together = state.policy.strategy !== 'one_for_one';
  // Later ones rely on earlier ones, so nobody starts while one that must go first can't.
  if (together && state.children.some(isWaitedFor)) return {state, effects: []};
  const ready = state.children.filter(({status}) => status === 'ready');
  return {
    state: ready.reduce((before, child) => move(before, child, 'running'), state),
    effects: ready.map(({name, generation}) => ({type: 'startChild', name, generation: generation + 1})),
  };
}

const isWaitedFor = ({status}: ChildState): boolean => status === 'stopping' || status === 'backingOff';

function move(state: SupervisorState, {name}: ChildState, status: ChildState['status']): SupervisorState {
  const children = state.children.map(child => {
    if (child.name !== name) return child;
    return {name, status, generation: child.generation + (status === 'running' ? 1 : 0)};
  });
  return {...state, children};
}

export type SupervisorOptions = {
  readonly policy: SupervisorPolicy;
  /** In the order of their start; names differ. */
  readonly children: readonly ChildSpec[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RuntimeLog;
};

/** The supervisor as a machine, for a supervisor below another one: `start: spawn => startedBy(spawn(supervisor(…)))`. */
export function supervisor(
  options: SupervisorOptions,
): Machine<SupervisorState, SupervisorMessage, SupervisorEffect> {
  const {policy, children, log} = options;
  const refs = new Map<string, Ref<never>>();
  return {
    initial: {
      policy,
      children: children.map(({name}) => ({name, generation: 0, status: 'ready'})),
      restartsAtMs: [],
    },
    decide,
    perform(effect, context) {
      switch (effect.type) {
        case 'startChild': {
          const spec = children.find(({name}) => name === effect.name);
          if (spec !== undefined) startChild(options, spec, effect.generation, context, refs);
          return;
        }
        case 'stopChild': {
          const ref = refs.get(effect.name);
          if (ref !== undefined) context.stop(ref);
          return;
        }
        case 'backOff': {
          const {name, generation, afterMs} = effect;
          context.setTimer(name, afterMs, {type: 'backOffOver', name, generation});
          return;
        }
        case 'logRestart': {
          const {path, during, error} = effect.failure;
          const {afterMs} = effect;
          log.warn({path, during, err: error, afterMs}, 'An actor failed; a new one takes its place.');
          return;
        }
        case 'giveUp':
          throw new RestartLimitError(effect.failure, policy);
      }
    },
  };
}

function startChild(
  {clock, random}: SupervisorOptions,
  {name, start}: ChildSpec,
  generation: number,
  context: ActorContext<SupervisorMessage>,
  refs: Map<string, Ref<never>>,
): void {
  const failed = (failure: ActorFailure): void => {
    const [atMs, chance] = [clock.monotonicMs(), random.next()];
    context.self.tell({type: 'childFailed', name, generation, failure, atMs, chance});
  };
  const spawnChild: SpawnChild = (machine, options) =>
    context.spawn(name, machine, {
      ...options,
      onFailure(failure) {
        options?.onFailure?.(failure);
        failed(failure);
      },
    });
  try {
    const ref = start(spawnChild);
    refs.set(name, ref);
    context.watch(ref, {type: 'childStopped', name, generation});
  } catch (error) {
    failed({path: `${context.self.path}/${name}`, uid: 0, error, during: 'start'});
  }
}

/**
 * Starts a supervisor below the root, and its children in order. When it gives up, `onGiveUp` is told (its children have
 * stopped by then); `error` is a `RestartLimitError`.
 */
export function supervise(
  system: ActorSystem,
  name: string,
  options: SupervisorOptions,
  onGiveUp: (failure: ActorFailure) => void,
): Ref<SupervisorMessage> {
  const ref = system.spawn(name, supervisor(options), {onFailure: onGiveUp});
  ref.tell({type: 'start'});
  return ref;
}
