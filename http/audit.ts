/**
 * Who did what that an operator may have to account for: logins, kills, and administrators looking at or ending what
 * is not theirs. Lines of the ordinary log marked `audit: true`, so that any log shipper can keep them longer.
 */
import type {Logger} from 'pino';
import type {Caller} from '../actors/governance.ts';
import {systemClock, type Clock} from '../actors/runtime/clock.ts';

export type AuditedAction =
  | 'login'
  | 'loginFailed'
  | 'loginLimited'
  | 'logout'
  | 'kill'
  | 'readAsAdministrator'
  | 'listAsAdministrator'
  | 'killAsAdministrator'
  | 'killRefused'
  | 'labelsChanged'
  | 'markedOffline'
  | 'backOnline'
  | 'drain';

export type Audit = {
  readonly note: (
    action: AuditedAction,
    who: Pick<Caller, 'user' | 'address' | 'requestId'>,
    what?: Readonly<Record<string, unknown>>,
  ) => void;
};

/** Reading is polling: the same administrator looking at the same job is one line in this time. */
const repeatMs = 60_000;
const rememberedMax = 1000;

export function createAudit(log: Logger, clock: Clock = systemClock): Audit {
  const lines = log.child({audit: true});
  const readAtMs = new Map<string, number>();

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

  return {
    note(action, {user, address, requestId}, what = {}) {
      if (action === 'readAsAdministrator' && isRepeated(`${user} ${String(what['taskID'])}`)) return;
      lines.info({action, user, address, requestId, ...what}, `audit: ${action} by ${user}`);
    },
  };
}
