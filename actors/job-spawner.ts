/**
 * Brings job actors to life: for a new submission, for a passivated job whose turn has come, and for every unfinished
 * job found at a start or take-over. All three are the same: a spec, a state that the row implies, and an actor.
 */
import type {GroupCommand} from './job-queue-state.ts';
import {headLines, printLogLine} from './domain/job-log-text.ts';
import {entranceService, printExecId, shortExecId} from './domain/exec-id.ts';
import {groupNameOf, type JobSpec} from './domain/job.ts';
import {instanceOf, parseOwner} from './domain/owner.ts';
import type {EnginePoolCommand} from './engine-pool-protocol.ts';
import type {WriteCommand} from './history-writer.ts';
import {jobActor} from './job-actor.ts';
import type {JobFeed} from './job-feed.ts';
import {specOf} from './job-intake.ts';
import {createJobLog} from './job-log.ts';
import type {JobRegistry} from './job-registry.ts';
import {queuedJob, type JobCommand, type JobState} from './job-protocol.ts';
import type {LogStore, StoredJob} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import type {ActorFailure} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';
import type {ActorGroup} from './runtime/fan-out.ts';

export type SpawnerDependencies = {
  readonly jobs: ActorGroup;
  readonly registry: JobRegistry;
  readonly writer: Ref<WriteCommand>;
  readonly pool: Ref<EnginePoolCommand>;
  readonly groupOf: (spec: JobSpec) => Ref<GroupCommand>;
  readonly logs: LogStore;
  readonly feed: JobFeed;
  readonly clock: Clock;
  readonly timeZone: string;
  readonly killGraceMs: number;
  readonly onCrash: (taskID: number, failure: ActorFailure) => void;
};

export type JobSpawner = {
  /** `known` overrides what the row implies about the state; its `spec` saves parsing the row. */
  readonly spawn: (stored: StoredJob, known?: Partial<JobState>) => Ref<JobCommand>;
};

export const execIdOf = (stored: Pick<StoredJob, 'row'>, spec: JobSpec): string =>
  printExecId({
    applicationName: entranceService,
    instances: [instanceOf(stored.row.instances)],
    shortId: shortExecId(groupNameOf(spec), spec.taskID),
  });

export function createJobSpawner(dependencies: SpawnerDependencies): JobSpawner {
  const {jobs, registry, writer, pool, groupOf, logs, feed, clock, timeZone, killGraceMs, onCrash} =
    dependencies;
  return {
    spawn(stored, known = {}) {
      const {row, facts} = stored;
      const spec = known.spec ?? specOf(stored);
      const {taskID} = spec;
      const group = groupOf(spec);
      const state: JobState = {
        ...queuedJob(spec, row.instances),
        status: row.status,
        attempt: facts.attempt,
        progress: Number(row.progress) || 0,
        ...killOf(facts.killedBy),
        ...known,
      };
      const log = createJobLog({
        logs,
        clock,
        taskID,
        path: row.logPath,
        head: headLines(row, timeZone),
        rowText: facts.logText ?? '',
        isFresh: facts.attempt === 0,
        printLine: (level, text) => printLogLine(clock.now(), timeZone, level, text),
        onGrown: (fromLine, lineCount, bytes) =>
          feed.publish(taskID, {
            type: 'log',
            lines: fromLine + lineCount,
            chunk: {fromLine, lineCount, bytes},
          }),
      });
      const ref = jobs.spawn(
        `job-${taskID}`,
        jobActor(state, {
          writer,
          pool,
          group,
          log,
          clock,
          killGraceMs,
          metrics: row.metrics,
          epoch: parseOwner(row.instances).epoch,
          live: () => registry.live.get(taskID),
          publish: news => feed.publish(taskID, news),
          forget: () => registry.remove(taskID),
        }),
        {onFailure: failure => onCrash(taskID, failure), isControl: message => isUrgent(message)},
      );
      registry.add({
        taskID,
        ref,
        group,
        submitUser: row.submitUser,
        executeUser: row.executeUser,
        logPath: row.logPath,
        execID: execIdOf(stored, spec),
        status: row.status,
        progress: state.progress,
        progressInfo: [],
        retryAtMs: undefined,
        keepLog: log.keep,
      });
      if (spec.queuingTimeoutMs !== undefined) {
        ref.tell({
          type: 'armQueuingTimeout',
          afterMs: Math.max(0, row.createdTime + spec.queuingTimeoutMs - clock.now()),
        });
      }
      return ref;
    },
  };
}

/** With the kill goes what says that the job has an engine: a kill that overtook it would end the job and leave its code running. */
const isUrgent = ({type}: {readonly type: string}): boolean =>
  type === 'kill' || type === 'resume' || type === 'resumeFailed';

/** `killedBy` is stored as `Cancelled:name`, so that a successor carries out the same wish. */
function killOf(killedBy: string | null): Pick<JobState, 'kill'> | undefined {
  if (killedBy === null) return undefined;
  const [status = '', ...by] = killedBy.split(':');
  return status === 'Cancelled' || status === 'Timeout' || status === 'Failed'
    ? {kill: {status, by: by.join(':')}}
    : undefined;
}
