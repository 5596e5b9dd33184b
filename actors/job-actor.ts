/** Runs the machine of `job.ts` as an actor: where its effects meet the world. */
import type {GroupCommand} from './job-queue-state.ts';
import {advancingMetrics} from './domain/metrics.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {EngineCommand} from './engine-conn.ts';
import type {EnginePoolCommand} from './engine-pool-protocol.ts';
import type {JobNews} from './governance.ts';
import {record, type WriteCommand} from './history-writer.ts';
import type {JobLog} from './job-log.ts';
import type {LiveJob} from './job-registry.ts';
import {decideJob} from './job.ts';
import type {GrantedEngine, JobEffect, JobMessage, JobState} from './job-protocol.ts';
import {updateOf} from './job-record.ts';
import {measureWaits} from './job-waits.ts';
import {waitOf} from './job-wait.ts';
import {engineKeyOf} from './engine-key.ts';
import type {JobFacts} from './ports.ts';
import type {Clock} from './runtime/clock.ts';
import type {ActorContext, EffectOutcome, Machine} from './runtime/machine.ts';
import type {Ref} from './runtime/ref.ts';

export type JobDependencies = {
  readonly writer: Ref<WriteCommand>;
  readonly pool: Ref<EnginePoolCommand>;
  readonly group: Ref<GroupCommand>;
  readonly log: JobLog;
  readonly clock: Clock;
  readonly epoch: number;
  /** JSON text of the row's metrics as last known. */
  readonly metrics: string;
  readonly killGraceMs: number;
  readonly live: () => LiveJob | undefined;
  readonly publish: (news: JobNews) => void;
  /** The actor is about to stop: nobody finds it any more. */
  readonly forget: () => void;
};

type Context = ActorContext<JobMessage>;

const timerMessages = {
  queuing: {type: 'queuingTimeoutPassed'},
  running: {type: 'runningTimeoutPassed'},
  retry: {type: 'retryDue'},
  progress: {type: 'progressDue'},
  killAnswer: {type: 'killAnswerDue'},
} as const satisfies Record<string, JobMessage>;

export function jobActor(
  initial: JobState,
  dependencies: JobDependencies,
): Machine<JobState, JobMessage, JobEffect> {
  const {spec} = initial;
  const {taskID} = spec;
  const engineKey = engineKeyOf(spec);
  const {writer, pool, group, log, clock, killGraceMs, live, publish, forget} = dependencies;
  const advanceMetrics = advancingMetrics(dependencies.metrics);
  const waits = measureWaits(clock, spec.createdAtMs, dependencies.metrics);
  let spoken = 1;
  /** When the present attempt began to run. */
  let runningSinceMs: number | undefined;

  function recordEffect(effect: JobEffect & {type: 'record'}, {self}: Context): void {
    const nowMs = clock.now();
    const {milestone, engine} = effect;
    const metrics =
      milestone === undefined
        ? undefined
        : advanceMetrics(milestone, nowMs, engine, waits.reach(milestone, engine));
    const update = updateOf(initial, effect, nowMs, metrics);
    const withLog = effect.what === 'end' ? {...update, facts: {...update.facts, ...logFacts()}} : update;
    void record(writer, withLog, effect.isLazy).then(outcome =>
      self.tell({type: 'recorded', what: effect.what, outcome}),
    );
  }

  function logFacts(): Partial<JobFacts> {
    const logText = log.takeText();
    return {logLines: log.lines(), logText};
  }

  async function execute(attempt: number, engine: GrantedEngine, self: Ref<JobMessage>): Promise<void> {
    spoken = attempt;
    runningSinceMs = clock.monotonicMs();
    await log
      .begin(attempt)
      .catch((error: unknown) => self.tell({type: 'logFailed', failure: logFailure(error)}));
    const word = engine.isReused ? 'an engine that is already up' : 'a new engine';
    await say('INFO', `Your job runs on ${word}, ${engine.engineId} (attempt ${attempt}).`);
    const isTaken = engine.ref.tell({
      type: 'execute',
      job: self,
      task: {
        taskID,
        attempt,
        epoch: dependencies.epoch,
        code: spec.code,
        codeType: spec.codeType,
        // An engine may be older than its job: what it was started with is told to it with each one.
        runtimeParams: {...spec.startupParams, ...spec.runtimeParams},
        environment: {TENON_TASK_ID: String(taskID), TENON_REQUEST_ID: spec.requestId},
        ...(spec.runningTimeoutMs === undefined ? {} : {runningTimeoutMs: spec.runningTimeoutMs}),
      },
    });
    if (!isTaken) self.tell({type: 'executeFailed', attempt, failure: engineGone(engine)});
  }

  async function follow(attempt: number, engine: GrantedEngine, self: Ref<JobMessage>): Promise<void> {
    spoken = attempt;
    runningSinceMs = clock.monotonicMs();
    const fromOffset = await log.open(attempt).catch((error: unknown) => {
      self.tell({type: 'logFailed', failure: logFailure(error)});
      return 0;
    });
    if (!engine.ref.tell({type: 'follow', task: {taskID, attempt}, fromOffset, job: self})) {
      self.tell({type: 'engineLost', attempt, reason: 'its actor has stopped'});
    }
  }

  const ranFor = (): {readonly ranMs?: number} =>
    runningSinceMs === undefined ? {} : {ranMs: clock.monotonicMs() - runningSinceMs};

  /** A line of our own that can't be written is not worth the job: what the job itself prints is (`appendOutput`). */
  async function say(level: 'INFO' | 'WARN' | 'ERROR', text: string): Promise<void> {
    await log.begin(spoken).catch(() => undefined);
    log.say(level, text);
  }

  async function publishResults(
    attempt: number,
    engine: GrantedEngine,
    self: Ref<JobMessage>,
  ): Promise<EffectOutcome> {
    const failure = await new Promise<Failure | undefined>(settled => {
      const command: EngineCommand = {
        type: 'publishResults',
        task: {taskID, attempt},
        directory: spec.resultLocation,
        settled,
      };
      // An engine that is gone has no results left to move: they were moved, or its loss is the failure told already.
      if (!engine.ref.tell(command)) settled(undefined);
    });
    if (failure === undefined) return undefined;
    self.tell({type: 'finishFailed', failure});
    return 'drop';
  }

  async function appendOutput(
    {lines, offset, taken}: JobEffect & {type: 'appendOutput'},
    self: Ref<JobMessage>,
  ): Promise<void> {
    try {
      await log.append(lines, offset);
    } catch (error) {
      self.tell({type: 'logFailed', failure: logFailure(error)});
    }
    taken();
  }

  return {
    initial,
    decide: decideJob,
    perform(effect, context) {
      const {self} = context;
      switch (effect.type) {
        case 'record':
          return recordEffect(effect, context);
        case 'requestEngine':
          pool.tell({
            type: 'requestEngine',
            taskID,
            attempt: effect.attempt,
            executeOnce: spec.executeOnce,
            sinceMs: spec.createdAtMs,
            replyTo: self,
            key: engineKey,
          });
          return undefined;
        case 'cancelRequest':
          pool.tell({type: 'cancelRequest', taskID, attempt: effect.attempt, key: engineKey});
          return undefined;
        case 'execute':
          return execute(effect.attempt, effect.engine, self);
        case 'follow':
          return follow(effect.attempt, effect.engine, self);
        case 'killTask':
          effect.engine.ref.tell({
            type: 'killTask',
            task: {taskID, attempt: effect.attempt},
            graceMs: killGraceMs,
            why: effect.why,
          });
          return undefined;
        case 'appendOutput':
          return appendOutput(effect, self);
        case 'publishResults':
          return publishResults(effect.attempt, effect.engine, self);
        case 'say':
          return say(effect.level, effect.text);
        case 'closeLog':
          return log.close().catch(() => undefined);
        case 'confirm':
          effect.engine.ref.tell({type: 'confirm', task: {taskID, attempt: effect.attempt}});
          return undefined;
        case 'release':
          pool.tell({type: 'release', engineId: effect.engine.engineId, isReusable: effect.isReusable});
          return undefined;
        case 'showStatus':
          return showStatus(effect.status);
        case 'showProgress':
          return showProgress(effect);
        case 'leaveGroup':
          group.tell({type: 'leave', taskID, ...ranFor()});
          runningSinceMs = undefined;
          return undefined;
        case 'requeue':
          setRetry(undefined);
          group.tell({type: 'enqueue', ...waitOf(spec), isReserved: false});
          return undefined;
        case 'answer':
          return effect.to.forEach(reply => reply(effect.report));
        case 'timer':
          if (effect.key === 'retry') setRetry(clock.now() + effect.afterMs);
          return context.setTimer(effect.key, effect.afterMs, timerMessages[effect.key]);
        case 'cancelTimer':
          return context.cancelTimer(effect.key);
        case 'stop':
          forget();
          return context.stop(self, 'finished');
      }
    },
  };

  function setRetry(atMs: number | undefined): void {
    const job = live();
    if (job !== undefined) job.retryAtMs = atMs;
  }

  function showStatus(status: JobState['status']): void {
    const job = live();
    if (job !== undefined) job.status = status;
    const isEnd =
      status === 'Succeed' || status === 'Failed' || status === 'Cancelled' || status === 'Timeout';
    publish(isEnd ? {type: 'end', status, lines: log.lines()} : {type: 'status', status, at: clock.now()});
  }

  function showProgress({progress, info}: JobEffect & {type: 'showProgress'}): void {
    const job = live();
    if (job !== undefined) {
      job.progress = progress;
      job.progressInfo = info;
    }
    publish({type: 'progress', progress, progressInfo: info});
  }
}

const engineGone = ({engineId}: GrantedEngine): Failure => ({
  code: 30004,
  retryable: true,
  message: `Engine ${engineId} ended before it took the job.`,
});

function logFailure(error: unknown): Failure {
  const {message} = toFailure(error);
  return {
    code: 20075,
    retryable: false,
    message: `The job's log could not be written (${message}), so the job was ended. Free space in the data directory.`,
  };
}
