import {setImmediate as turn} from 'node:timers/promises';
import test from 'ava';
import type {EngineCommand} from '../../actors/engine-conn.ts';
import {engineLauncher} from '../../actors/engine-launcher.ts';
import type {EnginePoolReport} from '../../actors/engine-pool-protocol.ts';
import type {JobReport} from '../../actors/job-protocol.ts';
import type {EngineHandle, EngineTask} from '../../actors/ports.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {gate, testSystem} from './runtime/harness.ts';

const task: EngineTask = {
  taskID: 7,
  attempt: 1,
  epoch: 1,
  code: 'sleep 600',
  codeType: 'shell',
  runtimeParams: {},
  environment: {},
};
const pool: Ref<EnginePoolReport> = {path: '/pool', uid: 1, tell: () => true};
const job: Ref<JobReport> = {path: '/job', uid: 2, tell: () => true};
const limits = {memoryBytesMax: 1, processesMax: 1, diskBytesMax: 1, openFilesMax: 1};

test('a kill reaches the engine after the task it is for, also when both are told at once', async t => {
  const {system} = testSystem(t);
  const calls: string[] = [];
  const taken = gate();
  const handle: EngineHandle = {
    engineId: 'e1',
    pid: 1,
    engineType: 'shell',
    user: 'alice',
    creator: 'IDE',
    async execute() {
      calls.push('execute');
      await taken.promise;
      calls.push('taken');
    },
    follow: () => void calls.push('follow'),
    kill: () => void calls.push('kill'),
    publishResults: async () => 0,
    confirm: async () => undefined,
    shutdown: async () => undefined,
    detach: () => undefined,
    exited: new Promise(() => undefined),
  };
  const launcher = system.spawn(
    'ecm',
    engineLauncher({
      driver: {
        engineTypes: ['shell'],
        launch: () => Promise.reject(new Error('nothing is launched here')),
        adoptAll: async () => [handle],
      },
      settings: {launchTimeoutMs: 1, shutdownGraceMs: 1, limits, orphanIdleMs: 1, orphanBusyMs: 1},
      onCrash: ({error}) => t.fail(String(error)),
    }),
  );
  const engine = await new Promise<Ref<EngineCommand>>(adopted => {
    launcher.tell({type: 'adopt', handle, pool, adopted});
  });
  engine.tell({type: 'execute', task, job});
  engine.tell({type: 'killTask', task, graceMs: 0, why: 'killed'});
  for (let n = 0; n < 10; n += 1) await turn();
  t.deepEqual(calls, ['execute']);
  taken.open();
  for (let n = 0; n < 10; n += 1) await turn();
  t.deepEqual(calls, ['execute', 'taken', 'follow', 'kill']);
});
