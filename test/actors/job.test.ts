import test from 'ava';
import fc from 'fast-check';
import {decideJob} from '../../actors/job.ts';
import type {JobEffect, JobMessage, JobState} from '../../actors/job-protocol.ts';
import {printProgress} from '../../actors/job-record.ts';
import {isTerminal} from '../../actors/domain/job.ts';
import {after, choices, engineOf, granted, killed, play, succeeded, wrote} from '../support/jobs.ts';

const asking = after({type: 'schedule'});
const starting = after({type: 'schedule'}, wrote('note'), granted);
const running = after({type: 'schedule'}, wrote('note'), granted, wrote('start'));
const ended: JobMessage = {type: 'taskEnded', attempt: 1, end: succeeded};
const ending = after({type: 'schedule'}, wrote('note'), granted, wrote('start'), ended);

const moves = test.macro<[JobState, JobMessage, JobState['phase']['type'], JobEffect['type'][]]>({
  exec(t, before, message, phase, effects) {
    const decision = decideJob(before, message);
    t.is(decision.state.phase.type, phase);
    const telling = decision.effects.map(({type}) => type).filter(type => type !== 'cancelTimer');
    t.deepEqual(telling, effects);
  },
  title: (note = '', before, message, phase) =>
    `${before.phase.type} + ${message.type} → ${phase} ${note}`.trimEnd(),
});

test(moves, after(), {type: 'schedule'}, 'asking', ['record', 'requestEngine']);
test(moves, asking, granted, 'starting', ['record']);
test(moves, starting, wrote('start'), 'running', ['showStatus', 'execute']);
test(moves, running, ended, 'ending', ['publishResults', 'say', 'record', 'closeLog']);
test(moves, ending, wrote('end'), 'ended', [
  'confirm',
  'release',
  'closeLog',
  'showStatus',
  'leaveGroup',
  'answer',
  'stop',
]);
test('(killed in the queue: at once)', moves, after(), killed, 'ending', [
  'timer',
  'say',
  'record',
  'closeLog',
]);
test('(the engine has not heard of it)', moves, starting, killed, 'starting', ['timer']);
test(moves, running, killed, 'running', ['timer', 'killTask', 'record']);
test('(an earlier attempt)', moves, running, {...ended, attempt: 0}, 'running', []);
test('(an earlier attempt)', moves, {...asking, attempt: 2}, granted, 'asking', ['release']);
test(
  '(another owner has it)',
  moves,
  running,
  {type: 'recorded', what: 'note', outcome: {type: 'displaced', owner: 'x#y#2'}},
  'displaced',
  ['closeLog', 'leaveGroup', 'answer', 'stop'],
);
test(
  '(the row had ended already)',
  moves,
  running,
  {type: 'recorded', what: 'note', outcome: {type: 'ended', status: 'Cancelled'}},
  'ended',
  ['killTask', 'release', 'closeLog', 'showStatus', 'leaveGroup', 'answer', 'stop'],
);

test('a kill that reaches a starting job ends it without the engine hearing of the task', t => {
  const {state} = decideJob(starting, killed);
  const {state: after_, effects} = decideJob(state, wrote('start'));
  t.is(after_.phase.type, 'ending');
  t.false(effects.some(({type}) => type === 'execute'));
  t.true(effects.some(effect => effect.type === 'record' && effect.status === 'Cancelled'));
});

test('a success that crosses a kill is the truth', t => {
  const {state} = decideJob(running, killed);
  const {effects} = decideJob(state, ended);
  t.true(effects.some(effect => effect.type === 'record' && effect.status === 'Succeed'));
});

test('an engine that dies under a job fails it, unless the submitter declared a repetition harmless', t => {
  const lost: JobMessage = {type: 'engineLost', attempt: 1, reason: 'gone'};
  t.is(decideJob(running, lost).state.phase.type, 'ending');
  const repeatable = {...running, spec: {...running.spec, labels: {jobRetryCount: '1'}}};
  t.is(decideJob(repeatable, lost).state.phase.type, 'waiting');
});

test('results that could not be stored turn a success into a failure', t => {
  const failure = {code: 1, message: 'disk full', retryable: false};
  const {effects} = decideJob(ending, {type: 'finishFailed', failure});
  t.true(effects.some(effect => effect.type === 'record' && effect.status === 'Failed'));
});

test('no progress goes backwards, beyond 1, or is not a number', t => {
  const at = (progress: number): JobMessage => ({type: 'progressed', attempt: 1, progress, info: []});
  const {state} = decideJob(running, at(0.5));
  for (const wrong of [0.4, 1.5, NaN]) t.is(decideJob(state, at(wrong)).state.progress, 0.5);
});

test('progress is stored as Linkis does, with a point', t => {
  t.deepEqual([0, 1, 0.5, 1 / 3].map(printProgress), ['0.0', '1.0', '0.5', '0.3333']);
});

for (const faults of [false, true]) {
  const when = faults ? 'with failures, losses, repetitions and kills' : 'when all goes well';

  test(`every job ends once everything pending has happened, ${when}`, t => {
    t.notThrows(() =>
      fc.assert(
        fc.property(choices, picks => {
          const {state, effects} = play(picks, {faults});
          const ends = effects.filter(effect => effect.type === 'showStatus' && isTerminal(effect.status));
          return state.phase.type === 'ended' && isTerminal(state.status) && ends.length === 1;
        }),
        {numRuns: 500},
      ),
    );
  });

  test(`every granted engine is given back exactly once, ${when}`, t => {
    t.notThrows(() =>
      fc.assert(
        fc.property(choices, picks => {
          const {effects, granted: all} = play(picks, {faults});
          const freed = effects.flatMap(effect =>
            effect.type === 'release' ? [effect.engine.engineId] : [],
          );
          return freed.length === all.length && new Set(freed).size === all.length;
        }),
        {numRuns: 500},
      ),
    );
  });

  test(`a terminal status is shown only after its record was written, ${when}`, t => {
    t.notThrows(() =>
      fc.assert(
        fc.property(choices, picks => {
          const {effects} = play(picks, {faults});
          const record = effects.findIndex(effect => effect.type === 'record' && effect.what === 'end');
          const shown = effects.findIndex(
            effect => effect.type === 'showStatus' && isTerminal(effect.status),
          );
          return record >= 0 && record < shown;
        }),
        {numRuns: 500},
      ),
    );
  });
}

test('everybody who asked for a kill is answered exactly once', t => {
  t.notThrows(() =>
    fc.assert(
      fc.property(choices, picks => {
        const {kills, answered} = play(picks, {faults: true});
        return kills === answered;
      }),
      {numRuns: 1000},
    ),
  );
});

test('code is given to an engine only after the row names job, attempt and engine', t => {
  t.notThrows(() =>
    fc.assert(
      fc.property(choices, picks => {
        const {effects} = play(picks, {faults: true});
        return effects.every((effect, index) => {
          if (effect.type !== 'execute') return true;
          const before = effects.slice(0, index);
          return before.some(
            earlier =>
              earlier.type === 'record' &&
              earlier.what === 'start' &&
              earlier.facts?.attempt === effect.attempt &&
              earlier.facts.engineId === effect.engine.engineId,
          );
        });
      }),
    ),
  );
});

test('a grant that nobody waits for is given back', t => {
  const decision = decideJob(after(), {type: 'engineGranted', attempt: 1, engine: engineOf('e9')});
  t.deepEqual(
    decision.effects.map(({type}) => type),
    ['release'],
  );
});

test('a job that its engine ended at the limit names the label that set it', t => {
  const limited: JobState = {...running, spec: {...running.spec, runningTimeoutMs: 3000}};
  const failure = {code: 13_011, message: 'The job ran longer than it may.', retryable: false};
  const timedOut: JobMessage = {
    type: 'taskEnded',
    attempt: 1,
    end: {outcome: 'timedOut', failure, resultCount: 0, engineIsReusable: true},
  };
  const records = decideJob(limited, timedOut).effects.filter(({type}) => type === 'record');
  t.like(records[0], {
    status: 'Timeout',
    failure: {
      code: 20_055,
      message: 'The job ran longer than its label jobRunningTimeout of 3000 ms allows, and was ended.',
    },
  });
});
