/**
 * Removes what ended jobs left behind once it is old enough: first logs and results, which lie in this node's data
 * directory, then rows of the history, if they are not kept for ever, and of the audit. What is unfinished is never due.
 *
 *   begin ──▶ resting ── round due ──▶ logs ──▶ results ──▶ history ──▶ audit ──▶ resting
 *
 * A round is bounded, so that a large backlog never holds the disk for long; the next one then follows soon.
 */
import type {AuditStore} from './audit.ts';
import {isTerminal} from './domain/job.ts';
import {toFailure, type Failure} from './domain/errors.ts';
import type {EngineRecordStore} from './engine-record.ts';
import type {Archiving} from './job-archive.ts';
import type {JobRemains} from './job-remains.ts';
import type {JobStore, StoredJob} from './ports.ts';
import {sweep, type Swept, type SweptKind} from './retention-sweep.ts';
import type {RetentionPolicy} from './retention-settings.ts';
import type {Clock} from './runtime/clock.ts';
import type {Decision, Machine} from './runtime/machine.ts';

export type RetentionMessage =
  /** Said once: the first round comes a little later, not while the node comes up. */
  | {readonly type: 'begin'}
  | {readonly type: 'roundDue'}
  | {readonly type: 'swept'; readonly kind: SweptKind; readonly swept: Swept}
  | {readonly type: 'sweepFailed'; readonly kind: SweptKind; readonly failure: Failure};

/** What a round has done so far, by kind. */
export type RetentionRound = Readonly<Partial<Record<SweptKind, Swept>>>;

export type RetentionState =
  | {readonly phase: 'resting'}
  | {readonly phase: 'sweeping'; readonly kind: SweptKind; readonly round: RetentionRound};

export type RetentionEffect =
  | {readonly type: 'sweep'; readonly kind: SweptKind}
  | {readonly type: 'report'; readonly round: RetentionRound}
  | {readonly type: 'reportFailure'; readonly kind: SweptKind; readonly failure: Failure}
  | {readonly type: 'rest'; readonly afterMs: number};

/** Files before rows: a file whose row is gone belongs to nobody. */
const order: readonly SweptKind[] = ['logs', 'results', 'history', 'audit'];

/** After a round that was full, so that a node that ends many jobs keeps up. */
export const pauseMs = 5000;
const firstRoundMs = 60_000;
const dayMs = 86_400_000;

/**
 * Milliseconds after a job's end, or after what was audited; 0 is for ever. Logs and results go with the row at the latest, since without it nobody
 * could be shown them.
 */
export function keepMsOf(kind: SweptKind, policy: RetentionPolicy): number {
  const {historyKeepMs} = policy;
  if (kind === 'history') return historyKeepMs;
  if (kind === 'audit') return policy.auditDays * dayMs;
  const ownKeepMs = kind === 'logs' ? policy.logsKeepMs : policy.resultsKeepMs;
  if (historyKeepMs === 0) return ownKeepMs;
  return ownKeepMs === 0 ? historyKeepMs : Math.min(ownKeepMs, historyKeepMs);
}

/** Why a job's log or results, which are not there, are gone; undefined when retention has not removed them. */
export function whyRemoved(
  kind: 'logs' | 'results',
  {row}: StoredJob,
  policy: RetentionPolicy,
  nowMs: number,
): string | undefined {
  const keepMs = keepMsOf(kind, policy);
  if (keepMs === 0 || !isTerminal(row.status) || nowMs - row.updatedTime < keepMs) return undefined;
  const ended = new Date(row.updatedTime).toISOString();
  const what = kind === 'logs' ? 'The log of this job was' : 'The results of this job, if it had any, were';
  return (
    `${what} removed by retention: the job ended at ${ended}, and ${kind} are kept for ${printDays(keepMs)}` +
    ` (retention.${kind}KeepMs).`
  );
}

function printDays(keepMs: number): string {
  const days = keepMs / dayMs;
  return days >= 1 ? `${Math.round(days * 10) / 10} d` : `${Math.round(keepMs / 1000)} s`;
}

export function decideRetention(
  policy: RetentionPolicy,
  state: RetentionState,
  message: RetentionMessage,
): Decision<RetentionState, RetentionEffect> {
  switch (message.type) {
    case 'begin':
      return {state, effects: [{type: 'rest', afterMs: Math.min(policy.everyMs, firstRoundMs)}]};
    case 'roundDue':
      return state.phase === 'resting' ? goOn(policy, {}, undefined) : {state, effects: []};
    case 'swept':
      if (state.phase !== 'sweeping' || state.kind !== message.kind) return {state, effects: []};
      return goOn(policy, {...state.round, [message.kind]: message.swept}, message.kind);
    case 'sweepFailed': {
      if (state.phase !== 'sweeping' || state.kind !== message.kind) return {state, effects: []};
      const {kind, failure} = message;
      return {
        state: {phase: 'resting'},
        effects: [
          {type: 'report', round: state.round},
          {type: 'reportFailure', kind, failure},
          {type: 'rest', afterMs: policy.everyMs},
        ],
      };
    }
  }
}

/** The next kind that is not kept for ever, or the end of the round. */
function goOn(
  policy: RetentionPolicy,
  round: RetentionRound,
  after: SweptKind | undefined,
): Decision<RetentionState, RetentionEffect> {
  const left = after === undefined ? order : order.slice(order.indexOf(after) + 1);
  const kind = left.find(candidate => keepMsOf(candidate, policy) > 0);
  if (kind !== undefined) return {state: {phase: 'sweeping', kind, round}, effects: [{type: 'sweep', kind}]};
  const {everyMs} = policy;
  // What can't be removed is not tried again at once.
  const hasMore = Object.values(round).some(({isFull, removed}) => isFull && removed > 0);
  return {
    state: {phase: 'resting'},
    effects: [
      {type: 'report', round},
      {type: 'rest', afterMs: hasMore ? Math.min(pauseMs, everyMs) : everyMs},
    ],
  };
}

export type RetentionDependencies = {
  readonly policy: RetentionPolicy;
  readonly store: Pick<JobStore, 'list' | 'removeEnded'>;
  readonly remains: JobRemains;
  readonly audit?: Pick<AuditStore, 'removeBefore'>;
  readonly engineRecords?: Pick<EngineRecordStore, 'removeEnded'>;
  /** Given when `policy.archive` says so. */
  readonly archiving?: Archiving;
  readonly clock: Clock;
  readonly onRound: (round: RetentionRound) => void;
  readonly onFailure: (kind: SweptKind, failure: Failure) => void;
};

/** Rests until it is told `begin`. */
export function retentionActor(
  dependencies: RetentionDependencies,
): Machine<RetentionState, RetentionMessage, RetentionEffect> {
  const {policy, clock, onRound, onFailure} = dependencies;
  return {
    initial: {phase: 'resting'},
    decide: (state, message) => decideRetention(policy, state, message),
    async perform(effect, {self, signal, setTimer}) {
      switch (effect.type) {
        case 'sweep': {
          const {kind} = effect;
          const endedBeforeMs = clock.now() - keepMsOf(kind, policy);
          try {
            const swept = await sweep(kind, endedBeforeMs, policy.jobsPerRoundMax, dependencies, signal);
            self.tell({type: 'swept', kind, swept});
          } catch (error) {
            self.tell({type: 'sweepFailed', kind, failure: toFailure(error)});
          }
          return;
        }
        case 'report':
          onRound(effect.round);
          return;
        case 'reportFailure':
          onFailure(effect.kind, effect.failure);
          return;
        case 'rest':
          setTimer('round', effect.afterMs, {type: 'roundDue'});
          return;
      }
    },
  };
}
