/**
 * The queue of one user, creator and engine type (Linkis' consumer group): who waits, who runs, in which order.
 *
 *   admit ─▶ (reserved) ─▶ enqueue ─▶ waiting ──a slot is free──▶ running ─▶ leave
 *
 * A place is reserved before a submission's row is written, so that an accepted job never finds the queue full. Higher
 * priority goes first; equal priorities in order of submission. A job that leaves while it waits stays in the heap until
 * its turn, when it is found gone: removing is O(1), and the state needs no index.
 */
import {merge, single, type Heap} from './leftist-heap.ts';
import type {Decision, Machine} from './runtime/machine.ts';

export type Admission =
  | {readonly type: 'admitted'}
  | {readonly type: 'full'; readonly waiting: number; readonly waitingMax: number};

export type GroupCommand =
  | {type: 'admit'; reply: (admission: Admission) => void}
  /** The reserved place is not needed after all. */
  | {type: 'withdraw'}
  | {type: 'enqueue'; taskID: number; priority: number; isReserved: boolean}
  /** After a restart: a job that already runs takes a slot, whatever the limit. */
  | {type: 'occupy'; taskID: number}
  | {type: 'leave'; taskID: number}
  /** The job whose turn it was is gone. */
  | {type: 'departed'; taskID: number}
  | {type: 'setLimits'; limits: GroupLimits};

export type GroupLimits = {readonly runningMax: number; readonly waitingMax: number};

type Waiting = {readonly taskID: number; readonly priority: number; readonly order: number};

export type GroupState = {
  readonly limits: GroupLimits;
  readonly heap: Heap<Waiting>;
  readonly inHeap: number;
  /** How many in the heap have left. */
  readonly departed: number;
  readonly reserved: number;
  readonly running: ReadonlySet<number>;
  readonly nextOrder: number;
};

export type GroupEffect =
  | {type: 'start'; taskID: number}
  | {type: 'answer'; reply: (admission: Admission) => void; admission: Admission}
  | {type: 'show'; waiting: number; running: number};

export const emptyGroup = (limits: GroupLimits): GroupState => ({
  limits,
  heap: undefined,
  inHeap: 0,
  departed: 0,
  reserved: 0,
  running: new Set(),
  nextOrder: 0,
});

export const waitingIn = ({inHeap, departed}: GroupState): number => inHeap - departed;

type GroupDecision = Decision<GroupState, GroupEffect>;

export function decideGroup(state: GroupState, message: GroupCommand): GroupDecision {
  switch (message.type) {
    case 'admit':
      return admit(state, message.reply);
    case 'withdraw':
      return {state: {...state, reserved: Math.max(0, state.reserved - 1)}, effects: []};
    case 'enqueue':
      return fillSlots(enqueue(state, message));
    case 'occupy':
      return shown({...state, running: new Set([...state.running, message.taskID])});
    case 'leave':
      return leave(state, message.taskID);
    case 'departed':
      return fillSlots({
        ...state,
        running: without(state.running, message.taskID),
        departed: Math.max(0, state.departed - 1),
      });
    case 'setLimits':
      return fillSlots({...state, limits: message.limits});
  }
}

function admit(state: GroupState, reply: (admission: Admission) => void): GroupDecision {
  const waiting = waitingIn(state) + state.reserved;
  const {waitingMax} = state.limits;
  return waiting >= waitingMax
    ? {state, effects: [{type: 'answer', reply, admission: {type: 'full', waiting, waitingMax}}]}
    : {
        state: {...state, reserved: state.reserved + 1},
        effects: [{type: 'answer', reply, admission: {type: 'admitted'}}],
      };
}

function enqueue(
  state: GroupState,
  {taskID, priority, isReserved}: GroupCommand & {type: 'enqueue'},
): GroupState {
  const waiting: Waiting = {taskID, priority, order: state.nextOrder};
  return {
    ...state,
    heap: merge(state.heap, single(waiting), goesBefore),
    inHeap: state.inHeap + 1,
    reserved: isReserved ? Math.max(0, state.reserved - 1) : state.reserved,
    nextOrder: state.nextOrder + 1,
  };
}

const goesBefore = (a: Waiting, b: Waiting): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.order < b.order;

function leave(state: GroupState, taskID: number): GroupDecision {
  return state.running.has(taskID)
    ? fillSlots({...state, running: without(state.running, taskID)})
    : shown({...state, departed: Math.min(state.inHeap, state.departed + 1)});
}

function fillSlots(state: GroupState): GroupDecision {
  const effects: GroupEffect[] = [];
  let {heap, inHeap} = state;
  const running = new Set(state.running);
  while (heap !== undefined && running.size < state.limits.runningMax) {
    const {taskID} = heap.item;
    heap = merge(heap.left, heap.right, goesBefore);
    inHeap -= 1;
    running.add(taskID);
    effects.push({type: 'start', taskID});
  }
  const decision = shown({...state, heap, inHeap, running});
  return {state: decision.state, effects: [...effects, ...decision.effects]};
}

const shown = (state: GroupState): GroupDecision => ({
  state,
  effects: [{type: 'show', waiting: waitingIn(state), running: state.running.size}],
});

function without(running: ReadonlySet<number>, taskID: number): ReadonlySet<number> {
  const rest = new Set(running);
  rest.delete(taskID);
  return rest;
}

export type GroupDependencies = {
  readonly limits: GroupLimits;
  /** Tells the job it is its turn; false when there is no such job any more. */
  readonly start: (taskID: number) => boolean;
  readonly show: (waiting: number, running: number) => void;
};

export function consumerGroup({
  limits,
  start,
  show,
}: GroupDependencies): Machine<GroupState, GroupCommand, GroupEffect> {
  return {
    initial: emptyGroup(limits),
    decide: decideGroup,
    perform(effect, {self}) {
      switch (effect.type) {
        case 'start':
          if (!start(effect.taskID)) self.tell({type: 'departed', taskID: effect.taskID});
          return;
        case 'answer':
          return effect.reply(effect.admission);
        case 'show':
          return show(effect.waiting, effect.running);
      }
    },
  };
}
