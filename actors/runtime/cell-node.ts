/** An actor as its relatives, watchers and askers see it: without the types of its state, messages and effects. */
import type {Clock} from './clock.ts';
import type {Counters} from './counters.ts';
import type {DeadLetters} from './dead-letters.ts';
import type {Bucket, FanOut} from './fan-out.ts';
import type {ActorFailure, Machine, SpawnOptions, StopReason} from './machine.ts';
import type {Host, HostRef} from './nact-host.ts';
import type {PendingAsk} from './ask.ts';
import type {Ref} from './ref.ts';
import type {RuntimeLog} from './runtime-log.ts';

/** What all actors of one system share. */
export type CellRuntime = {
  readonly clock: Clock;
  readonly log: RuntimeLog;
  readonly host: Host;
  readonly deadLetters: DeadLetters;
  readonly counters: Counters;
  /** Starts a child of `parent`; see `spawn.ts`. Here, as an actor's context spawns actors, which have a context. */
  readonly spawn: <S, M, E>(
    parent: CellNode,
    name: string,
    machine: Machine<S, M, E>,
    options?: SpawnOptions,
  ) => Ref<M>;
  /** Bound of an actor's normal lane, when its spawn options give none. */
  readonly mailboxMax: number;
};

export type Family = {
  /** In the order they were started. */
  readonly children: Set<CellNode>;
  readonly fanOut: FanOut;
};

/** One `watch` call: `notify` runs once, when `target` has stopped, unless `watcher` stopped before. */
export type Watch = {
  /** An actor of this process, or a ref of another one's. */
  readonly target: {watchers: Set<Watch> | undefined};
  readonly watcher: CellNode;
  readonly notify: () => void;
};

/** How far an actor that is ending has come. */
export type Stopping = {
  failure: ActorFailure | undefined;
  /** Children not yet stopped; the last one is next. Undefined before the first look. */
  childrenLeft: CellNode[] | undefined;
  hook: 'due' | 'running' | 'done';
  /** True while children are being stopped, as those that stop at once report back in the middle of it. */
  advancing: boolean;
  readonly waiters: (() => void)[];
};

export type CellNode = {
  readonly uid: number;
  readonly path: string;
  readonly runtime: CellRuntime;
  readonly parent: CellNode | undefined;
  readonly options: SpawnOptions | undefined;
  /** Undefined once stopped, and for an actor that was born stopped, as its parent was stopping. */
  readonly host: HostRef | undefined;
  readonly bucket: Bucket | undefined;
  /** Children of a group don't depend on each other and are stopped at once, others last started first. */
  readonly kind: 'actor' | 'group';
  phase: 'running' | 'stopping' | 'stopped';
  /** True while a turn is being taken: the actor can't finish in the middle of its own effects. */
  inTurn: boolean;
  stopping: Stopping | undefined;
  family: Family | undefined;
  watchers: Set<Watch> | undefined;
  watching: Set<Watch> | undefined;
  /** Head of the list of questions that wait for this actor's answer. */
  asks: PendingAsk<never> | undefined;
  readonly effectsSettled: boolean;
  /** Aborts the signal, cancels timers, and makes what waits in the mailbox dead letters. */
  readonly closeMailbox: (reason: StopReason) => void;
  readonly dropEffects: () => void;
  /** Asks for a turn even if no message waits. False for the root, which nact gives none. */
  readonly requestTurn: () => boolean;
  readonly runStoppedHook: () => void | Promise<void>;
  /** Lets go of what it holds, as refs to a stopped actor may live on. */
  readonly retire: () => void;
};
