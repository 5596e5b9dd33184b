/**
 * The public surface of `tenon/engine-kit`: what an engine in TypeScript or JavaScript needs. docs/engine-kit.md shows it.
 *
 *     import {serveEngine} from 'tenon/engine-kit';
 *
 *     await serveEngine({engineType: 'echo', run: async ({code}, {print}) => print(code)});
 */
export {serveEngine, type EngineDefinition} from './engines/kit/engine.ts';
export {TaskFailure, TaskStoppedError} from './engines/kit/task-failure.ts';
export type {
  CellValue,
  ColumnDefinition,
  EngineFacts,
  EngineTaskRequest,
  LogLevelName,
  ResultRows,
  TaskContext,
} from './engines/kit/task-context.ts';
export type {ProgressInfo} from './actors/domain/job.ts';
