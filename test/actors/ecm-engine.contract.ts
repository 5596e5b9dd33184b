/** What an `EngineHandle` promises its owner, whether the engine is real or in memory, near or on another node. */
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {TestFn} from 'ava';
import type {ClusterEngineDriver} from '../../actors/ecm-driver.ts';
import type {EngineLaunch} from '../../actors/ports.ts';
import {followToEnd} from '../engines/engine-lab.ts';
import {launchOf, launchTimeoutMs, taskOf} from '../engines/launches.ts';
import type {Mesh} from '../support/ecm-mesh.ts';

export type ContractWorld = {
  readonly engines: ClusterEngineDriver;
  /** Code that prints these lines, fast, and code that goes on until it is killed. */
  readonly prints: (lines: number) => string;
  readonly log: (lines: number) => string;
  readonly endless: string;
  readonly result: string | RegExp;
  /** False: publishing moves no files, since there are none. */
  readonly hasFiles: boolean;
  readonly mesh: Mesh;
};

export function engineContract(
  test: TestFn,
  name: string,
  open: (t: {teardown(end: () => unknown): void}) => Promise<ContractWorld>,
): void {
  const launch = (engineId: string): EngineLaunch => launchOf('shell', engineId);

  test(`${name}: a task runs, its log comes whole, its end is true, and the engine takes the next one`, async t => {
    const {engines, prints, log} = await open(t);
    const engine = await engines.launch(launch('e-1'), launchTimeoutMs);
    t.like(engine, {engineId: 'e-1', engineType: 'shell', user: 'alice', creator: 'IDE'});
    for (const taskID of [1, 2]) {
      await engine.execute(taskOf(prints(2000), {taskID}));
      const followed = await followToEnd(engine, {taskID});
      t.is(followed.end.outcome, 'succeeded');
      t.is(followed.log.length, log(2000).length);
      await engine.confirm(taskID, 1);
    }
    await engine.shutdown(100);
    t.truthy((await engine.exited).reason);
  });

  test(`${name}: a kill ends the task, twice told or not`, async t => {
    const {engines, endless} = await open(t);
    const engine = await engines.launch(launch('e-2'), launchTimeoutMs);
    await engine.execute(taskOf(endless));
    const followed = followToEnd(engine);
    engine.kill(1, 1, 50, 'killed');
    engine.kill(1, 1, 50, 'killed');
    t.is((await followed).end.outcome, 'killed');
    await engine.confirm(1, 1);
    await engine.confirm(1, 1);
    await t.notThrowsAsync(engine.confirm(77, 1));
    await engine.shutdown(100);
    await engine.shutdown(100);
  });

  test(`${name}: results lie with the owner when they are published, which may be repeated`, async t => {
    const {engines, prints, result, hasFiles} = await open(t);
    const directory = await mkdtemp(join(tmpdir(), 'tenon-results-'));
    t.teardown(() => rm(directory, {recursive: true}));
    const engine = await engines.launch(launch('e-3'), launchTimeoutMs);
    await engine.execute(taskOf(prints(10)));
    await followToEnd(engine);
    const to = join(directory, 'job');
    t.is(await engine.publishResults(1, 1, to), 1);
    t.is(await engine.publishResults(1, 1, to), 1);
    if (!hasFiles) return;
    const text = await readFile(join(to, '_0.dolphin'), 'utf8');
    t.true(typeof result === 'string' ? text === result : result.test(text), text);
    await engine.confirm(1, 1);
    await engine.shutdown(100);
  });

  test(`${name}: a command whose answer is lost is repeated, and has one effect`, async t => {
    const {engines, prints, log, mesh} = await open(t);
    const engine = await engines.launch(launch('e-4'), launchTimeoutMs);
    const lost = new Set<string>();
    // The first answer to each question gets lost on its way; then the link goes, which is how the asker learns of it.
    mesh.lose = (message, from, to) => {
      const isAnswer = typeof message === 'object' && message !== null && 'ok' in message;
      if (!isAnswer || lost.size >= 3) return false;
      lost.add(`${lost.size}`);
      queueMicrotask(() => {
        mesh.cut(from, to);
        mesh.heal(from, to);
      });
      return true;
    };
    await engine.execute(taskOf(prints(500)));
    const followed = await followToEnd(engine);
    t.is(followed.log.length, log(500).length);
    await engine.confirm(1, 1);
    t.true(lost.size === 3 || mesh.crossed.size === 0);
    await engine.shutdown(100);
  });
}
