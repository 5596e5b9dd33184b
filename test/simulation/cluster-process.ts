/**
 * One process of a simulated cluster, as everything outside of it: its clock, its database connection, and what it waits
 * for. All of it stands still while the process is paused, and vanishes when it ends; what it sent before goes on.
 */
import {DatabaseAwayError} from '../../actors/ports.ts';
import type {Clock} from '../../actors/runtime/clock.ts';
import type {Random} from '../../actors/runtime/random.ts';

/** `losesAnswers`: carried out, and nobody hears of it. */
export type ClusterDatabaseMood = 'up' | 'slow' | 'away' | 'hangs' | 'losesAnswers';

export type ClusterProcess = {
  readonly instance: string;
  readonly incarnation: string;
  readonly clock: Clock;
  mode: 'running' | 'paused' | 'ended';
  /** Of its own connection. */
  mood: ClusterDatabaseMood;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly end: () => void;
  /** Timers that `action` sets are the last ones that fire here, though the process has ended. */
  readonly bury: <T>(action: () => T) => T;
  /** Settles as `promise` does, while the process runs: later if it is paused, never once it has ended. */
  readonly hold: <T>(promise: Promise<T>) => Promise<T>;
  /** One statement: `run` is carried out in the database. Rejects with `DatabaseAwayError`. */
  readonly ask: <T>(run: () => T | Promise<T>) => Promise<T>;
};

export type ProcessSurroundings = {
  readonly clock: Clock;
  readonly random: Random;
  /** Of the whole database. */
  readonly mood: () => ClusterDatabaseMood;
};

const statementMs = 2500;
const travelMsMax = 6;
const slowMsMax = 800;

export function createClusterProcess(
  {clock, random, mood}: ProcessSurroundings,
  instance: string,
  incarnation: string,
): ClusterProcess {
  let held: (() => void)[] = [];
  let isBurying = false;

  function deliver(action: () => void): void {
    if (self.mode === 'paused') held.push(action);
    else if (self.mode === 'running') action();
  }

  const ownClock: Clock = {
    now: clock.now,
    monotonicMs: clock.monotonicMs,
    after(delayMs, action) {
      if (isBurying) return clock.after(delayMs, action);
      let isCancelled = false;
      const cancel = clock.after(delayMs, () =>
        deliver(() => {
          if (!isCancelled) action();
        }),
      );
      return () => {
        isCancelled = true;
        cancel();
      };
    },
  };

  function ask<T>(run: () => T | Promise<T>): Promise<T> {
    if (self.mode === 'ended') return new Promise(() => undefined);
    const now = self.mood === 'up' ? mood() : self.mood;
    const travelMs = (): number => random.next() * (now === 'slow' ? slowMsMax : travelMsMax);
    return new Promise((resolve, reject) => {
      const away = (why: string, isUndone = false): void => reject(new DatabaseAwayError(why, {isUndone}));
      if (now === 'away') return void ownClock.after(travelMs(), () => away('simulated: away', true));
      const cancel = ownClock.after(statementMs, () => away(`no answer in ${statementMs} ms`));
      if (now === 'hangs') return;
      clock.after(travelMs(), () => {
        void Promise.resolve()
          .then(run)
          .then(
            result => () => resolve(result),
            (error: unknown) => () => reject(error instanceof Error ? error : new Error(String(error))),
          )
          .then(settle => {
            clock.after(travelMs(), () =>
              deliver(() => {
                cancel();
                if (now === 'losesAnswers') away('the answer was lost');
                else settle();
              }),
            );
          });
      });
    });
  }

  const self: ClusterProcess = {
    instance,
    incarnation,
    clock: ownClock,
    mode: 'running',
    mood: 'up',
    pause() {
      if (self.mode === 'running') self.mode = 'paused';
    },
    resume() {
      if (self.mode !== 'paused') return;
      self.mode = 'running';
      const due = held;
      held = [];
      for (const action of due) deliver(action);
    },
    end() {
      self.mode = 'ended';
      held = [];
    },
    bury(action) {
      isBurying = true;
      const result = action();
      isBurying = false;
      return result;
    },
    hold: promise =>
      new Promise((resolve, reject) => {
        promise.then(
          value => deliver(() => resolve(value)),
          (error: unknown) => deliver(() => reject(error as Error)),
        );
      }),
    ask,
  };
  return self;
}
