/** The nodes of a cluster over HTTP, and how one is told to leave. */
import test from 'ava';
import {NodeUnreachableError, type ClusterView, type NodeView} from '../../actors/cluster-view.ts';
import {systemClock} from '../../actors/runtime/clock.ts';
import {startFacade} from '../support/facade-world.ts';

const node: NodeView = {
  instance: 'a:9002',
  incarnation: 'first',
  state: 'up',
  roles: ['gateway'],
  labels: {route: 'et1'},
  isOffline: false,
  isSelf: true,
  isReachable: true,
  isManager: false,
  url: 'http://a:9001',
  pid: 7,
  dataDirectory: '/data',
  link: null,
};

function fakeCluster(): ClusterView & {readonly drained: string[]} {
  const drained: string[] = [];
  return {
    drained,
    nodes: () => [node],
    async drain(instance, by) {
      if (instance !== node.instance) throw new NodeUnreachableError(instance, [node.instance]);
      drained.push(`${instance} by ${by}`);
    },
  };
}

const nodes = '/api/rest_j/v1/cluster/nodes';
const drain = '/api/rest_j/v1/cluster/drain';

test('an administrator sees the nodes, nobody else does', async t => {
  const facade = await startFacade(t, {}, systemClock, {cluster: fakeCluster()});
  const root = await facade.as('root');
  const {body} = await root.get(nodes);
  t.is(body.method, '/api/cluster/nodes');
  t.deepEqual(body.data, {nodes: [node]});
  const alice = await facade.as('alice');
  t.like((await alice.get(nodes)).body, {status: 1, message: 'only admin can do this'});
});

test('an administrator has a node leave, and that is audited; nobody else can', async t => {
  const cluster = fakeCluster();
  const facade = await startFacade(t, {}, systemClock, {cluster});
  const alice = await facade.as('alice');
  t.like((await alice.post(drain, {instance: 'a:9002'})).body, {status: 1});
  t.deepEqual(cluster.drained, []);
  const root = await facade.as('root');
  t.like((await root.post(drain, {instance: 'a:9002'})).body, {status: 0, data: {instance: 'a:9002'}});
  t.deepEqual(cluster.drained, ['a:9002 by root']);
  t.true(facade.logged.some(line => line['action'] === 'drain' && line['user'] === 'root'));
});

test('a node that is not there is named, with those that are', async t => {
  const facade = await startFacade(t, {}, systemClock, {cluster: fakeCluster()});
  const root = await facade.as('root');
  const {body} = await root.post(drain, {instance: 'b:9002'});
  t.is(body.status, 1);
  t.regex(body.message, /20970.*b:9002 can't be reached.*a:9002/s);
  t.like((await root.post(drain, {})).body, {status: 1});
});
