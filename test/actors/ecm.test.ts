/** Engines through the service of their node: near and far, real and in memory. */
import test from 'ava';
import {systemClock} from '../../actors/runtime/clock.ts';
import {engineLab} from '../engines/engine-lab.ts';
import {createMesh} from '../support/ecm-mesh.ts';
import {startEcmNode} from '../support/ecm-node.ts';
import {createEngineWorld} from '../support/engine-world.ts';
import {engineContract, type ContractWorld} from './ecm-engine.contract.ts';

const clock = systemClock;

/** Lines as `seq` prints them, and as the world's engines do. */
const numbers = (lines: number): string =>
  Array.from({length: lines}, (_, index) => `${index + 1}\n`).join('');
const printed = (lines: number): string =>
  Array.from({length: lines}, (_, index) => `1-1 line ${index}\n`).join('');

for (const isFar of [false, true]) {
  const where = isFar ? 'on another node' : 'on this node';
  engineContract(test, `real engine ${where}`, async t => {
    const mesh = createMesh();
    const lab = await engineLab(t as never, {owner: 'inc-b'});
    const b = await startEcmNode({mesh, instance: 'b:1', incarnation: 'inc-b', driver: lab.driver, clock});
    const a = isFar ? await startEcmNode({mesh, instance: 'a:1', incarnation: 'inc-a', clock}) : b;
    t.teardown(async () => {
      await a.die();
      await b.die();
    });
    return {
      mesh,
      engines: a.engines,
      prints: lines => `seq 1 ${lines}`,
      log: numbers,
      endless: 'while :; do echo on; sleep 0.1; done',
      result: /dolphin/,
      hasFiles: true,
    } satisfies ContractWorld;
  });
  engineContract(test, `engine in memory ${where}`, async t => {
    const mesh = createMesh();
    const world = createEngineWorld(clock);
    const b = await startEcmNode({
      mesh,
      instance: 'b:1',
      incarnation: 'inc-b',
      driver: world.driver(),
      clock,
    });
    const a = isFar ? await startEcmNode({mesh, instance: 'a:1', incarnation: 'inc-a', clock}) : b;
    t.teardown(async () => {
      await a.die();
      await b.die();
    });
    return {
      mesh,
      engines: a.engines,
      prints: lines => JSON.stringify({lines, durationMs: 20}),
      log: printed,
      endless: JSON.stringify({lines: 10, durationMs: 3_600_000}),
      result: 'result of 1-1',
      hasFiles: isFar,
    } satisfies ContractWorld;
  });
}
