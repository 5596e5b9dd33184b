/** The wish to end a job, from people, timeouts or a full disk; the first wish decides how its end is called. */
import type {Failure} from './domain/errors.ts';
import type {JobSpec} from './domain/job.ts';
import type {KillReport} from './governance.ts';
import {end, reportOf} from './job-ending.ts';
import {
  killAnswerMs,
  stay,
  type JobDecision,
  type JobEffect,
  type JobState,
  type KillReply,
  type KillWish,
} from './job-protocol.ts';

export function kill(state: JobState, by: string, reply: KillReply): JobDecision {
  const {phase} = state;
  const asked: JobState = {...state, killers: [...state.killers, reply]};
  if (phase.type === 'ended' || phase.type === 'displaced') {
    return stay(state, {type: 'answer', to: [reply], report: reportOf(state, 'alreadyEnded')});
  }
  if (phase.type === 'ending') return stay(asked);
  return carryOut(asked, {by, status: 'Cancelled'}, true);
}

export function carryOut(state: JobState, wish: KillWish, isAsked: boolean): JobDecision {
  const {phase, attempt} = state;
  const effects: JobEffect[] = isAsked ? [{type: 'timer', key: 'killAnswer', afterMs: killAnswerMs}] : [];
  if (state.kill !== undefined) return stay(state, ...effects);
  const killed: JobState = {...state, kill: wish};
  switch (phase.type) {
    case 'queued':
    case 'asking':
    case 'waiting': {
      const ending = end(killed, wish.status, wish.failure);
      return {...ending, effects: [...effects, ...ending.effects]};
    }
    // The start is in the database's hands: what it says decides whether there is anything to end.
    case 'starting':
      return stay(killed, ...effects);
    case 'running':
      return stay(
        killed,
        ...effects,
        {type: 'killTask', attempt, engine: phase.engine, why: whyOf(wish)},
        // Whoever owns the job next carries the wish out (decision 20).
        {type: 'record', what: 'note', from: ['Running'], facts: {killedBy: `${wish.status}:${wish.by}`}},
      );
    case 'ending':
    case 'ended':
    case 'displaced':
      return stay(state);
  }
}

export const whyOf = ({status}: KillWish): 'killed' | 'timedOut' =>
  status === 'Timeout' ? 'timedOut' : 'killed';

export function queuingTimeout(state: JobState): JobDecision {
  if (state.phase.type !== 'queued' && state.phase.type !== 'asking') return stay(state);
  return carryOut(
    state,
    {
      by: 'jobQueuingTimeout',
      status: 'Timeout',
      failure: {
        code: 20054,
        retryable: true,
        message: `The job waited longer than its label jobQueuingTimeout of ${state.spec.queuingTimeoutMs} ms allows.`,
      },
    },
    false,
  );
}

export const runningTimeout = (state: JobState): JobDecision =>
  state.phase.type === 'running' || state.phase.type === 'starting'
    ? carryOut(
        state,
        {by: 'jobRunningTimeout', status: 'Timeout', failure: runningTimeoutOf(state.spec)},
        false,
      )
    : stay(state);

export const runningTimeoutOf = ({runningTimeoutMs}: JobSpec): Failure => ({
  code: 20055,
  retryable: false,
  message: `The job ran longer than its label jobRunningTimeout of ${runningTimeoutMs} ms allows, and was ended.`,
});

export function answerKillers(state: JobState, result: KillReport['result']): JobDecision {
  if (state.killers.length === 0) return stay(state);
  return {
    state: {...state, killers: []},
    effects: [{type: 'answer', to: state.killers, report: reportOf(state, result)}],
  };
}
