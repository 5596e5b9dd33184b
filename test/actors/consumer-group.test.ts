import test from 'ava';
import fc from 'fast-check';
import {
  decideGroup,
  emptyGroup,
  waitingIn,
  type Admission,
  type GroupCommand,
  type GroupState,
} from '../../actors/consumer-group.ts';

const limits = {runningMax: 2, waitingMax: 3};

/** Tells the group everything, and answers `start` for jobs in `gone` as the registry would. */
function tell(
  state: GroupState,
  messages: readonly GroupCommand[],
  started: number[] = [],
  gone = new Set<number>(),
): GroupState {
  let now = state;
  const queue = [...messages];
  for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
    const decision = decideGroup(now, message);
    now = decision.state;
    for (const effect of decision.effects) {
      if (effect.type !== 'start') continue;
      if (gone.has(effect.taskID)) queue.push({type: 'departed', taskID: effect.taskID});
      else started.push(effect.taskID);
    }
  }
  return now;
}

const enqueue = (taskID: number, priority = 100): GroupCommand => ({
  type: 'enqueue',
  taskID,
  priority,
  isReserved: false,
});

test('jobs start in order of submission, higher priority first, up to the limit', t => {
  const started: number[] = [];
  const full = tell(
    emptyGroup(limits),
    [enqueue(1), enqueue(2), enqueue(3), enqueue(4, 200), enqueue(5)],
    started,
  );
  t.deepEqual(started, [1, 2]);
  tell(
    full,
    [
      {type: 'leave', taskID: 1},
      {type: 'leave', taskID: 2},
    ],
    started,
  );
  t.deepEqual(started, [1, 2, 4, 3]);
});

test('a full queue refuses with its length and its limit, and reserved places count', t => {
  const answers: Admission[] = [];
  const admit: GroupCommand = {type: 'admit', reply: answer => answers.push(answer)};
  let state = tell(emptyGroup(limits), [enqueue(1), enqueue(2), enqueue(3), enqueue(4)]);
  for (const message of [admit, admit]) {
    const decision = decideGroup(state, message);
    state = decision.state;
    for (const effect of decision.effects) if (effect.type === 'answer') effect.reply(effect.admission);
  }
  t.deepEqual(answers, [{type: 'admitted'}, {type: 'full', waiting: 3, waitingMax: 3}]);
  t.is(decideGroup(state, {type: 'withdraw'}).state.reserved, 0);
});

test('a job that left while it waited is passed over, and its slot goes to the next', t => {
  const started: number[] = [];
  const gone = new Set([3]);
  const waiting = tell(
    emptyGroup(limits),
    [enqueue(1), enqueue(2), enqueue(3), enqueue(4), {type: 'leave', taskID: 3}],
    started,
    gone,
  );
  t.is(waitingIn(waiting), 1);
  const state = tell(waiting, [{type: 'leave', taskID: 1}], started, gone);
  t.deepEqual(started, [1, 2, 4]);
  t.is(waitingIn(state), 0);
});

test('leaving twice frees one slot', t => {
  const started: number[] = [];
  const state = tell(emptyGroup(limits), [enqueue(1), enqueue(2), enqueue(3), enqueue(4)], started);
  tell(state, [{type: 'leave', taskID: 1}], started);
  t.deepEqual(started, [1, 2, 3]);
});

test('never more run than allowed, nobody is forgotten, and each starts once', t => {
  const story = fc.array(fc.tuple(fc.nat(2), fc.integer({min: 0, max: 300})), {maxLength: 200});
  t.notThrows(() =>
    fc.assert(
      fc.property(story, acts => {
        const started: number[] = [];
        const gone = new Set<number>();
        let state = emptyGroup({runningMax: 3, waitingMax: 1000});
        let next = 1;
        for (const [act, number] of acts) {
          if (act === 0) state = tell(state, [enqueue(next++, number)], started, gone);
          else if (act === 1 && started.length > 0) {
            const taskID = started[number % started.length] ?? 0;
            if (state.running.has(taskID)) state = tell(state, [{type: 'leave', taskID}], started, gone);
          } else {
            const taskID = 1 + (number % next);
            if (taskID >= next || started.includes(taskID) || gone.has(taskID)) continue;
            gone.add(taskID);
            state = tell(state, [{type: 'leave', taskID}], started, gone);
          }
          if (state.running.size > 3) return false;
        }
        while (state.running.size > 0) {
          for (const taskID of state.running) state = tell(state, [{type: 'leave', taskID}], started, gone);
        }
        return (
          new Set(started).size === started.length &&
          started.length + gone.size === next - 1 &&
          waitingIn(state) === 0
        );
      }),
    ),
  );
});
