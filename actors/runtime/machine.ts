/**
 * A pure machine, and what it may do to the world while an actor runs it.
 *
 * `decide` is total and pure: no clock, no dice, no IO, no await. It returns the next state and a list of effects, which
 * are data. `perform` maps one effect to one call. Effects of one actor run in order through one queue: an effect that
 * returns a promise (a durable write) holds back the effects behind it, but never the mailbox, so a slow database
 * does not stop a `kill`. When that promise resolves to `'drop'`, all effects waiting behind it are discarded: they were
 * decided in a belief that turned out to be false (the row already ended, or another owner has it).
 */
import type {Ref} from './ref.ts';

export type Decision<State, Effect> = {readonly state: State; readonly effects: readonly Effect[]};

export type EffectOutcome = void | 'drop';

export type Machine<State, Message, Effect> = {
  readonly initial: State;
  readonly decide: (state: State, message: Message) => Decision<State, Effect>;
  readonly perform: (
    effect: Effect,
    context: ActorContext<Message>,
  ) => EffectOutcome | Promise<EffectOutcome>;
  /** Runs once, after the last effect was performed or dropped and all children have stopped. */
  readonly stopped?: () => void | Promise<void>;
};

export type StopReason = 'finished' | 'shutdown' | 'failed' | 'parentStopped';

/** What an actor may do beyond its own state. Valid until it has stopped; later calls are ignored. */
export type ActorContext<Message> = {
  readonly self: Ref<Message>;
  /** Aborted as soon as the actor begins to stop. */
  readonly signal: AbortSignal;
  readonly spawn: <S, M, E>(name: string, machine: Machine<S, M, E>, options?: SpawnOptions) => Ref<M>;
  /** Stops a child, or the actor itself; what is still in the mailbox becomes dead letters. */
  readonly stop: (ref: Ref<never>, reason?: StopReason) => void;
  /** Tells self `message` once when `ref` has stopped, at once if it already has. */
  readonly watch: (ref: Ref<never>, message: Message) => void;
  /** One timer per key: setting it again replaces it. Cancelled when the actor stops. */
  readonly setTimer: (key: string, afterMs: number, message: Message) => void;
  readonly cancelTimer: (key: string) => void;
};

export type SpawnOptions = {
  /** Messages waiting beyond which `tell` returns false. Default 4096. */
  readonly mailboxMax?: number;
  /** Whether a message takes the control lane, which is drained first. Its bound is 1024. */
  readonly isControl?: (message: never) => boolean;
  /**
   * Told of a crash once the actor, its children and its effect in flight have ended, so that a successor can be started
   * right there (always a new actor). Default: logged, and the actor stays stopped.
   */
  readonly onFailure?: (failure: ActorFailure) => void;
};

export type ActorFailure = {
  readonly path: string;
  readonly uid: number;
  readonly error: unknown;
  /** The `type` of the message or effect that was being handled. */
  readonly during: string;
};
