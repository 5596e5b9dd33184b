/** What one actor system has done and holds, counted where it happens and read by `metrics()`. */
export type Counters = {
  actorsAlive: number;
  messagesHandled: number;
  mailboxOverflows: number;
  /** Most messages ever waiting in one actor's normal lane when its turn came. */
  mailboxDepthMax: number;
  /** Milliseconds spent in turns; turns with one message are sampled. */
  handlerMs: number;
  wakeUps: number;
  /** Turns asked for and not yet taken: how many actors share the next turn of the event loop. */
  wakesPending: number;
  effectsDropped: number;
  crashes: number;
};

export const zeroCounters = (): Counters => ({
  actorsAlive: 0,
  messagesHandled: 0,
  mailboxOverflows: 0,
  mailboxDepthMax: 0,
  handlerMs: 0,
  wakeUps: 0,
  wakesPending: 0,
  effectsDropped: 0,
  crashes: 0,
});
