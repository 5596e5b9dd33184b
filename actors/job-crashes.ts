/**
 * What becomes of a job whose actor crashed, which is a fault of ours: a new actor from its row. What the engine has is
 * found again as after a restart of the node. A job that crashes again and again ends, and says so.
 */
import {isTerminal} from './domain/job.ts';
import {toFailure} from './domain/errors.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {JobRegistry} from './job-registry.ts';
import type {JobSpawner} from './job-spawner.ts';
import type {JobStore, StoredJob} from './ports.ts';
import {untilAnswered} from './recovery.ts';
import type {Clock} from './runtime/clock.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type JobCrashesDependencies = {
  readonly store: Pick<JobStore, 'get'>;
  readonly clock: Clock;
  readonly registry: JobRegistry;
  readonly spawner: JobSpawner;
  readonly engineOf: (engineId: string) => Ref<EngineCommand> | undefined;
  readonly enqueue: (stored: StoredJob) => void;
  readonly leaveGroup: (stored: StoredJob) => void;
  readonly releaseEngine: (engineId: string) => void;
  readonly report: (failure: ActorFailure) => void;
};

export type JobCrashes = {readonly restart: (taskID: number, failure: ActorFailure) => void};

const jobRestartsMax = 3;

export function createJobCrashes(dependencies: JobCrashesDependencies): JobCrashes {
  const {store, clock, registry, spawner, engineOf, enqueue, leaveGroup, releaseEngine, report} =
    dependencies;
  /** Of jobs that have not ended. */
  const counts = new Map<number, number>();

  function carryOn(stored: StoredJob): void {
    const {row, facts} = stored;
    const ref = engineOf(facts.engineId);
    if (row.status === 'Running' && ref !== undefined) {
      const engine = {engineId: facts.engineId, ref, isReused: true};
      spawner.spawn(stored).tell({type: 'resume', engine});
      return;
    }
    leaveGroup(stored);
    enqueue(stored);
  }

  function fail(stored: StoredJob, {during, error}: ActorFailure): void {
    const {row, facts} = stored;
    releaseEngine(facts.engineId);
    spawner.spawn(stored).tell({
      type: 'resumeFailed',
      failure: {
        code: 20056,
        retryable: false,
        message:
          `The actor of job ${row.id} crashed ${jobRestartsMax + 1} times, last while it handled ${during}:` +
          ` ${toFailure(error).message}. This is a fault of Tenon; please report it with the node's log.`,
      },
    });
  }

  return {
    restart(taskID, failure) {
      report(failure);
      registry.remove(taskID);
      const count = (counts.get(taskID) ?? 0) + 1;
      counts.set(taskID, count);
      untilAnswered(clock, () => store.get(taskID)).then(
        stored => {
          if (stored === undefined || isTerminal(stored.row.status)) counts.delete(taskID);
          else if (count > jobRestartsMax) fail(stored, failure);
          else carryOn(stored);
        },
        (error: unknown) => report({...failure, error}),
      );
    },
  };
}
