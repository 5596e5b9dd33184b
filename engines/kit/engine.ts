/**
 * The engine kit: an engine is what `run` does with a task; everything else that docs/engine-protocol.md asks of one is
 * done here. docs/engine-kit.md shows how to write one.
 *
 *     await serveEngine({
 *       engineType: 'echo',
 *       async run({code}, {print, signal}) {
 *         for (const line of code.split('\n')) await print(line);
 *       },
 *     });
 *
 * A program that calls this is launched by a node, one process for each engine; what it keeps in variables, it keeps from
 * one task to the next. There is one task at a time.
 */
import {closeSync, writeSync} from 'node:fs';
import {EngineProtocolError} from '../engine-errors.ts';
import {EngineProcess} from './engine-process.ts';
import {parseLaunchLine, readStandardInputLine} from './launch-line.ts';
import type {EngineTaskRequest, TaskContext} from './task-context.ts';

const readyDescriptor = 3;

export type EngineDefinition = {
  /** The type under which nodes know it; a launch as another type is refused. */
  readonly engineType: string;
  /**
   * Resolves when the task has succeeded. What it throws is its failure: a `TaskFailure` with its code, anything else with
   * 50219. Once `context.signal` is aborted it has the grace of the kill to settle; after that the process is ended.
   */
  readonly run: (task: EngineTaskRequest, context: TaskContext) => Promise<void>;
  /** False: no task ever starts a process, so nobody looks for any at its end. Default true. */
  readonly startsProcesses?: boolean;
  /** Before the process exits; has two seconds. */
  readonly close?: () => Promise<void>;
};

/** Resolves when the engine can be reached. Rejects with `EngineProtocolError` when no node has launched it. */
export async function serveEngine(definition: EngineDefinition): Promise<void> {
  const launch = parseLaunchLine(readStandardInputLine());
  const {engineType, run, startsProcesses = true, close = () => Promise.resolve()} = definition;
  if (launch.engineType !== engineType) {
    throw new EngineProtocolError(`this is an engine of type ${engineType}, not ${launch.engineType}`);
  }
  const engine = new EngineProcess(launch, {run, startsProcesses, close});
  await engine.start();
  writeSync(readyDescriptor, 'ready\n');
  closeSync(readyDescriptor);
}
