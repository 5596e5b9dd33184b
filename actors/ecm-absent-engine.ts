/** Stands for an engine that is there but never began an attempt: whoever takes the job over starts the next one. */
import {NeverBegunError} from './ecm-errors.ts';
import type {EngineExit, EngineHandle} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

/** Whoever is given it notes it down first, then hears of its end. */
const exitAfterMs = 1000;

/** Without a task, about to end, and of no use for anything else: the engine itself keeps its owner. */
export function absentEngine(engineId: string, taskID: number, attempt: number, clock: Clock): EngineHandle {
  const error = new NeverBegunError(engineId, taskID, attempt);
  const {promise: exited, resolve} = Promise.withResolvers<EngineExit>();
  const end = (): void => resolve({reason: error.message});
  const refuse = (): Promise<never> => Promise.reject(error);
  clock.after(exitAfterMs, end);
  return {
    engineId,
    engineType: '',
    user: '',
    creator: '',
    pid: 0,
    execute: refuse,
    follow() {},
    kill() {},
    publishResults: refuse,
    confirm: refuse,
    async shutdown() {
      end();
    },
    detach() {},
    exited,
  };
}
