import test from 'ava';
import fc from 'fast-check';
import {defaultsOf} from '../../actors/domain/setting.ts';
import type {JobRemains, Remains} from '../../actors/job-remains.ts';
import {DatabaseAwayError, type JobStore} from '../../actors/ports.ts';
import {
  decideRetention,
  keepMsOf,
  pauseMs,
  retentionActor,
  whyRemoved,
  type RetentionEffect,
  type RetentionMessage,
  type RetentionRound,
  type RetentionState,
} from '../../actors/retention.ts';
import {retentionSettings, type RetentionPolicy} from '../../actors/retention-settings.ts';
import {dueOf, sweep, type Swept} from '../../actors/retention-sweep.ts';
import {auditEntry, createMemoryAudit} from '../support/memory-audit.ts';
import {createMemoryEngineRecords, engineLaunch} from '../support/memory-engine-records.ts';
import {manualClock} from '../support/manual-clock.ts';
import {createMemoryJobStore} from '../support/memory-store.ts';
import {storedJob} from '../support/stored-jobs.ts';
import {testSystem, turns} from './runtime/harness.ts';

const dayMs = 86_400_000;
const policy = (more: Partial<RetentionPolicy> = {}): RetentionPolicy => ({
  ...defaultsOf(retentionSettings),
  ...more,
});
const swept = (removed: number, isFull = false, failed = 0): Swept => ({
  removed,
  freedBytes: removed * 10,
  failed,
  isFull,
});

/** Effects of a story, message by message. */
function tell(given: RetentionPolicy, ...messages: RetentionMessage[]): RetentionEffect[][] {
  let state: RetentionState = {phase: 'resting'};
  return messages.map(message => {
    const decision = decideRetention(given, state, message);
    state = decision.state;
    return [...decision.effects];
  });
}

test('by default logs and results go after 30 days, and rows never', t => {
  t.deepEqual(
    (['logs', 'results', 'history'] as const).map(kind => keepMsOf(kind, policy()) / dayMs),
    [30, 30, 0],
  );
});

test('logs and results never outlive their row', t => {
  const kept = policy({logsKeepMs: 0, resultsKeepMs: 5 * dayMs, historyKeepMs: 10 * dayMs});
  t.deepEqual(
    (['logs', 'results', 'history'] as const).map(kind => keepMsOf(kind, kept) / dayMs),
    [10, 5, 10],
  );
  t.is(keepMsOf('logs', policy({historyKeepMs: dayMs})), dayMs);
});

test('a round sweeps logs, then results, then rows, each if it is not kept for ever', t => {
  const all = policy({historyKeepMs: dayMs});
  const story = tell(
    all,
    {type: 'roundDue'},
    {type: 'swept', kind: 'logs', swept: swept(1)},
    {type: 'swept', kind: 'results', swept: swept(2)},
    {type: 'swept', kind: 'history', swept: swept(3)},
  );
  t.deepEqual(story, [
    [{type: 'sweep', kind: 'logs'}],
    [{type: 'sweep', kind: 'results'}],
    [{type: 'sweep', kind: 'history'}],
    [
      {type: 'report', round: {logs: swept(1), results: swept(2), history: swept(3)}},
      {type: 'rest', afterMs: all.everyMs},
    ],
  ]);
  t.deepEqual(tell(policy({logsKeepMs: 0}), {type: 'roundDue'}), [[{type: 'sweep', kind: 'results'}]]);
  const forEver = policy({logsKeepMs: 0, resultsKeepMs: 0});
  t.deepEqual(tell(forEver, {type: 'roundDue'}), [
    [
      {type: 'report', round: {}},
      {type: 'rest', afterMs: forEver.everyMs},
    ],
  ]);
});

test('records of ended engines go with the rows of jobs', async t => {
  const engineRecords = createMemoryEngineRecords();
  for (const ticketId of ['a', 'b', 'c']) {
    // oxlint-disable-next-line no-await-in-loop
    await engineRecords.append(engineLaunch(ticketId, {createTime: 1000}));
    // oxlint-disable-next-line no-await-in-loop
    if (ticketId !== 'c') await engineRecords.update(ticketId, {status: 'Success'});
  }
  const dependencies = {store: createMemoryJobStore(), remains: {} as JobRemains, engineRecords};
  const {signal} = new AbortController();
  t.like(await sweep('history', 5000, 10, dependencies, signal), {removed: 2, isFull: false});
  t.is((await engineRecords.list({}, {number: 1, size: 9})).total, 1);
});

test('rows of the audit are removed last, by an age of their own, and never by default', async t => {
  t.is(keepMsOf('audit', policy()), 0);
  t.is(keepMsOf('audit', policy({historyKeepMs: dayMs})), 0);
  const kept = policy({logsKeepMs: 0, resultsKeepMs: 0, auditDays: 2});
  t.deepEqual(tell(kept, {type: 'roundDue'}, {type: 'swept', kind: 'audit', swept: swept(0)})[0], [
    {type: 'sweep', kind: 'audit'},
  ]);
  const audit = createMemoryAudit();
  await audit.append(Array.from({length: 9}, (_, n) => auditEntry(`w-${n}`, {at: n * 1000})));
  const dependencies = {store: createMemoryJobStore(), remains: {} as JobRemains, audit};
  const {signal} = new AbortController();
  t.like(await sweep('audit', 6000, 4, dependencies, signal), {removed: 4, isFull: true});
  t.like(await sweep('audit', 6000, 4, dependencies, signal), {removed: 2, isFull: false});
  t.deepEqual(
    audit.rows.map(({id}) => id),
    [7, 8, 9],
  );
});

test('a full round is soon followed by the next, one in which nothing could be removed is not', t => {
  const only = policy({resultsKeepMs: 0});
  const restAfter = (last: Swept): number | undefined => {
    const rest = tell(only, {type: 'roundDue'}, {type: 'swept', kind: 'logs', swept: last})[1]?.find(
      effect => effect.type === 'rest',
    );
    return rest?.type === 'rest' ? rest.afterMs : undefined;
  };
  t.is(restAfter(swept(1000, true)), pauseMs);
  t.is(restAfter(swept(999)), only.everyMs);
  t.is(restAfter(swept(0, true, 1000)), only.everyMs);
});

test('what failed is told, and tried again at the next round', t => {
  const failure = {code: 0, message: 'away', retryable: false};
  const story = tell(
    policy(),
    {type: 'roundDue'},
    {type: 'swept', kind: 'logs', swept: swept(1)},
    {type: 'sweepFailed', kind: 'results', failure},
    {type: 'roundDue'},
  );
  t.deepEqual(story.slice(2), [
    [
      {type: 'report', round: {logs: swept(1)}},
      {type: 'reportFailure', kind: 'results', failure},
      {type: 'rest', afterMs: 3_600_000},
    ],
    [{type: 'sweep', kind: 'logs'}],
  ]);
});

test('in any story at most one sweep is under way, and every round comes to its rest', t => {
  const kind = fc.constantFrom('logs' as const, 'results' as const, 'history' as const);
  const message = fc.oneof(
    fc.constant<RetentionMessage>({type: 'roundDue'}),
    kind.map((it): RetentionMessage => ({type: 'swept', kind: it, swept: swept(1)})),
    kind.map((it): RetentionMessage => ({
      type: 'sweepFailed',
      kind: it,
      failure: {code: 0, message: '', retryable: false},
    })),
  );
  fc.assert(
    fc.property(fc.array(message), fc.nat(1), (messages, history) => {
      const given = policy({historyKeepMs: history * dayMs});
      let state: RetentionState = {phase: 'resting'};
      let underWay = 0;
      for (const each of messages) {
        const before = state;
        const {state: next, effects} = decideRetention(given, state, each);
        if (before.phase === 'sweeping' && each.type !== 'roundDue' && 'kind' in each) {
          if (each.kind === before.kind) underWay -= 1;
        }
        underWay += effects.filter(({type}) => type === 'sweep').length;
        state = next;
        if (underWay !== (state.phase === 'sweeping' ? 1 : 0)) return false;
        const rests = effects.some(({type}) => type === 'rest');
        if (rests !== (before.phase !== state.phase && state.phase === 'resting')) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('a reader is told when the job ended and how long its log was kept', t => {
  const job = storedJob({id: 7, status: 'Succeed', updatedTime: Date.UTC(2026, 0, 2)});
  const at = (days: number): number => Date.UTC(2026, 0, 2) + days * dayMs;
  t.is(whyRemoved('logs', job, policy(), at(30) - 1), undefined);
  t.is(
    whyRemoved('logs', job, policy(), at(30)),
    'The log of this job was removed by retention: the job ended at 2026-01-02T00:00:00.000Z, and logs are kept for 30 d' +
      ' (retention.logsKeepMs).',
  );
  t.regex(whyRemoved('results', job, policy(), at(31)) ?? '', /results .*removed by retention/);
  t.is(whyRemoved('logs', job, policy({logsKeepMs: 0}), at(1000)), undefined);
  const unfinished = storedJob({id: 7, status: 'Running', updatedTime: 0});
  t.is(whyRemoved('logs', unfinished, policy(), at(1000)), undefined);
});

test('what is due ended before the cut, or belongs to no job and is old itself', t => {
  const found = (taskID: number, modifiedAtMs = 0): Remains => ({taskID, path: String(taskID), modifiedAtMs});
  const jobs = [
    storedJob({id: 1, status: 'Failed', updatedTime: 99}),
    storedJob({id: 2, status: 'Failed', updatedTime: 100}),
    storedJob({id: 3, status: 'Running', updatedTime: 1}),
    storedJob({id: 4, status: 'Inited', updatedTime: 1}),
  ];
  const due = dueOf([1, 2, 3, 4].map(id => found(id)).concat(found(8, 99), found(9, 100)), jobs, 100);
  t.deepEqual(
    due.map(({taskID}) => taskID),
    [1, 8],
  );
});

/** Jobs of 100 bytes each whose remains stand in memory; `stuck` ones can't be removed. */
async function world(count: number, stuck: readonly number[] = []) {
  const store = createMemoryJobStore();
  const ids = Array.from({length: count}, (_, index) => index + 1);
  await store.commit(
    ids.map(id => ({
      type: 'insert',
      ...storedJob({id, status: id % 5 === 0 ? 'Running' : 'Succeed', createdTime: id, updatedTime: id}),
    })),
  );
  const there = {logs: new Set(ids), results: new Set(ids)};
  const remains: JobRemains = {
    async *list(kind) {
      const all = [...there[kind]];
      for (let at = 0; at < all.length; at += 4) {
        yield all.slice(at, at + 4).map(taskID => ({taskID, path: String(taskID), modifiedAtMs: taskID}));
      }
    },
    async remove(kind, path) {
      if (stuck.includes(Number(path))) throw new Error(`${path} is stuck`);
      there[kind].delete(Number(path));
      return 100;
    },
  };
  return {store, remains, there};
}

const never = new AbortController().signal;

test('a sweep removes the oldest up to its bound, and later ones the rest, but nothing unfinished', async t => {
  const given = await world(12);
  t.deepEqual(await sweep('logs', 11, 3, given, never), {
    removed: 3,
    freedBytes: 300,
    failed: 0,
    isFull: true,
  });
  t.deepEqual([...given.there.logs], [4, 5, 6, 7, 8, 9, 10, 11, 12]);
  t.like(await sweep('logs', 11, 100, given, never), {removed: 5, isFull: false});
  t.deepEqual([...given.there.logs], [5, 10, 11, 12]);
  t.is(given.there.results.size, 12);
  t.like(await sweep('history', 11, 3, given, never), {removed: 3, isFull: true});
  t.like(await sweep('history', 11, 100, given, never), {removed: 5, freedBytes: 0, isFull: false});
  const left = await given.store.list({}, {number: 1, size: 100});
  t.deepEqual(
    left.jobs.map(({row}) => row.id),
    [12, 11, 10, 5],
  );
});

test('what can not be removed keeps nothing else from it', async t => {
  const given = await world(9, [1, 3]);
  t.deepEqual(await sweep('results', 100, 4, given, never), {
    removed: 4,
    freedBytes: 400,
    failed: 2,
    firstFailure: '1 is stuck',
    isFull: true,
  });
});

test('a sweep ends when the node does', async t => {
  const given = await world(9);
  t.like(await sweep('logs', 100, 100, given, AbortSignal.abort()), {removed: 0, isFull: false});
  t.like(await sweep('history', 100, 100, given, AbortSignal.abort()), {removed: 0});
});

test('the actor goes round by its clock, and a database that is away only delays it', async t => {
  const clock = manualClock(1000);
  const {system} = testSystem(t, {clock});
  const given = await world(9);
  const rounds: RetentionRound[] = [];
  const failures: string[] = [];
  let isAway = true;
  const store: Pick<JobStore, 'list' | 'removeEnded'> = {
    removeEnded: given.store.removeEnded,
    list: async (filter, page) => {
      if (isAway) throw new DatabaseAwayError('away');
      return given.store.list(filter, page);
    },
  };
  const actor = system.spawn(
    'retention',
    retentionActor({
      policy: policy({logsKeepMs: 993, historyKeepMs: 995, everyMs: 30_000}),
      store,
      remains: given.remains,
      clock,
      onRound: round => rounds.push(round),
      onFailure: (kind, {message}) => failures.push(`${kind}: ${message}`),
    }),
  );
  actor.tell({type: 'begin'});
  await turns(20);
  t.deepEqual(rounds, []);
  clock.advance(30_000);
  await turns(50);
  t.deepEqual(failures, ['logs: away']);
  isAway = false;
  clock.advance(30_000);
  await turns(50);
  t.like(rounds.at(-1), {logs: {removed: 8}, results: {removed: 8}, history: {removed: 8}});
  clock.advance(30_000);
  await turns(50);
  t.like(rounds.at(-1), {logs: {removed: 0}, results: {removed: 0}, history: {removed: 0}});
  t.deepEqual([...given.there.logs], [5]);
});
