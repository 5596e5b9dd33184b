/**
 * Stands before the handshake: how many connections may come from one address, how many may be unauthenticated at once,
 * how long each has, and what the log says of those that were not let in. So a stranger costs little, whatever he sends,
 * and nodes get in meanwhile.
 */
import type {Clock} from '../actors/runtime/clock.ts';
import type {RuntimeLog} from '../actors/runtime/runtime-log.ts';
import type {RefusalReason} from './handshake.ts';

export type GuardLimits = {
  /** From the accepted connection to the welcome. */
  readonly handshakeMs: number;
  /**
   * Connections that are not authenticated yet. One too many pushes out the oldest: a node needs milliseconds, so it gets
   * in while somebody holds all other places.
   */
  readonly newcomersMax: number;
  /** Connections that one address may make at once, and after that in a second. */
  readonly arrivalsBurst: number;
  readonly arrivalsPerSecond: number;
};

/** Why a connection was not let in. */
export type GuardReason = RefusalReason | 'tooOften' | 'crowdedOut' | 'notWebSocket' | 'tlsFailed';

/** A connection that has not authenticated; `address` is that of its host. */
export type Newcomer = {
  readonly address: string;
  /** Ends it, since it has to make room or took too long. */
  readonly drop: (reason: 'crowdedOut' | 'tooSlow') => void;
};

/** What is remembered of an address: its share of arrivals, and what the log was told. */
type Visitor = {
  arrivalsLeft: number;
  countedAtMs: number;
  loggedAtMs: number | undefined;
  unlogged: number;
};

const logEveryMs = 60_000;
/** Addresses remembered. The one not seen for longest is forgotten, and with it how often it came. */
const visitorsMax = 1024;

export class HandshakeGuard {
  readonly #limits: GuardLimits;
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  /** Oldest first, each with what cancels its timer. */
  readonly #newcomers = new Map<Newcomer, () => void>();
  readonly #visitors = new Map<string, Visitor>();
  readonly #refusals = new Map<GuardReason, number>();

  constructor(limits: GuardLimits, clock: Clock, log: RuntimeLog) {
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
  }

  get newcomers(): number {
    return this.#newcomers.size;
  }

  /** How many connections were not let in so far, by reason. */
  refusals(): ReadonlyMap<GuardReason, number> {
    return this.#refusals;
  }

  /** Whether it may try. If not, the caller ends it; if so, the caller says when it is settled. */
  arrive(newcomer: Newcomer): boolean {
    const {address} = newcomer;
    if (!this.#takesShare(address)) {
      this.refuse(address, 'tooOften', `more than ${this.#limits.arrivalsPerSecond} connections a second`);
      return false;
    }
    const {handshakeMs, newcomersMax} = this.#limits;
    if (this.#newcomers.size >= newcomersMax) this.#crowdOut();
    const cancel = this.#clock.after(handshakeMs, () => newcomer.drop('tooSlow'));
    this.#newcomers.set(newcomer, cancel);
    return true;
  }

  /** It has authenticated, or is closed. */
  settle(newcomer: Newcomer): void {
    this.#newcomers.get(newcomer)?.();
    this.#newcomers.delete(newcomer);
  }

  /** Counts who was not let in. An address is named in the log once a minute, whatever it does. */
  refuse(address: string, reason: GuardReason, why: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
    const visitor = this.#visitor(address);
    const nowMs = this.#clock.monotonicMs();
    if (visitor.loggedAtMs !== undefined && nowMs - visitor.loggedAtMs < logEveryMs) {
      visitor.unlogged += 1;
      return;
    }
    const {unlogged} = visitor;
    visitor.loggedAtMs = nowMs;
    visitor.unlogged = 0;
    this.#log.warn(
      {address, reason, unlogged},
      `A connection from ${address} was not let into the cluster: ${why}.`,
    );
  }

  /** Ends all that have not authenticated. */
  dropAll(): void {
    for (const newcomer of this.#newcomers.keys()) {
      this.settle(newcomer);
      newcomer.drop('crowdedOut');
    }
  }

  #crowdOut(): void {
    const [oldest] = this.#newcomers.keys();
    if (oldest === undefined) return;
    this.settle(oldest);
    this.refuse(oldest.address, 'crowdedOut', `${this.#limits.newcomersMax} others came after it`);
    oldest.drop('crowdedOut');
  }

  #takesShare(address: string): boolean {
    const {arrivalsBurst, arrivalsPerSecond} = this.#limits;
    const visitor = this.#visitor(address);
    const nowMs = this.#clock.monotonicMs();
    const regained = ((nowMs - visitor.countedAtMs) * arrivalsPerSecond) / 1000;
    visitor.arrivalsLeft = Math.min(arrivalsBurst, visitor.arrivalsLeft + regained);
    visitor.countedAtMs = nowMs;
    if (visitor.arrivalsLeft < 1) return false;
    visitor.arrivalsLeft -= 1;
    return true;
  }

  #visitor(address: string): Visitor {
    const visitor = this.#visitors.get(address) ?? {
      arrivalsLeft: this.#limits.arrivalsBurst,
      countedAtMs: this.#clock.monotonicMs(),
      loggedAtMs: undefined,
      unlogged: 0,
    };
    // Put last again, so that the first is the one not seen for longest.
    this.#visitors.delete(address);
    this.#visitors.set(address, visitor);
    if (this.#visitors.size > visitorsMax) {
      const [oldest] = this.#visitors.keys();
      if (oldest !== undefined) this.#visitors.delete(oldest);
    }
    return visitor;
  }
}
