/**
 * The actor system of one node: spawns, groups, asks, stops and counts. Actors are cells (`cell.ts`) that nact gives
 * their turns; see `docs/ARCHITECTURE.md` for why nact's own mailboxes, faults and stops are not used.
 */
import {Asks} from './ask.ts';
import {Cell} from './cell.ts';
import type {CellNode, CellRuntime} from './cell-node.ts';
import type {Clock} from './clock.ts';
import {zeroCounters} from './counters.ts';
import {DeadLetters, type DeadLetter} from './dead-letters.ts';
import type {ActorGroup} from './fan-out.ts';
import {abandon, stop, whenStopped} from './lifecycle.ts';
import {cellOf} from './local-ref.ts';
import type {Machine, SpawnOptions, StopReason} from './machine.ts';
import {startHost} from './nact-host.ts';
import type {Random} from './random.ts';
import type {Ref} from './ref.ts';
import {guardedLog, type RuntimeLog} from './runtime-log.ts';
import {spawnBelow} from './spawn.ts';

/** Counts since the start, and what is there now. */
export type RuntimeMetrics = {
  readonly actorsAlive: number;
  readonly messagesHandled: number;
  readonly deadLetters: number;
  /** Messages refused because a mailbox was full. */
  readonly mailboxOverflows: number;
  /** Most messages ever waiting in one actor's normal lane when its turn came. */
  readonly mailboxDepthMax: number;
  /** Milliseconds spent in actors' turns; turns with a single message are sampled, one in 16. */
  readonly handlerMs: number;
  /** Turns nact gave; `messagesHandled / wakeUps` is the mean batch. */
  readonly wakeUps: number;
  readonly effectsDropped: number;
  readonly crashes: number;
  readonly asksOpen: number;
  readonly asksTimedOut: number;
};

export type ActorSystem = {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Starts a child of the root. Names need not be unique. @throws RangeError for bad options. */
  readonly spawn: <S, M, E>(name: string, machine: Machine<S, M, E>, options?: SpawnOptions) => Ref<M>;
  /** The group of that name below the root; made at the first call. */
  readonly group: (name: string) => ActorGroup;
  /**
   * Stops an actor: its children first, then its effects in flight. Resolves when all that is over. Never wait for it in
   * an effect of the same actor. A ref that is no actor of this process is logged and ignored.
   */
  readonly stop: (ref: Ref<never>, reason?: StopReason) => Promise<void>;
  /**
   * Stops everything, children before parents, last started first. At half of `limitMs`, those whose turn has not come
   * are told to stop too; at `limitMs`, what still runs is abandoned and named in the log. Never rejects.
   */
  readonly shutdown: (limitMs: number) => Promise<void>;
  /**
   * Resolves with the first answer told to the `replyTo` given to `makeMessage`. Rejects with `AskTimeoutError`,
   * `DeadLetterError` (at once for a stopped target, or when it stops before it answers), `MailboxFullError`.
   */
  readonly ask: <M, R>(target: Ref<M>, makeMessage: (replyTo: Ref<R>) => M, timeoutMs: number) => Promise<R>;
  readonly metrics: () => RuntimeMetrics;
  readonly deadLetters: {
    readonly count: number;
    /** Calls `observer` for each one from now on. Returns what ends that. */
    readonly observe: (observer: (letter: DeadLetter) => void) => () => void;
  };
};

export type ActorSystemOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: RuntimeLog;
  /** Bound of each actor's normal lane, unless its spawn options say otherwise. Default 4096. */
  readonly mailboxMax?: number;
};

const mailboxMaxDefault = 4096;
/** Abandoned actors that one log line names. */
const namedMax = 100;

/** What does nothing by itself: the root and groups only own others. */
const ownerOnly: Machine<undefined, never, never> = {
  initial: undefined,
  decide: () => ({state: undefined, effects: []}),
  perform() {},
};

export function startActorSystem(options: ActorSystemOptions): ActorSystem {
  const {name, clock, random} = options;
  const log = guardedLog(options.log);
  const deadLetters = new DeadLetters(clock, log);
  const counters = zeroCounters();
  const asks = new Asks(clock, deadLetters);
  const runtime: CellRuntime = {
    clock,
    log,
    deadLetters,
    counters,
    host: startHost(name),
    spawn: (parent, childName, machine, spawnOptions) =>
      spawnBelow(parent, 'actor', childName, machine, spawnOptions).ref,
    mailboxMax: options.mailboxMax ?? mailboxMaxDefault,
  };
  const {host} = runtime;
  const root: CellNode = new Cell(
    {runtime, parent: undefined, path: '', kind: 'actor', bucket: undefined, settle: () => host.root},
    ownerOnly,
    undefined,
  );
  const groups = new Map<string, CellNode>();

  return {
    name,
    clock,
    random,
    spawn: (childName, machine, spawnOptions) => runtime.spawn(root, childName, machine, spawnOptions),
    group: groupName => groupOf(liveGroup(root, groups, groupName)),
    async stop(ref, reason = 'finished') {
      const cell = cellOf(ref);
      if (cell === undefined) {
        log.warn({target: ref.path}, 'A ref of another process cannot be stopped here.');
        return;
      }
      stop(cell, reason);
      await whenStopped(cell);
    },
    async shutdown(limitMs) {
      await stopWithin(root, limitMs);
      asks.close();
    },
    ask: (target, makeMessage, timeoutMs) => asks.ask(target, makeMessage, timeoutMs),
    metrics: () => ({
      actorsAlive: counters.actorsAlive,
      messagesHandled: counters.messagesHandled,
      deadLetters: deadLetters.count,
      mailboxOverflows: counters.mailboxOverflows,
      mailboxDepthMax: counters.mailboxDepthMax,
      handlerMs: counters.handlerMs,
      wakeUps: counters.wakeUps,
      effectsDropped: counters.effectsDropped,
      crashes: counters.crashes,
      asksOpen: asks.wheel.size,
      asksTimedOut: asks.timedOut,
    }),
    deadLetters: {
      get count() {
        return deadLetters.count;
      },
      observe: observer => deadLetters.observe(observer),
    },
  };
}

function liveGroup(root: CellNode, groups: Map<string, CellNode>, name: string): CellNode {
  const known = groups.get(name);
  if (known?.phase === 'running') return known;
  const group = spawnBelow(root, 'group', name, ownerOnly);
  groups.set(name, group);
  return group;
}

function groupOf(cell: CellNode): ActorGroup {
  return {
    spawn: (name, machine, options) => cell.runtime.spawn(cell, name, machine, options),
    get size() {
      return cell.family?.children.size ?? 0;
    },
    stop(reason = 'finished') {
      stop(cell, reason);
      return whenStopped(cell);
    },
  };
}

async function stopWithin(root: CellNode, limitMs: number): Promise<void> {
  const {clock, log} = root.runtime;
  const cancelHalf = clock.after(limitMs / 2, () => stopAllBelow(root));
  const cancelLimit = clock.after(limitMs, () => {
    const paths = abandon(root);
    log.error(
      {paths: paths.slice(0, namedMax), limitMs},
      `${paths.length} actors did not stop in time and were abandoned.`,
    );
  });
  stop(root, 'shutdown');
  await whenStopped(root);
  cancelHalf();
  cancelLimit();
}

/** Tells everyone to stop, so that one that hangs doesn't keep the others from ending well. */
function stopAllBelow(cell: CellNode): void {
  for (const child of [...(cell.family?.children ?? [])].toReversed()) {
    stop(child, 'shutdown');
    stopAllBelow(child);
  }
}
