/** Removal of old logs, results and rows on a running node: what is counted and what is logged about it. */
import type {Logger} from 'pino';
import type {AuditStore} from './actors/audit.ts';
import type {Archiving} from './actors/job-archive.ts';
import type {EngineRecordStore} from './actors/engine-record.ts';
import type {JobRemains} from './actors/job-remains.ts';
import type {JobStore} from './actors/ports.ts';
import {retentionActor, type RetentionRound} from './actors/retention.ts';
import type {RetentionPolicy} from './actors/retention-settings.ts';
import type {SweptKind} from './actors/retention-sweep.ts';
import type {Clock} from './actors/runtime/clock.ts';
import type {ActorSystem} from './actors/runtime/system.ts';
import type {Metric} from './http/metrics.ts';

export type RetentionCounts = {removed: number; freedBytes: number; failed: number};

/** What was removed since the node's start, by kind. */
export type RetentionCounters = Record<SweptKind, RetentionCounts>;

export const noneRemoved = (): RetentionCounters => ({
  logs: {removed: 0, freedBytes: 0, failed: 0},
  results: {removed: 0, freedBytes: 0, failed: 0},
  history: {removed: 0, freedBytes: 0, failed: 0},
  audit: {removed: 0, freedBytes: 0, failed: 0},
});

export type NodeRetention = {
  readonly system: ActorSystem;
  readonly policy: RetentionPolicy;
  readonly store: JobStore;
  readonly remains: JobRemains;
  readonly audit?: AuditStore;
  readonly engineRecords?: EngineRecordStore;
  /** Used when the policy says so. */
  readonly archiving?: Omit<Archiving, 'keepsFiles'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Counted up with each round. */
  readonly counters: RetentionCounters;
};

/** The first round comes a minute later, or with a shorter `everyMs` then. Ends with the actor system. */
export function startRetention({
  system,
  policy,
  store,
  remains,
  audit,
  engineRecords,
  archiving,
  clock,
  log,
  counters,
}: NodeRetention): void {
  const actor = system.spawn(
    'retention',
    retentionActor({
      policy,
      store,
      remains,
      ...(audit !== undefined && {audit}),
      ...(engineRecords !== undefined && {engineRecords}),
      ...(archiving !== undefined &&
        policy.archive && {archiving: {...archiving, keepsFiles: policy.archiveFiles}}),
      clock,
      onRound: round => countRound(round, counters, log),
      onFailure: (kind, {message}) =>
        log.warn({kind, error: message}, 'retention could not go on; it tries again at the next round'),
    }),
    {
      onFailure: ({error, during}) =>
        log.error({err: error, during}, 'retention has crashed: nothing is removed until the next start'),
    },
  );
  actor.tell({type: 'begin'});
}

function countRound(round: RetentionRound, counters: RetentionCounters, log: Logger): void {
  for (const kind of ['logs', 'results', 'history', 'audit'] as const) {
    const swept = round[kind];
    if (swept === undefined || swept.removed + swept.failed === 0) continue;
    const {removed, freedBytes, failed, firstFailure} = swept;
    counters[kind].removed += removed;
    counters[kind].freedBytes += freedBytes;
    counters[kind].failed += failed;
    const what = kind === 'audit' ? 'old rows of the audit' : 'what ended jobs had left';
    log.info({kind, removed, freedBytes}, `retention removed ${what}`);
    if (failed > 0) log.warn({kind, failed, error: firstFailure}, 'retention could not remove everything');
  }
}

export function retentionMetrics(counters: RetentionCounters): readonly Metric[] {
  const metric = (name: string, help: string, figure: keyof RetentionCounts): Metric => ({
    name: `tenon_retention_${name}_total`,
    help,
    type: 'counter',
    labelNames: ['kind'],
    collect: () =>
      Object.entries(counters).map(([kind, counts]) => ({labels: {kind}, value: counts[figure]})),
  });
  return [
    metric(
      'removed',
      'Logs, results and history rows of ended jobs, and rows of the audit, removed because of their age.',
      'removed',
    ),
    metric('freed_bytes', 'Bytes of the logs and results removed because of their age.', 'freedBytes'),
    metric('failures', 'Logs and results that should have been removed and could not be.', 'failed'),
  ];
}
