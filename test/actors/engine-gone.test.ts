/** An engine that is gone, as a job meets it that was given it a moment before. */
import test from 'ava';
import type {EngineCommand} from '../../actors/engine-conn.ts';
import {engineLauncher} from '../../actors/engine-launcher.ts';
import type {JobReport} from '../../actors/job-protocol.ts';
import type {EngineExit, EngineHandle, EngineTask} from '../../actors/ports.ts';
import type {Ref} from '../../actors/runtime/ref.ts';
import {manualClock} from '../support/manual-clock.ts';
import {testSystem, turns} from './runtime/harness.ts';

const task: EngineTask = {
  taskID: 7,
  attempt: 1,
  epoch: 1,
  code: 'true',
  codeType: 'shell',
  runtimeParams: {},
  environment: {},
};
const limits = {memoryBytesMax: 1, processesMax: 1, diskBytesMax: 1, openFilesMax: 1};

test('a task that is told to an engine right after its exit is refused, not lost', async t => {
  const clock = manualClock();
  const {system} = testSystem(t, {clock});
  const exit = Promise.withResolvers<EngineExit>();
  const handle: EngineHandle = {
    engineId: 'e1',
    pid: 1,
    engineType: 'shell',
    user: 'alice',
    creator: 'IDE',
    execute: () => t.fail('it is gone') as never,
    follow: () => t.fail('it is gone'),
    kill: () => undefined,
    publishResults: async () => 0,
    confirm: async () => undefined,
    shutdown: async () => undefined,
    detach: () => undefined,
    exited: exit.promise,
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
    launcher.tell({type: 'adopt', handle, pool: {path: '/pool', uid: 1, tell: () => true}, adopted});
  });
  const told: JobReport[] = [];
  const job: Ref<JobReport> = {path: '/job', uid: 2, tell: report => told.push(report) > 0};
  exit.resolve({reason: 'killed by signal 9'});
  await turns(4);
  t.true(engine.tell({type: 'execute', task, job}));
  await turns(4);
  t.like(told, [{type: 'executeFailed', attempt: 1}]);
  // Not for ever: by then nobody can have been given it.
  clock.advance(60_000);
  await turns(4);
  t.false(engine.tell({type: 'execute', task, job}));
});
