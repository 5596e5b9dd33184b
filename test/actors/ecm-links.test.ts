/** Engines of another node over the cluster's own links, on a network in memory: with codec, lanes, credit and cuts. */
import test, {type ExecutionContext} from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {seededRandom} from '../../actors/runtime/random.ts';
import {createClusterLinks, type ClusterLinks} from '../../cluster/cluster-links.ts';
import {createMemoryNetwork} from '../../cluster/memory-transport.ts';
import {engineLab, eventually, followToEnd} from '../engines/engine-lab.ts';
import {launchOf, launchTimeoutMs, taskOf} from '../engines/launches.ts';
import {sha256OfNumbers} from '../engines/numbered-lines.ts';
import {createMesh} from '../support/ecm-mesh.ts';
import {quietLog, startEcmNode, type EcmNode} from '../support/ecm-node.ts';
import {engineContract} from './ecm-engine.contract.ts';

const clock = systemClock;
const numbers = (lines: number): string =>
  Array.from({length: lines}, (_, index) => `${index + 1}\n`).join('');

/** An entrance on a:1 and an ECM with real engines on b:1. */
async function twoNodes(t: {teardown(end: () => unknown): void}) {
  const random = seededRandom(7);
  const network = createMemoryNetwork({clock, random});
  const mesh = createMesh();
  const lab = await engineLab(t as ExecutionContext, {owner: 'inc-b'});
  const links: ClusterLinks[] = [];
  const nodes: EcmNode[] = [];
  t.teardown(async () => {
    for (const node of nodes) await node.die();
    for (const link of links) link.close();
  });
  for (const name of ['a', 'b']) {
    const instance = `${name}:1`;
    const incarnation = `inc-${name}`;
    const transport = network.transport({instance, incarnation, roles: []});
    let own: ClusterLinks | undefined;
    nodes.push(
      await startEcmNode({
        mesh,
        instance,
        incarnation,
        clock,
        ...(name === 'b' ? {driver: lab.driver} : {}),
        join(system) {
          const self = {instance, incarnation};
          own = createClusterLinks({transport, system, self, clock, random, log: quietLog});
          links.push(own);
          return own.receptionist;
        },
      }),
    );
    if (own !== undefined) await transport.listen(own.accept);
  }
  const [a, b] = links;
  a?.connect({instance: 'b:1', address: 'b:1'});
  b?.connect({instance: 'a:1', address: 'a:1'});
  const [entrance] = nodes;
  if (entrance === undefined || a === undefined) throw new Error('no node');
  await eventually('they are linked', () => a.links().some(({state}) => state === 'up') || undefined);
  return {mesh, network, lab, entrance, links: a};
}

engineContract(test, 'real engine over links', async t => {
  const {mesh, entrance} = await twoNodes(t);
  return {
    mesh,
    engines: entrance.engines,
    prints: lines => `seq 1 ${lines}`,
    log: numbers,
    endless: 'while :; do echo on; sleep 0.1; done',
    result: /dolphin/,
    hasFiles: true,
  };
});

test('a million lines come whole over a link', async t => {
  const {entrance} = await twoNodes(t);
  const engine = await entrance.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  const lines = 1_000_000;
  const started = performance.now();
  await engine.execute(taskOf(`seq 1 ${lines}`));
  const {sha256} = await followToEnd(engine, {keepsLog: false});
  t.is(sha256, sha256OfNumbers(lines));
  t.log(`${Math.round(lines / ((performance.now() - started) / 1000)).toLocaleString('en')} lines/s`);
  await engine.confirm(1, 1);
  await engine.shutdown(100);
});

test('the network is cut while a job prints, until both sides have noticed: nothing is lost, nothing comes twice', async t => {
  const {entrance, network, links} = await twoNodes(t);
  const engine = await entrance.engines.launch(launchOf('shell', 'e-1'), launchTimeoutMs);
  await engine.execute(
    taskOf(
      'for part in 0 1 2 3 4 5 6 7 8 9; do seq $((part * 20000 + 1)) $(((part + 1) * 20000)); sleep 0.2; done',
    ),
  );
  let batches = 0;
  const followed = followToEnd(engine, {
    keepsLog: false,
    async onEvents() {
      batches += 1;
    },
  });
  await eventually('it prints', () => batches > 1 || undefined);
  network.delay('a:1', 'b:1', 5, 20);
  network.cut('a:1', 'b:1');
  await eventually('it is noticed', () => links.links().every(({state}) => state !== 'up') || undefined);
  network.heal('a:1', 'b:1');
  const {sha256, end} = await followed;
  t.is(sha256, sha256OfNumbers(200_000));
  t.is(end.outcome, 'succeeded');
  await engine.confirm(1, 1);
  await engine.shutdown(100);
  await engine.exited;
});
