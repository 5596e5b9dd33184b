import test from 'ava';
import fc from 'fast-check';
import {
  decidePool,
  emptyPool,
  type EngineKey,
  type EnginePoolEffect,
  type EnginePoolMessage,
  type EnginePoolState,
} from '../../actors/engine-pool.ts';
import type {JobReport} from '../../actors/job-protocol.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {nowhere} from '../support/jobs.ts';

const limits = {enginesMax: 2, enginesPerUserMax: 2, idleMs: 1000};
const key: EngineKey = {engineType: 'shell', user: 'alice', creator: 'IDE'};
const ofBob: EngineKey = {...key, user: 'bob'};
const job: Ref<JobReport> = {path: '/job', uid: 1, tell: () => true};
const decide = decidePool('e');

const request = (taskID: number, wanted = key, executeOnce = false): EnginePoolMessage => ({
  type: 'requestEngine',
  taskID,
  attempt: 1,
  key: wanted,
  executeOnce,
  replyTo: job,
});
const started = (engineId: string): EnginePoolMessage => ({type: 'engineStarted', engineId, ref: nowhere});
const release = (engineId: string): EnginePoolMessage => ({type: 'release', engineId, isReusable: true});

function tell(
  state: EnginePoolState,
  ...messages: EnginePoolMessage[]
): {state: EnginePoolState; effects: EnginePoolEffect[]} {
  const effects: EnginePoolEffect[] = [];
  let now = state;
  for (const message of messages) {
    const decision = decide(now, message);
    now = decision.state;
    effects.push(...decision.effects.filter(({type}) => type !== 'show' && type !== 'idleTimer'));
  }
  return {state: now, effects};
}

const summary = (effects: readonly EnginePoolEffect[]): string[] =>
  effects.map(effect => {
    switch (effect.type) {
      case 'grant':
        return `grant ${effect.engine.engineId} to ${effect.request.taskID}${effect.engine.isReused ? ' again' : ''}`;
      case 'launch':
        return `launch ${effect.engineId} for ${effect.key.user}`;
      case 'deny':
        return `deny ${effect.request.taskID}`;
      case 'shutdown':
      case 'idleTimer':
      case 'show':
        return effect.type;
    }
  });

test('the first job gets a new engine, the next of the same user, creator and type the same one', t => {
  const {effects} = tell(emptyPool(limits), request(1), started('e-1'), release('e-1'), request(2));
  t.deepEqual(summary(effects), ['launch e-1 for alice', 'grant e-1 to 1', 'grant e-1 to 2 again']);
});

test('an engine is never shared between users', t => {
  const {effects} = tell(emptyPool(limits), request(1), started('e-1'), release('e-1'), request(2, ofBob));
  t.deepEqual(summary(effects).slice(2), ['launch e-2 for bob']);
});

test('a job that wants its own engine gets a fresh one, which ends with it', t => {
  const {effects} = tell(
    emptyPool(limits),
    request(1),
    started('e-1'),
    release('e-1'),
    request(2, key, true),
    started('e-2'),
    release('e-2'),
  );
  t.deepEqual(summary(effects).slice(2), ['launch e-2 for alice', 'grant e-2 to 2', 'shutdown']);
});

test('a full node ends an idle engine of somebody else, and launches when it is gone', t => {
  const full = (): EnginePoolState =>
    tell(
      emptyPool(limits),
      request(1),
      started('e-1'),
      release('e-1'),
      request(2),
      request(3),
      started('e-2'),
    ).state;
  t.deepEqual(summary(tell(full(), request(4, ofBob)).effects), []);
  const {effects} = tell(tell(full(), release('e-1')).state, request(4, ofBob), {
    type: 'engineExited',
    engineId: 'e-1',
  });
  t.deepEqual(summary(effects), ['shutdown', 'launch e-3 for bob']);
});

test('a failed launch is told to one job, the others wait for another launch', t => {
  const failure = {code: 1, message: 'no', retryable: true};
  const {effects} = tell(emptyPool({...limits, enginesMax: 1}), request(1), request(2), {
    type: 'launchFailed',
    engineId: 'e-1',
    failure,
  });
  t.deepEqual(summary(effects), ['launch e-1 for alice', 'deny 1', 'launch e-2 for alice']);
});

test('an idle engine ends after its time, unless a job came in between', t => {
  const {state} = tell(emptyPool(limits), request(1), started('e-1'), release('e-1'));
  t.deepEqual(summary(tell(state, {type: 'idleDue', engineId: 'e-1', idleCount: 1}).effects), []);
  t.deepEqual(summary(tell(state, {type: 'idleDue', engineId: 'e-1', idleCount: 2}).effects), ['shutdown']);
});

test('no more engines than allowed, none granted twice, and every request is served in the end', t => {
  const act = fc.tuple(fc.constantFrom('request', 'release', 'start', 'exit', 'cancel'), fc.nat(50));
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(act, {maxLength: 150}), acts => {
        let state = emptyPool({enginesMax: 4, enginesPerUserMax: 3, idleMs: 1000});
        const busy = new Map<string, number>();
        const served = new Set<number>();
        const cancelled = new Set<number>();
        const starting = new Set<string>();
        const ending = new Set<string>();
        let next = 1;
        let isGood = true;
        const perform = (message: EnginePoolMessage): void => {
          const decision = tell(state, message);
          state = decision.state;
          for (const effect of decision.effects) {
            if (effect.type === 'launch') starting.add(effect.engineId);
            if (effect.type === 'grant') {
              if (busy.has(effect.engine.engineId)) isGood = false;
              busy.set(effect.engine.engineId, effect.request.taskID);
              served.add(effect.request.taskID);
            }
          }
          for (const [engineId, {status}] of state.engines) if (status === 'ending') ending.add(engineId);
          if (state.engines.size > 4) isGood = false;
        };
        const pick = (from: Iterable<string>, number: number): string | undefined => {
          const all = [...from];
          return all[number % Math.max(1, all.length)];
        };
        const step = (kind: string, number: number): void => {
          if (kind === 'request') perform(request(next++, number % 2 === 0 ? key : ofBob, number % 7 === 0));
          const engineId =
            kind === 'release'
              ? pick(busy.keys(), number)
              : kind === 'start'
                ? pick(starting, number)
                : pick(ending, number);
          if (kind === 'cancel' && next > 1) {
            const taskID = 1 + (number % (next - 1));
            if (!served.has(taskID)) cancelled.add(taskID);
            perform({type: 'cancelRequest', taskID, attempt: 1});
          }
          if (engineId === undefined) return;
          if (kind === 'release') {
            busy.delete(engineId);
            perform(release(engineId));
          } else if (kind === 'start') {
            starting.delete(engineId);
            perform(started(engineId));
          } else if (kind === 'exit') {
            ending.delete(engineId);
            perform({type: 'engineExited', engineId});
          }
        };
        for (const [kind, number] of acts) step(kind, number);
        for (let round = 0; round < 500; round += 1)
          for (const kind of ['start', 'release', 'exit']) step(kind, round);
        return isGood && served.size + cancelled.size === next - 1;
      }),
    ),
  );
});

test('a closed pool grants and launches nothing more', t => {
  const {state} = tell(emptyPool(limits), request(1), started('e-1'), {type: 'close'});
  t.deepEqual(summary(tell(state, request(2), release('e-1'), request(3, ofBob)).effects), []);
});
