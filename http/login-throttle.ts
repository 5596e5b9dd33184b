/**
 * Limits how often passwords can be guessed: by address, and by name. A name is not locked for addresses it has logged
 * in from, so that nobody can shut a colleague out by guessing wrong on purpose. Unknown names count like known ones.
 */
import {isIP} from 'node:net';
import type {Clock} from '../actors/runtime/clock.ts';

export type LoginAttempt =
  | {
      readonly type: 'allowed';
      /** The password was right: this attempt does not count, and the name is welcome from this address. */
      readonly succeeded: () => void;
      /** It was never checked. */
      readonly dropped: () => void;
    }
  | {readonly type: 'limited'; readonly retryAfterMs: number};

export type LoginThrottle = {readonly begin: (user: string, address: string) => LoginAttempt};

export type LoginLimits = {
  readonly perUserMax: number;
  readonly perAddressMax: number;
  readonly windowMs: number;
};

/** Names and addresses remembered at one time; beyond, the oldest are forgotten. */
const keysMax = 20_000;

type Window = {failures: number; readonly endsAtMs: number};

export function createLoginThrottle(clock: Clock, limits: LoginLimits): LoginThrottle {
  const windows = new Map<string, Window>();
  const welcome = new Set<string>();

  function windowOf(key: string, nowMs: number): Window {
    const known = windows.get(key);
    if (known !== undefined && known.endsAtMs > nowMs) return known;
    windows.delete(key);
    const opened: Window = {failures: 0, endsAtMs: nowMs + limits.windowMs};
    keepBelow(windows, keysMax);
    windows.set(key, opened);
    return opened;
  }

  return {
    begin(user, address) {
      const nowMs = clock.monotonicMs();
      const network = networkOf(address);
      const pair = `${user}\n${network}`;
      const counted = [
        {window: windowOf(`address ${network}`, nowMs), max: limits.perAddressMax},
        {
          window: windowOf(welcome.has(pair) ? `pair ${pair}` : `user ${user}`, nowMs),
          max: limits.perUserMax,
        },
      ];
      const full = counted.filter(({window, max}) => window.failures >= max);
      if (full.length > 0) {
        return {
          type: 'limited',
          retryAfterMs: Math.max(...full.map(({window}) => window.endsAtMs)) - nowMs,
        };
      }
      // Counted before the check, or a thousand guesses at once would all be allowed.
      for (const {window} of counted) window.failures += 1;
      const dropped = (): void => {
        for (const {window} of counted) window.failures -= 1;
      };
      return {
        type: 'allowed',
        dropped,
        succeeded() {
          dropped();
          keepBelow(welcome, keysMax);
          welcome.add(pair);
        },
      };
    },
  };
}

function keepBelow(keys: Map<string, unknown> | Set<string>, max: number): void {
  if (keys.size < max) return;
  const [oldest] = keys.keys();
  if (oldest !== undefined) keys.delete(oldest);
}

/** One IPv6 customer owns a whole /64, so that is what counts as one address. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = address.includes('::')
    ? [...left, ...Array.from({length: Math.max(0, 8 - left.length - right.length)}, () => '0'), ...right]
    : left;
  return `${groups.slice(0, 4).join(':')}::/64`;
}
