/** The router actor: members and labels become a snapshot; what is late, lost or away leaves a true one. */
import test, {type ExecutionContext} from 'ava';
import {entranceService} from '../../actors/domain/exec-id.ts';
import {serviceInstanceOf} from '../../actors/instance-label.ts';
import {
  decideRouter,
  initialRouter,
  type RouterMessage,
  type RouterState,
} from '../../actors/router-machine.ts';
import {startRouter, type Router} from '../../actors/router-actor.ts';
import type {MemberView} from '../../actors/route-snapshot.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {startActorSystem} from '../../actors/runtime/system.ts';
import {manualClock, type ManualClock} from '../support/manual-clock.ts';
import {createMemoryInstanceLabels, type MemoryInstanceLabels} from '../support/memory-instance-labels.ts';

const service = entranceService;

const up = (instance: string, more: Partial<MemberView> = {}): MemberView => ({
  instance,
  incarnation: 'first',
  roles: ['entrance'],
  state: 'up',
  isReachable: true,
  ...more,
});

type World = {
  readonly router: Router;
  readonly store: MemoryInstanceLabels;
  readonly clock: ManualClock;
  readonly failures: string[];
  readonly put: (instance: string, labels?: Record<string, string>) => Promise<void>;
  /** Lets reads and turns that are under way come to an end. */
  readonly settle: () => Promise<void>;
  readonly reaches: (routeLabel?: string) => string;
};

function world(t: ExecutionContext, onChange?: () => void): World {
  const clock = manualClock();
  const store = createMemoryInstanceLabels();
  const log = {debug() {}, info() {}, warn() {}, error: (...line: unknown[]) => t.log(...line)};
  const system = startActorSystem({name: 'test', clock, random: seededRandom(1), log});
  t.teardown(() => system.shutdown(1000));
  const failures: string[] = [];
  const router = startRouter({
    system,
    store,
    random: seededRandom(2),
    onFailure: ({message}) => failures.push(message),
    ...(onChange && {onChange}),
  });
  return {
    router,
    store,
    clock,
    failures,
    put: (instance, labels = {}) => store.replace(serviceInstanceOf(instance, ['entrance']), labels),
    async settle() {
      for (let turn = 0; turn < 20; turn += 1) {
        // oxlint-disable-next-line no-await-in-loop
        await new Promise(resolve => setImmediate(resolve));
      }
    },
    reaches(routeLabel) {
      try {
        return router.resolve({service, routeLabel}).instance;
      } catch (error) {
        return (error as Error).name;
      }
    },
  };
}

test('a change of labels anywhere is in force within a second, by the poll alone', async t => {
  const {router, clock, put, settle, reaches} = world(t);
  await put('a:1');
  await put('b:1', {route: 'et1'});
  t.is(reaches(), 'RouterNotReadyError');
  router.setMembers([up('a:1'), up('b:1')]);
  await settle();
  t.deepEqual([reaches(), reaches('et1')], ['a:1', 'b:1']);
  await put('a:1', {route: 'et2'});
  await put('b:1');
  await settle();
  t.deepEqual([reaches(), reaches('et1')], ['a:1', 'b:1'], 'not known yet');
  clock.advance(500);
  await settle();
  t.deepEqual([reaches(), reaches('et1'), reaches('et2')], ['b:1', 'RouteNotFoundError', 'a:1']);
});

test('a poll that finds the version unchanged reads no labels and publishes nothing', async t => {
  const {router, clock, store, put, settle} = world(t);
  await put('a:1');
  router.setMembers([up('a:1')]);
  await settle();
  const [reads, snapshot] = [store.reads, router.current()];
  for (let poll = 0; poll < 5; poll += 1) {
    clock.advance(500);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  t.is(store.reads, reads);
  t.is(router.current(), snapshot);
  for (let poll = 0; poll < 20; poll += 1) {
    clock.advance(500);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  t.is(store.reads, reads + 1, 'now and then the labels are read all the same');
});

test('after refresh the labels are in force here, also when a read was under way', async t => {
  const {router, put, settle, reaches} = world(t);
  await put('a:1');
  router.setMembers([up('a:1')]);
  const early = router.refresh();
  await put('a:1', {route: 'et1'});
  await router.refresh();
  t.is(reaches('et1'), 'a:1');
  await early;
  await settle();
});

test('a node that came up is chosen only after its labels were read, not its predecessors', async t => {
  const {router, put, settle, reaches, store} = world(t);
  await put('a:1');
  router.setMembers([up('a:1')]);
  await settle();
  store.isAway = true;
  router.setMembers([up('a:1', {incarnation: 'second'})]);
  await settle();
  t.is(reaches(), 'NoUnlabelledInstanceError');
  store.isAway = false;
  await put('a:1', {route: 'et1'});
  await router.refresh();
  t.deepEqual([reaches(), reaches('et1')], ['NoUnlabelledInstanceError', 'a:1']);
});

test('labels that were read while a node was joining do not count: it writes its own before it is up', async t => {
  const {router, put, settle, store} = world(t);
  await put('a:1');
  await put('b:1');
  router.setMembers([up('a:1'), up('b:1', {state: 'joining'})]);
  await settle();
  await put('b:1', {route: 'et1'});
  store.isAway = true;
  router.setMembers([up('a:1'), up('b:1')]);
  await settle();
  const {rejected} = router.explain({service});
  t.deepEqual(rejected, [{instance: 'b:1', reason: 'its labels are not known yet'}]);
});

test('a node without a row is not chosen', async t => {
  const {router, put, settle, reaches} = world(t);
  router.setMembers([up('a:1')]);
  await settle();
  t.is(reaches(), 'NoUnlabelledInstanceError');
  await put('a:1');
  await router.refresh();
  t.is(reaches(), 'a:1');
});

test('while the database is away the last labels stay, and it is reported once', async t => {
  const {router, store, clock, put, settle, reaches, failures} = world(t);
  await put('a:1');
  await put('b:1', {route: 'et1'});
  router.setMembers([up('a:1'), up('b:1')]);
  await settle();
  store.isAway = true;
  await t.throwsAsync(router.refresh(), {name: 'LabelsNotReadError', message: /away/});
  for (let poll = 0; poll < 3; poll += 1) {
    clock.advance(500);
    // oxlint-disable-next-line no-await-in-loop
    await settle();
  }
  t.deepEqual([reaches(), reaches('et1')], ['a:1', 'b:1']);
  t.is(failures.length, 1);
  router.setMembers([up('a:1'), up('b:1', {state: 'leaving'})]);
  await settle();
  t.is(reaches('et1'), 'RouteNotFoundError', 'members still count');
  store.isAway = false;
  await put('a:1', {route: 'et1'});
  clock.advance(500);
  await settle();
  t.is(reaches('et1'), 'a:1');
});

test('an actor that crashed is started again, and knows the members', async t => {
  let crashes = 1;
  const {router, clock, put, settle, reaches, failures} = world(t, () => {
    crashes -= 1;
    if (crashes === 0) throw new Error('planted');
  });
  await put('a:1');
  router.setMembers([up('a:1')]);
  await settle();
  t.deepEqual(failures, ['planted']);
  await put('a:1', {route: 'et1'});
  clock.advance(1000);
  await settle();
  t.is(reaches('et1'), 'a:1');
  await put('a:1', {route: 'et2'});
  await router.refresh();
  t.is(reaches('et2'), 'a:1');
});

test('other processes ask the actor', async t => {
  const {router, put, settle} = world(t);
  await put('b:1', {route: 'et1'});
  router.setMembers([up('b:1')]);
  await settle();
  const answers: unknown[] = [];
  const replyTo = {path: '/asker', uid: 0, tell: (answer: unknown) => answers.push(answer) > 0};
  router.ref.tell({type: 'resolve', request: {service, routeLabel: 'et1'}, replyTo});
  router.ref.tell({type: 'resolve', request: {service}, replyTo});
  await settle();
  t.like(answers[0], {type: 'resolved', instance: 'b:1'});
  t.like(answers[1], {type: 'refused', failure: {code: 11_011}});
});

/** What the messages lead to: the state, and the types of all effects. */
function after(...messages: readonly RouterMessage[]): {state: RouterState; effects: string[]} {
  let state = initialRouter;
  const effects: string[] = [];
  for (const message of messages) {
    const decision = decideRouter({}, state, message);
    state = decision.state;
    effects.push(...decision.effects.map(({type}) => type));
  }
  return {state, effects};
}

test('one read at a time: what comes meanwhile makes one more, however much it is', t => {
  const found: RouterMessage = {type: 'labelsRead', version: '1', rows: []};
  const {effects} = after(
    {type: 'labelsChanged'},
    {type: 'labelsChanged'},
    {type: 'membersChanged', members: [up('a:1')]},
    {type: 'pollDue'},
    {type: 'labelsChanged'},
    found,
    found,
  );
  t.deepEqual(effects, ['read', 'publish', 'read', 'pollLater']);
});

test('a read that began before a node came up does not make its labels known', t => {
  const rows = [
    {id: 1, instance: 'a:1', name: 'linkis-cg-entrance', updateTime: 1, createTime: 1, labels: []},
  ];
  const read: RouterMessage = {type: 'labelsRead', version: '1', rows};
  const early = after({type: 'labelsChanged'}, {type: 'membersChanged', members: [up('a:1')]}, read);
  t.deepEqual(early.state.snapshot.members, [{...up('a:1'), labels: undefined}]);
  const {state} = decideRouter({}, early.state, {type: 'labelsRead', version: '1', rows: undefined});
  t.deepEqual(state.snapshot.members, [{...up('a:1'), labels: {}}]);
});

test('a member that only tells other details makes no new snapshot', t => {
  const read: RouterMessage = {type: 'labelsRead', version: '1', rows: []};
  const first = after({type: 'membersChanged', members: [up('a:1')]}, read);
  const detailed = {...up('a:1'), details: {renewals: 5}};
  const {state, effects} = decideRouter({}, first.state, {type: 'membersChanged', members: [detailed]});
  t.is(state.snapshot, first.state.snapshot);
  t.deepEqual(effects, []);
});
