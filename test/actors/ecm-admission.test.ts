/** What an ECM starts and what it refuses: by its own account of reservations, its health, and the latest manager's word. */
import test from 'ava';
import fc from 'fast-check';
import {capacityOfEcm, reservedTotal} from '../../actors/ecm-admission.ts';
import type {EcmEffect, EcmMessage, EcmSettings, EcmState} from '../../actors/ecm-messages.ts';
import type {HostSample, LocalEngine} from '../../actors/ecm-port.ts';
import type {Resources} from '../../actors/engine-governance.ts';
import {decideEcm, emptyEcm} from '../../actors/ecm-state.ts';
import type {EngineLaunch} from '../../actors/ports.ts';
import {launchOf} from '../engines/launches.ts';

const ref = {path: '/somebody', uid: 1, tell: () => true};
const settings: EcmSettings = {
  self: {instance: 'b:1', incarnation: 'inc-b'},
  engineTypes: ['shell'],
  enginesMax: 3,
  orphanIdleMs: 60_000,
  orphanBusyMs: 3_600_000,
  shutdownGraceMs: 5000,
  limits: {
    memoryBytesMax: 1000,
    coresMax: 4,
    protectedMemoryBytes: 100,
    diskFreeBytesMin: 100,
    cpuProtectedShare: 0.98,
    refusesWhenBusy: false,
  },
};
const holder = {incarnation: 'inc-a', grip: 1};
const resources = (memoryBytes: number, cores = 1): Resources => ({memoryBytes, cores, instances: 1});

function after(...messages: EcmMessage[]): {state: EcmState; effects: readonly EcmEffect[]} {
  let state = emptyEcm(settings);
  let effects: readonly EcmEffect[] = [];
  for (const message of messages) ({state, effects} = decideEcm(state, message));
  return {state, effects};
}

const codeOf = (effects: readonly EcmEffect[]): number | undefined =>
  effects.flatMap(effect => (effect.type === 'answer' ? [effect.failure.code] : []))[0];
const typesOf = (effects: readonly EcmEffect[]): string[] => effects.map(({type}) => type);

const ready: EcmMessage = {type: 'adopted', engines: [], order: {type: 'adoptOwn'}};
const launch = (engineId: string, more: Partial<EngineLaunch> = {}): EcmMessage => ({
  type: 'launch',
  engineId,
  launch: {...launchOf('shell', engineId), ...more},
  timeoutMs: 1000,
  holder,
  owner: ref,
  replyTo: ref,
});
const engineOf = (engineId: string, more: Partial<LocalEngine> = {}): LocalEngine =>
  ({engineId, engineType: 'shell', user: 'alice', creator: 'IDE', pid: 7, ...more}) as LocalEngine;
const launched = (engine: LocalEngine): EcmMessage => ({type: 'launched', engineId: engine.engineId, engine});
const exited = (handle: LocalEngine): EcmMessage => ({type: 'exited', handle, reason: 'over'});
const load: HostSample = {
  memoryBytesTotal: 10_000,
  memoryBytesFree: 5000,
  cpuCount: 2,
  cpuShare: 0,
  loadAverage: 0,
  diskBytesFree: 5000,
};
const looked = (more: Partial<HostSample> = {}): EcmMessage => ({
  type: 'measured',
  load: {...load, ...more},
  atMs: 0,
});
const setHealth = (health: 'Healthy' | 'UnHealthy'): EcmMessage => ({
  type: 'setHealth',
  health,
  replyTo: ref,
});

test('what is reserved for engines that run and that start is never more than there is', t => {
  const first = launch('e', {reserved: resources(600)});
  t.is(codeOf(after(ready, first, launch('f', {reserved: resources(401)})).effects), 20981);
  t.deepEqual(typesOf(after(ready, first, launch('f', {reserved: resources(400)})).effects), ['launch']);
  const cores = launch('f', {reserved: resources(1, 3.5)});
  t.is(codeOf(after(ready, first, launched(engineOf('e')), cores).effects), 20981);
});

test('an engine that reserves nothing is bound by the number of engines alone', t => {
  const full = after(ready, launch('e', {reserved: resources(1000, 4)}), launch('f'), launch('g'));
  t.deepEqual(typesOf(full.effects), ['launch']);
  t.is(codeOf(decideEcm(full.state, launch('h')).effects), 20955);
});

test('a reservation is given back when the process is gone, not before', t => {
  const engine = engineOf('e');
  const messages = [ready, launch('e', {reserved: resources(800)}), launched(engine)];
  const next = launch('f', {reserved: resources(800)});
  t.is(codeOf(after(...messages, next).effects), 20981);
  t.deepEqual(typesOf(after(...messages, exited(engine), next).effects), ['launch']);
  const failed: EcmMessage = {
    type: 'launchFailed',
    engineId: 'e',
    failure: {code: 1, message: '', retryable: true},
  };
  t.deepEqual(typesOf(after(ready, launch('e', {reserved: resources(800)}), failed, next).effects), [
    'launch',
  ]);
});

test('idle engines without an owner make way, as many as are needed and no more', t => {
  const spare = (engineId: string, memory: number): LocalEngine =>
    engineOf(engineId, {origin: {reserved: resources(memory)}});
  const found: EcmMessage = {
    type: 'adopted',
    engines: [spare('a', 300), spare('b', 300), spare('c', 300)],
    order: {type: 'adoptOwn'},
  };
  const {effects, state} = after(found, launch('e', {reserved: resources(500)}));
  t.deepEqual(typesOf(effects), ['end', 'end', 'launch']);
  t.deepEqual([...state.engines.keys()], ['c']);
  const tooMuch = after(found, launch('e', {reserved: resources(1001)}));
  t.is(codeOf(tooMuch.effects), 20981);
  t.is(tooMuch.state.engines.size, 3, 'nobody is ended in vain');
});

test('an adopted engine keeps what it had reserved', t => {
  const {state} = after({
    type: 'adopted',
    engines: [engineOf('a', {origin: {reserved: resources(700), fence: 5}})],
    order: {type: 'adoptOwn'},
  });
  t.deepEqual(reservedTotal(state), {memoryBytes: 700, cores: 1, instances: 1});
  t.is(codeOf(decideEcm(state, launch('e', {fence: 4})).effects), 20982);
});

test('a manager with a lower fence is not obeyed any more, one with the same or none is', t => {
  const taken = after(ready, launch('e', {fence: 7}));
  t.is(codeOf(decideEcm(taken.state, launch('f', {fence: 6})).effects), 20982);
  t.deepEqual(typesOf(decideEcm(taken.state, launch('f', {fence: 7})).effects), ['launch']);
  t.deepEqual(typesOf(decideEcm(taken.state, launch('f')).effects), ['launch']);
  // Its own launch, repeated since the answer was lost.
  const repeated = after(ready, launch('e', {fence: 1}), launch('f', {fence: 7}), launch('e', {fence: 1}));
  t.deepEqual(repeated.effects, []);
});

test('a refused manager that is later than the one before is obeyed alone from then on', t => {
  const full = after(ready, launch('e', {reserved: resources(9999), fence: 9}));
  t.is(codeOf(full.effects), 20981);
  t.is(codeOf(decideEcm(full.state, launch('f', {fence: 8})).effects), 20982);
});

test('a host that is not fit starts nothing, says why, and keeps what it has', t => {
  const scarce = after(ready, launch('e'), launched(engineOf('e')), looked({memoryBytesFree: 50}));
  t.deepEqual(typesOf(scarce.effects), ['tellHealth']);
  const {effects} = decideEcm(scarce.state, launch('f'));
  t.is(codeOf(effects), 20980);
  const [answer] = effects;
  t.regex(answer?.type === 'answer' ? answer.failure.message : '', /StockAvailable.*memory are free/);
  t.true(scarce.state.engines.has('e'));
  t.deepEqual(typesOf(after(ready, looked({memoryBytesFree: 50}), looked(), launch('f')).effects), [
    'launch',
  ]);
});

test('an administrator takes a host out and back', t => {
  const out = after(ready, setHealth('UnHealthy'));
  t.deepEqual(typesOf(out.effects), ['tellHealth', 'done']);
  t.is(codeOf(decideEcm(out.state, launch('e')).effects), 20980);
  const back = after(ready, setHealth('UnHealthy'), setHealth('Healthy'), launch('e'));
  t.deepEqual(typesOf(back.effects), ['launch']);
});

test('without limits memory and cores are not counted', t => {
  const state = emptyEcm({...settings, limits: undefined} as unknown as EcmSettings);
  t.is(capacityOfEcm(state).memoryBytes, Number.MAX_SAFE_INTEGER);
  const {effects} = decideEcm(decideEcm(state, ready).state, launch('e', {reserved: resources(1e15, 1e5)}));
  t.deepEqual(typesOf(effects), ['launch']);
});

test('whatever comes in whatever order, the account is the sum of what is there, and within capacity', t => {
  const names = ['a', 'b', 'c', 'd'];
  const step = fc.oneof(
    fc.record({
      type: fc.constant('launch' as const),
      name: fc.constantFrom(...names),
      memory: fc.integer({min: 0, max: 700}),
      fence: fc.integer({min: 0, max: 3}),
    }),
    fc.record({
      type: fc.constantFrom('launched' as const, 'failed' as const, 'exited' as const),
      name: fc.constantFrom(...names),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, {maxLength: 40}), steps => {
      let {state} = after(ready);
      let fence = 0;
      for (const given of steps) {
        const {name} = given;
        const before = state;
        const pending = before.launching.get(name);
        const handle = before.engines.get(name)?.handle;
        if (given.type === 'launch') {
          const decision = decideEcm(
            before,
            launch(name, {reserved: resources(given.memory), fence: given.fence}),
          );
          ({state} = decision);
          if (decision.effects.some(({type}) => type === 'launch')) t.true(given.fence >= fence);
          fence = Math.max(fence, state.fence);
        } else if (given.type === 'launched' && pending !== undefined) {
          ({state} = decideEcm(before, launched(engineOf(name))));
        } else if (given.type === 'failed' && pending !== undefined) {
          const failure = {code: 1, message: '', retryable: true};
          ({state} = decideEcm(before, {type: 'launchFailed', engineId: name, failure}));
        } else if (given.type === 'exited' && handle !== undefined) {
          ({state} = decideEcm(before, exited(handle)));
        }
        const sum = [...state.engines.values()]
          .map(({origin}) => origin?.reserved?.memoryBytes ?? 0)
          .concat([...state.launching.values()].map(({command}) => command.launch.reserved?.memoryBytes ?? 0))
          .reduce((total, bytes) => total + bytes, 0);
        t.is(reservedTotal(state).memoryBytes, sum);
        t.true(sum <= 1000);
        t.true(reservedTotal(state).instances <= 3);
      }
    }),
  );
});
