import test from 'ava';
import fc from 'fast-check';
import {decideQueue} from '../../actors/job-queue.ts';
import {
  emptyQueue,
  type Admission,
  type GroupKey,
  type QueueCommand,
  type QueueLimits,
  type QueuePlace,
  type QueueState,
} from '../../actors/job-queue-state.ts';

const alice: GroupKey = {tenant: '', user: 'alice', creator: 'IDE', engineType: 'shell'};
const bob: GroupKey = {...alice, user: 'bob'};

const limitsOf = (group: {runningMax: number; waitingMax: number}, tenant = {}): QueueLimits => ({
  group: () => group,
  tenant: () => ({runningMax: 1000, waitingMax: 1000, waitingBytesMax: 1_000_000, ...tenant}),
  priorityAgeMs: 60_000,
});
const limits = limitsOf({runningMax: 2, waitingMax: 3});

/** Tells the queue everything, and answers `start` for jobs in `gone` as the registry would. */
function tell(
  state: QueueState,
  messages: readonly QueueCommand[],
  started: number[] = [],
  gone = new Set<number>(),
): QueueState {
  const queue = [...messages];
  for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
    for (const effect of decideQueue(state, message).effects) {
      if (effect.type === 'answer') effect.reply(effect.admission);
      else if (effect.type === 'tell') effect.tell();
      else if (gone.has(effect.taskID)) queue.push({type: 'departed', taskID: effect.taskID});
      else started.push(effect.taskID);
    }
  }
  return state;
}

const enqueue = (taskID: number, priority = 100, key = alice, sinceMs = 0): QueueCommand => ({
  type: 'group',
  key,
  command: {type: 'enqueue', taskID, priority, sinceMs, bytes: 10, isReserved: false},
});
const leave = (taskID: number, key = alice, ranMs?: number): QueueCommand => ({
  type: 'group',
  key,
  command: {type: 'leave', taskID, ...(ranMs === undefined ? {} : {ranMs})},
});

const waitingIn = ({groups}: QueueState): number =>
  [...groups.values()].reduce((sum, {waiting}) => sum + waiting, 0);

test('jobs start in order of submission, higher priority first, up to the limit', t => {
  const started: number[] = [];
  const state = emptyQueue(limits);
  tell(state, [enqueue(1), enqueue(2), enqueue(3), enqueue(4, 200), enqueue(5)], started);
  t.deepEqual(started, [1, 2]);
  tell(state, [leave(1), leave(2)], started);
  t.deepEqual(started, [1, 2, 4, 3]);
});

test('waiting adds to priority: a job of an hour ago goes before one of 59 points more', t => {
  const started: number[] = [];
  const one = limitsOf({runningMax: 1, waitingMax: 9});
  const hour = 3_600_000;
  const state = emptyQueue(one);
  tell(
    state,
    [enqueue(1), enqueue(2, 100, alice, 0), enqueue(3, 159, alice, hour), enqueue(4, 161, alice, hour)],
    started,
  );
  tell(state, [leave(1), leave(4), leave(2)], started);
  t.deepEqual(started, [1, 4, 2, 3]);
});

test('a full queue refuses with its length and its limit, and reserved places count', t => {
  const answers: Admission[] = [];
  const admit: QueueCommand = {
    type: 'group',
    key: alice,
    command: {type: 'admit', bytes: 5, reply: answer => answers.push(answer)},
  };
  const state = emptyQueue(limits);
  tell(state, [enqueue(1), enqueue(2), enqueue(3), enqueue(4), admit, admit]);
  t.deepEqual(answers, [
    {type: 'admitted'},
    {type: 'full', of: 'group', unit: 'jobs', waiting: 3, waitingMax: 3},
  ]);
  tell(state, [{type: 'group', key: alice, command: {type: 'withdraw', bytes: 5}}, admit]);
  t.deepEqual(answers.at(-1), {type: 'admitted'});
});

test('a tenant is bounded in jobs and in bytes over all its groups', t => {
  const answers: Admission[] = [];
  const admit = (key: GroupKey, bytes: number): QueueCommand => ({
    type: 'group',
    key,
    command: {type: 'admit', bytes, reply: answer => answers.push(answer)},
  });
  tell(emptyQueue(limitsOf({runningMax: 1, waitingMax: 9}, {waitingMax: 2})), [
    admit(alice, 1),
    admit(bob, 1),
    admit(alice, 1),
  ]);
  t.deepEqual(answers[2], {type: 'full', of: 'tenant', unit: 'jobs', waiting: 2, waitingMax: 2});
  answers.length = 0;
  tell(emptyQueue(limitsOf({runningMax: 1, waitingMax: 9}, {waitingBytesMax: 100})), [
    admit(alice, 90),
    admit(bob, 20),
  ]);
  t.deepEqual(answers[1], {type: 'full', of: 'tenant', unit: 'bytes', waiting: 90, waitingMax: 100});
});

test('slots of a full tenant go to its groups in turn', t => {
  const started: number[] = [];
  const state = emptyQueue(limitsOf({runningMax: 9, waitingMax: 99}, {runningMax: 2}));
  tell(
    state,
    [1, 2, 3, 4].map(id => enqueue(id)),
    started,
  );
  tell(
    state,
    [11, 12].map(id => enqueue(id, 100, bob)),
    started,
  );
  t.deepEqual(started, [1, 2]);
  tell(state, [leave(1)], started);
  t.deepEqual(started, [1, 2, 11]);
  tell(state, [leave(2)], started);
  t.deepEqual(started.slice(3), [3]);
});

test('slots that a tenant gets by a change go to its groups in turn, too', t => {
  const started: number[] = [];
  const group = {runningMax: 9, waitingMax: 99};
  const state = emptyQueue(limitsOf(group, {runningMax: 1}));
  const jobs = [enqueue(1), enqueue(2), enqueue(3), enqueue(11, 100, bob), enqueue(12, 100, bob)];
  tell(state, jobs, started);
  tell(state, [{type: 'setLimits', limits: limitsOf(group, {runningMax: 4})}], started);
  t.deepEqual(
    started.toSorted((a, b) => a - b),
    [1, 2, 11, 12],
  );
});

test('priorities that change again and again, and jobs that leave, take no memory for good', t => {
  const state = emptyQueue(limitsOf({runningMax: 1, waitingMax: 9999}));
  tell(state, [enqueue(1), enqueue(2), enqueue(3)]);
  for (let round = 0; round < 5000; round += 1) {
    tell(state, [{type: 'setPriority', taskID: 3, priority: round % 7, reply: () => undefined}]);
    tell(state, [enqueue(10 + round), leave(10 + round)]);
  }
  let size = 0;
  const rest = [...state.groups.values()].map(({heap}) => heap);
  for (let heap = rest.pop(); heap !== undefined || rest.length > 0; heap = rest.pop()) {
    if (heap === undefined) continue;
    size += 1;
    rest.push(heap.left, heap.right);
  }
  t.true(size <= 1100, `${size} entries for 2 that wait`);
  const started: number[] = [];
  tell(state, [{type: 'setPriority', taskID: 3, priority: 900, reply: () => undefined}, leave(1)], started);
  tell(state, [leave(3)], started);
  t.deepEqual(started, [3, 2]);
});

test('a job that left while it waited is passed over, and its slot goes to the next', t => {
  const started: number[] = [];
  const gone = new Set([3]);
  const state = emptyQueue(limits);
  tell(state, [enqueue(1), enqueue(2), enqueue(3), enqueue(4), leave(3)], started, gone);
  t.is(waitingIn(state), 1);
  tell(state, [leave(1)], started, gone);
  t.deepEqual(started, [1, 2, 4]);
  t.is(waitingIn(state), 0);
});

test('leaving twice frees one slot', t => {
  const started: number[] = [];
  const state = emptyQueue(limits);
  tell(state, [enqueue(1), enqueue(2), enqueue(3), enqueue(4), leave(1), leave(1)], started);
  t.deepEqual(started, [1, 2, 3]);
});

test('the priority of a waiting job can be changed; its place and its holders can be asked for', t => {
  const started: number[] = [];
  const state = emptyQueue(limitsOf({runningMax: 1, waitingMax: 9}));
  let place: QueuePlace | undefined;
  const done: boolean[] = [];
  const explain = (taskID: number): QueueCommand => ({
    type: 'explain',
    taskID,
    reply: answer => {
      place = answer;
    },
  });
  const raise = (taskID: number): QueueCommand => ({
    type: 'setPriority',
    taskID,
    priority: 300,
    reply: isDone => done.push(isDone),
  });
  tell(state, [enqueue(1), enqueue(2), enqueue(3, 100, alice, 5), explain(3)], started);
  t.like(place, {ahead: 1, aheadByPriority: 0, groupRunning: 1, groupRunningMax: 1, groupHolders: [1]});
  tell(state, [raise(3), raise(1), raise(9), explain(2)]);
  t.deepEqual(done, [true, false, false]);
  t.like(place, {ahead: 1, aheadByPriority: 1});
  tell(state, [leave(1, alice, 500), explain(2)], started);
  t.deepEqual(started, [1, 3]);
  t.like(place, {meanRunMs: 500, ended: 1});
  t.is(waitingIn(state), 1);
});

test('never more run than allowed, nobody is forgotten, and each starts once', t => {
  const story = fc.array(fc.tuple(fc.nat(3), fc.integer({min: 0, max: 300})), {maxLength: 200});
  t.notThrows(() =>
    fc.assert(
      fc.property(story, acts => {
        const started: number[] = [];
        const gone = new Set<number>();
        const state = emptyQueue(limitsOf({runningMax: 3, waitingMax: 1000}, {runningMax: 4}));
        const keyOf = (taskID: number): GroupKey => (taskID % 2 === 0 ? alice : bob);
        const running = (): number[] => [...state.groups.values()].flatMap(group => [...group.running]);
        let next = 1;
        for (const [act, number] of acts) {
          if (act === 0) {
            tell(state, [enqueue(next, number, keyOf(next), next)], started, gone);
            next += 1;
          } else if (act === 1 && started.length > 0) {
            const taskID = started[number % started.length] ?? 0;
            if (running().includes(taskID)) tell(state, [leave(taskID, keyOf(taskID))], started, gone);
          } else {
            const taskID = 1 + (number % next);
            if (taskID >= next || started.includes(taskID) || gone.has(taskID)) continue;
            if (act === 3) {
              const reply = (): void => undefined;
              tell(state, [{type: 'setPriority', taskID, priority: number, reply}], started, gone);
              continue;
            }
            gone.add(taskID);
            tell(state, [leave(taskID, keyOf(taskID))], started, gone);
          }
          if (running().length > 4 || [...state.groups.values()].some(group => group.running.size > 3))
            return false;
        }
        while (running().length > 0) {
          for (const taskID of running()) tell(state, [leave(taskID, keyOf(taskID))], started, gone);
        }
        return (
          new Set(started).size === started.length &&
          started.length + gone.size === next - 1 &&
          waitingIn(state) === 0 &&
          state.jobs.size === 0
        );
      }),
    ),
  );
});
