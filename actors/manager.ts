/**
 * The manager (Linkis' application and resource manager): one in the cluster, by lease. It decides who may start an engine and
 * on which ECM; engines, jobs and their messages never pass through it. All it knows was stated by entrances and reported by
 * ECMs a moment ago, so a successor needs nothing from it (decision 31): it grants nothing until every ECM that is known to
 * live has reported, and then knows the same.
 *
 *   gathering ──all ECMs have reported, or `gatherMs` have passed──▶ active
 */
import {metricsOf, reportOf, viewOf} from './manager-answers.ts';
import {ecmGone, expire, reported} from './manager-engines.ts';
import {gatesOf} from './manager-gates.ts';
import type {EcmReport, ManagerCommand} from './manager-protocol.ts';
import {checkHopes, serve} from './manager-serve.ts';
import {
  emptyManager,
  unparkAll,
  type ManagerEffect,
  type ManagerLimits,
  type ManagerSettings,
  type ManagerState,
} from './manager-state.ts';
import {entranceGone, stated} from './manager-statements.ts';
import type {Decision, Machine} from './runtime/machine.ts';
import type {Clock} from './runtime/clock.ts';

export type ManagerMessage = {readonly atMs: number} & (
  | ManagerCommand
  | {type: 'ecm'; report: EcmReport}
  /** `isOver`: by its lease; otherwise it can't be reached, and its engines may live. */
  | {type: 'ecmGone'; instance: string; isOver: boolean}
  /** Instances of ECMs that are known to live. */
  | {type: 'expect'; ecms: readonly string[]}
  | {type: 'entranceGone'; incarnation: string}
  | {type: 'limits'; limits: ManagerLimits}
  | {type: 'tick'}
);

/** Whoever tells the manager adds when. */
export type UntimedManagerMessage = ManagerMessage extends infer Message
  ? Message extends ManagerMessage
    ? Omit<Message, 'atMs'>
    : never
  : never;

type ManagerDecision = Decision<ManagerState, ManagerEffect>;

export function decideManager(state: ManagerState, message: ManagerMessage): ManagerDecision {
  const effects: ManagerEffect[] = [];
  state.nowMs = message.atMs;
  handle(state, message, effects);
  if (state.phase === 'gathering' && isComplete(state)) {
    state.phase = 'active';
    const {fence} = state.settings;
    effects.push({
      type: 'log',
      level: 'info',
      fields: {fence, ecms: state.ecms.size, engines: state.ledger.reservations.size},
      text: 'the manager grants engines',
    });
  }
  serve(state, effects);
  return {state, effects};
}

const isComplete = ({expected, ecms, nowMs, startedMs, settings}: ManagerState): boolean =>
  [...expected].every(instance => ecms.has(instance)) || nowMs - startedMs >= settings.gatherMs;

function handle(state: ManagerState, message: ManagerMessage, effects: ManagerEffect[]): void {
  switch (message.type) {
    case 'state':
      return stated(state, message);
    case 'ecm':
      return reported(state, message.report, effects);
    case 'ecmGone':
      return ecmGone(state, message.instance, message.isOver);
    case 'expect':
      state.expected = new Set(message.ecms);
      return;
    case 'entranceGone':
      return entranceGone(state, message.incarnation);
    case 'limits':
      state.limits = message.limits;
      return unparkAll(state);
    case 'tick':
      expire(state, effects);
      return checkHopes(state, effects);
    case 'explain': {
      const gates = gatesOf(state, message.key);
      return answer(effects, () => message.replyTo.tell({ok: true, value: gates}));
    }
    case 'getEngineStatus': {
      const found = state.ledger.reservations.get(message.engineId);
      const value = found === undefined ? null : viewOf(found);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
    case 'getNodeMetrics': {
      const value = metricsOf(state, message.instance);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
    case 'resources': {
      const value = reportOf(state);
      return answer(effects, () => message.replyTo.tell({ok: true, value}));
    }
  }
}

const answer = (effects: ManagerEffect[], tell: () => void): void =>
  void effects.push({type: 'answer', answer: tell});

export type ManagerDependencies = {
  readonly settings: ManagerSettings;
  readonly limits: ManagerLimits;
  readonly clock: Clock;
  readonly log: {
    readonly info: (fields: object, text: string) => void;
    readonly warn: (fields: object, text: string) => void;
  };
};

export function manager({
  settings,
  limits,
  clock,
  log,
}: ManagerDependencies): Machine<ManagerState, ManagerMessage, ManagerEffect> {
  return {
    initial: emptyManager(settings, limits, clock.monotonicMs()),
    decide: decideManager,
    perform(effect) {
      switch (effect.type) {
        case 'notify':
          // A notice that is lost is made up for by the next statement.
          effect.to.tell(effect.notice);
          return;
        case 'answer':
          return effect.answer();
        case 'log':
          return log[effect.level](effect.fields, effect.text);
      }
    },
  };
}
