import test from 'ava';
import {
  decideWriter,
  idleWriter,
  merged,
  writerLimits,
  type WriterEffect,
  type WriterMessage,
  type WriterState,
} from '../../actors/history-writer.ts';
import {
  DatabaseAwayError,
  type JobInsert,
  type JobUpdate,
  type JobWrite,
  type WriteOutcome,
} from '../../actors/ports.ts';
import {storedJob} from '../support/stored-jobs.ts';

const insert = (id: number): JobInsert => ({type: 'insert', ...storedJob({id})});
const update = (id: number, set: Partial<JobUpdate['set']> = {status: 'Scheduled'}): JobUpdate => ({
  type: 'update',
  id,
  owner: 'o#i#1',
  from: ['Inited'],
  set: {updatedTime: 1, ...set},
});

const idOf = (write: JobWrite): number => (write.type === 'insert' ? write.row.id : write.id);

type Settled = [id: number, outcome: WriteOutcome['type']];

function teller() {
  const settled: Settled[] = [];
  let state: WriterState = idleWriter;
  const write = (what: JobWrite, isLazy = false): WriterMessage => ({
    type: 'write',
    isLazy,
    write: what,
    settled: outcome => settled.push([idOf(what), outcome.type]),
  });
  function tell(...messages: WriterMessage[]): WriterEffect[] {
    return messages.flatMap(message => {
      const decision = decideWriter(state, message);
      state = decision.state;
      for (const effect of decision.effects) {
        if (effect.type === 'settle') {
          effect.entries.forEach((entry, index) =>
            entry.settled(effect.outcomes[index] ?? {type: 'written'}),
          );
        }
      }
      return [...decision.effects];
    });
  }
  return {tell, write, settled, phase: () => state.phase};
}

const types = (effects: readonly WriterEffect[]): string[] => effects.map(({type}) => type);
const failed: WriterMessage = {type: 'commitFailed', error: new Error('away')};
const retryDue: WriterMessage = {type: 'retryDue'};
const wrote: WriteOutcome = {type: 'written'};

test('a commit takes whatever gathered during the one before it', t => {
  const {tell, write, settled} = teller();
  t.deepEqual(types(tell(write(insert(1)))), ['commit']);
  t.deepEqual(types(tell(write(insert(2)), write(insert(3)))), []);
  const effects = tell({type: 'committed', outcomes: [wrote]});
  t.deepEqual(types(effects), ['settle', 'commit']);
  const next = effects.find(effect => effect.type === 'commit');
  t.is(next?.type === 'commit' ? next.writes.length : 0, 2);
  tell({type: 'committed', outcomes: [wrote, wrote]});
  t.deepEqual(settled, [
    [1, 'written'],
    [2, 'written'],
    [3, 'written'],
  ]);
});

test('a lazy write goes with the next one of its job, or after two commits without one, or after a while', t => {
  const {tell, write, settled} = teller();
  const committed = (...messages: WriterMessage[]): number[] =>
    tell(...messages).flatMap(effect => (effect.type === 'commit' ? effect.writes.map(idOf) : []));
  t.deepEqual(types(tell(write(update(1), true))), ['wakeLazily']);
  t.deepEqual(committed(write(insert(2))), [2]);
  t.deepEqual(committed(write(update(1))), []);
  t.deepEqual(committed({type: 'committed', outcomes: [wrote]}), [1], 'both updates of job 1, as one');
  t.deepEqual(committed({type: 'committed', outcomes: [wrote]}, write(update(3), true)), []);
  t.deepEqual(committed(write(insert(4)), write(insert(5))), [4]);
  t.deepEqual(committed({type: 'committed', outcomes: [wrote]}, write(insert(7))), [5]);
  t.deepEqual(committed({type: 'committed', outcomes: [wrote]}), [3, 7], 'it has missed two');
  t.deepEqual(committed({type: 'committed', outcomes: [wrote, wrote]}, write(update(6), true)), []);
  t.deepEqual(committed({type: 'lazyDue'}), [6]);
  tell({type: 'committed', outcomes: [wrote]});
  t.deepEqual(
    settled.map(([id]) => id),
    [2, 1, 1, 4, 5, 3, 7, 6],
  );
});

test('no commit is larger than its limit', t => {
  const {tell, write} = teller();
  tell(
    write(insert(1)),
    ...Array.from({length: writerLimits.batchMax + 5}, (_, index) => write(insert(index + 2))),
  );
  const commit = tell({type: 'committed', outcomes: [wrote]}).find(effect => effect.type === 'commit');
  t.is(commit?.type === 'commit' ? commit.writes.length : 0, writerLimits.batchMax);
});

test('successive updates of one job merge: the condition of the first, the values of the last', t => {
  const settled = (): void => undefined;
  const first = update(1);
  const last: JobUpdate = {...update(1, {status: 'Running'}), from: ['Scheduled'], facts: {attempt: 1}};
  t.deepEqual(
    merged([
      {write: first, settled, misses: 0},
      {write: update(2), settled, misses: 0},
      {write: last, settled, misses: 0},
    ]),
    [{...first, set: {updatedTime: 1, status: 'Running'}, facts: {attempt: 1}}, update(2)],
  );
});

test('both merged writes get the outcome of their one statement', t => {
  const {tell, write, settled} = teller();
  tell(write(insert(9)), write(update(1)), write(update(1, {status: 'Running'})));
  tell({type: 'committed', outcomes: [wrote]});
  tell({type: 'committed', outcomes: [{type: 'displaced', owner: 'x'}]});
  t.deepEqual(settled, [
    [9, 'written'],
    [1, 'displaced'],
    [1, 'displaced'],
  ]);
});

test('a commit without an answer is offered again, the same batch, before anything is refused', t => {
  const {tell, write, settled} = teller();
  const first = tell(write(insert(1)));
  t.deepEqual(types(tell(failed)), ['wake']);
  t.deepEqual(tell(retryDue), first);
  tell({type: 'committed', outcomes: [wrote]});
  t.deepEqual(settled, [[1, 'written']]);
});

test('away: inserts are refused, and leave an update that ends the row should it exist after all', t => {
  const {tell, write, settled, phase} = teller();
  tell(write(insert(1)), failed, retryDue, failed, retryDue);
  const effects = tell(failed);
  t.is(phase(), 'away');
  const kept = effects.find(effect => effect.type === 'keep');
  t.like(kept?.type === 'keep' ? kept.updates[0] : undefined, {
    id: 1,
    from: ['Inited'],
    set: {status: 'Failed', errorCode: 20052},
  });
  tell(write(insert(2)));
  t.deepEqual(settled, [
    [1, 'refused'],
    [2, 'refused'],
  ]);
});

test('away: an insert that nobody heard of is answered as unknown, one that was never offered as refused', t => {
  const {tell} = teller();
  const answers: unknown[] = [];
  const asked = (id: number, idempotencyKey: string | null): WriterMessage => ({
    type: 'write',
    isLazy: false,
    write: {type: 'insert', ...storedJob({id}, {idempotencyKey})},
    settled: outcome => answers.push(outcome.type === 'refused' ? outcome.failure : outcome),
  });
  tell(asked(1, 'mine'), asked(2, null), failed, retryDue, failed, retryDue, failed);
  tell(asked(3, null));
  t.like(answers, [{code: 20962}, {code: 20052}, {code: 20052}]);
  t.regex(JSON.stringify(answers[0]), /o was given this submission .*database.*same idempotency key/);
});

test('away: an insert that certainly never reached the database is refused, and leaves nothing', t => {
  const {tell, write} = teller();
  const undone: WriterMessage = {
    type: 'commitFailed',
    error: new DatabaseAwayError('nothing listens there', {isUndone: true}),
  };
  const codeAfter = (...attempts: readonly [WriterMessage, WriterMessage, WriterMessage]): unknown => {
    const one = teller();
    let code: unknown;
    const settled = (outcome: WriteOutcome): void =>
      void (code = outcome.type === 'refused' ? outcome.failure.code : outcome.type);
    const [first, second, last] = attempts;
    one.tell({type: 'write', isLazy: false, write: insert(1), settled}, first, retryDue, second, retryDue);
    const effects = one.tell(last);
    return [code, types(effects).includes('keep')];
  };
  t.deepEqual(codeAfter(undone, undone, undone), [20052, false]);
  t.deepEqual(codeAfter(failed, undone, undone), [20962, true], 'the first may have been carried out');
  t.deepEqual(codeAfter(undone, undone, failed), [20962, true]);
  // What one batch went through says nothing of the next.
  tell(write(insert(1)), failed, retryDue, {type: 'committed', outcomes: [wrote]});
  tell(write(insert(2)), undone, retryDue, undone, retryDue);
  t.false(types(tell(undone)).includes('keep'));
});

test('away: updates go to the outbox in order, and are settled only after their commit', t => {
  const {tell, write, settled, phase} = teller();
  tell(write(update(1)), failed, retryDue, failed, retryDue, failed);
  t.deepEqual(types(tell(write(update(2)))), ['keep']);
  t.deepEqual(settled, []);
  t.deepEqual(types(tell(retryDue)), ['commit']);
  t.deepEqual(types(tell(failed)), ['wake']);
  tell(retryDue);
  t.deepEqual(types(tell({type: 'committed', outcomes: [wrote]})), ['settle', 'commit']);
  t.deepEqual(types(tell({type: 'committed', outcomes: [wrote]})), ['settle', 'clear', 'report']);
  t.deepEqual(settled, [
    [1, 'written'],
    [2, 'written'],
  ]);
  t.is(phase(), 'idle');
});

test('away with nothing to write, an empty commit tells when the database is back', t => {
  const {tell, write, phase} = teller();
  tell(write(insert(1)), failed, retryDue, failed, retryDue, failed, retryDue);
  tell({type: 'committed', outcomes: [wrote]});
  t.is(phase(), 'idle');
});
