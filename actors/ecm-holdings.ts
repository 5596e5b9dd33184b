/** What an ECM holds: looking things up in its state and changing it, without a rule of their own. Pure. */
import {EcmNotReadyError, EngineLostError, UnknownEngineError} from './ecm-errors.ts';
import {toFailure, type LinkisError} from './domain/errors.ts';
import type {HeldEngine} from './ecm-engine.ts';
import type {EcmEffect, EcmState} from './ecm-messages.ts';
import type {LocalEngine} from './ecm-port.ts';
import type {EcmReply} from './ecm-protocol.ts';
import type {Decision} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

const goneMax = 256;

export type EcmDecision = Decision<EcmState, EcmEffect>;

export const isSpare = ({owner, task, exited}: HeldEngine): boolean =>
  owner === undefined && task === undefined && exited === undefined;

export const becomeReady = (state: EcmState): EcmState =>
  state.phase === 'starting' ? {...state, phase: 'ready'} : state;

export const engineCount = ({engines, launching}: EcmState): number =>
  [...engines.values()].filter(engine => engine.exited === undefined).length + launching.size;

export const heldAs = ({engines}: EcmState, handle: LocalEngine): HeldEngine | undefined => {
  const engine = engines.get(handle.engineId);
  return engine?.handle === handle ? engine : undefined;
};

export const put = (state: EcmState, engine: HeldEngine): EcmState => ({
  ...state,
  engines: new Map(state.engines).set(engine.handle.engineId, engine),
});

export function drop(state: EcmState, engineId: string): EcmState {
  const engines = new Map(state.engines);
  engines.delete(engineId);
  return {...state, engines};
}

export function bury(state: EcmState, engineId: string, reason: string): EcmState {
  const gone = [...state.gone, [engineId, reason] as const].slice(-goneMax);
  return {...drop(state, engineId), gone: new Map(gone)};
}

export function notReady({phase, settings: {self}}: EcmState): LinkisError | undefined {
  if (phase === 'ready') return undefined;
  return new EcmNotReadyError(
    self.instance,
    phase === 'leaving' ? 'is about to leave' : 'is still looking for its engines',
  );
}

/** While engines are being found, or let go, nobody is told that one is not here: it would be given up too soon. */
export function absence(state: EcmState, engineId: string): LinkisError {
  const reason = state.gone.get(engineId);
  if (reason !== undefined) return new EngineLostError(engineId, reason);
  return notReady(state) ?? new UnknownEngineError(engineId, state.settings.self.instance);
}

export const refuse = (state: EcmState, to: Ref<EcmReply<never>>, error: LinkisError): EcmDecision =>
  stay(state, {type: 'answer', to, failure: toFailure(error)});

export const stay = (state: EcmState, ...effects: EcmEffect[]): EcmDecision => ({state, effects});
