/**
 * "Why is my job waiting?" (G12): every gate that a job has to pass and has not, in the order it meets them, and for all jobs
 * what their time went into. Each part is asked of whoever decides it, so that the answer is the decision and no guess.
 */
import {engineKeyOf} from './engine-key.ts';
import type {EngineWait} from './engine-pool-protocol.ts';
import {toFailure} from './domain/errors.ts';
import {isTerminal, type JobSpec} from './domain/job.ts';
import {readMetrics} from './domain/metrics.ts';
import type {EngineKey} from './engine-key.ts';
import type {Gate} from './gate.ts';
import type {JobTimeline, JobWhy} from './governance.ts';
import {specOf} from './job-intake.ts';
import type {QueuePlace} from './job-queue-state.ts';
import type {LiveJob} from './job-registry.ts';
import type {JobStore, StoredJob} from './ports.ts';
import type {Clock} from './runtime/clock.ts';

export type JobWhyDependencies = {
  readonly store: Pick<JobStore, 'get'>;
  readonly clock: Clock;
  readonly live: (taskID: number) => LiveJob | undefined;
  readonly placeOf: (taskID: number) => Promise<QueuePlace | undefined>;
  readonly engineWait: (taskID: number, key: EngineKey) => Promise<EngineWait | undefined>;
  /** What the manager says of the key. */
  readonly engineGates: (key: EngineKey) => Promise<readonly Gate[]>;
  readonly isDatabaseAway: () => boolean;
  readonly launchTimeoutMs: number;
};

/** Undefined: there is no such job. */
export function createJobWhy(
  dependencies: JobWhyDependencies,
): (taskID: number) => Promise<JobWhy | undefined> {
  const {store, clock, live, placeOf, engineWait, engineGates, isDatabaseAway, launchTimeoutMs} =
    dependencies;

  async function engine(spec: JobSpec, place: QueuePlace): Promise<readonly Gate[]> {
    const key = engineKeyOf(spec);
    const wait = await engineWait(spec.taskID, key);
    if (wait === undefined) return [];
    if (wait.ahead < wait.starting) return [starting(wait, launchTimeoutMs)];
    const gates = await engineGates(key).catch((error: unknown) => [managerAway(error)]);
    // The manager has none: a grant is under way, or an engine of this very group is about to be free.
    return gates.length > 0 ? gates : [busy(wait, place)];
  }

  async function gatesOf(stored: StoredJob, job: LiveJob | undefined): Promise<readonly Gate[]> {
    const {row} = stored;
    const gates: Gate[] = [];
    if (isDatabaseAway()) gates.push(databaseAway);
    if (job?.retryAtMs !== undefined) gates.push(retry(job.retryAtMs - clock.now(), stored));
    const place = await placeOf(row.id);
    if (place === undefined) return gates;
    if (!place.isRunning) return [...gates, ...queueGates(place)];
    return job?.status === 'Running' ? gates : [...gates, ...(await engine(specOf(stored), place))];
  }

  return async taskID => {
    const stored = await store.get(taskID);
    if (stored === undefined) return undefined;
    const {row, facts} = stored;
    const timeline = timelineOf(stored, clock.now());
    if (isTerminal(row.status)) {
      return {taskID, status: row.status, priority: facts.priority, gates: [], timeline};
    }
    const job = live(taskID);
    const [gates, place] = await Promise.all([gatesOf(stored, job), placeOf(taskID)]);
    const eta = place === undefined || place.isRunning ? undefined : etaOf(place);
    return {
      taskID,
      status: job?.status ?? row.status,
      priority: place?.isRunning === false ? place.priority : facts.priority,
      gates,
      timeline,
      ...(place === undefined || place.isRunning ? {} : {position: place.ahead + 1}),
      ...(eta === undefined ? {} : {eta}),
    };
  };
}

function queueGates(place: QueuePlace): readonly Gate[] {
  const {key, groupRunning, groupRunningMax, groupHolders, tenantRunning, tenantRunningMax} = place;
  const gates: Gate[] = [];
  if (tenantRunning >= tenantRunningMax) {
    gates.push({
      gate: 'tenant',
      unit: 'jobs',
      value: tenantRunning,
      limit: tenantRunningMax,
      holders: [],
      what: `${key.tenant === '' ? 'Everybody without a tenant' : `Tenant ${key.tenant}`} runs ${tenantRunning} jobs here, which is the limit.`,
      opens: 'One of them ends, or the quota is raised.',
    });
  }
  if (groupRunning >= groupRunningMax || gates.length === 0) {
    gates.push({
      gate: 'group',
      unit: 'jobs',
      value: groupRunning,
      limit: groupRunningMax,
      holders: groupHolders.map(taskID => ({who: `job ${taskID}`, holds: 1})),
      what: `${key.user} runs ${groupRunning} of ${groupRunningMax} jobs with creator ${key.creator} on ${key.engineType}; ${place.ahead === 0 ? 'it is the next' : `${place.ahead} more go before it`}.`,
      opens: 'Jobs of this group end, or its limit is raised.',
    });
  }
  if (place.aheadByPriority > 0) {
    gates.push({
      gate: 'priority',
      unit: 'jobs',
      value: place.priority,
      limit: place.priority,
      holders: [{who: 'jobs of higher priority that came later', holds: place.aheadByPriority}],
      what: `${place.aheadByPriority} later jobs of the group go first by their priority; this one has ${place.priority}.`,
      opens: 'Its priority is raised, or it has waited longer: waiting adds to it.',
    });
  }
  return gates;
}

const starting = ({starting: count}: EngineWait, limit: number): Gate => ({
  gate: 'engine',
  unit: 'engines',
  value: count,
  limit,
  holders: [],
  what: `An engine is being started for it.`,
  opens: `The engine answers; after ${limit} ms without an answer the attempt counts as failed.`,
});

const busy = ({holders, ahead}: EngineWait, {key}: QueuePlace): Gate => ({
  gate: 'engine',
  unit: 'engines',
  value: holders.length,
  limit: holders.length,
  holders: holders.map(({engineId, taskID}) => ({
    who: taskID === undefined ? `engine ${engineId}` : `engine ${engineId} with job ${taskID}`,
    holds: 1,
  })),
  what: `Every ${key.engineType} engine of ${key.user} is busy, and ${ahead} jobs ask before this one.`,
  opens: 'One of these engines is free, or another is granted.',
});

const managerAway = (error: unknown): Gate => ({
  gate: 'manager',
  unit: 'managers',
  value: 0,
  limit: 1,
  holders: [],
  what: `No manager answers: ${toFailure(error).message}`,
  opens: 'Another node with the role manager takes over, within some seconds.',
});

const databaseAway: Gate = {
  gate: 'database',
  unit: 'databases',
  value: 0,
  limit: 1,
  holders: [],
  what: 'The database is away: nothing can be recorded, so nothing is started, and ends wait in the outbox.',
  opens: 'The database answers again.',
};

const retry = (leftMs: number, {row, facts}: StoredJob): Gate => ({
  gate: 'retry',
  unit: 'ms',
  value: Math.max(0, Math.round(leftMs)),
  limit: specOf({row, facts}).retryDelayMs,
  holders: [],
  what: `Attempt ${facts.attempt} failed; the next starts in ${Math.max(0, Math.round(leftMs))} ms.`,
  opens: 'That time passes.',
});

/** From how long jobs of its group took so far; without any, nobody knows. */
function etaOf({ahead, groupRunningMax, meanRunMs, ended}: QueuePlace): JobWhy['eta'] {
  if (ended === 0) return undefined;
  const ms = Math.round((meanRunMs * (ahead + 1)) / Math.max(1, groupRunningMax));
  const mean = Math.round(meanRunMs);
  return {
    ms,
    basis: `${ahead} jobs before it, ${groupRunningMax} run at a time, the last ${Math.min(ended, 20)} of the group took ${mean} ms on average`,
  };
}

/** Milliseconds by cause, as recorded; what is under way counts up to now. */
function timelineOf({row}: StoredJob, nowMs: number): JobTimeline {
  const {waits = {}, runMs} = readMetrics(row.metrics);
  const known = Object.entries(waits).map(([cause, ms]) => ({cause, ms}));
  if (isTerminal(row.status)) return runMs === undefined ? known : [...known, {cause: 'run', ms: runMs}];
  const passed = known.reduce((sum, {ms}) => sum + ms, 0);
  const now = row.status === 'Running' ? 'run' : 'waiting';
  return [...known, {cause: now, ms: Math.max(0, nowMs - row.createdTime - passed)}];
}
