/** How many jobs each node has: asked of its entrance while somebody looks. */
import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import type {ClusterView, NodeView} from '../../actors/cluster-view.ts';
import type {Load} from '../../actors/entrance-protocol.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {withJobs, type LoadsDependencies} from '../../node-loads.ts';
import {manualClock} from '../support/manual-clock.ts';

const nodeView = (instance: string, isSelf = false): NodeView => ({
  instance,
  isSelf,
  incarnation: 'x',
  state: 'up',
  roles: ['entrance'],
  labels: {},
  isOffline: false,
  isReachable: true,
  isManager: false,
  url: null,
  pid: null,
  dataDirectory: null,
  link: null,
});
const load = (running: number, queued: number): Load[number] => ({
  tenant: '',
  group: 'g',
  user: 'u',
  creator: 'c',
  engineType: 'shell',
  running,
  queued,
});

function world() {
  const clock = manualClock();
  const state = {
    asked: 0,
    isSilent: false,
    other: [load(1, 2), load(3, 0)] as Load,
    local: [load(5, 6)] as Load | undefined,
  };
  const refs = new Map([['b:1', {} as Ref<never>]]);
  const entrances: NonNullable<LoadsDependencies['entrances']> = {
    receptionist: {
      find: () => undefined,
      all: () => refs as never,
      publish: () => () => undefined,
      onChange: () => () => undefined,
    },
    system: {
      async ask<_Message, Reply>() {
        state.asked += 1;
        if (state.isSilent) throw new Error('no answer');
        return {ok: true, value: state.other} as Reply;
      },
    },
  };
  const view: ClusterView = {
    nodes: () => [nodeView('a:1', true), nodeView('b:1'), nodeView('c:1')],
    drain: async () => undefined,
  };
  const loaded = withJobs(view, {entrances, local: () => state.local, clock});
  return Object.assign(state, {
    clock,
    refs,
    jobs: () => loaded.nodes().map(({jobs}) => (jobs === null ? null : `${jobs.running} ${jobs.queued}`)),
  });
}

test('the next look shows what the one before has asked for; its own node is known at once', async t => {
  const {jobs} = world();
  t.deepEqual(jobs(), ['5 6', null, null]);
  await turn();
  t.deepEqual(jobs(), ['5 6', '4 2', null]);
});

test('entrances are asked once a second, however many look', async t => {
  const node = world();
  for (let n = 0; n < 5; n += 1) node.jobs();
  await turn();
  t.is(node.asked, 1);
  node.clock.advance(1000);
  node.jobs();
  await turn();
  t.is(node.asked, 2);
});

test('one that does not answer, or offers no entrance any more, has no figure instead of an old one', async t => {
  const node = world();
  node.jobs();
  await turn();
  node.isSilent = true;
  node.clock.advance(1000);
  t.deepEqual(node.jobs(), ['5 6', '4 2', null]);
  await turn();
  t.deepEqual(node.jobs(), ['5 6', null, null]);
  node.isSilent = false;
  node.clock.advance(1000);
  node.jobs();
  await turn();
  node.refs.clear();
  node.clock.advance(1000);
  node.jobs();
  await turn();
  t.deepEqual(node.jobs(), ['5 6', null, null]);
});

test('a node without an entrance has no jobs of its own to show', t => {
  const node = world();
  node.local = undefined;
  t.deepEqual(node.jobs(), [null, null, null]);
});
