/**
 * Whether something that failed may start again, and when: restart intensity as in Erlang's supervisors, with a back-off,
 * so that a crash loop costs neither the loop (nact's reset ran 70,000 times a second) nor hides for ever.
 */
import type {Clock} from './clock.ts';
import type {Random} from './random.ts';

export type RestartPolicy = {
  /** Restarts allowed within `withinMs`; one failure more gives up. */
  readonly restartsMax: number;
  readonly withinMs: number;
  /** Shortest wait before a restart; doubles with each restart in the window. Default 100. */
  readonly backoffMinMs?: number;
  /** Longest wait. Default 5000. */
  readonly backoffMaxMs?: number;
};

export type RestartDecision =
  | {readonly type: 'restart'; readonly afterMs: number; readonly restartsAtMs: readonly number[]}
  | {readonly type: 'giveUp'};

const backoffMinMsDefault = 100;
const backoffMaxMsDefault = 5000;

/**
 * Pure. `restartsAtMs` are the monotonic times of earlier restarts, `chance` is in [0, 1) and spreads the wait over the
 * upper half of its span, so that many that failed together don't come back together.
 */
export function decideRestart(
  policy: RestartPolicy,
  restartsAtMs: readonly number[],
  nowMs: number,
  chance: number,
): RestartDecision {
  const recent = restartsAtMs.filter(atMs => nowMs - atMs < policy.withinMs);
  if (recent.length >= policy.restartsMax) return {type: 'giveUp'};
  const {backoffMinMs = backoffMinMsDefault, backoffMaxMs = backoffMaxMsDefault} = policy;
  const spanMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (recent.length + 1));
  return {type: 'restart', afterMs: (spanMs * (1 + chance)) / 2, restartsAtMs: [...recent, nowMs]};
}

/** The same policy for one actor that no supervisor owns, such as a job in a group: keep one guard per job. */
export type RestartGuard = {
  /** Runs `restart` after the back-off, or returns `'givenUp'`. Call it from `onFailure`: the actor has stopped then. */
  readonly failed: (restart: () => void) => 'restarting' | 'givenUp';
  /** No restart after this one; call it when the job ends another way. */
  readonly cancel: () => void;
};

export function restartGuard(
  policy: RestartPolicy,
  {clock, random}: {readonly clock: Clock; readonly random: Random},
): RestartGuard {
  let restartsAtMs: readonly number[] = [];
  let cancel: (() => void) | undefined;
  return {
    failed(restart) {
      const decision = decideRestart(policy, restartsAtMs, clock.monotonicMs(), random.next());
      if (decision.type === 'giveUp') return 'givenUp';
      ({restartsAtMs} = decision);
      cancel = clock.after(decision.afterMs, restart);
      return 'restarting';
    },
    cancel: () => cancel?.(),
  };
}
