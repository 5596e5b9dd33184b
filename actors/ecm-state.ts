/**
 * What the ECM of a node decides: who gets which engine, what becomes of engines whose owner is gone. Pure; the effects
 * are carried out by `ecm-service.ts`.
 *
 *   launching ──launched──▶ owned ◀──attach, takeOver──▶ without owner ──orphanDue──▶ idle: ended; busy: timed out
 *                             └───────── exited ──────────────┴─▶ kept until its task is confirmed
 */
import {attach, barOf, barred, isSameHolder, isSameTask, refusalOf, takeOver} from './ecm-engine.ts';
import type {EngineOwner, Grip, HeldEngine} from './ecm-engine.ts';
import {admit} from './ecm-admission.ts';
import {EngineDisplacedError, EngineLostError} from './ecm-errors.ts';
import {newHealth} from './ecm-health.ts';
import {inspect} from './ecm-inspection.ts';
import type {
  AdoptOrder,
  AttachCommand,
  EcmEffect,
  EcmMessage,
  EcmSettings,
  EcmState,
  LaunchCommand,
  UseCommand,
} from './ecm-messages.ts';
import type {LocalEngine} from './ecm-port.ts';
import type {EcmCommand, TaskClaim, TaskKey} from './ecm-protocol.ts';
import type {Failure} from './domain/errors.ts';
import {
  absence,
  becomeReady,
  bury,
  drop,
  heldAs,
  notReady,
  put,
  refuse,
  stay,
  type EcmDecision,
} from './ecm-holdings.ts';
import type {Ref} from './runtime/ref.ts';

const deadMax = 256;

export const emptyEcm = (settings: EcmSettings): EcmState => ({
  settings,
  phase: 'starting',
  engines: new Map(),
  launching: new Map(),
  gone: new Map(),
  dead: [],
  health: newHealth,
  fence: 0,
  description: '',
});

export function decideEcm(state: EcmState, message: EcmMessage): EcmDecision {
  switch (message.type) {
    case 'list': {
      // Half a list would make an engine that is here look lost.
      const early = state.phase === 'starting' ? notReady(state) : undefined;
      return early === undefined
        ? stay(state, {type: 'list', state, to: message.replyTo})
        : refuse(state, message.replyTo, early);
    }
    case 'launch':
    case 'attach':
    case 'takeOver': {
      const {engineId, holder, replyTo} = message;
      // Paused for so long that its lease went to others, and awake again: it owns nothing any more.
      if (state.dead.includes(holder.incarnation)) {
        return refuse(
          state,
          replyTo,
          new EngineDisplacedError(engineId, 'the lease of your node has lapsed'),
        );
      }
      return message.type === 'launch' ? launch(state, message) : gripOf(state, message);
    }
    case 'release':
      return release(state, message);
    case 'execute':
      return execute(state, message);
    case 'shutdown':
    case 'confirm':
      return state.engines.has(message.engineId) ? use(state, message) : alreadyGone(state, message);
    case 'follow':
    case 'kill':
    case 'listResults':
    case 'readResult':
    case 'publishResults':
      return use(state, message);
    case 'adoptOwn':
    case 'adoptFrom':
      return stay(state, {type: 'adopt', order: message});
    case 'adopted':
      return adopted(state, message.engines, message.order);
    case 'adoptFailed': {
      const {order, failure} = message;
      // It serves what it has: an unreadable folder must not keep the whole node from starting engines.
      const ready = order.type === 'adoptOwn' ? becomeReady(state) : state;
      return order.replyTo === undefined
        ? stay(ready)
        : stay(ready, {type: 'answer', to: order.replyTo, failure});
    }
    case 'launched':
      return launched(state, message.engineId, message.engine);
    case 'launchFailed':
      return launchFailed(state, message.engineId, message.failure);
    case 'executeRefused':
      return withoutTask(state, message.handle, message.task);
    case 'confirmed':
      return withoutTask(counted(state, message.handle, message.task), message.handle, message.task);
    case 'neverBegun':
      return neverBegun(state, message.handle, message.task);
    case 'exited':
      return exited(state, message.handle, message.reason);
    case 'lost': {
      const engine = heldAs(state, message.handle);
      if (engine === undefined) return stay(state);
      const {engineId} = message.handle;
      return {
        state: drop(state, engineId),
        effects: [
          {type: 'closeFlow', engine},
          {type: 'cancelOrphanTimer', engineId},
        ],
      };
    }
    case 'ownerGone':
      return ownerGone(state, message.incarnation);
    case 'orphanDue':
      return orphanDue(state, message.engineId);
    case 'taskUnknown': {
      const engine = [...state.engines.values()].find(({task}) => task && isSameTask(task, message.task));
      return engine?.owner === undefined && engine !== undefined
        ? stay(state, {type: 'end', handle: engine.handle, task: message.task})
        : stay(state);
    }
    case 'leave':
      return leave(state, message.replyTo);
    case 'measured':
    case 'terminateEngineConnection':
    case 'getEngineMetrics':
    case 'reportEngineResourceUsage':
    case 'engineLog':
    case 'setHealth':
      return inspect(state, message);
  }
}

function launch(state: EcmState, command: LaunchCommand): EcmDecision {
  const {engineId, holder, owner, replyTo} = command;
  const {engines, launching, gone} = state;
  const held = engines.get(engineId);
  if (held !== undefined) return gripOf(state, {...command, type: 'attach'});
  const pending = launching.get(engineId);
  if (pending !== undefined && isSameHolder(pending.command.holder, holder)) {
    const waiting = [...pending.waiting, replyTo];
    const repeated = {...pending, command: {...pending.command, owner}, waiting};
    return stay({...state, launching: new Map(launching).set(engineId, repeated)});
  }
  const reason = gone.get(engineId);
  if (reason !== undefined) return refuse(state, replyTo, new EngineLostError(engineId, reason));
  const blocked = notReady(state);
  if (blocked !== undefined) return refuse(state, replyTo, blocked);
  const admission = admit(state, command);
  if (admission.type === 'refused') return refuse(admission.state, replyTo, admission.error);
  const {spares, state: admitting} = admission;
  const rest = spares.reduce((left, {handle}) => drop(left, handle.engineId), admitting);
  const entry = {command, waiting: [replyTo], isUnwanted: false};
  return {
    state: {...rest, launching: new Map(launching).set(engineId, entry)},
    effects: [...spares.map(({handle}) => ({type: 'end' as const, handle})), {type: 'launch', command}],
  };
}

function launched(state: EcmState, engineId: string, handle: LocalEngine): EcmDecision {
  const pending = state.launching.get(engineId);
  const launching = new Map(state.launching);
  launching.delete(engineId);
  if (pending === undefined) return stay(state, {type: 'end', handle});
  const {command, waiting, isUnwanted, terminations = []} = pending;
  // Where the driver keeps nothing of it, what was asked for is what it has.
  const base: HeldEngine = {handle, barred: [], origin: handle.origin ?? command.launch};
  const engine = isUnwanted ? base : {...base, owner: {holder: command.holder, ref: command.owner}};
  const effects: EcmEffect[] = [
    {type: 'watch', handle},
    {type: 'report', engine, to: waiting},
  ];
  for (const termination of terminations) effects.push({type: 'terminate', engine, command: termination});
  const isEnding = terminations.length > 0;
  if (!isEnding && (isUnwanted || state.phase === 'leaving')) effects.push({type: 'end', handle});
  return {state: put({...state, launching}, engine), effects};
}

function launchFailed(state: EcmState, engineId: string, failure: Failure): EcmDecision {
  const launching = new Map(state.launching);
  launching.delete(engineId);
  const {waiting = [], terminations = []} = state.launching.get(engineId) ?? {};
  return {
    state: {...state, launching},
    effects: [...waiting, ...terminations.map(({replyTo}) => replyTo)].map(to => ({
      type: 'answer',
      to,
      failure,
    })),
  };
}

function gripOf(state: EcmState, command: AttachCommand): EcmDecision {
  const {engineId, holder, replyTo} = command;
  const engine = state.engines.get(engineId);
  if (engine === undefined) return unknown(state, command);
  const owner: EngineOwner = {holder, ref: command.owner};
  const grip: Grip =
    command.type === 'takeOver'
      ? takeOver(engine, owner, command.task)
      : attach(engine, owner, command.type === 'attach' ? command.known : undefined);
  if (grip.type === 'refused') return refuse(put(state, grip.engine), replyTo, grip.error);
  const effects: EcmEffect[] = [{type: 'cancelOrphanTimer', engineId}];
  if (grip.displaced !== undefined) {
    effects.push({type: 'closeFlow', engine});
    const by = holder.incarnation;
    effects.push({type: 'tellOwner', owner: grip.displaced, notice: {type: 'displaced', engineId, by}});
  }
  const {raised} = grip;
  effects.push({
    type: 'report',
    engine: grip.engine,
    to: [replyTo],
    ...(raised === undefined ? {} : {raised}),
  });
  return {state: put(state, grip.engine), effects};
}

function execute(state: EcmState, command: Extract<EcmCommand, {type: 'execute'}>): EcmDecision {
  const {engineId, task, holder, replyTo} = command;
  const engine = state.engines.get(engineId);
  if (engine === undefined) return unknown(state, command);
  const refusal = refusalOf(engine, holder) ?? barOf(engine, task);
  if (refusal !== undefined) return refuse(state, replyTo, refusal);
  const {taskID, attempt, epoch} = task;
  // Noted before the engine has it: if its owner dies now, the engine must not be taken for idle, nor the task for never
  // begun. The confirmation of the task before may still be under way; an engine that keeps that task refuses this one.
  const isNoted = !isSameTask(task, engine.task);
  const claim = {taskID, attempt, epoch};
  const next = !isNoted
    ? engine
    : {...engine, ...(engine.task === undefined ? {task: claim} : {nextTask: claim})};
  return {state: put(state, next), effects: [{type: 'use', engine: next, command, isNoted}]};
}

function use(state: EcmState, command: UseCommand): EcmDecision {
  const engine = state.engines.get(command.engineId);
  if (engine === undefined) return unknown(state, command);
  const refusal = refusalOf(engine, command.holder);
  return refusal === undefined
    ? stay(state, {type: 'use', engine, command, isNoted: false})
    : refuse(state, command.replyTo, refusal);
}

/** Ending or confirming what is gone already is done. */
function alreadyGone(
  state: EcmState,
  command: Extract<EcmCommand, {type: 'shutdown' | 'confirm'}>,
): EcmDecision {
  const {engineId, holder, replyTo} = command;
  const pending = state.launching.get(engineId);
  if (pending !== undefined && isSameHolder(pending.command.holder, holder)) {
    const launching = new Map(state.launching).set(engineId, {...pending, isUnwanted: true});
    return stay({...state, launching}, {type: 'done', to: replyTo});
  }
  return state.gone.has(engineId) ? stay(state, {type: 'done', to: replyTo}) : unknown(state, command);
}

function release(state: EcmState, command: Extract<EcmCommand, {type: 'release'}>): EcmDecision {
  const engine = state.engines.get(command.engineId);
  const done: EcmEffect = {type: 'done', to: command.replyTo};
  if (engine === undefined || refusalOf(engine, command.holder) !== undefined) return stay(state, done);
  const {state: orphaned, effects} = orphan(state, engine);
  return {state: orphaned, effects: [...effects, done]};
}

/** The engine has no owner from now on; what it does goes on. */
function orphan(state: EcmState, engine: HeldEngine): EcmDecision {
  const {owner: _, ...rest} = engine;
  const {orphanBusyMs, orphanIdleMs} = state.settings;
  const effects: EcmEffect[] = [{type: 'closeFlow', engine}];
  if (engine.exited === undefined) {
    effects.push({
      type: 'orphanTimer',
      engineId: engine.handle.engineId,
      afterMs: engine.task === undefined ? orphanIdleMs : orphanBusyMs,
    });
  }
  return {state: put(state, rest), effects};
}

function ownerGone(state: EcmState, incarnation: string): EcmDecision {
  let next: EcmState = {...state, dead: [...state.dead, incarnation].slice(-deadMax)};
  const effects: EcmEffect[] = [];
  for (const engine of state.engines.values()) {
    if (engine.owner?.holder.incarnation !== incarnation) continue;
    const orphaned = orphan(next, engine);
    next = orphaned.state;
    effects.push(...orphaned.effects);
  }
  const launching = new Map(next.launching);
  for (const [engineId, pending] of launching) {
    if (pending.command.holder.incarnation === incarnation) {
      launching.set(engineId, {...pending, isUnwanted: true});
    }
  }
  return {state: {...next, launching}, effects};
}

function orphanDue(state: EcmState, engineId: string): EcmDecision {
  const engine = state.engines.get(engineId);
  if (engine === undefined || engine.owner !== undefined || engine.exited !== undefined) return stay(state);
  const {handle, task} = engine;
  // The end of a task stays in its spool until somebody confirms it, also when the process is gone.
  return stay(state, task === undefined ? {type: 'end', handle} : {type: 'timeOut', handle, task});
}

function adopted(state: EcmState, found: readonly LocalEngine[], order: AdoptOrder): EcmDecision {
  let next = order.type === 'adoptOwn' ? becomeReady(state) : state;
  const effects: EcmEffect[] = [];
  for (const handle of found) {
    const {task, origin} = handle;
    const engine: HeldEngine = {
      handle,
      barred: [],
      ...(task === undefined ? {} : {task}),
      ...(origin === undefined ? {} : {origin}),
    };
    // An earlier life of this ECM has obeyed that manager.
    next = {...next, fence: Math.max(next.fence, origin?.fence ?? 0)};
    const orphaned = orphan(next, engine);
    next = orphaned.state;
    effects.push({type: 'watch', handle}, ...orphaned.effects);
  }
  effects.push({type: 'adopted', order, count: found.length});
  return {state: next, effects};
}

function counted(state: EcmState, handle: LocalEngine, task: TaskKey): EcmState {
  const engine = heldAs(state, handle);
  if (engine === undefined || !isSameTask(task, engine.task)) return state;
  return put(state, {...engine, confirmed: (engine.confirmed ?? 0) + 1});
}

function withoutTask(state: EcmState, handle: LocalEngine, task: TaskKey): EcmDecision {
  const engine = heldAs(state, handle);
  if (engine?.task === undefined) return stay(state);
  if (isSameTask(task, engine.nextTask)) {
    const {nextTask: _refused, ...rest} = engine;
    return stay(put(state, rest));
  }
  if (!isSameTask(engine.task, task)) return stay(state);
  const {engineId} = handle;
  const {task: _, nextTask, ...free} = engine;
  // Its flow goes on with the new task's: the owner has asked for that already.
  if (nextTask !== undefined && free.exited === undefined) return stay(put(state, {...free, task: nextTask}));
  const dropFlow: EcmEffect = {type: 'dropFlow', engineId};
  if (free.exited !== undefined) return stay(bury(state, engineId, free.exited), dropFlow);
  // Confirmed for nobody, as by `taskUnknown`: it waits as an idle one from now on.
  return free.owner === undefined ? orphan(state, free) : stay(put(state, free), dropFlow);
}

/** Whoever took it over is told so, and has no use for the engine. */
function neverBegun(state: EcmState, handle: LocalEngine, task: TaskClaim): EcmDecision {
  const engine = heldAs(state, handle);
  if (engine === undefined || !isSameTask(task, engine.task)) return stay(state);
  const {task: _, ...free} = engine;
  return orphan(state, barred(free, task));
}

function exited(state: EcmState, handle: LocalEngine, reason: string): EcmDecision {
  const engine = heldAs(state, handle);
  if (engine === undefined) return stay(state);
  const {engineId} = handle;
  const gone = {...engine, exited: reason};
  const effects: EcmEffect[] = [{type: 'cancelOrphanTimer', engineId}];
  if (engine.owner !== undefined) effects.push({type: 'tellExit', engine: gone, reason});
  if (engine.task !== undefined) return {state: put(state, gone), effects};
  effects.push({type: 'dropFlow', engineId});
  return {state: bury(state, engineId, reason), effects};
}

function leave(state: EcmState, to: Ref<readonly string[]>): EcmDecision {
  const live = [...state.engines.values()].filter(engine => engine.exited === undefined);
  const idle = live.filter(({task}) => task === undefined).map(({handle}) => handle);
  const busy = live.filter(({task}) => task !== undefined).map(({handle}) => handle);
  const left = busy.reduce((rest, {engineId}) => drop(rest, engineId), state);
  return stay({...left, phase: 'leaving'}, {type: 'leave', idle, busy, to});
}

const unknown = (state: EcmState, {engineId, replyTo}: AttachCommand | UseCommand): EcmDecision =>
  refuse(state, replyTo, absence(state, engineId));
