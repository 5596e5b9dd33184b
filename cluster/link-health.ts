/**
 * Whether a connection is still alive, as far as silence tells: a pure machine that is ticked. Any frame counts as a sign of
 * life. Only ticks that came in time are counted, so that a stall of this process's own loop accuses nobody.
 */

/** Milliseconds between ticks. */
export const healthTickMs = 250;
/** Without a frame for so long, a ping is sent. */
const pingAfterMs = 500;
/** A busy link is pinged too, less often, to know its round trip. */
const pingBusyMs = 2000;
const suspectAfterMs = 2000;
/** A tick later than this was held up by this process; what it missed is not counted. */
const tickMsMax = 2 * healthTickMs;

export type HealthState = {
  /** Counted silence. */
  readonly silentMs: number;
  readonly sincePingMs: number;
  readonly tickedAtMs: number;
};

export type HealthVerdict = 'ping' | 'suspect' | undefined;

export const healthy = (nowMs: number): HealthState => ({silentMs: 0, sincePingMs: 0, tickedAtMs: nowMs});

/** `hasHeard`: whether a frame has come since the last tick. */
export function tick(
  state: HealthState,
  nowMs: number,
  hasHeard: boolean,
): {readonly state: HealthState; readonly verdict: HealthVerdict} {
  const passedMs = nowMs - state.tickedAtMs;
  const isLate = passedMs > tickMsMax;
  const silentMs = hasHeard ? 0 : state.silentMs + (isLate ? 0 : passedMs);
  const sincePingMs = state.sincePingMs + passedMs;
  if (silentMs >= suspectAfterMs) {
    return {state: {silentMs, sincePingMs, tickedAtMs: nowMs}, verdict: 'suspect'};
  }
  const isPingDue = sincePingMs >= (silentMs >= pingAfterMs ? pingAfterMs : pingBusyMs);
  return {
    state: {silentMs, sincePingMs: isPingDue ? 0 : sincePingMs, tickedAtMs: nowMs},
    verdict: isPingDue ? 'ping' : undefined,
  };
}
