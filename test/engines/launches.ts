/** What engines are started with, and given to run. Without AVA: processes of tests use it too. */
import type {EngineLaunch, EngineTask} from '../../actors/ports.ts';

export const limits = {memoryBytesMax: 2 ** 30, processesMax: 200, diskBytesMax: 2 ** 30, openFilesMax: 1024};

export const launchTimeoutMs = 30_000;

export const environment: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LANG: 'C.UTF-8',
};

export const launchOf = (engineType: string, engineId: string): EngineLaunch => ({
  engineId,
  engineType,
  user: 'alice',
  creator: 'IDE',
  limits,
  orphanIdleMs: 60_000,
  orphanBusyMs: 3_600_000,
});

export const taskOf = (code: string, task: Partial<EngineTask> = {}): EngineTask => ({
  taskID: 1,
  attempt: 1,
  epoch: 1,
  code,
  codeType: 'shell',
  runtimeParams: {},
  environment: {},
  ...task,
});
