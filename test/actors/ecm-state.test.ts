/** Who gets which engine: the ECM's decisions, one at a time, and what its service key lets through. */
import test from 'ava';
import {decideEcm, emptyEcm} from '../../actors/ecm-state.ts';
import type {EcmEffect, EcmMessage, EcmState} from '../../actors/ecm-messages.ts';
import type {LocalEngine} from '../../actors/ecm-port.ts';
import type {EcmCommand, EngineHolder, TaskClaim} from '../../actors/ecm-protocol.ts';
import {ecmKey} from '../../actors/ecm-service-key.ts';
import {launchOf, taskOf} from '../engines/launches.ts';

const ref = {path: '/somebody', uid: 1, tell: () => true};
const settings = {
  self: {instance: 'b:1', incarnation: 'inc-b'},
  engineTypes: ['shell'],
  enginesMax: 2,
  orphanIdleMs: 60_000,
  orphanBusyMs: 3_600_000,
  shutdownGraceMs: 5000,
};
const holderOf = (incarnation: string, grip = 1): EngineHolder => ({incarnation, grip});
const engineOf = (engineId: string, task?: TaskClaim): LocalEngine =>
  ({
    engineId,
    engineType: 'shell',
    user: 'alice',
    creator: 'IDE',
    pid: 7,
    ...(task && {task}),
  }) as LocalEngine;

function after(...messages: EcmMessage[]): {state: EcmState; effects: readonly EcmEffect[]} {
  let state = emptyEcm(settings);
  let effects: readonly EcmEffect[] = [];
  for (const message of messages) ({state, effects} = decideEcm(state, message));
  return {state, effects};
}

const ready: EcmMessage = {type: 'adopted', engines: [], order: {type: 'adoptOwn'}};
const launch = (engineId: string, holder = holderOf('inc-a')): EcmMessage => ({
  type: 'launch',
  engineId,
  launch: launchOf('shell', engineId),
  timeoutMs: 1000,
  holder,
  owner: ref,
  replyTo: ref,
});
const launched = (engineId: string): EcmMessage => ({type: 'launched', engineId, engine: engineOf(engineId)});
const takeOver = (holder: EngineHolder, epoch: number, taskID = 1): EcmMessage => ({
  type: 'takeOver',
  engineId: 'e',
  task: {taskID, attempt: 1, epoch},
  holder,
  owner: ref,
  replyTo: ref,
});
const attach = (holder: EngineHolder, known?: TaskClaim): EcmMessage => ({
  type: 'attach',
  engineId: 'e',
  ...(known && {known}),
  holder,
  owner: ref,
  replyTo: ref,
});
const execute = (holder: EngineHolder, epoch = 1, taskID = 1): EcmMessage => ({
  type: 'execute',
  engineId: 'e',
  task: taskOf('', {taskID, epoch}),
  holder,
  replyTo: ref,
});
const task = {taskID: 1, attempt: 1, epoch: 1};
const found = (given?: TaskClaim): EcmMessage => ({
  type: 'adopted',
  engines: [engineOf('e', given)],
  order: {type: 'adoptOwn'},
});
const a = holderOf('inc-a');
const b = holderOf('inc-b');

const says = test.macro<[EcmMessage[], string[], number?]>({
  exec(t, messages, effects, code) {
    const decision = after(...messages);
    t.deepEqual(
      decision.effects.map(({type}) => type),
      effects,
    );
    const [first] = decision.effects;
    if (code !== undefined) t.is(first?.type === 'answer' ? first.failure.code : undefined, code);
  },
  title: (title = '') => title,
});

test('before its engines are found it says so', says, [launch('e')], ['answer'], 20954);
test('a launch', says, [ready, launch('e')], ['launch']);
test('a launch repeated while it is under way starts nothing', says, [ready, launch('e'), launch('e')], []);
test(
  'a launch repeated after it is done is answered',
  says,
  [ready, launch('e'), launched('e'), launch('e')],
  ['cancelOrphanTimer', 'report'],
);
test(
  'an engine id that somebody else has is refused',
  says,
  [ready, launch('e'), launched('e'), launch('e', b)],
  ['answer'],
  20952,
);
test('a full host refuses', says, [ready, launch('e'), launch('f'), launch('g')], ['answer'], 20955);
test(
  'an engine whose asker died while it started waits for nobody',
  says,
  [ready, launch('e'), {type: 'ownerGone', incarnation: 'inc-a'}, launched('e')],
  ['watch', 'report', 'end'],
);
test('what is unknown is said to be so', says, [ready, attach(a)], ['answer'], 20951);

test(
  'an engine that was found waits for an owner',
  says,
  [found(task)],
  ['watch', 'closeFlow', 'orphanTimer', 'adopted'],
);
test(
  'its former owner attaches again',
  says,
  [found(task), attach(a, task)],
  ['cancelOrphanTimer', 'report'],
);
test(
  'somebody who had another task does not',
  says,
  [found(task), attach(a, {...task, taskID: 2})],
  ['answer'],
  20952,
);
test('an older epoch does not', says, [found({...task, epoch: 5}), attach(a, task)], ['answer'], 20952);
test(
  'beside a present owner nobody attaches',
  says,
  [found(task), attach(a, task), attach(b, task)],
  ['answer'],
  20952,
);
test(
  'a higher epoch takes it over, and the owner before hears of it',
  says,
  [found(task), attach(a, task), takeOver(b, 2)],
  ['cancelOrphanTimer', 'closeFlow', 'tellOwner', 'report'],
);
test(
  'an equal epoch of another node does not',
  says,
  [found(task), attach(a, task), takeOver(b, 1)],
  ['answer'],
  20952,
);
test(
  'an equal epoch of the same node does: its answer was lost',
  says,
  [found(task), takeOver(a, 2), takeOver(holderOf('inc-a', 2), 2)],
  ['cancelOrphanTimer', 'closeFlow', 'tellOwner', 'report'],
);
test('a lower epoch never does', says, [found(task), takeOver(b, 3), takeOver(a, 2)], ['answer'], 20952);
test(
  'whoever was displaced is not obeyed',
  says,
  [found(task), attach(a, task), takeOver(b, 2), execute(a)],
  ['answer'],
  20952,
);
test(
  'an attempt it never had is barred',
  says,
  [found(), attach(a), takeOver(b, 2), execute(a)],
  ['answer'],
  20952,
);
test(
  'other tasks of its owner are not',
  says,
  [found(), attach(a), takeOver(b, 2), execute(a, 1, 9)],
  ['use'],
);
test('without an owner nobody is obeyed', says, [found(task), execute(a)], ['answer'], 20957);
test(
  'a lapsed lease ends all claims',
  says,
  [found(task), attach(a, task), {type: 'ownerGone', incarnation: 'inc-a'}, attach(a, task)],
  ['answer'],
  20952,
);

test('a task counts from its order on, and no more when the engine refused it', t => {
  const ordered = after(found(), attach(a), execute(a));
  t.deepEqual(ordered.state.engines.get('e')?.task, task);
  const handle = ordered.state.engines.get('e')?.handle;
  if (handle === undefined) return t.fail();
  const refused = decideEcm(ordered.state, {type: 'executeRefused', handle, task});
  t.is(refused.state.engines.get('e')?.task, undefined);
});

test('a task that its engine turns out not to have leaves it free, without an owner, and barred for that attempt', t => {
  const raised = {...task, epoch: 2};
  const taken = after(found(), attach(a), execute(a), takeOver(b, 2));
  const handle = taken.state.engines.get('e')?.handle;
  if (handle === undefined) return t.fail();
  const {state, effects} = decideEcm(taken.state, {type: 'neverBegun', handle, task: raised});
  const engine = state.engines.get('e');
  t.is(engine?.task, undefined);
  t.is(engine?.owner, undefined, 'whoever took it over has no use for it');
  t.deepEqual(engine?.barred, [raised]);
  t.true(effects.some(({type}) => type === 'orphanTimer'));
  // A confirmation has been quicker, or it has another task by now.
  const other = decideEcm(taken.state, {type: 'neverBegun', handle, task: {...raised, taskID: 9}});
  t.deepEqual(other.state.engines.get('e')?.task, raised);
});

test('a task that comes before the confirmation of the one before is the engine’s once that is through', t => {
  const next = {taskID: 2, attempt: 1, epoch: 1};
  const ordered = after(found(task), attach(a, task), execute(a, 1, 2));
  t.deepEqual(ordered.state.engines.get('e')?.task, task);
  const handle = ordered.state.engines.get('e')?.handle;
  if (handle === undefined) return t.fail();
  const early = decideEcm(
    decideEcm(ordered.state, {type: 'ownerGone', incarnation: 'inc-a'}).state,
    takeOver(b, 2, 2),
  );
  const [answer] = early.effects;
  t.is(
    answer?.type === 'answer' ? answer.failure.code : 0,
    20958,
    'not "never begun": that would begin it twice',
  );
  const confirmed = decideEcm(ordered.state, {type: 'confirmed', handle, task});
  t.deepEqual(confirmed.state.engines.get('e')?.task, next);
  const refused = decideEcm(ordered.state, {type: 'executeRefused', handle, task: next});
  t.deepEqual(refused.state.engines.get('e')?.task, task);
  t.is(decideEcm(refused.state, {type: 'confirmed', handle, task}).state.engines.get('e')?.task, undefined);
});

test('a full ECM ends an idle engine that lost its owner to make room', t => {
  const engines = Array.from({length: settings.enginesMax}, (_, index) => engineOf(`idle-${index}`));
  const adopted: EcmMessage = {type: 'adopted', engines, order: {type: 'adoptOwn'}};
  const {effects, state} = after(adopted, launch('new'));
  t.deepEqual(
    effects.map(({type}) => type),
    ['end', 'launch'],
  );
  t.is(state.engines.size, settings.enginesMax - 1);
});

test('an exit with a task that is not confirmed keeps the engine; the confirmation buries it', t => {
  const {state} = after(found(task), attach(a, task));
  const handle = state.engines.get('e')?.handle;
  if (handle === undefined) return t.fail();
  const exited = decideEcm(state, {type: 'exited', handle, reason: 'killed'});
  t.deepEqual(
    exited.effects.map(({type}) => type),
    ['cancelOrphanTimer', 'tellExit'],
  );
  t.is(exited.state.engines.get('e')?.exited, 'killed');
  const confirmed = decideEcm(exited.state, {type: 'confirmed', handle, task});
  t.is(confirmed.state.engines.size, 0);
  const late = decideEcm(confirmed.state, attach(a, task));
  const [answer] = late.effects;
  t.regex(answer?.type === 'answer' ? answer.failure.message : '', /killed/);
});

test('a busy engine without an owner is timed out, an idle one ended, an owned one left alone', t => {
  const due: EcmMessage = {type: 'orphanDue', engineId: 'e'};
  const types = (...messages: EcmMessage[]): string[] => after(...messages).effects.map(({type}) => type);
  t.deepEqual(types(found(task), due), ['timeOut']);
  t.deepEqual(types(found(), due), ['end']);
  t.deepEqual(types(found(task), attach(a, task), due), []);
});

test('a leaving ECM lets go of busy engines, ends idle ones, and starts none', t => {
  const both: EcmMessage = {
    type: 'adopted',
    engines: [engineOf('busy', task), engineOf('idle')],
    order: {type: 'adoptOwn'},
  };
  const {state, effects} = after(both, {type: 'leave', replyTo: ref});
  const [leave] = effects;
  if (leave?.type !== 'leave') return t.fail();
  t.deepEqual(
    [leave.busy.map(({engineId}) => engineId), leave.idle.map(({engineId}) => engineId)],
    [['busy'], ['idle']],
  );
  const [refusal] = decideEcm(state, launch('new')).effects;
  t.is(refusal?.type === 'answer' ? refusal.failure.code : 0, 20954);
});

/* What other nodes may send */

const good: EcmCommand = {
  type: 'execute',
  engineId: 'e-1',
  task: taskOf('echo'),
  holder: a,
  replyTo: ref,
};

test('the service key lets through what is a command, whole', t => {
  t.true(ecmKey.accepts(good));
  t.true(ecmKey.accepts(launch('e-1')));
  t.true(ecmKey.accepts(attach(a)));
  t.true(ecmKey.accepts({type: 'list', replyTo: ref}));
});

const bad: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  'a text': 'execute',
  'an unknown type': {...good, type: 'reboot'},
  'an order of the own node': {type: 'ownerGone', incarnation: 'x'},
  'an engine id that climbs': {...good, engineId: '../../etc'},
  'a reply address that is none': {...good, replyTo: {path: '/x'}},
  'a negative epoch': {...good, task: taskOf('', {epoch: -1})},
  'a number that is none': {...good, holder: {incarnation: 'x', grip: Number.NaN}},
  'an environment that is no text': {...good, task: {...taskOf(''), environment: {A: 1}}},
  'a piece of a result that is too large': {
    type: 'readResult',
    engineId: 'e',
    holder: a,
    task,
    file: '_0.dolphin',
    offset: 0,
    bytesMax: 2 ** 30,
    replyTo: ref,
  },
  'a folder of this host': {
    type: 'publishResults',
    engineId: 'e',
    holder: a,
    task,
    directory: '/tmp',
    replyTo: ref,
  },
};

for (const [what, value] of Object.entries(bad)) {
  test(`the service key refuses ${what}`, t => {
    t.false(ecmKey.accepts(value));
  });
}
