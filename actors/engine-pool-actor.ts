/** Runs the machine of `engine-pool.ts` as an actor. */
import {decidePool} from './engine-pool.ts';
import type {EnginePoolEffect, EnginePoolMessage} from './engine-pool-protocol.ts';
import type {EnginePoolState} from './engine-pool-state.ts';
import type {Statement} from './manager-protocol.ts';
import type {Clock} from './runtime/clock.ts';
import type {Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

const stateEveryMs = 20;
const fullStateEveryMs = 1000;
const launchRetryMs = 500;

export type EnginePoolDependencies = {
  readonly state: EnginePoolState;
  readonly clock: Clock;
  /** Starts an engine actor; its reports come back to the pool. */
  readonly launch: (
    launch: Omit<EnginePoolEffect & {type: 'launch'}, 'type'>,
    pool: Ref<EnginePoolMessage>,
  ) => void;
  readonly say: (
    statement: Omit<Statement, 'entrance' | 'incarnation' | 'load'>,
    pool: Ref<EnginePoolMessage>,
  ) => void;
};

/** Tell it `stateDue` once: then it states all of its state every second. */
export function enginePool({
  state,
  clock,
  launch,
  say,
}: EnginePoolDependencies): Machine<EnginePoolState, EnginePoolMessage, EnginePoolEffect> {
  return {
    initial: state,
    decide: decidePool,
    perform(effect, {self, setTimer}) {
      switch (effect.type) {
        case 'grant': {
          const {request: granted, engine} = effect;
          if (!granted.replyTo.tell({type: 'engineGranted', attempt: granted.attempt, engine})) {
            self.tell({type: 'release', engineId: engine.engineId, isReusable: true});
          }
          return;
        }
        case 'deny': {
          const {attempt, replyTo} = effect.request;
          replyTo.tell({type: 'engineDenied', attempt, failure: effect.failure});
          return;
        }
        case 'launch': {
          const {type: _, ...order} = effect;
          return launch(order, timed(self, clock));
        }
        case 'shutdown':
          effect.ref.tell({type: 'shutdown'});
          return;
        case 'idleTimer': {
          const {engineId, idleCount, afterMs} = effect;
          return setTimer(`idle-${engineId}`, afterMs, {type: 'idleDue', engineId, idleCount});
        }
        case 'launchRetryTimer': {
          const {engineId} = effect;
          return setTimer(`retry-${engineId}`, launchRetryMs, {type: 'launchRetryDue', engineId});
        }
        case 'stateTimer':
          return setTimer('state', stateEveryMs, {type: 'stateDue', isFull: false});
        case 'state':
          if (effect.statement.isFull)
            setTimer('fullState', fullStateEveryMs, {type: 'stateDue', isFull: true});
          return say(effect.statement, self);
        case 'tell':
          return effect.tell();
      }
    },
  };
}

/** Adds to the report of a start how long it took. */
function timed(pool: Ref<EnginePoolMessage>, clock: Clock): Ref<EnginePoolMessage> {
  const sinceMs = clock.monotonicMs();
  return {
    path: pool.path,
    uid: pool.uid,
    tell: report =>
      pool.tell(
        report.type === 'engineStarted' ? {...report, launchMs: clock.monotonicMs() - sinceMs} : report,
      ),
  };
}
