/** Fixtures of jobs: a spec, messages, and an honest environment that answers a job's effects in any order. */
import fc from 'fast-check';
import type {EngineCommand} from '../../actors/engine-conn.ts';
import type {JobSpec} from '../../actors/domain/job.ts';
import {decideJob} from '../../actors/job.ts';
import {
  queuedJob,
  type GrantedEngine,
  type JobEffect,
  type JobMessage,
  type JobState,
} from '../../actors/job-protocol.ts';
import type {TaskEnd} from '../../actors/ports.ts';
import type {Ref} from '../../actors/runtime/ref.ts';

export const jobSpec: JobSpec = {
  taskID: 7,
  submitUser: 'alice',
  executeUser: 'alice',
  tenant: '',
  creator: 'IDE',
  engineType: {type: 'shell', version: '1'},
  codeType: 'shell',
  code: 'echo 1',
  labels: {},
  runtimeParams: {},
  startupParams: {},
  executeOnce: false,
  attemptsMax: 2,
  retryDelayMs: 10,
  priority: 100,
  createdAtMs: 0,
  logPath: '/logs/7.log',
  resultLocation: '/results/7',
  requestId: 'r',
};

export const owner = 'localhost:9001#incarnation#1';
export const nowhere: Ref<EngineCommand> = {path: '/nowhere', uid: 0, tell: () => true};
export const engineOf = (engineId: string): GrantedEngine => ({engineId, ref: nowhere, isReused: false});

export const granted: JobMessage = {type: 'engineGranted', attempt: 1, engine: engineOf('e1')};
export const succeeded: TaskEnd = {outcome: 'succeeded', resultCount: 1, engineIsReusable: true};
export const wrote = (what: 'note' | 'start' | 'retry' | 'end'): JobMessage => ({
  type: 'recorded',
  what,
  outcome: {type: 'written'},
});
export const killed: JobMessage = {type: 'kill', by: 'alice', reply: () => undefined};

/** The state after these messages, from a fresh submission on. */
export const after = (...messages: JobMessage[]): JobState =>
  messages.reduce((state, message) => decideJob(state, message).state, queuedJob(jobSpec, owner));

/** One choice of the environment: an index into what is possible, and a die for how. */
export const choices = fc.array(fc.tuple(fc.nat(1000), fc.nat(99)), {maxLength: 80});

export type Story = {
  readonly state: JobState;
  readonly effects: readonly JobEffect[];
  readonly granted: readonly string[];
  readonly kills: number;
  readonly answered: number;
};

/**
 * Plays a job against an environment that answers every effect, sooner or later, in an order given by `picks`; then lets
 * everything pending happen. `faults`: answers may also be failures, losses and repetitions.
 */
export function play(
  picks: readonly (readonly [number, number])[],
  {faults}: {readonly faults: boolean},
): Story {
  let state = queuedJob(jobSpec, owner);
  const effects: JobEffect[] = [];
  const pending: ((die: number) => void)[] = [];
  const grantedIds: string[] = [];
  let kills = 0;
  let answered = 0;
  let engines = 0;

  function tell(message: JobMessage): void {
    const decision = decideJob(state, message);
    state = decision.state;
    for (const effect of decision.effects) {
      effects.push(effect);
      react(effect);
    }
  }

  function react(effect: JobEffect): void {
    switch (effect.type) {
      case 'record':
        pending.push(() => tell({type: 'recorded', what: effect.what, outcome: {type: 'written'}}));
        return;
      case 'requestEngine':
        pending.push(die => {
          if (faults && die < 20) {
            const failure = {code: 1, message: 'no engine', retryable: die < 10};
            tell({type: 'engineDenied', attempt: effect.attempt, failure});
            return;
          }
          engines += 1;
          grantedIds.push(`e${engines}`);
          tell({type: 'engineGranted', attempt: effect.attempt, engine: engineOf(`e${engines}`)});
        });
        return;
      case 'execute':
        pending.push(die => runs(effect.attempt, die));
        return;
      case 'killTask':
        pending.push(() =>
          tell({
            type: 'taskEnded',
            attempt: effect.attempt,
            end: {outcome: effect.why, resultCount: 0, engineIsReusable: true},
          }),
        );
        return;
      case 'timer':
        if (effect.key === 'retry') pending.push(() => tell({type: 'retryDue'}));
        if (effect.key === 'killAnswer') pending.push(() => tell({type: 'killAnswerDue'}));
        if (effect.key === 'progress') pending.push(() => tell({type: 'progressDue'}));
        return;
      case 'requeue':
        pending.push(() => tell({type: 'schedule'}));
        return;
      case 'answer':
        answered += effect.to.length;
        return;
      default:
        return;
    }
  }

  function runs(attempt: number, die: number): void {
    const fails = faults && die < 40;
    if (faults && die < 10) {
      tell({type: 'executeFailed', attempt, failure: {code: 1, message: 'refused', retryable: true}});
    } else if (fails && die < 20) tell({type: 'engineLost', attempt, reason: 'gone'});
    else {
      const failure = {code: 1, message: 'failed', retryable: die < 30};
      const end: TaskEnd = fails
        ? {outcome: 'failed', failure, resultCount: 0, engineIsReusable: true}
        : succeeded;
      tell({type: 'taskEnded', attempt, end});
      // A report that comes twice is an ordinary case.
      if (die % 2 === 0) tell({type: 'taskEnded', attempt, end});
    }
  }

  const kill = (): void => {
    kills += 1;
    tell({type: 'kill', by: 'alice', reply: () => undefined});
  };

  pending.push(() => tell({type: 'schedule'}));
  for (const [pick, die] of picks) {
    if (faults && die > 95) {
      kill();
      continue;
    }
    const at = pick % (pending.length + 1);
    const [act] = pending.splice(at, 1);
    act?.(die);
  }
  for (let rounds = 0; pending.length > 0 && rounds < 1000; rounds += 1) pending.shift()?.(99);
  return {state, effects, granted: grantedIds, kills, answered};
}
