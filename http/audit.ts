/**
 * Who did what that an operator may have to account for: every change, logins, and administrators looking at or ending what
 * is not theirs. A row of `tenon_audit`, written behind the caller's back (`actors/audit-writer.ts`), and a line of the
 * ordinary log marked `audit: true`, which is there also when the database is away.
 */
import type {Logger} from 'pino';
import type {AuditOutcome, AuditTrail} from '../actors/audit.ts';
import {toFailure} from '../actors/domain/errors.ts';
import type {Caller} from '../actors/governance.ts';
import {systemClock, type Clock} from '../actors/runtime/clock.ts';
import {printAudited, withoutSecrets} from './audit-text.ts';

export type AuditedAction =
  | 'login'
  | 'loginFailed'
  | 'loginLimited'
  | 'logout'
  | 'submit'
  | 'kill'
  | 'readAsAdministrator'
  | 'listAsAdministrator'
  | 'killAsAdministrator'
  | 'killRefused'
  | 'labelsChanged'
  | 'markedOffline'
  | 'backOnline'
  | 'drain'
  | 'engineKilled'
  | 'engineChanged'
  | 'engineRefused'
  | 'engineRecordDeleted'
  | 'ecmChanged'
  | 'resourcesReset'
  | 'configurationChanged'
  | 'priorityChanged'
  /** A call that changes something, and whose route says no more about it. */
  | 'change';

type Who = Pick<Caller, 'user' | 'address' | 'requestId'>;

/** Beside these, any facts; those with a secret in their name are hidden. */
export type AuditFacts = {
  /** What it was done to. Else told by `taskID` or `instance`. */
  readonly target?: string;
  /** Default `done`. */
  readonly outcome?: AuditOutcome;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly [fact: string]: unknown;
};

export type Audit = {
  readonly note: (action: AuditedAction, who: Who, what?: AuditFacts) => void;
  /** Does `work` and notes how it ended: what `after` says of the result, or why it failed. */
  readonly change: <Result>(
    action: AuditedAction,
    who: Who,
    what: AuditFacts,
    work: () => Promise<Result>,
    after?: (result: Result) => AuditFacts,
  ) => Promise<Result>;
  /** Whether this very caller (the object of one request) has been noted. */
  readonly hasNoted: (who: Who) => boolean;
};

/** Reading is polling: the same administrator looking at the same thing is noted once in this time. */
const repeatMs = 60_000;
const rememberedMax = 1000;

/** Too many for the log, which is told only of those that the database can't be told of. */
const quiet: ReadonlySet<AuditedAction> = new Set(['submit']);

export type AuditKeeping = {
  /** Where rows go; without it there are only lines. */
  readonly trail?: AuditTrail;
  /** Whether submissions are noted. Default true. */
  readonly submissions?: boolean;
};

export function createAudit(
  log: Logger,
  clock: Clock = systemClock,
  {trail, submissions = true}: AuditKeeping = {},
): Audit {
  const lines = log.child({audit: true});
  const readAtMs = new Map<string, number>();
  const noted = new WeakSet<Who>();

  function isRepeated(key: string): boolean {
    const nowMs = clock.monotonicMs();
    const before = readAtMs.get(key);
    if (before !== undefined && nowMs - before < repeatMs) return true;
    const [oldest] = readAtMs.keys();
    if (readAtMs.size >= rememberedMax && oldest !== undefined) readAtMs.delete(oldest);
    readAtMs.delete(key);
    readAtMs.set(key, nowMs);
    return false;
  }

  /** Undefined: there is no trail, or it need not know. */
  function keep(
    action: AuditedAction,
    {user, address, requestId}: Who,
    what: AuditFacts,
  ): boolean | undefined {
    // Nobody is logged in yet: whoever is turned away again and again must not fill the table.
    if (action === 'loginLimited' && isRepeated(`${address} is turned away`)) return undefined;
    const {target, outcome = 'done', before, after, ...details} = what;
    return trail?.append({
      at: clock.now(),
      user,
      action,
      target: target ?? targetOf(what),
      outcome,
      address,
      requestId,
      before: printAudited(before),
      after: printAudited(after),
      details: printAudited(details),
    });
  }

  const audit: Audit = {
    note(action, who, what = {}) {
      noted.add(who);
      if (action === 'submit' && !submissions) return;
      const {user, address, requestId} = who;
      if (action === 'readAsAdministrator' && isRepeated(`${user} reads ${what.target ?? targetOf(what)}`))
        return;
      if (action === 'listAsAdministrator' && isRepeated(`${user} lists ${printFilter(what)}`)) return;
      const isKept = keep(action, who, what);
      if (quiet.has(action) && isKept !== false) return;
      const facts = withoutSecrets(what) as AuditFacts;
      lines.info({...facts, action, user, address, requestId}, `audit: ${action} by ${user}`);
    },
    async change(action, who, what, work, after) {
      try {
        const result = await work();
        audit.note(action, who, {...what, ...after?.(result)});
        return result;
      } catch (error) {
        audit.note(action, who, {...what, outcome: 'failed', why: toFailure(error).message});
        throw error;
      }
    },
    hasNoted: who => noted.has(who),
  };
  return audit;
}

function targetOf({taskID, instance}: AuditFacts): string {
  if (typeof taskID === 'number' || typeof taskID === 'string') return `job:${taskID}`;
  return typeof instance === 'string' ? instance : '';
}

/** A console that shows a list asks again and again, each time up to now. */
function printFilter({filter, ...rest}: AuditFacts): string {
  const {
    createdFromMs: _from,
    createdToMs: _to,
    ...lasting
  } = {
    createdFromMs: 0,
    createdToMs: 0,
    ...(typeof filter === 'object' ? filter : {}),
  };
  return JSON.stringify([lasting, rest]);
}
