/** What a manager or an administrator may ask of an ECM, and what it learns of its host. Pure. */
import {staleness, withFence} from './ecm-admission.ts';
import {EngineLostError} from './ecm-errors.ts';
import {withHealthSet, withLoad, type EcmHealth, type HealthLimits} from './ecm-health.ts';
import {absence, refuse, stay, type EcmDecision} from './ecm-holdings.ts';
import type {EcmOrder, EcmState, TerminateCommand} from './ecm-messages.ts';
import type {EcmInspection} from './ecm-protocol.ts';
import {toFailure} from './domain/errors.ts';

export function inspect(
  state: EcmState,
  message: EcmInspection | Extract<EcmOrder, {type: 'measured'}>,
): EcmDecision {
  switch (message.type) {
    case 'measured': {
      const {load, atMs} = message;
      return judged(state, withLoad(state.health, load, atMs, limitsOf(state)));
    }
    case 'setHealth': {
      const {health, description, replyTo} = message;
      const described = description === undefined ? state : {...state, description};
      const next =
        health === undefined
          ? state.health
          : withHealthSet(state.health, health, described.description, limitsOf(state));
      const decision = judged(described, next);
      return {...decision, effects: [...decision.effects, {type: 'done', to: replyTo}]};
    }
    case 'terminateEngineConnection':
      return terminate(state, message);
    case 'getEngineMetrics': {
      const engine = state.engines.get(message.engineId);
      return engine === undefined
        ? refuse(state, message.replyTo, absence(state, message.engineId))
        : stay(state, {type: 'inspect', engines: [engine], command: message});
    }
    case 'reportEngineResourceUsage': {
      const {engineId, replyTo} = message;
      if (engineId !== undefined && !state.engines.has(engineId)) {
        return refuse(state, replyTo, absence(state, engineId));
      }
      const engines = [...state.engines.values()].filter(
        ({handle}) => engineId === undefined || handle.engineId === engineId,
      );
      return stay(state, {type: 'inspect', engines, command: message});
    }
    case 'engineLog':
      return stay(state, {
        type: 'readLog',
        command: message,
        absent: toFailure(absence(state, message.engineId)),
      });
  }
}

function terminate(before: EcmState, command: TerminateCommand): EcmDecision {
  const {engineId, fence, replyTo} = command;
  const stale = staleness(before, fence);
  if (stale !== undefined) return refuse(before, replyTo, stale);
  const state = withFence(before, fence);
  const engine = state.engines.get(engineId);
  if (engine?.exited !== undefined)
    return refuse(state, replyTo, new EngineLostError(engineId, engine.exited));
  if (engine !== undefined) return stay(state, {type: 'terminate', engine, command});
  const pending = state.launching.get(engineId);
  if (pending === undefined) return refuse(state, replyTo, absence(state, engineId));
  const terminations = [...(pending.terminations ?? []), command];
  return stay({...state, launching: new Map(state.launching).set(engineId, {...pending, terminations})});
}

function judged(state: EcmState, health: EcmHealth): EcmDecision {
  const next = {...state, health};
  return health.health === state.health.health ? stay(next) : stay(next, {type: 'tellHealth', health});
}

const lenient: HealthLimits = {
  protectedMemoryBytes: 0,
  diskFreeBytesMin: 0,
  cpuProtectedShare: 1,
  refusesWhenBusy: false,
};

const limitsOf = ({settings}: EcmState): HealthLimits => settings.limits ?? lenient;
