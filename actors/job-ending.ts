/** How a job or an attempt of it ends: what is done before the record, and what only after its commit. */
import type {Failure} from './domain/errors.ts';
import type {TerminalStatus} from './domain/job.ts';
import type {KillReceipt} from './engine-governance.ts';
import type {KillReport} from './governance.ts';
import {
  type GrantedEngine,
  type JobDecision,
  type JobEffect,
  type JobPhase,
  type JobState,
  type Recorded,
} from './job-protocol.ts';
import {recordFrom} from './job-record.ts';

/** Sets the end going: output first, then the record; everything else waits for its commit. */
export function end(
  state: JobState,
  status: TerminalStatus,
  failure?: Failure,
  engine?: GrantedEngine,
  isReusable = false,
): JobDecision {
  const {phase, attempt} = state;
  const held = engine ?? ('engine' in phase ? phase.engine : undefined);
  const isRepeat = phase.type === 'ending';
  const effects: JobEffect[] = [
    {type: 'cancelTimer', key: 'queuing'},
    {type: 'cancelTimer', key: 'running'},
    {type: 'cancelTimer', key: 'retry'},
    {type: 'cancelTimer', key: 'progress'},
  ];
  if (phase.type === 'asking') effects.push({type: 'cancelRequest', attempt});
  if (held !== undefined && !isRepeat) effects.push({type: 'publishResults', attempt, engine: held});
  effects.push(
    farewell(status, failure, state),
    {
      type: 'record',
      what: 'end',
      from: recordFrom(status),
      status,
      progress: 1,
      milestone: 'completed',
      ...(failure === undefined ? {} : {failure}),
    },
    // While the end is being committed; what follows the commit waits for both.
    {type: 'closeLog'},
  );
  return {
    state: {
      ...state,
      phase: {
        type: 'ending',
        status,
        isReusable: phase.type === 'ending' || phase.type === 'waiting' ? phase.isReusable : isReusable,
        ...(failure === undefined ? {} : {failure}),
        ...(held === undefined ? {} : {engine: held}),
      },
    },
    effects,
  };
}

function farewell(
  status: TerminalStatus,
  failure: Failure | undefined,
  {kill: wish, receipt}: JobState,
): JobEffect {
  switch (status) {
    case 'Succeed':
      return {type: 'say', level: 'INFO', text: 'Your job has succeeded.'};
    case 'Cancelled':
      return {
        type: 'say',
        level: 'WARN',
        text: `Your job was cancelled by ${wish?.by ?? 'its engine'}.${printReceipt(receipt)}`,
      };
    case 'Failed':
    case 'Timeout':
      return {
        type: 'say',
        level: 'ERROR',
        text:
          failure === undefined
            ? `Your job ended as ${status}.`
            : `Your job ended as ${status}: ${failure.code} ${failure.message}${printReceipt(receipt)}`,
      };
  }
}
export function attemptFailed(
  state: JobState,
  failure: Failure,
  engine?: GrantedEngine,
  isReusable = false,
): JobDecision {
  const {
    spec: {attemptsMax, retryDelayMs},
    attempt,
    kill: wish,
  } = state;
  if (wish !== undefined) return end(state, wish.status, wish.failure, engine, isReusable);
  if (!failure.retryable || attempt >= attemptsMax) return end(state, 'Failed', failure, engine, isReusable);
  const text = `Attempt ${attempt} of ${attemptsMax} failed: ${failure.message} The next starts in ${retryDelayMs} ms.`;
  return {
    state: {...state, phase: {type: 'waiting', isReusable, ...(engine === undefined ? {} : {engine})}},
    effects: [
      {type: 'cancelTimer', key: 'running'},
      {type: 'say', level: 'WARN', text},
      {
        type: 'record',
        what: 'retry',
        from: recordFrom('WaitForRetry'),
        status: 'WaitForRetry',
        progress: 0,
        milestone: 'retry',
      },
    ],
  };
}

/** The next attempt is recorded: nothing of this one is needed any more. */
export function retryRecorded(state: JobState): JobDecision {
  const {
    phase,
    attempt,
    spec: {retryDelayMs},
  } = state;
  return {
    state: {...state, status: 'WaitForRetry', phase: {type: 'waiting', isReusable: false}, isInGroup: false},
    effects: [
      {type: 'showStatus', status: 'WaitForRetry'},
      ...giveBack(phase, attempt),
      ...leaveGroup(state),
      {type: 'timer', key: 'retry', afterMs: retryDelayMs},
    ],
  };
}

/**
 * What an ended attempt still holds. Not before its record is committed: an engine given back earlier could begin another
 * task, and a successor that finds only that one would think this attempt never began, and begin it again.
 */
const giveBack = (phase: JobPhase, attempt: number): JobEffect[] =>
  (phase.type === 'ending' || phase.type === 'waiting') && phase.engine !== undefined
    ? [
        {type: 'confirm', attempt, engine: phase.engine},
        {type: 'release', engine: phase.engine, isReusable: phase.isReusable},
      ]
    : [];

/** The row has this end, whoever wrote it. */
export function ended(state: JobState, status: TerminalStatus): JobDecision {
  const {phase, attempt, killers} = state;
  const done: JobState = {...state, status, phase: {type: 'ended'}, killers: []};
  const effects: JobEffect[] = [];
  if (phase.type === 'asking') effects.push({type: 'cancelRequest', attempt});
  if (phase.type === 'starting') effects.push({type: 'release', engine: phase.engine, isReusable: true});
  // Somebody else ended the row while the code still ran here: nobody waits for it any more.
  if (phase.type === 'running') {
    effects.push(
      {type: 'killTask', attempt, engine: phase.engine, why: 'killed'},
      {type: 'release', engine: phase.engine, isReusable: false},
    );
  }
  effects.push(...giveBack(phase, attempt));
  const wasKilled = state.kill !== undefined && status === state.kill.status;
  effects.push(
    {type: 'closeLog'},
    {type: 'showStatus', status},
    ...leaveGroup(state),
    {type: 'answer', to: killers, report: reportOf(done, wasKilled ? 'ended' : 'alreadyEnded')},
    {type: 'stop'},
  );
  return {state: done, effects};
}

export function displaced(state: JobState): JobDecision {
  const {phase, attempt, killers} = state;
  const gone: JobState = {...state, phase: {type: 'displaced'}, killers: []};
  const effects: JobEffect[] = [];
  if (phase.type === 'asking') effects.push({type: 'cancelRequest', attempt});
  if (phase.type === 'starting') effects.push({type: 'release', engine: phase.engine, isReusable: true});
  effects.push(
    {type: 'closeLog'},
    ...leaveGroup(state),
    {type: 'answer', to: killers, report: reportOf(gone, 'underWay')},
    {type: 'stop'},
  );
  return {state: gone, effects};
}

/** The database refused this very write, such as a text that does not fit: the job ends without it. */
export function refused(state: JobState, what: Recorded, failure: Failure): JobDecision {
  const {phase} = state;
  if (what === 'end' && phase.type === 'ending' && phase.failure?.code === failure.code)
    return displaced(state);
  const engine = 'engine' in phase ? phase.engine : undefined;
  return end(state, 'Failed', failure, engine, true);
}

/** For the job's log; nothing of a job that ended by itself. */
function printReceipt(receipt: KillReceipt | undefined): string {
  if (receipt === undefined) return '';
  const {signals, processesEnded, tookMs} = receipt;
  const how = signals.length === 0 ? 'no signal' : signals.join(', ');
  return ` (${how}: ${processesEnded} processes ended in ${Math.round(tookMs)} ms)`;
}

const leaveGroup = ({isInGroup}: JobState): JobEffect[] => (isInGroup ? [{type: 'leaveGroup'}] : []);

/** What those who asked for the job's end are told. */
export const reportOf = ({spec, status, receipt}: JobState, result: KillReport['result']): KillReport => ({
  taskID: spec.taskID,
  result,
  status,
  ...(receipt === undefined ? {} : {receipt}),
});
