/**
 * Checks a name and a password. Every answer takes the work of one password check, whether the name exists or not, and
 * only so many are under way at once: a flood of logins must not cost the memory and threads that jobs need.
 */
import type {AccountStore, User} from '../actors/account-port.ts';
import type {Clock} from '../actors/runtime/clock.ts';
import {createLoginThrottle} from './login-throttle.ts';
import type {HttpSettings} from './settings.ts';

export type LoginOutcome =
  | {readonly type: 'right'; readonly user: User}
  | {readonly type: 'wrong'}
  | {readonly type: 'limited'; readonly retryAfterMs: number}
  /** Too many logins are waiting; nothing was checked. */
  | {readonly type: 'busy'};

export type Login = {
  /** `userName` in any case. Rejects with `DatabaseAwayError`. */
  readonly check: (userName: string, password: string, address: string) => Promise<LoginOutcome>;
};

export type LoginDependencies = {
  readonly accounts: AccountStore;
  readonly clock: Clock;
  readonly verifyPassword: (password: string, passwordHash: string | undefined) => Promise<boolean>;
};

/** Longer ones are wrong without being hashed. */
const passwordLengthMax = 1024;
const nameLengthMax = 128;

export function createLogin(
  {accounts, clock, verifyPassword}: LoginDependencies,
  settings: HttpSettings,
): Login {
  const throttle = createLoginThrottle(clock, {
    perUserMax: settings.loginFailuresPerUserMax,
    perAddressMax: settings.loginFailuresPerAddressMax,
    windowMs: settings.loginWindowMs,
  });
  const inTurn = createTurns(settings.loginsAtOnceMax, settings.loginsWaitingMax);

  return {
    async check(userName, password, address) {
      const name = userName.toLowerCase().slice(0, nameLengthMax);
      const attempt = throttle.begin(name, address);
      if (attempt.type === 'limited') return attempt;
      let isChecked = false;
      try {
        const right = await inTurn(async (): Promise<User | 'wrong'> => {
          const user = userName.length > nameLengthMax ? undefined : await accounts.user(name);
          const hash = password.length > passwordLengthMax ? undefined : user?.passwordHash;
          const isRight = await verifyPassword(password.slice(0, passwordLengthMax), hash);
          isChecked = true;
          return isRight && user !== undefined ? user : 'wrong';
        });
        if (right === 'full') return {type: 'busy'};
        if (right === 'wrong') return {type: 'wrong'};
        attempt.succeeded();
        return {type: 'right', user: right};
      } finally {
        if (!isChecked) attempt.dropped();
      }
    },
  };
}

/** Runs `atOnceMax` tasks at a time and lets `waitingMax` wait; answers `full` beyond. */
function createTurns(atOnceMax: number, waitingMax: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async function inTurn<Result>(task: () => Promise<Result>): Promise<Result | 'full'> {
    if (running >= atOnceMax) {
      if (waiting.length >= waitingMax) return 'full';
      await new Promise<void>(resolve => {
        waiting.push(resolve);
      });
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      // The place is handed on, so that nobody who comes just now takes it from who has waited.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
