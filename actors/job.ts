/**
 * One actor per unfinished job, from acceptance to its one true end (G2).
 *
 *   queued ──schedule──▶ asking ──granted──▶ starting ──recorded──▶ running ──ended──▶ ending ──recorded──▶ ended
 *     ▲  Inited             Scheduled          │  Scheduled            Running             │ still Running
 *     └──────── retryDue ── waiting ◀──────────┴──── retryable failure, attempts left ─────┘
 *                           WaitForRetry
 *
 * Every status is recorded first, and its outcome comes back as a message; what depends on it is decided then. So a slow
 * database holds back the job's next step, but never a `kill`. A terminal status is shown only after its commit
 * (decision 18). A row that turns out to have ended is the truth; a row that another owner has stops the actor silently.
 */
import {attemptFailed, displaced, end, ended, refused, retryRecorded} from './job-ending.ts';
import {
  answerKillers,
  carryOut,
  kill,
  queuingTimeout,
  runningTimeout,
  runningTimeoutOf,
  whyOf,
} from './job-kill.ts';
import {
  progressEveryMs,
  stay,
  type GrantedEngine,
  type JobDecision,
  type JobEffect,
  type JobMessage,
  type JobReport,
  type JobState,
  type Recorded,
} from './job-protocol.ts';
import {recordFrom} from './job-record.ts';
import {ecmFailure} from './ecm-errors.ts';
import type {Failure} from './domain/errors.ts';
import type {Resources} from './engine-governance.ts';
import {isTerminal, predecessors} from './domain/job.ts';
import type {TaskEnd, WriteOutcome} from './ports.ts';

export function decideJob(state: JobState, message: JobMessage): JobDecision {
  const {phase, attempt} = state;
  switch (message.type) {
    case 'schedule':
      return schedule(state);
    case 'kill':
      return kill(state, message.by, message.reply);
    case 'armQueuingTimeout':
      return stay(state, {type: 'timer', key: 'queuing', afterMs: message.afterMs});
    case 'resume':
      return resume(state, message.engine);
    case 'resumeFailed':
      return phase.type === 'queued' ? end(state, 'Failed', message.failure) : stay(state);
    case 'engineGranted':
      return granted(state, message.attempt, message.engine);
    case 'engineDenied':
      return phase.type === 'asking' && message.attempt === attempt
        ? attemptFailed(state, message.failure)
        : stay(state);
    case 'executeFailed':
      return phase.type === 'running' && message.attempt === attempt
        ? attemptFailed(state, message.failure, phase.engine, false)
        : stay(state);
    case 'output':
      return output(state, message);
    case 'progressed':
      return progressed(state, message);
    case 'taskEnded':
      return taskEnded(state, message.attempt, message.end);
    case 'engineLost':
      return engineLost(state, message.attempt, message.reason);
    case 'finishFailed':
      return finishFailed(state, message.failure);
    case 'logFailed':
      return phase.type === 'running'
        ? carryOut(state, {by: 'log', status: 'Failed', failure: message.failure}, false)
        : stay(state);
    case 'recorded':
      return recorded(state, message.what, message.outcome);
    case 'retryDue':
      return phase.type === 'waiting'
        ? {state: {...state, phase: {type: 'queued'}, isInGroup: true}, effects: [{type: 'requeue'}]}
        : stay(state);
    case 'queuingTimeoutPassed':
      return queuingTimeout(state);
    case 'runningTimeoutPassed':
      return runningTimeout(state);
    case 'progressDue':
      return progressDue(state);
    case 'killAnswerDue':
      return answerKillers(state, 'underWay');
  }
}

/* ---- its turn, its engine ---- */

function schedule(state: JobState): JobDecision {
  if (state.phase.type !== 'queued') return stay(state);
  const attempt = state.attempt + 1;
  return {
    state: {...state, attempt, phase: {type: 'asking'}, progress: 0, progressInfo: []},
    effects: [
      {type: 'cancelTimer', key: 'queuing'},
      {
        type: 'record',
        isLazy: true,
        what: 'note',
        from: recordFrom('Scheduled'),
        status: 'Scheduled',
        facts: {attempt},
        milestone: 'scheduled',
      },
      {type: 'requestEngine', attempt},
    ],
  };
}

function granted(state: JobState, attempt: number, engine: GrantedEngine): JobDecision {
  // A grant can cross a kill or a newer attempt; nobody else would ever free that engine.
  if (state.phase.type !== 'asking' || attempt !== state.attempt) {
    return stay(state, {type: 'release', engine, isReusable: true});
  }
  return {
    state: {...state, phase: {type: 'starting', engine}},
    // Job, attempt and engine are committed before the engine hears of them, so that a successor knows where to ask.
    effects: [
      {
        type: 'record',
        what: 'start',
        from: predecessors('Running'),
        status: 'Running',
        facts: {attempt, engineId: engine.engineId},
        milestone: 'running',
        engine,
      },
    ],
  };
}

function start(state: JobState, engine: GrantedEngine): JobDecision {
  if (state.kill !== undefined) {
    const {status, failure} = state.kill;
    return end({...state, status: 'Running'}, status, failure, engine, true);
  }
  const {runningTimeoutMs} = state.spec;
  const timer: JobEffect[] =
    runningTimeoutMs === undefined ? [] : [{type: 'timer', key: 'running', afterMs: runningTimeoutMs}];
  return {
    state: {...state, status: 'Running', phase: {type: 'running', engine}},
    effects: [
      {type: 'showStatus', status: 'Running'},
      ...timer,
      {type: 'execute', attempt: state.attempt, engine},
    ],
  };
}

function resume(state: JobState, engine: GrantedEngine): JobDecision {
  if (state.phase.type !== 'queued') return stay(state);
  const {
    spec: {runningTimeoutMs},
    kill: wish,
    attempt,
  } = state;
  const effects: JobEffect[] = [
    {type: 'showStatus', status: 'Running'},
    {type: 'follow', attempt, engine},
  ];
  if (runningTimeoutMs !== undefined)
    effects.push({type: 'timer', key: 'running', afterMs: runningTimeoutMs});
  if (wish !== undefined) effects.push({type: 'killTask', attempt, engine, why: whyOf(wish)});
  return {state: {...state, status: 'Running', phase: {type: 'running', engine}}, effects};
}

/* ---- while it runs ---- */

function output(state: JobState, message: JobReport & {type: 'output'}): JobDecision {
  const {lines, offset, taken} = message;
  return state.phase.type === 'running' && message.attempt === state.attempt
    ? stay(state, {type: 'appendOutput', lines, offset, taken})
    : stay(state);
}

function progressed(state: JobState, message: JobReport & {type: 'progressed'}): JobDecision {
  const {progress, info} = message;
  if (state.phase.type !== 'running' || message.attempt !== state.attempt) return stay(state);
  if (!(progress >= state.progress) || progress > 1) return stay(state);
  const effects: JobEffect[] = [{type: 'showProgress', progress, info}];
  if (!state.isProgressTimed) effects.push({type: 'timer', key: 'progress', afterMs: progressEveryMs});
  return {state: {...state, progress, progressInfo: info, isProgressTimed: true}, effects};
}

function progressDue(state: JobState): JobDecision {
  const next = {...state, isProgressTimed: false};
  return state.phase.type === 'running'
    ? {
        state: next,
        effects: [{type: 'record', isLazy: true, what: 'note', from: ['Running'], progress: state.progress}],
      }
    : stay(next);
}
/* ---- how an attempt ends ---- */

function taskEnded(
  before: JobState,
  attempt: number,
  {outcome, failure, engineIsReusable, receipt}: TaskEnd,
): JobDecision {
  const {phase, kill: wish} = before;
  if (phase.type !== 'running' || attempt !== before.attempt) return stay(before);
  const {engine} = phase;
  const returned = engineIsReusable ? nothing : (engine.reserved ?? nothing);
  const state: JobState = receipt === undefined ? before : {...before, receipt: {...receipt, returned}};
  switch (outcome) {
    // A success that crosses a kill is the truth.
    case 'succeeded':
      return end(state, 'Succeed', undefined, engine, engineIsReusable);
    case 'killed':
      return end(state, wish?.status ?? 'Cancelled', wish?.failure, engine, engineIsReusable);
    case 'timedOut':
      // The engine knows how long, the job's spec also says by which label.
      return end(
        state,
        'Timeout',
        state.spec.runningTimeoutMs === undefined && failure !== undefined
          ? failure
          : runningTimeoutOf(state.spec),
        engine,
        engineIsReusable,
      );
    case 'failed':
      return attemptFailed(
        state,
        failure ?? {code: 0, message: 'The engine gave no reason.', retryable: false},
        engine,
        engineIsReusable,
      );
  }
}

const nothing: Resources = {memoryBytes: 0, cores: 0, instances: 0};

function engineLost(state: JobState, attempt: number, reason: string): JobDecision {
  const {phase, kill: wish} = state;
  if (phase.type !== 'running' || attempt !== state.attempt) return stay(state);
  if (wish !== undefined) return end(state, wish.status, wish.failure, phase.engine, false);
  // The code may have run in part, so it is run again only if its submitter declared that harmless.
  return attemptFailed(
    state,
    {
      code: 13005,
      retryable: state.spec.attemptsMax > 1 && state.spec.labels['jobRetryCount'] !== undefined,
      message:
        `Engine ${phase.engine.engineId} ended while it ran this job: ${reason}. Submit the job again,` +
        ' or give it the label jobRetryCount if running it twice is harmless.',
    },
    phase.engine,
    false,
  );
}

function finishFailed(state: JobState, failure: Failure): JobDecision {
  const {phase} = state;
  if (phase.type !== 'ending') return stay(state);
  const {engine} = phase;
  if (failure.code !== ecmFailure.displaced || engine === undefined) {
    // What it had failed of, or was ended for, before says more.
    return phase.status === 'Succeed'
      ? end(state, 'Failed', failure, engine)
      : end(state, phase.status, phase.failure, engine);
  }
  // The engine was let go, or is another owner's: who has it finds the end and the results there.
  const {state: gone, effects} = displaced(state);
  return {state: gone, effects: [{type: 'release', engine, isReusable: false}, ...effects]};
}

/* ---- what the database said ---- */

function recorded(state: JobState, what: Recorded, outcome: WriteOutcome): JobDecision {
  const {phase} = state;
  if (phase.type === 'ended' || phase.type === 'displaced') return stay(state);
  switch (outcome.type) {
    case 'displaced':
      return displaced(state);
    case 'ended':
      return isTerminal(outcome.status) ? ended(state, outcome.status) : stay(state);
    case 'refused':
      return what === 'note' ? stay(state) : refused(state, what, outcome.failure);
    case 'written':
      return written(state, what);
  }
}

function written(state: JobState, what: Recorded): JobDecision {
  const {phase} = state;
  switch (what) {
    case 'note':
      return phase.type === 'asking' && state.status !== 'Scheduled'
        ? {state: {...state, status: 'Scheduled'}, effects: [{type: 'showStatus', status: 'Scheduled'}]}
        : stay(state);
    case 'start':
      return phase.type === 'starting' ? start(state, phase.engine) : stay(state);
    case 'retry':
      return phase.type === 'waiting' ? retryRecorded(state) : stay(state);
    case 'end':
      return phase.type === 'ending' ? ended(state, phase.status) : stay(state);
  }
}
